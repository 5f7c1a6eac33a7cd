use std::sync::Arc;

/// Where an issuer's key set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the issuer's metadata, which is read from `at`, or from the issuer's own URL if `at` isn't set.
    Discover { issuer: Arc<str>, at: Option<Arc<str>> },
    /// At a known address.
    JwkSet { url: Arc<str> },
}

impl Location {
    /// Returns the name of the method that sets this location.
    pub(crate) const fn setting(&self) -> &'static str {
        match self {
            Self::Discover { .. } => "discover",
            Self::JwkSet { .. } => "jwks",
        }
    }
}

/// Returns whether this is the address of a metadata document rather than an issuer's name. RFC 8615 section 3.
pub(crate) fn is_metadata_url(url: &str) -> bool {
    url.contains("/.well-known/")
}
