use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::jose::{KeyError, KeyErrorKind};

/// Why a key ring, an issuer or a token cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueError {
    kind: IssueErrorKind,
    about: Cow<'static, str>,
}

/// What is wrong with a key ring, an issuer or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueErrorKind {
    /// A decision that nobody else can make was not made.
    Undecided,
    /// A value is empty.
    Empty,
    /// A value lies outside the range that is allowed.
    OutOfRange,
    /// Two settings contradict each other.
    Contradiction,
    /// A key cannot be used.
    UnusableKey(KeyErrorKind),
    /// Two keys have the same `kid`.
    DuplicateKey,
    /// Secrets and public keys are in one ring.
    MixedKeys,
    /// The ring would be left without a key, or has none of this `kid`.
    MissingKey,
    /// The keys are secrets, which are not published.
    NothingToPublish,
    /// No cryptographic back end is there: enable `aws-lc-rs` or `rust-crypto`, or bring one.
    NoBackend,
    /// A claim is one that the issuer itself writes, by a method of its own.
    ReservedClaim,
    /// A member of the header is one that the issuer itself writes, or that no verifier should follow.
    ReservedHeader,
    /// The claims are no JSON object, or one that verifiers refuse: nested too deeply, a number out of range.
    UnusableClaims,
    /// A scope holds characters that it cannot have. RFC 6749 section 3.3.
    IllegalScope,
    /// The token is larger than verifiers accept.
    TooLarge,
    /// The back end failed to sign.
    Signing,
    /// The system gives no random bytes.
    Randomness,
}

impl IssueError {
    pub(crate) fn new(kind: IssueErrorKind, about: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, about: about.into() }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> IssueErrorKind {
        self.kind
    }

    /// Returns what it is wrong with: the name of a setting or of a claim, never its value.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }
}

impl From<KeyError> for IssueError {
    fn from(error: KeyError) -> Self {
        let kind = match error.kind() {
            KeyErrorKind::NoBackend => IssueErrorKind::NoBackend,
            KeyErrorKind::Signing => IssueErrorKind::Signing,
            KeyErrorKind::Randomness => IssueErrorKind::Randomness,
            kind => IssueErrorKind::UnusableKey(kind),
        };
        Self::new(kind, "key")
    }
}

/// A token that should have been issued and was not: a fault of the programme, answered 500.
impl From<IssueError> for Error {
    fn from(error: IssueError) -> Self {
        tracing::error!(%error, "no token can be issued");
        ErrorKind::IssuingFailed.into()
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.kind {
            IssueErrorKind::Undecided => "must be decided",
            IssueErrorKind::Empty => "is empty",
            IssueErrorKind::OutOfRange => "is out of range",
            IssueErrorKind::Contradiction => "contradicts another setting",
            IssueErrorKind::UnusableKey(kind) => return write!(f, "`{}` cannot be used: {}", self.about, kind.code()),
            IssueErrorKind::DuplicateKey => "has the `kid` of another key",
            IssueErrorKind::MixedKeys => "mixes secrets and public keys",
            IssueErrorKind::MissingKey => "is not there, or the last one",
            IssueErrorKind::NothingToPublish => "are secrets, which are not published",
            IssueErrorKind::NoBackend => {
                "is missing: enable the feature `aws-lc-rs` or `rust-crypto`, or bring a back end"
            }
            IssueErrorKind::ReservedClaim => "is a claim that the issuer writes itself",
            IssueErrorKind::ReservedHeader => "is a member of the header that the issuer writes itself",
            IssueErrorKind::UnusableClaims => "are not an object that verifiers accept",
            IssueErrorKind::IllegalScope => "holds characters that a scope cannot have",
            IssueErrorKind::TooLarge => "is larger than verifiers accept",
            IssueErrorKind::Signing => "failed to sign",
            IssueErrorKind::Randomness => "needs random bytes, which the system does not give",
        };
        write!(f, "`{}` {problem}", self.about)
    }
}

impl std::error::Error for IssueError {}
