//! How fast it is, beside others and beside what is possible.
//!
//! `cargo run --release --manifest-path tests/bench/Cargo.toml` measures everything and writes
//! `jwt-core/doc/measured.md` and its chart. `… --bin paths -- check` is the gate: it counts the instructions of the main
//! paths and compares them with `recorded.txt`. `… --bin paths -- scaling` is the other: it compares the instructions for an input
//! with those for one of twice the length.

pub mod callgrind;
pub mod chart;
pub mod paths;
pub mod race;
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
