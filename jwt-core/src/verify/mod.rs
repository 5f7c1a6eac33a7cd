//! Verifies tokens: [`Verifier`], its builder, and the gate that authenticates requests with it.

mod authenticator;
pub(crate) mod builder;
mod cache;
mod explain;
pub(crate) mod issuers;
mod key_refresh;
mod pipeline;
mod resources;
mod revocation_check;
mod sender_check;
mod signature;
pub(crate) mod verifier;

pub use authenticator::Authenticator;
pub(crate) use builder::VerifierBuilder;
pub use cache::{TokenCacheSettings, TokenCacheStatus};
#[cfg(feature = "remote")]
pub use issuers::IssuerResolver;
#[cfg(feature = "config")]
pub(crate) use issuers::PrepareContext;
pub(crate) use issuers::TrustedIssuer;
pub use key_refresh::KeyFetchErrors;
pub(crate) use verifier::Verifier;
