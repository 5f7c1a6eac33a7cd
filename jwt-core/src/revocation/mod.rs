//! Taking tokens back before they expire.
//!
//! ```
//! use jwt_core::revocation::{MemoryRevocations, Revocation, RevokeError};
//! use jwt_core::{Algorithm, TrustedIssuer, Verified, Verifier, keys::Key};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let revocations = MemoryRevocations::new();
//! let verifier = Verifier::builder()
//!     .issuer(
//!         TrustedIssuer::new("https://id.example")
//!             .key(Key::from_secret(Algorithm::HS256, [7; 32])?)
//!             .audience("https://api.example"),
//!     )
//!     .revocations(revocations.clone())
//!     .build()?;
//!
//! // In a handler, which has the token as `Verified`:
//! fn log_out(revocations: &MemoryRevocations, verified: &Verified) -> Result<(), RevokeError> {
//!     revocations.revoke(&Revocation::token(verified))
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The guide has [a page on it](crate::guide::revocation).

mod entries;
mod feed;
mod list;
mod memory;
mod settings;
mod store;
mod target;
#[cfg(feature = "remote")]
mod time_limit;

pub use feed::Feed;
#[cfg(feature = "redis")]
pub(crate) use feed::Knowledge;
pub use list::{NoRevocations, RevocationList, Standing, TokenIdentity};
pub use memory::{MemoryRevocations, RevocationCount};
#[cfg(feature = "redis")]
pub(crate) use memory::{names, refusal};
pub use target::Revocation;
#[cfg(feature = "redis")]
pub(crate) use target::{ANY_TIME, Kind};

pub use settings::RevocationSettings;
pub use store::{RevocationStore, RevokeError, RevokeErrorKind};
#[cfg(feature = "remote")]
pub use time_limit::TimeLimit;
