//! Keys that are fetched from their issuer, and stay usable while it's down.
//!
//! `doc/keys.md` has a diagram of the states.
//!
//! [`schedule`] decides when to fetch, without a clock, lock or I/O of its own. [`service`] locks and spawns fetches, and
//! [`lookup`] finds keys.

mod lookup;
mod read;
mod schedule;
mod service;
mod snapshot;

#[cfg(test)]
mod model;

pub(crate) use service::{RemoteKeys, Setup};
