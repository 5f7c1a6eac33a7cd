//! Sessions and revocations on a real Postgres server.

mod clocks;
mod conflicts;
mod isolated;
mod lost_writes;
mod outage;
mod pooler;
mod restored;
mod revocations;
mod server;
mod sessions;
mod setup;
mod snapshot;
mod tls;
