//! Tokens of one's own: the key ring, the issuer, and sessions.

mod store;
