//! Stores that a fleet of processes shares, on Redis or Valkey.
//!
//! [`RedisRevocations`] keeps every live revocation in the memory of each process and one copy on the server, so that
//! looking a token up costs no round trip.
#![cfg_attr(feature = "issue", doc = "[`RedisSessions`] keep refresh sessions there.")]
//!
//! ```no_run
//! use jwt_core::redis::{RedisRevocations, RedisSettings};
//! use jwt_core::{TrustedIssuer, Verifier};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let revocations = RedisRevocations::start("redis://127.0.0.1/", RedisSettings::new())?;
//! let verifier = Verifier::builder()
//!     .issuer(TrustedIssuer::new("https://id.example").audience("https://api.example"))
//!     .revocations(revocations.clone())
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! The guide has [a page on it](crate::guide::redis).

mod codec;
mod feed;
mod journal;
mod link;
mod revocations;
mod server;
#[cfg(feature = "issue")]
mod sessions;
mod settings;

pub use ::redis::RedisError;
pub use revocations::{RedisHealth, RedisRevocations};
#[cfg(feature = "issue")]
pub use sessions::RedisSessions;
pub use settings::RedisSettings;

/// The crate whose connection types are accepted here, so that versions match.
pub use ::redis;
