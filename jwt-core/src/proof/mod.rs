//! Proof of possession: a stolen token is worthless without the key of the client that it was issued to.
//!
//! With DPoP (RFC 9449), the issuer binds a token to a public key, and the client signs each request with the private key.
//! [`Dpop`] has the settings; [`TrustedIssuer::dpop_required`](crate::TrustedIssuer::dpop_required) and
//! [`dpop_allowed`](crate::TrustedIssuer::dpop_allowed) switch it on for an issuer.
//!
//! ```
//! use jwt_core::proof::Dpop;
//! use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = Key::from_secret(Algorithm::HS256, [7; 32])?;
//! let issuer = TrustedIssuer::new("https://id.example").key(key).audience("https://api.example");
//! let verifier = Verifier::builder()
//!     .issuer(issuer.dpop_required())
//!     .dpop(Dpop::new("https://api.example"))
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`ReplayLog`] remembers which proofs were used. [`MemoryReplayLog`] is the default; if several processes serve the same
//! clients, share one on Redis.

mod certificate;
mod check;
#[cfg(feature = "issue")]
mod device;
mod dpop;
mod jwt;
mod keys;
mod memory;
mod nonce;
mod proxies;
mod replay;
mod sender;
mod url;

pub(crate) use certificate::CertificateCheck;
pub(crate) use check::{DpopCheck, ProofUsed};
#[cfg(feature = "issue")]
pub(crate) use device::{DeviceProof, DeviceRequest};
pub use dpop::Dpop;
pub use memory::MemoryReplayLog;
pub(crate) use proxies::Proxies;
pub use replay::{ProofUse, ReplayLog};
pub(crate) use sender::Sender;
