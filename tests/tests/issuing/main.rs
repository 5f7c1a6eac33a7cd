//! Tokens of one's own: the key ring, the issuer, and sessions.

mod cookie_renewal;
mod cookies;
mod endpoints;
mod key_ring;
mod memory_store;
mod sessions;
mod tokens;
