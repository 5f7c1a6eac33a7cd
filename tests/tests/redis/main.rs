//! Stores on a real Redis, which each test starts for itself.

mod outage;
mod processes;
mod revocations;
mod server;
mod sessions;
mod setup;
