//! Stores on a real Redis server. Each test starts its own server.

mod clocks;
mod cluster;
mod connections;
mod demoted;
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
mod rights;
mod sealed;
mod server;
mod sessions;
mod setup;
mod snapshot;
mod split;
mod tls;
