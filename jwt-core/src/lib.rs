//! JWT authentication that no framework owns: finding the token, verifying it, validating it against a policy, and
//! deciding the answer.
//!
//! The adapters `jwt-tower` (tower, axum, tonic) and `jwt-actix` (actix-web) put it into a framework; what they do is
//! decided here, so that both answer alike. Used by itself it verifies tokens from queues, WebSockets and tools.
//!
//! ```
//! use jwt_core::{Algorithm, TrustedIssuer, Verifier, crypto::SigningKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Usually the issuer's public keys, from its JWKS or from PEM.
//! let key = SigningKey::generate(Algorithm::ES256)?;
//!
//! let verifier = Verifier::builder()
//!     .issuer(
//!         TrustedIssuer::new("https://id.example")
//!             .key(key.verification_key())
//!             .audience("https://api.example"),
//!     )
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is checked
//!
//! In this order, each step before the next: one token in the request, its size, its form, its header; its issuer among
//! the trusted ones, its algorithm among that issuer's, its `typ`; the key for its `kid`; the signature; audience,
//! times, required claims, `cnf`; revocation; the application's own rules. No step can be skipped; what weakens one carries
//! `dangerous` in its name.
//!
//! # Defaults
//!
//! [Every default and its reason](guide::defaults) is in one table.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `aws-lc-rs` | yes | cryptography by AWS-LC |
//! | `rust-crypto` | no | cryptography by the RustCrypto crates |
//! | `jsonwebtoken-12` | yes | conversions from and to the types of `jsonwebtoken` 12: `interop` |
//! | `jsonwebtoken-11` | no | the same for `jsonwebtoken` 11 |
//! | `remote` | no | keys that are fetched from their issuer |
//! | `reqwest` | no | the HTTP client for them |
//! | `config` | no | a verifier from a file or from the environment |
//! | `issue` | no | tokens of one's own: key ring, issuer, refresh sessions |
//! | `metrics` | no | counters for the `metrics` facade |
//! | `redis` | no | stores that a fleet shares, on Redis or Valkey |
//! | `tokio` | no | limits to how long a revocation list may take, on the Tokio runtime |
//! | `testing` | no | an issuer for tests, which does what a script says |
//!
//! Features add; none changes what is accepted. With both back ends `aws-lc-rs` is used unless the builder is told
//! otherwise; with neither, building a verifier is an error.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod authorize;
pub mod claims;
#[cfg(feature = "config")]
pub mod config;
pub mod crypto;
pub mod forward;
pub mod gate;
#[cfg(doc)]
pub mod guide;
pub mod http;
#[cfg(feature = "issue")]
pub mod issue;
pub mod keys;
pub mod logout;
pub mod observe;
pub mod principal;
#[cfg(feature = "redis")]
pub mod redis;
pub mod revocation;
pub mod testing;
pub mod verify;

mod claim_rules;
mod clock;
mod error;
#[cfg(any(feature = "jsonwebtoken-11", feature = "jsonwebtoken-12"))]
mod interop;
mod jose;
mod json;
mod step;
mod verified;

pub use clock::{Clock, SystemClock};
pub use error::{BoxError, Class, Error, ErrorKind};
#[cfg(feature = "jsonwebtoken-11")]
pub use interop::jsonwebtoken_11;
#[cfg(feature = "jsonwebtoken-12")]
pub use interop::jsonwebtoken_12;
pub use jose::{Algorithm, UnknownAlgorithm};
pub use step::{Pending, Step};
pub use verified::Verified;
pub use verify::build_error::{BuildError, BuildErrorKind};
pub use verify::builder::VerifierBuilder;
pub use verify::issuers::TrustedIssuer;
pub use verify::verifier::Verifier;

// Its program is a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
