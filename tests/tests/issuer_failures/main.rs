//! Issuers that fail in every way, over real sockets: how a verifier copes meanwhile, and how it recovers.
//!
//! Tests turn the clock instead of sleeping; if a fetch must time out, it has one second. Row G03 of the attack
//! catalogue, names that resolve to internal addresses, does not apply: addresses come from the configuration and from
//! the metadata of configured issuers, never from a token. The hosts that tenants may name are tested in `tenants`.

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
mod replaced_keys;
mod resolver;
mod rotation;
mod runtimes;
mod scripted_issuer;
mod tenant_costs;
mod tenants;
