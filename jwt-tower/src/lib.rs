//! JWT authentication for [axum](https://docs.rs/axum), [tonic](https://docs.rs/tonic) and every other
//! [tower](https://docs.rs/tower) service over `http` requests.
//!
//! A layer verifies the token of each request, and handlers get its claims as a type of yours:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use jwt_tower::jwt_core::authorize::{Routes, scopes};
//! use jwt_tower::jwt_core::keys::Key;
//! use jwt_tower::jwt_core::{Algorithm, TrustedIssuer, Verifier};
//! use jwt_tower::{Claims, JwtLayer};
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
//! fn app(secret: &[u8]) -> Result<Router, Box<dyn std::error::Error>> {
//!     let issuer = TrustedIssuer::new("https://id.example")
//!         .audience("https://api.example")
//!         .key(Key::from_secret(Algorithm::HS256, secret)?);
//!     let verifier = Verifier::builder().issuer(issuer).build()?;
//!
//!     let routes = Routes::new().require("/reports", scopes(["reports:read"]));
//!     Ok(Router::new().route("/reports", get(reports)).layer(JwtLayer::new(verifier).routes(routes)))
//! }
//! ```
//!
//! A request without a token gets 401, one whose token lacks the scope gets 403, and both answers name the scope. Routes that the
//! table doesn't name are refused. [`jwt_core`] decides that, and `jwt_actix` makes
//! the same decisions for actix-web. With the feature `jwks`, `TrustedIssuer::discover` gets the keys from the issuer.
//!
//! New here? [Getting started with axum](https://docs.rs/jwt-core/latest/jwt_core/guide/getting_started_axum/) goes from an empty folder
//! to a tested application, and [the guide](https://docs.rs/jwt-core/latest/jwt_core/guide/) has a page for each task.
//!
//! | you want to | use |
//! | --- | --- |
//! | verify the token of every request | [`JwtLayer`] |
//! | read the claims | `Claims<T>`, `OptionalClaims<T>`, `SharedClaims<T>` |
//! | require scopes, roles or other claims | a table for [`JwtLayer::routes`], `RequireExt`, [`RequireLayer`], or `Authorized<T, P>` in the handler's signature |
//! | load your own user for the token | [`PrincipalLayer`] and `Principal<U>` |
//! | serve logins, token refresh, logout or public keys | `Tokens`, `Refresh`, `endpoint` |
//! | set and remove cookies | [`SetCookies`] |
//! | bind tokens to the certificates of clients | `tls_peer` |
//! | return an error from a handler | `Rejection::from(error)` |
//! | forward claims to an upstream service, or write your own gate | [`GateLayer`] |
//! | use another response body | [`RejectionBody`] |
//!
//! Layers that you add later run first, so add [`JwtLayer`] after the layers that need its token. A handler or layer that finds no
//! verified token answers 500, and the log names the missing layer.
//!
//! # Features
//!
//! | you want | feature | default |
//! | --- | --- | --- |
//! | extractors, requirements on routes and endpoints for axum 0.8 | `axum` | yes |
//! | rejections with tonic 0.14's body, as gRPC statuses | `tonic` | no |
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

mod body;
mod cookies;
mod endpoint;
mod exchange;
mod gate;
mod headers;
mod inspect;
mod layer;
mod request;
mod response;
mod service;

#[cfg(all(feature = "axum", feature = "issue"))]
#[doc(alias("migration", "python", "flask-jwt-extended"))]
pub mod from_flask;

#[cfg(all(feature = "axum", feature = "jwks"))]
#[doc(alias("migration", "jwt-authorizer", "axum-jwt-auth", "tower-oauth2-resource-server", "jsonwebtoken"))]
pub mod from_other_crates;

#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "axum")]
mod routing;
#[cfg(all(feature = "axum", feature = "issue"))]
mod session;
#[cfg(feature = "axum")]
mod shared;
#[cfg(all(feature = "axum", feature = "rustls"))]
mod tls;

pub use body::RejectionBody;
pub use cookies::SetCookies;
pub use endpoint::EndpointService;
#[cfg(feature = "axum")]
pub use endpoint::endpoint;
pub use exchange::ResponseFuture;
#[cfg(feature = "axum")]
pub use extract::{
    Authorized, Claims, Fresh, OptionalAuthorized, OptionalClaims, OptionalPrincipal, Principal, Rejection, Verified,
};
pub use gate::{GateLayer, PrincipalLayer, RequireLayer};
pub use layer::JwtLayer;
#[cfg(feature = "axum")]
pub use routing::RequireExt;
pub use service::Gated;
#[cfg(all(feature = "axum", feature = "issue"))]
pub use session::{Refresh, Tokens};
#[cfg(feature = "axum")]
pub use shared::SharedClaims;
#[cfg(all(feature = "axum", feature = "rustls"))]
pub use tls::tls_peer;

/// The core crate, re-exported so that you need only one dependency.
pub use jwt_core;

// Its program is a doc test.
#[cfg(all(doctest, feature = "axum", feature = "jwks"))]
#[doc = include_str!("../README.md")]
struct Readme;
