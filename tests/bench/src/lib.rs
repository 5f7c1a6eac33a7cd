//! Measures how fast this library is, compared with other libraries and with the cryptographic primitives.
//!
//! `cargo run --release --manifest-path tests/bench/Cargo.toml` measures everything and writes
//! `jwt-core/doc/measured.md` and its chart. `… --bin paths -- check` counts the instructions of the main paths
//! and fails if they cost more than `recorded.txt` says. `… --bin paths -- scaling` fails if an input of twice the length takes more than
//! about twice the instructions.

pub mod callgrind;
pub mod chart;
pub mod paths;
pub mod proof;
pub mod race;
pub mod redis_double;
pub mod report;
pub mod scaling;
pub mod stand;
pub mod verify;

#[cfg(feature = "peers")]
pub mod peers;
#[cfg(feature = "frameworks")]
pub mod requests;
#[cfg(feature = "frameworks")]
pub mod sockets;
