use std::fmt;

use crate::keys::IgnoredKey;

/// Why a verifier couldn't be built: the wrong setting and its problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    kind: BuildErrorKind,
    setting: &'static str,
    /// The first key that can't be used, and why.
    ignored: Option<IgnoredKey>,
}

/// The problem with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A required decision is missing.
    Undecided,
    /// A value is empty.
    Empty,
    /// A value is outside of its range.
    OutOfRange,
    /// A value contains characters that aren't allowed.
    IllegalCharacters,
    /// A URL is invalid, or has parts that aren't allowed.
    InvalidUrl,
    /// A URL is neither `https` nor on a loopback host.
    InsecureUrl,
    /// Two settings contradict each other.
    Contradiction,
    /// The same issuer was added twice.
    Duplicate,
    /// No key fits an allowed algorithm that the back end supports.
    NoUsableKey,
    /// Keys can't be told apart: give each a `kid`, or call
    /// [`try_keys_in_turn`](crate::TrustedIssuer::try_keys_in_turn).
    AmbiguousKeys,
    /// The back end doesn't support an allowed algorithm.
    UnsupportedAlgorithm,
    /// There is no cryptographic back end: enable the feature `aws-lc-rs` or `rust-crypto`, or call
    /// [`crypto`](crate::VerifierBuilder::crypto).
    NoBackend,
    /// There is no HTTP client that fetches keys: enable the feature `jwks`, or `remote` with a `Fetch` of your own.
    NoFetch,
}

impl BuildError {
    pub(crate) const fn new(kind: BuildErrorKind, setting: &'static str) -> Self {
        Self { kind, setting, ignored: None }
    }

    /// Adds why the first unusable key isn't used.
    pub(crate) fn because_of(self, ignored: Option<IgnoredKey>) -> Self {
        Self { ignored, ..self }
    }

    /// Returns why the first unusable key isn't used, if the error is about keys.
    #[cfg(feature = "config")]
    pub(crate) const fn ignored(&self) -> Option<&IgnoredKey> {
        self.ignored.as_ref()
    }

    /// Returns the problem.
    #[must_use]
    pub const fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// Returns the wrong setting: the name of the method that sets it.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }

    /// Returns the problem as words that follow the setting's name.
    pub(crate) const fn problem(&self) -> &'static str {
        match self.kind {
            BuildErrorKind::Undecided => "must be decided",
            BuildErrorKind::Empty => "is empty",
            BuildErrorKind::OutOfRange => "is out of range",
            BuildErrorKind::IllegalCharacters => "contains characters that aren't allowed",
            BuildErrorKind::InvalidUrl => "is not a usable URL",
            BuildErrorKind::InsecureUrl => "is neither https nor on a loopback host",
            BuildErrorKind::Contradiction => "contradicts another setting",
            BuildErrorKind::Duplicate => "was added twice",
            BuildErrorKind::NoUsableKey => "has no key that fits an allowed algorithm",
            BuildErrorKind::AmbiguousKeys => "has keys that can't be told apart: give each a `kid`",
            BuildErrorKind::UnsupportedAlgorithm => "has an algorithm that the back end doesn't support",
            BuildErrorKind::NoBackend => {
                "is missing: enable the feature `aws-lc-rs` or `rust-crypto`, or pass a back end to `VerifierBuilder::crypto`"
            }
            BuildErrorKind::NoFetch => {
                "needs an HTTP client: enable the feature `jwks` of jwt-tower, jwt-actix or jwt-core, or `remote` with your \
                 own `Fetch`"
            }
        }
    }

    /// Returns the methods that make a missing decision.
    fn hint(&self) -> &'static str {
        match (self.kind, self.setting) {
            (BuildErrorKind::Undecided, "issuer") => {
                ": add a trusted issuer with `VerifierBuilder::issuer`, or look issuers up with `issuer_resolver`"
            }
            (BuildErrorKind::Undecided, "audience") => {
                ": call `audience`, `audiences`, `all_audiences` or `dangerous_any_audience` of `TrustedIssuer`, or \
                 `VerifierBuilder::resource`"
            }
            (BuildErrorKind::AmbiguousKeys, "try_keys_in_turn") => " (at most four are tried in turn)",
            (BuildErrorKind::AmbiguousKeys, _) => {
                ", or call `TrustedIssuer::try_keys_in_turn` for the time of a rotation"
            }
            (BuildErrorKind::Undecided, "keys") => {
                ": call `key`, `keys` or `key_source` of `TrustedIssuer`, or create it with `discover` or `jwks`"
            }
            (BuildErrorKind::InvalidUrl, "allow_origin") => {
                ": write one origin as browsers do, such as `https://app.example`, without a slash at its end and without \
                 wildcards, or decide with `Csrf::allow_origin_if`"
            }
            (BuildErrorKind::InvalidUrl, "dangerous_http_hosts") => {
                ": write host names or addresses without scheme, port and path, such as `keycloak`"
            }
            (BuildErrorKind::InsecureUrl, "discover" | "jwks") => {
                ": use https, or, if the network in between is trusted as in docker compose, name the host with \
                 `TrustedIssuer::dangerous_http_hosts`"
            }
            _ => "",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}{}", self.setting, self.problem(), self.hint())?;
        match &self.ignored {
            Some(ignored) => write!(f, ": {ignored}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for BuildError {}
