use std::sync::Arc;

use super::prepare::Issuer;

/// Whether a token's `iss` is trusted.
pub(super) enum Trust<'i> {
    Given(&'i Arc<Issuer>),
    /// The resolver answered for it.
    #[cfg(feature = "remote")]
    Resolved(Arc<Issuer>),
    Unknown,
    /// The resolver must be asked; this is the future to wait for.
    #[cfg(feature = "remote")]
    Resolve(Resolution),
}

/// Ends with whether the issuer is known now; an `Err` is an outage.
#[cfg(feature = "remote")]
pub(super) type Resolution = std::pin::Pin<Box<dyn Future<Output = Result<(), ResolveFailure>> + Send>>;

/// The resolver could not decide, or what it answered cannot be used.
#[cfg(feature = "remote")]
pub(super) struct ResolveFailure;
