//! Test doubles for applications: tokens for tests of handlers and routes, and an issuer that serves real HTTP.
//!
//! `TestAuth` (feature `testing`) is an issuer in memory. It gives your application a verifier, and your tests the tokens that this
//! verifier accepts or refuses. [The guide](crate::guide::testing) shows complete tests for both frameworks.
//!
//! `ScriptedIssuer` (feature `testing`) publishes its metadata and its keys on a loopback port. It signs tokens, valid ones
//! and ones with exactly one fault. You can change how it answers at any time: slowly, not at all, with a login page, or with a
//! key set in which half of the keys are broken. Its clock is a [`ManualClock`]. Give it to the verifier too, and time passes only
//! if the test advances the clock, so no test needs to sleep.
//!
//! This test shows that an application keeps working while its issuer is down:
//!
#![cfg_attr(
    all(feature = "testing", feature = "jwks", any(feature = "aws-lc-rs", feature = "rust-crypto")),
    doc = "```"
)]
#![cfg_attr(
    not(all(feature = "testing", feature = "jwks", any(feature = "aws-lc-rs", feature = "rust-crypto"))),
    doc = "```ignore"
)]
//! use std::time::Duration;
//!
//! use jwt_core::testing::{AUDIENCE, Script, ScriptedIssuer};
//! use jwt_core::{TrustedIssuer, Verifier};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let issuer = ScriptedIssuer::start().await?;
//!     let verifier = Verifier::builder()
//!         .issuer(TrustedIssuer::discover(issuer.name()).audience(AUDIENCE))
//!         .clock(issuer.clock())
//!         .build()?;
//!     assert!(verifier.verify(&issuer.token().sign()).await.is_ok());
//!     assert!(verifier.verify(&issuer.token().expired().sign()).await.is_err());
//!
//!     issuer.script_all(Script::HangUp);
//!     issuer.clock().advance(Duration::from_secs(1800));
//!     assert!(verifier.verify(&issuer.token().sign()).await.is_ok());
//!     Ok(())
//! }
//! ```

#[cfg(feature = "testing")]
mod auth;
#[cfg(feature = "testing")]
mod client;
#[cfg(feature = "testing")]
mod issuer;
mod request;
#[cfg(feature = "testing")]
mod response;
mod revocations;
#[cfg(feature = "testing")]
mod script;
#[cfg(feature = "testing")]
mod server;
#[cfg(feature = "issue")]
mod sessions;
#[cfg(feature = "testing")]
mod token;

pub use crate::clock::ManualClock;
#[cfg(feature = "testing")]
pub use crate::http::challenge::TestChallenge;
#[cfg(feature = "testing")]
pub use auth::TestAuth;
#[cfg(feature = "testing")]
pub use client::TestClient;
#[cfg(feature = "testing")]
pub use issuer::ScriptedIssuer;
pub use request::BareRequest;
pub use revocations::ScriptedRevocations;
#[cfg(feature = "testing")]
pub use script::{Document, Script};
#[cfg(feature = "testing")]
pub use server::Received;
#[cfg(feature = "issue")]
pub use sessions::ScriptedSessions;
#[cfg(feature = "testing")]
pub use token::{AUDIENCE, TestToken};
