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
//! # #[cfg(not(all(feature = "reqwest", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! # #[cfg(all(feature = "reqwest", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
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

mod answer;
mod draft;
mod issuer;
mod received;
mod script;
mod server;

pub use draft::{AUDIENCE, Draft};
pub use issuer::ScriptedIssuer;
pub use received::Received;
pub use script::{Document, Script};
