//! From a token, or a request, to a verified token: the verifier, its builder, and what layers do with both.
#![cfg_attr(all(feature = "aws-lc-rs", feature = "reqwest"), doc = include_str!("../../doc/providers.md"))]

mod authenticator;
mod build_error;
mod builder;
mod cache;
#[cfg(feature = "issue")]
mod issued;
mod issuer;
mod issuers;
mod judge;
mod lifetime;
mod prepare;
#[cfg(feature = "remote")]
mod resolver;
mod revocations;
mod rules;
mod trust;
mod upkeep;
mod verifier;

pub use authenticator::Authenticator;
pub use build_error::{BuildError, BuildErrorKind};
pub use builder::VerifierBuilder;
pub use cache::{CacheStatus, TokenCache};
pub use issuer::TrustedIssuer;
#[cfg(feature = "remote")]
pub use resolver::IssuerResolver;
pub use rules::RuleError;
#[cfg(feature = "remote")]
pub use upkeep::Upkeep;
pub use upkeep::{IssuerHealth, Readiness, RefreshError};
pub use verifier::Verifier;
