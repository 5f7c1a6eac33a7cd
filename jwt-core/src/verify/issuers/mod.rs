//! The issuers whose tokens are accepted: their settings, and the issuers that a resolver looks up.
//!
//! A [`TrustedIssuer`] holds settings; [`prepare`] turns it into an [`Issuer`] that verifies tokens; an [`IssuerSet`] finds the
//! issuer of a token.

mod expected;
mod issuer;
mod prepare;
#[cfg(feature = "remote")]
mod resolver;
mod sender;
mod set;
mod trust_domain;
mod trusted_issuer;
mod workloads;

#[cfg(feature = "remote")]
pub use resolver::IssuerResolver;
pub use trusted_issuer::TrustedIssuer;

#[cfg(test)]
pub(super) use expected::Expected;
#[cfg(feature = "remote")]
pub(super) use issuer::Resolution;
pub(super) use issuer::{FoundIssuer, Issuer};
pub(crate) use prepare::PrepareContext;
pub(super) use set::IssuerSet;
