//! Stores on Postgres, which [`store`](crate::store) publishes.

mod connection;
mod follower;
mod hosts;
mod record;
mod revocations;
mod schema;
#[cfg(feature = "issue")]
mod sessions;
mod settings;
mod table;

pub use revocations::PostgresRevocations;
pub use schema::POSTGRES_SCHEMA;
#[cfg(feature = "issue")]
pub use sessions::PostgresSessions;
pub use settings::PostgresSettings;

/// The Postgres client crate, whose configuration and connectors this crate accepts.
pub use ::tokio_postgres;
