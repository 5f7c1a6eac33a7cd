//! Tokens of one's own: the key ring, the issuer, and sessions.

mod cookies;
mod endpoints;
mod implicit;
mod ring;
mod sessions;
mod store;
mod tokens;
