//! The demo: the same routes on axum and on actix-web, with one verifier.
//!
//! Where to start reading:
//!
//! - `axum_app` and `actix_app`: the code that you'd write yourself, a layer, a requirement and handlers with typed claims;
//! - `user`: the type of the claims, which doesn't depend on the library;
//! - `server`: builds the [`Verifier`](jwt_core::Verifier) and runs both servers.
//!
//! The rest lets you try it without anything else: a development issuer (`issuer`, `endpoints`), a web page (`page`), a client with a key
//! (`client`), TLS (`tls`) and commands for the terminal (`guide`).

mod actix_app;
mod axum_app;
mod client;
mod endpoints;
mod error;
mod guide;
mod issuer;
mod options;
mod page;
mod server;
mod tls;
mod user;

pub use error::DemoError;
pub use guide::Call;
pub use issuer::{DevIssuer, TokenRequest};
pub use options::{DpopMode, Options, Provider};
pub use server::Demo;
