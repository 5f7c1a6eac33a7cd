//! Stores on a real Redis server. Each test starts its own server.

mod outage;
mod processes;
mod revocations;
mod server;
mod sessions;
mod setup;
