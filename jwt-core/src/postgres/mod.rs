//! Stores that a fleet of processes shares, on Postgres.
//!
//! [`PostgresRevocations`] keeps every current revocation in the memory of each process and a copy in a table, so a look-up
//! costs no round trip.
#![cfg_attr(feature = "issue", doc = "[`PostgresSessions`] stores login sessions in a table.")]
//! [`SCHEMA`] creates the tables.
//!
//! TLS is yours to choose: pass any connector for `tokio-postgres`. [The guide](crate::guide::postgres) says what happens in
//! an outage, what a server that loses data means, and how to set up the server.

mod connection;
mod follower;
mod record;
mod revocations;
mod schema;
#[cfg(feature = "issue")]
mod sessions;
mod settings;
mod table;

pub use revocations::PostgresRevocations;
pub use schema::SCHEMA;
#[cfg(feature = "issue")]
pub use sessions::PostgresSessions;
pub use settings::PostgresSettings;

/// The Postgres client crate, whose configuration and connectors this crate accepts.
pub use ::tokio_postgres;
