//! Stores that a fleet of processes shares, on Redis or Valkey.
//!
//! [`RedisRevocations`] keeps every current revocation in the memory of each process and a copy on the server, so a look-up
//! costs no round trip.
#![cfg_attr(feature = "issue", doc = "[`RedisSessions`] stores login sessions on the server.")]
//!
//! ```no_run
//! use jwt_core::redis::{RedisRevocations, RedisSettings};
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
//! [The guide](crate::guide::redis) says what happens in an outage, what a server that loses data means, and how to set up
//! the server.

mod address;
mod changes;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod codec;
mod connection;
mod failure;
mod follower;
mod hosts;
mod journal;
mod link;
mod position;
mod reading;
mod revocations;
mod scripts;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod server;
#[cfg(feature = "issue")]
mod sessions;
mod settings;
#[cfg(feature = "redis-tls")]
mod tls;

pub use revocations::RedisRevocations;
#[cfg(feature = "issue")]
pub use sessions::RedisSessions;
pub use settings::RedisSettings;

/// The Redis client crate, whose connection types this crate accepts.
pub use ::redis;
