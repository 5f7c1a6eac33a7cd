//! Issuers that fail in every way there is, over real sockets: what a verifier does meanwhile, and how it recovers.
//!
//! Time is turned, not slept through; where a fetch must run out of time, it has one second. Row G03 of the catalogue
//! of attacks, names that resolve to inner addresses, does not apply: addresses come from the configuration and from the
//! metadata of issuers that are named there, never from a token. Which hosts tenants may name is in `tenants`.

mod background_refresh;
mod bad_responses;
mod both_adapters;
mod concurrent_requests;
mod discovery;
mod first_fetch;
mod forged_tokens;
mod key_lifetimes;
mod lab;
mod outage;
mod readiness;
mod resolver;
mod rotation;
mod runtimes;
mod scripted_issuer;
mod tenants;
