//! Issuing tokens: key ring, issuer, and refresh sessions.

mod cookie_path;
mod cookie_renewal;
mod cookies;
mod device_bound;
mod device_proofs;
mod endpoints;
mod key_faults;
mod key_files;
mod key_ring;
mod memory_store;
mod observed;
mod outages;
mod remote_signer;
mod revoked_sessions;
mod rfc_9068;
mod sessions;
mod tokens;
