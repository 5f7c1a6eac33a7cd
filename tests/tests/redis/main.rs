//! Stores on a real Redis server. Each test starts its own server.

mod clocks;
mod connections;
mod fleet;
mod following;
mod lost_writes;
mod outage;
mod processes;
mod proofs;
mod proxy;
mod recovery;
mod restored;
mod revocations;
mod sealed;
mod server;
mod sessions;
mod setup;
mod snapshot;
mod split;
mod tls;
