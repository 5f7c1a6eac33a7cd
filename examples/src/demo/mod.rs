//! The demo: the same routes on axum and on actix-web, behind one verifier.
//!
//! Where to start reading:
//!
//! - `axum_app` and `actix_app` are what an application writes: a layer, a requirement, handlers with typed claims;
//! - `user` is the claims' type, which knows nothing of the library;
//! - `server` builds the [`Verifier`](jwt_core::Verifier) and runs both servers.
//!
//! The rest is there so that nothing else is needed to try it: a development issuer (`issuer`, `endpoints`), a page to
//! play with (`page`) and commands to paste into a terminal (`guide`).

mod actix_app;
mod axum_app;
mod endpoints;
mod error;
mod guide;
mod issuer;
mod options;
mod page;
mod server;
mod user;

pub use error::DemoError;
pub use guide::Call;
pub use issuer::{DevIssuer, TokenRequest};
pub use options::{Options, Provider};
pub use server::Demo;
