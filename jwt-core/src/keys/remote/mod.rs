//! Keys that are fetched from their issuer and never go down with it.
//!
//! The states and the ways between them are drawn in `doc/keys.md`.
//!
//! [`Machine`](machine) decides, without clock, lock or I/O of its own; [`service`] locks, spawns and answers.

mod machine;
mod service;
mod snapshot;

#[cfg(test)]
mod model;

pub use service::RemoteKeys;
pub(crate) use service::Setup;
