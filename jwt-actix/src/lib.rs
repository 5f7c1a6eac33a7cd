//! JWT authentication for [actix-web](actix_web).
//!
//! Middleware verifies the token of each request, and handlers get its claims as a type of yours:
//!
//! ```
//! use actix_web::web;
//! use jwt_actix::jwt_core::authorize::{Routes, scopes};
//! use jwt_actix::jwt_core::keys::Key;
//! use jwt_actix::jwt_core::{Algorithm, TrustedIssuer, Verifier};
//! use jwt_actix::{Claims, JwtMiddleware};
//!
//! #[derive(serde::Deserialize)]
//! struct User {
//!     name: String,
//! }
//!
//! async fn reports(Claims(user): Claims<User>) -> String {
//!     format!("Hello, {}!", user.name)
//! }
//!
//! fn verifier(secret: &[u8]) -> Result<Verifier, Box<dyn std::error::Error>> {
//!     let issuer = TrustedIssuer::new("https://id.example")
//!         .audience("https://api.example")
//!         .key(Key::from_secret(Algorithm::HS256, secret)?);
//!     Ok(Verifier::builder().issuer(issuer).build()?)
//! }
//!
//! fn routes(app: &mut web::ServiceConfig, verifier: &Verifier) {
//!     let routes = Routes::new().require("/api/reports", scopes(["reports:read"]));
//!     let jwt = JwtMiddleware::new(verifier.clone()).routes(routes);
//!     app.service(web::scope("/api").wrap(jwt).route("/reports", web::get().to(reports)));
//! }
//! ```
//!
//! A request without a token gets 401, one whose token lacks the scope gets 403, and both answers name the scope. Routes that the
//! table does not name are refused. [`jwt_core`] decides that, and `jwt_tower` makes
//! the same decisions for axum and tonic. With the feature `jwks`, `TrustedIssuer::discover` gets the keys from the issuer.
//!
//! New here? [Getting started with actix-web](https://docs.rs/jwt-core/latest/jwt_core/guide/getting_started_actix/) goes from an
//! empty folder to a tested application, and [the guide](https://docs.rs/jwt-core/latest/jwt_core/guide/) has a page for each task.
//!
//! | you want to | use |
//! | --- | --- |
//! | verify the token of every request | [`JwtMiddleware`] |
//! | read the claims | [`Claims<T>`], [`OptionalClaims<T>`], [`SharedClaims<T>`] |
//! | require scopes, roles or other claims | a table for [`JwtMiddleware::routes`], [`RequireMiddleware`], or [`Authorized<T, P>`](Authorized) in the handler's signature |
//! | load your own user for the token | [`PrincipalMiddleware`] and [`Principal<U>`] |
//! | serve logins, token refresh, logout or public keys | `Tokens`, `Refresh`, [`endpoint()`] |
//! | set and remove cookies | [`SetCookiesExt`] |
//! | bind tokens to the certificates of clients | `tls_peer` |
//! | return an error from a handler | [`Rejection::from(error)`](Rejection) |
//! | forward claims to an upstream service, or write your own gate | [`GateMiddleware`] |
//!
//! Middleware that you wrap later runs first, so wrap [`JwtMiddleware`] after the middleware that needs its token, or around an
//! enclosing scope or the `App`. A handler or
//! middleware that finds no verified token answers 500, and the log names the missing middleware.
//!
//! # Features
//!
//! | you want | feature | default |
//! | --- | --- | --- |
//! | keys from the issuer over HTTP: discovery, JWKS URLs | `jwks` | no |
//! | a verifier from a configuration file or environment variables | `config` | no |
//! | to issue tokens: key ring, access tokens, login sessions | `issue` | no |
//! | sessions and revocations shared by several processes | `redis` | no |
//! | to bind tokens to the certificates of clients that connect over rustls | `rustls` | no |
//! | counters and histograms for the `metrics` facade | `metrics` | no |
//! | tokens and a scriptable issuer for your tests | `testing` | no |
//! | cryptography by AWS-LC, the faster back end, which needs a C compiler | `aws-lc-rs` | yes |
//! | cryptography by the RustCrypto crates, written in Rust | `rust-crypto` | no |
//! | conversions from and to the types of `jsonwebtoken` 12 | `jsonwebtoken-12` | yes |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cookies;
mod endpoint;
mod exchange;
mod extract;
mod gate;
mod headers;
mod inspect;
mod layer;
mod request;
mod response;
mod service;
mod shared;

#[cfg(feature = "issue")]
#[doc(alias("migration", "actix-web-httpauth", "flask-jwt-extended", "jsonwebtoken"))]
pub mod from_httpauth;

#[cfg(feature = "issue")]
mod session;
#[cfg(feature = "rustls")]
mod tls;

pub use cookies::{SetCookiesExt, WithCookies};
pub use endpoint::endpoint;
pub use extract::{
    Authorized, Claims, Fresh, OptionalAuthorized, OptionalClaims, OptionalPrincipal, Principal, Rejection, Verified,
};
pub use gate::{GateMiddleware, PrincipalMiddleware, RequireMiddleware};
pub use layer::JwtMiddleware;
#[cfg(feature = "issue")]
pub use session::{Refresh, Tokens};
pub use shared::SharedClaims;
#[cfg(feature = "rustls")]
pub use tls::tls_peer;

/// The core crate, re-exported so that you need only one dependency.
pub use jwt_core;

// Its program is a doc test.
#[cfg(all(doctest, feature = "jwks"))]
#[doc = include_str!("../README.md")]
struct Readme;
