//! Stores on a real Redis, which each test starts for itself.

mod contract;
mod outage;
mod processes;
mod scene;
mod server;
mod sessions;
