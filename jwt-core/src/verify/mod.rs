//! From a token, or a request, to a verified token: the verifier, its builder, and what layers do with both.

mod authenticator;
pub(crate) mod build_error;
pub(crate) mod builder;
mod cache;
pub(crate) mod issuer;
mod issuers;
mod judge;
mod lifetime;
mod prepare;
#[cfg(feature = "remote")]
mod resolver;
mod revocations;
mod trust;
mod upkeep;
pub(crate) mod verifier;

pub use authenticator::Authenticator;
pub(crate) use build_error::{BuildError, BuildErrorKind};
pub(crate) use builder::VerifierBuilder;
pub use cache::{CacheStatus, TokenCacheSettings};
pub(crate) use issuer::TrustedIssuer;
#[cfg(feature = "remote")]
pub use resolver::IssuerResolver;
#[cfg(feature = "remote")]
pub use upkeep::KeyRefresher;
pub use upkeep::{IssuerHealth, KeyFetchErrors};
pub(crate) use verifier::Verifier;
