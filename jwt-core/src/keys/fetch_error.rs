use std::fmt;

/// Why a document couldn't be fetched or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchError {
    kind: FetchErrorKind,
}

/// The kinds of [`FetchError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The connection failed or broke off.
    Transport,
    /// The response didn't arrive in time.
    Timeout,
    /// The response's status isn't 200.
    Status,
    /// The body is larger than the limit.
    TooLarge,
    /// The body isn't the expected document, or the address isn't a URL.
    Content,
    /// The discovery document names another issuer. RFC 8414 section 3.3.
    IssuerMismatch,
    /// The address is neither `https` nor on a loopback host.
    InsecureUrl,
    /// The verifier's `IssuerResolver::hosts` doesn't allow the address's host.
    HostNotAllowed,
    /// The key set has no usable key.
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
            FetchErrorKind::Timeout => "no response in time",
            FetchErrorKind::Status => "the status isn't 200",
            FetchErrorKind::TooLarge => "the body is larger than the limit",
            FetchErrorKind::Content => "not the expected document",
            FetchErrorKind::IssuerMismatch => "the discovery document names another issuer",
            FetchErrorKind::InsecureUrl => "the address isn't https",
            FetchErrorKind::HostNotAllowed => "`IssuerResolver::hosts` doesn't allow the host",
            FetchErrorKind::NoUsableKey => "the key set has no usable key",
        })
    }
}

impl std::error::Error for FetchError {}
