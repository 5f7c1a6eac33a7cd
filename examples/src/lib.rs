//! Programs that show the jwt crates at work.
//!
//! `cargo run` starts the demo, which is taken apart in [`demo`]. The smallest complete programs are
//! `examples/axum_minimal.rs` and `examples/actix_minimal.rs`; those with more to say give tokens to the people of [`people`].
//! [`browser`] is an application with logins, for `examples/browser_axum.rs` and `examples/browser_actix.rs`.

pub mod browser;
pub mod demo;
pub mod people;

/// The README's code runs with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
