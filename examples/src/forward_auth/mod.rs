//! The program `gate`: a forward-auth server for nginx, Caddy, Traefik, HAProxy and Envoy.
//!
//! A proxy asks it about each request first. It answers 200 with the claims in headers, or with the
//! refusal that the proxy passes to the client.
//!
//! Where to start reading:
//!
//! - `gatekeeper`: decides about a request with the library's gates;
//! - `original`: the request as the client sent it, from the headers that the proxy adds;
//! - `gate`: reloads the settings without losing a request;
//! - `server`: the same endpoint on axum and on actix-web.

mod config;
mod error;
mod gate;
mod gatekeeper;
mod metrics;
mod options;
mod original;
mod server;
mod signals;

pub use error::GateError;
pub use gate::Gate;
pub use options::{Framework, Options};
pub use server::Server;
pub use signals::run;
