//! JWT authentication for [tower]: a layer for any service over `http` requests, axum and tonic among them.
//!
//! [`JwtLayer`] verifies the token of each request and stores it in the request's extensions;
//! [`RequireLayer`] refuses tokens that may not do what a route does.
#![cfg_attr(feature = "axum", doc = "Handlers ask for [`Claims<T>`].")]
//! What is checked, and how requests are answered that are not let through, is decided in [`jwt_core`].
//!
#![cfg_attr(feature = "axum", doc = include_str!("../doc/axum.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    feature = "axum",
    doc = "With the feature `axum-routing` a route says it itself: [`get(reports).requires(..)`](RequireExt)."
)]
//!
//! [tower]: https://docs.rs/tower
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `axum` | no | the extractors `Claims<T>`, `Authorized<T, P>`, `Principal<U>`, their optional forms, `SharedClaims<T>`, `Fresh<T>` and `Verified` |
//! | `axum-routing` | no | `.requires(..)` on axum's routes and routers, `JwtLayer::routes` |
//! | `tonic` | no | refusals with the body type of tonic 0.14, as statuses of gRPC |
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

mod body;
mod cookies;
mod endpoint;
mod future;
mod gate_layer;
mod inspect;
mod layer;
mod principal;
mod request;
mod require;
mod response;
mod service;

#[cfg(all(feature = "axum", feature = "issue"))]
pub mod from_flask;

#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "axum")]
mod routing;
#[cfg(all(feature = "axum", feature = "issue"))]
mod session;
#[cfg(feature = "axum")]
mod shared;

pub use body::RejectionBody;
pub use cookies::SetCookies;
pub use endpoint::EndpointService;
#[cfg(feature = "axum")]
pub use endpoint::endpoint;
#[cfg(feature = "axum")]
pub use extract::{
    Authorized, Claims, Fresh, OptionalAuthorized, OptionalClaims, OptionalPrincipal, Principal, Rejection, Verified,
};
pub use future::ResponseFuture;
pub use gate_layer::GateLayer;
pub use layer::JwtLayer;
pub use principal::PrincipalLayer;
pub use require::RequireLayer;
#[cfg(feature = "axum")]
pub use routing::RequireExt;
pub use service::Gated;
#[cfg(all(feature = "axum", feature = "issue"))]
pub use session::{Refresh, Tokens};
#[cfg(feature = "axum")]
pub use shared::SharedClaims;

/// The core, so that one dependency is enough.
pub use jwt_core;
