use std::fmt;

/// Why a document could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchError {
    kind: FetchErrorKind,
}

/// What went wrong while fetching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The connection failed or broke off.
    Transport,
    /// The time ran out.
    Timeout,
    /// The answer was not 200.
    Status,
    /// The body is larger than the limit.
    TooLarge,
    /// The body is not the document it should be.
    Content,
    /// The discovery document names another issuer. RFC 8414 section 3.3.
    IssuerMismatch,
    /// The address is neither `https` nor on a loopback host.
    InsecureUrl,
    /// The address leads to a host that the verifier's `IssuerResolver::hosts` doesn't allow.
    HostNotAllowed,
    /// The key set holds no key that can be used.
    NoUsableKey,
}

impl FetchErrorKind {
    /// Returns the stable, machine-readable name in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::TooLarge => "too_large",
            Self::Content => "content",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::InsecureUrl => "insecure_url",
            Self::HostNotAllowed => "host_not_allowed",
            Self::NoUsableKey => "no_usable_key",
        }
    }
}

impl FetchError {
    /// Returns what went wrong.
    #[must_use]
    pub const fn kind(&self) -> FetchErrorKind {
        self.kind
    }
}

impl From<FetchErrorKind> for FetchError {
    fn from(kind: FetchErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FetchErrorKind::Transport => "connection failed",
            FetchErrorKind::Timeout => "no answer in time",
            FetchErrorKind::Status => "status is not 200",
            FetchErrorKind::TooLarge => "body too large",
            FetchErrorKind::Content => "not the expected document",
            FetchErrorKind::IssuerMismatch => "discovery document of another issuer",
            FetchErrorKind::InsecureUrl => "address is not https",
            FetchErrorKind::HostNotAllowed => "host not allowed by `IssuerResolver::hosts`",
            FetchErrorKind::NoUsableKey => "no usable key in the set",
        })
    }
}

impl std::error::Error for FetchError {}
