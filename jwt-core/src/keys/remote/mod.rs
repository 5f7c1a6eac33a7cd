//! Keys that are fetched from their issuer and never go down with it.
//!
//! ```text
//!                     first need, or refresh()
//!  ┌─────────────┐ ──────────────────────────────▶ ┌───────┐ ◀──────────────────────────┐
//!  │ NeverLoaded │                                 │ Fresh │                            │
//!  └─────────────┘ ◀── fetch fails: 503,           └───────┘                            │
//!         ▲            next after 1 … 30 s             │ its lifetime ends              │ a fetch succeeds
//!         │                                            ▼                                │
//!         │                                        ┌───────┐  renewed before it is used ─┤
//!         │                                        │ Stale │  while the issuer fails:    │
//!         │                                        └───────┘  used, fetched aside        │
//!         │                                            │ an hour later                  │
//!         │                                            ▼                                │
//!         │                                        ┌────────┐                           │
//!         └── 503, as if nothing had been loaded ──│ Outage │ ──────────────────────────┘
//!                                                  └────────┘
//! ```
//!
//! [`Machine`](machine) decides, without clock, lock or I/O of its own; [`service`] locks, spawns and answers.

mod machine;
mod policy;
mod service;
mod snapshot;

#[cfg(test)]
mod model;

pub use policy::RefreshPolicy;
pub use service::RemoteKeys;
pub(crate) use service::Setup;
