//! Doubles for the tests of applications: an issuer that does what a script says, over real HTTP.
//!
//! [`ScriptedIssuer`] publishes its metadata and its keys on a loopback port and signs tokens, good ones and ones with
//! one fault. How it answers can be changed at any moment: slowly, not at all, with a page for people, with a set in which
//! half of the keys are broken. Its [`clock`](ScriptedIssuer::clock) is a [`ManualClock`](crate::clock::ManualClock): given
//! to the verifier too, time passes when the test says so, and no test needs to sleep.
//!
//! A test of an application that must go on while its issuer is down:
//!
//! ```
//! use std::time::Duration;
//!
//! use jwt_core::testing::{AUDIENCE, Script, ScriptedIssuer};
//! use jwt_core::{TrustedIssuer, Verifier};
//!
//! # #[cfg(not(all(feature = "jwks", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! # #[cfg(all(feature = "jwks", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
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
mod answer;
#[cfg(feature = "testing")]
mod draft;
#[cfg(feature = "testing")]
mod issuer;
mod observer;
#[cfg(feature = "testing")]
mod received;
mod request;
mod revocations;
#[cfg(feature = "testing")]
mod script;
#[cfg(feature = "testing")]
mod server;

pub use crate::clock::ManualClock;
#[cfg(feature = "testing")]
pub use draft::{AUDIENCE, Draft};
#[cfg(feature = "testing")]
pub use issuer::ScriptedIssuer;
pub use observer::MemoryObserver;
#[cfg(feature = "testing")]
pub use received::Received;
pub use request::BareRequest;
pub use revocations::{RevocationScript, ScriptedRevocations};
#[cfg(feature = "testing")]
pub use script::{Document, Script};
