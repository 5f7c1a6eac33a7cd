//! JWT authentication for [actix-web](actix_web).
//!
//! [`JwtMiddleware`] verifies the token of each request and stores it in the request's extensions;
//! [`Require`] refuses tokens that may not do what a resource does; handlers ask for [`Claims<T>`]. What is checked, and
//! how requests are answered that are not let through, is decided in [`jwt_core`].
//!
//! ```
//! use actix_web::{App, web};
//! use jwt_actix::{Claims, JwtMiddleware, Require};
//! use jwt_core::authorize::scopes;
//! use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
//!
//! #[derive(serde::Deserialize)]
//! struct User {
//!     name: String,
//! }
//!
//! async fn reports(Claims(user): Claims<User>) -> String {
//!     user.name
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::builder()
//!     .issuer(
//!         TrustedIssuer::new("https://id.example")
//!             .key(Key::from_secret(Algorithm::HS256, [7; 32])?)
//!             .audience("https://api.example"),
//!     )
//!     .build()?;
//!
//! let app = App::new()
//!     .wrap(JwtMiddleware::new(verifier))
//!     .service(web::resource("/reports").wrap(Require::new(scopes(["reports:read"]))).to(reports));
//! # Ok(())
//! # }
//! ```
//!
//! A requirement goes around a resource, as above, or around a scope of them; or it stands in the signature of the handler, as
//! a policy: see [`Authorized`].
//!
//! ```
//! use actix_web::web;
//! use jwt_actix::Require;
//! use jwt_core::authorize::{any_role, scopes};
//!
//! # async fn users() -> &'static str { "" }
//! let admin = web::scope("/admin")
//!     .wrap(Require::new(any_role("/roles", ["admin", "owner"])))
//!     .service(web::resource("/users").wrap(Require::new(scopes(["users:read"]))).to(users));
//! # actix_web::App::new().service(admin);
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `aws-lc-rs` | yes | cryptography by AWS-LC |
//! | `rust-crypto` | no | cryptography by the RustCrypto crates |
//! | `jsonwebtoken-12` | yes | conversions from the types of `jsonwebtoken` 12: `jwt_core::interop` |
//! | `remote` | no | keys that are fetched from their issuer |
//! | `reqwest` | no | the HTTP client for them |
//! | `config` | no | a verifier from a file or from the environment |
//! | `issue` | no | tokens of one's own: key ring, issuer, refresh sessions |
//! | `metrics` | no | counters for the `metrics` facade |
//! | `redis` | no | stores that a fleet shares, on Redis or Valkey: `jwt_core::redis` |
//! | `testing` | no | an issuer for tests, which does what a script says: `jwt_core::testing` |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cookies;
mod endpoint;
mod extract;
mod future;
mod gate_middleware;
mod inspect;
mod layer;
mod principal;
mod request;
mod require;
mod response;
mod service;
mod shared;

#[cfg(feature = "issue")]
mod session;

pub use cookies::{SetCookiesExt, WithCookies};
pub use endpoint::endpoint;
pub use extract::{
    Authorized, Claims, Fresh, OptionalAuthorized, OptionalClaims, OptionalPrincipal, Principal, Rejection, Verified,
};
pub use gate_middleware::GateMiddleware;
pub use layer::JwtMiddleware;
pub use principal::PrincipalMiddleware;
pub use require::Require;
#[cfg(feature = "issue")]
pub use session::{Refresh, Tokens};
pub use shared::SharedClaims;

/// The core, so that one dependency is enough.
pub use jwt_core;
