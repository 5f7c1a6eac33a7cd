//! Revoking tokens before they expire.
//!
//! A verifier asks its [`RevocationList`] about each token that is otherwise valid. [`MemoryRevocations`] is a list for one
//! process; `RedisRevocations` and `PostgresRevocations` (features `redis`, `postgres`) are shared by a fleet.
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
//! [The guide](crate::guide::revocation) says which revocation to choose, how many a list holds, and what happens when it
//! fails.

mod block;
mod blocks;
mod compact;
mod digest;
mod entries;
mod feed;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod file;
mod freshness;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod journal;
mod list;
mod local;
mod memory;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod offset;
mod pages;
mod sealed;
mod settings;
mod shard;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod snapshot;
mod store;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod stream;
mod target;

pub use feed::Feed;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use freshness::Coverage;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use journal::{Journal, Record, Write};
#[cfg(feature = "remote")]
pub use list::with_time_limit;
pub use list::{RevocationList, Standing, TokenIdentity};
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use local::Origin;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use local::Unconfirmed;
pub use memory::{MemoryRevocations, RevocationListStatus};
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use memory::{revocable_claims, standing_at_cutoff};
pub use settings::RevocationSettings;
pub use store::{RevocationStore, RevokeError};
#[cfg(feature = "redis")]
pub(crate) use target::ANY_TIME;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use target::Kind;
pub use target::Revocation;
