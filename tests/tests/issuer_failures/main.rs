//! Issuers that fail in every way there is, over real sockets: what a verifier does meanwhile, and how it recovers.
//!
//! Time is turned, not slept through; where a fetch must run out of time, it has one second. Row G03 of the catalogue
//! of attacks, names that resolve to inner addresses, does not apply: addresses come from the configuration and from the
//! metadata of issuers that are named there, never from a token. Which hosts tenants may name is in `tenants`.

mod adapters;
mod answers;
mod discovery;
mod doubles;
mod flood;
mod herd;
mod lab;
mod lifetime;
mod outage;
mod readiness;
mod resolver;
mod rotation;
mod runtimes;
mod start;
mod tenants;
mod upkeep;
