//! Stores on Redis or Valkey, which [`store`](crate::store) publishes.

mod address;
mod changes;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod codec;
mod connection;
mod failure;
mod follower;
mod hosts;
mod link;
mod position;
mod proofs;
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

pub use proofs::RedisReplayLog;
pub use revocations::RedisRevocations;
#[cfg(feature = "issue")]
pub use sessions::RedisSessions;
pub use settings::RedisSettings;

/// The Redis client crate, whose connection types this crate accepts.
pub use ::redis;
