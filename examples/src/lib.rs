//! Example programs for the jwt crates.
//!
//! Start with `examples/axum_minimal.rs` or `examples/actix_minimal.rs`, the smallest complete programs. Each file in `examples`
//! begins with the commands to try it.
//!
//! - [`demo`]: the program that `cargo run` starts;
//! - [`cli`]: the command-line tool `jwt`;
//! - [`forward_auth`]: the forward-auth server `gate`;
//! - [`people`]: an issuer and its users, for the examples that need tokens;
//! - [`browser`]: an application with logins, for `examples/browser_axum.rs` and `examples/browser_actix.rs`;
//! - [`mcp`]: the Model Context Protocol, for `examples/mcp.rs`.

pub mod browser;
pub mod cli;
pub mod demo;
pub mod forward_auth;
pub mod mcp;
pub mod people;
