use std::sync::Arc;

#[cfg(feature = "remote")]
use crate::error::Error;

use super::prepare::Issuer;

/// Whether a token's `iss` is trusted.
pub(super) enum Trust<'i> {
    Given(&'i Arc<Issuer>),
    /// The resolver answered for it.
    #[cfg(feature = "remote")]
    Resolved(Arc<Issuer>),
    Unknown,
    /// The resolver can't tell now.
    #[cfg(feature = "remote")]
    Unavailable(Error),
    /// The resolver must be asked; this is the future to wait for.
    #[cfg(feature = "remote")]
    Resolve(Resolution),
}

/// Ends when the issuer can be found. An `Err` says why it can't: it's unknown, or an outage.
#[cfg(feature = "remote")]
pub(super) type Resolution = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
