//! JWT verification without a web framework: it finds the token in a request, verifies it, checks requirements on its claims,
//! and decides the response.
//!
//! For a web application, use `jwt-tower` (axum, tonic, any tower service) or `jwt-actix` (actix-web). They re-export this
//! crate and return byte-identical responses, because every decision is made here. Use it directly for tokens from queues,
//! WebSockets and tools:
//!
//! ```
//! use jwt_core::keys::Key;
//! use jwt_core::{Algorithm, Error, TrustedIssuer, Verifier};
//!
//! fn verifier(secret: &[u8]) -> Result<Verifier, Box<dyn std::error::Error>> {
//!     let issuer = TrustedIssuer::new("https://id.example")
//!         .audience("https://api.example")
//!         .key(Key::from_secret(Algorithm::HS256, secret)?);
//!     Ok(Verifier::builder().issuer(issuer).build()?)
//! }
//!
//! async fn subject(verifier: &Verifier, token: &str) -> Result<Option<String>, Error> {
//!     let verified = verifier.verify(token).await?;
//!     Ok(verified.registered().subject().map(str::to_owned))
//! }
//! ```
//!
//! # The types that most applications need
//!
//! | type | for |
//! | --- | --- |
//! | [`Verifier`] | verifying tokens; built once, cheap to clone |
//! | [`TrustedIssuer`] | an issuer with its keys, audiences and rules |
//! | [`Verified`] | a verified token and its claims |
//! | [`Algorithm`] | naming a signature algorithm |
//! | [`keys::Key`] | a verification key from a secret, PEM, DER or a JWK |
//! | [`authorize::Requirement`] | a condition on a token: [`scopes`](authorize::scopes), [`roles`](authorize::roles), … |
//! | [`Error`] | why a token was refused; [`ErrorKind`] has the list |
//! | [`BuildError`] | the error of wrong settings |
//!
//! # I want to …
//!
//! | … | module |
//! | --- | --- |
//! | require scopes, roles, other claims or a recent login | [`authorize`] |
//! | read claims, dates and claim paths | [`claims`] |
//! | build a verifier from a file or the environment | `config` (feature `config`) |
//! | choose the cryptography, or sign | [`crypto`] |
//! | send claims to the services behind a gateway | [`forward`] |
//! | decide about requests before a handler, load my own user for a token, or serve an endpoint | [`gate`] |
//! | look for tokens in cookies or other places, protect them from other sites, write error bodies | [`http`] |
//! | issue tokens, rotate keys, keep login sessions | `issue` (feature `issue`) |
//! | load keys, or fetch them from the issuer | [`keys`] |
//! | log users out when the OpenID provider says so | [`logout`] |
//! | log and count what happens | [`observe`] |
//! | share sessions and revocations in a fleet | `store` (features `redis` and `postgres`) |
//! | accept tokens only from the client that they were issued to: DPoP | [`proof`] |
//! | revoke tokens before they expire | [`revocation`] |
//! | test my application | [`testing`] |
//! | trust many tenants, set the cache, watch the keys | [`verify`] |
//!
//! The guide has a page for each subject, for example `guide::defaults` with every default and its reason.
//!
//! # Checks
//!
//! In this order, and no step can be skipped: one token in the request, its size, form and header; its issuer, its algorithm and
//! its `typ`; the key for its `kid`; the signature; audience, times, required claims and `cnf`; revocation; your own
//! requirements. A setting that weakens a check has `dangerous` in its name.
//!
//! # Features
//!
//! | you want | feature |
//! | --- | --- |
//! | keys from the issuer over HTTP: discovery, JWKS addresses | `jwks` |
//! | the same with an HTTP client of your own | `remote` |
//! | a verifier from a configuration file or environment variables | `config` |
//! | to issue tokens: key ring, access tokens, login sessions | `issue` |
//! | sessions and revocations that several processes share, on Redis or Valkey | `redis` |
//! | the same, on Postgres | `postgres` |
//! | signing keys that stay in a key management service or a hardware security module | `remote-signer` |
//! | to bind tokens to the certificates of clients that connect over rustls | `rustls` |
//! | counters and histograms for the `metrics` facade | `metrics` |
//! | tokens and a scriptable issuer for your tests | `testing` |
//! | cryptography by AWS-LC, which needs a C compiler | `aws-lc-rs` (default) |
//! | cryptography written in Rust | `rust-crypto` |
//! | conversions from and to the types of `jsonwebtoken` 12 | `jsonwebtoken-12` (default) |
//! | the same for `jsonwebtoken` 11 | `jsonwebtoken-11` |
//!
//! A feature adds items and never changes which tokens are accepted. If both back ends are enabled, `aws-lc-rs` is used unless
//! you tell the builder otherwise. If neither is, building a verifier fails with an error that says so.
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
pub mod proof;
pub mod revocation;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub mod store;
pub mod testing;
pub mod verify;

mod claim_rules;
mod clock;
mod error;
#[cfg(any(feature = "jsonwebtoken-11", feature = "jsonwebtoken-12"))]
mod interop;
mod jose;
mod json;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod step;
mod verified;

pub use clock::{Clock, SystemClock};
pub use error::{BoxError, BuildError, BuildErrorKind, Class, Error, ErrorKind};
#[cfg(feature = "jsonwebtoken-11")]
pub use interop::jsonwebtoken_11;
#[cfg(feature = "jsonwebtoken-12")]
pub use interop::jsonwebtoken_12;
pub use jose::Algorithm;
pub use step::{Pending, Step};
pub use verified::Verified;
pub use verify::builder::VerifierBuilder;
pub use verify::issuers::TrustedIssuer;
pub use verify::verifier::Verifier;

// Its program is a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
