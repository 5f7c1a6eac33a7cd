use std::sync::Arc;

use crate::claim_rules::ClaimRules;
#[cfg(feature = "remote")]
use crate::error::Error;
use crate::jose::Algorithm;
use crate::keys::KeySource;

use super::trust_domain::TrustDomain;

use super::expected::Expected;

/// An issuer whose settings were checked and whose keys are ready for use.
pub(crate) struct Issuer {
    pub(crate) name: Option<Arc<str>>,
    /// The domain that its tokens name instead of an `iss`.
    pub(crate) domain: Option<TrustDomain>,
    pub(crate) keys: Arc<dyn KeySource>,
    /// Whether the keys never change.
    pub(crate) keys_are_fixed: bool,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) policy: ClaimRules,
    pub(crate) expected: Expected,
    /// How long the issuer may be used, if a resolver found it.
    #[cfg(feature = "remote")]
    pub(crate) tenancy: Option<Arc<super::resolver::Tenancy>>,
}

/// The issuer for a token's `iss`, or why it cannot be used.
pub(crate) enum FoundIssuer<'i> {
    /// The builder was given it.
    Given(&'i Arc<Issuer>),
    /// The resolver found it.
    #[cfg(feature = "remote")]
    Resolved(Arc<Issuer>),
    /// It isn't trusted.
    Unknown,
    /// The resolver cannot tell now.
    #[cfg(feature = "remote")]
    Unavailable(Error),
    /// The resolver must be asked first; this is the future to wait for.
    #[cfg(feature = "remote")]
    Resolve(Resolution),
}

/// Completes when the issuer can be found. `Err` if it's unknown or the look-up failed.
#[cfg(feature = "remote")]
pub(crate) type Resolution = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
