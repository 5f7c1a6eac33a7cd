//! Stores that a fleet of processes shares, on Redis, Valkey or Postgres.
//!
//! The stores of revocations keep every current revocation in the memory of each process and a copy on the server, so a look-up
//! costs no round trip. The stores of sessions keep login sessions on the server.
//!
//! On Redis or Valkey, with the feature `redis`:
//!
#![cfg_attr(feature = "redis", doc = "```no_run")]
#![cfg_attr(not(feature = "redis"), doc = "```ignore")]
//! use jwt_core::store::{RedisRevocations, RedisSettings};
//! use jwt_core::{TrustedIssuer, Verifier};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let revocations = RedisRevocations::connect("redis://127.0.0.1/", RedisSettings::new())?;
//! let verifier = Verifier::builder()
//!     .issuer(TrustedIssuer::new("https://id.example").audience("https://api.example"))
//!     .revocations(revocations.clone())
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! On Postgres, with the feature `postgres`, `PostgresRevocations` and `PostgresSessions` work the same, over any connector for
//! `tokio-postgres`; `POSTGRES_SCHEMA` creates their tables.
//!
//! The guide has a page on `redis` and one on `postgres`. They say what happens in
//! an outage, the effects of a server that loses data, and how to set up the server.

#[cfg(all(feature = "postgres", feature = "issue"))]
pub use crate::postgres::PostgresSessions;
#[cfg(feature = "postgres")]
pub use crate::postgres::{POSTGRES_SCHEMA, PostgresRevocations, PostgresSettings, tokio_postgres};
#[cfg(all(feature = "redis", feature = "issue"))]
pub use crate::redis::RedisSessions;
#[cfg(feature = "redis")]
pub use crate::redis::{RedisReplayLog, RedisRevocations, RedisSettings, redis};
