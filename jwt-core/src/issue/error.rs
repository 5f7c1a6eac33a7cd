use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::jose::{KeyError, KeyErrorKind};

/// Why a key ring, an issuer, sessions or a token can't be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueError {
    kind: IssueErrorKind,
    about: Cow<'static, str>,
    detail: Option<Cow<'static, str>>,
}

/// The kind of an [`IssueError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueErrorKind {
    /// A setting without a default was not set.
    Undecided,
    /// A value is empty.
    Empty,
    /// A value is outside its allowed range.
    OutOfRange,
    /// Two settings contradict each other: access tokens have the audience or the `typ` of refresh tokens, or keys are both
    /// read and added.
    Contradiction,
    /// A key is unusable.
    UnusableKey(KeyErrorKind),
    /// The list of keys can't be read: a file is missing, isn't readable, or has an unexpected name, or your function failed.
    UnreadableKeys,
    /// Two keys have the same `kid`.
    DuplicateKey,
    /// Secrets and key pairs are in the same ring.
    MixedKeys,
    /// The ring has no key, has no key with this `kid`, or would lose its only one.
    MissingKey,
    /// The keys are secrets, which must not be published, or none of them has an algorithm that you want to publish.
    NothingToPublish,
    /// There is no cryptographic back end: enable `aws-lc-rs` or `rust-crypto`, or set one.
    NoBackend,
    /// A claim is written by the issuer itself, or has a method of its own.
    ReservedClaim,
    /// A header parameter is written by the issuer itself, or would let the token choose its own key.
    ReservedHeader,
    /// The claims aren't a JSON object, or verifiers would refuse them: nested too deeply, or a number out of range.
    UnusableClaims,
    /// A scope contains a character that scopes can't have. RFC 6749 section 3.3.
    IllegalScope,
    /// The token is larger than verifiers accept.
    TooLarge,
    /// The back end failed to sign.
    Signing,
    /// A remote signer failed or took too long.
    SignerUnavailable,
    /// The signing key is remote, so the token must be awaited.
    MustWait,
    /// The system's random number generator failed.
    Randomness,
}

impl IssueError {
    pub(crate) fn new(kind: IssueErrorKind, about: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, about: about.into(), detail: None }
    }

    /// Adds a sentence to the message. It must not show a key.
    pub(crate) fn with_detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub(crate) fn with_about(self, about: impl Into<Cow<'static, str>>) -> Self {
        Self { about: about.into(), ..self }
    }

    /// Returns the kind of error.
    #[must_use]
    pub const fn kind(&self) -> IssueErrorKind {
        self.kind
    }

    /// Returns the name of the setting or claim that is wrong, never its value.
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
            KeyErrorKind::SignerUnavailable => IssueErrorKind::SignerUnavailable,
            KeyErrorKind::Randomness => IssueErrorKind::Randomness,
            kind => IssueErrorKind::UnusableKey(kind),
        };
        Self::new(kind, "key").with_detail(error.to_string())
    }
}

/// Issuing failed because of a bug or of a setting: logged, and answered with 500. If a remote signer is unavailable, the
/// answer is 503.
impl From<IssueError> for Error {
    fn from(error: IssueError) -> Self {
        tracing::error!(%error, "a token could not be issued");
        match error.kind {
            IssueErrorKind::SignerUnavailable => ErrorKind::SigningUnavailable.into(),
            _ => ErrorKind::IssuingFailed.into(),
        }
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.kind {
            IssueErrorKind::Undecided => "must be set: it has no default",
            IssueErrorKind::Empty => "is empty",
            IssueErrorKind::OutOfRange => "is out of range: its documentation says which values are allowed",
            IssueErrorKind::Contradiction if self.about == "key" => {
                "can't be added to keys that are read: put it into their place"
            }
            IssueErrorKind::Contradiction => "is reserved for refresh tokens: choose another name",
            IssueErrorKind::UnusableKey(kind) => {
                return write!(f, "`{}` is unusable: {}", self.about, self.detail.as_deref().unwrap_or(kind.code()));
            }
            IssueErrorKind::UnreadableKeys => "can't be read",
            IssueErrorKind::DuplicateKey => "has the same `kid` as another key of the ring",
            IssueErrorKind::MixedKeys => "mixes secrets and key pairs: use two rings",
            IssueErrorKind::MissingKey if self.about == "kid" => {
                "matches no key of the ring, or its only one: call `replace` for that"
            }
            IssueErrorKind::MissingKey => "is missing: add at least one",
            IssueErrorKind::NothingToPublish => {
                "must not be published or have none of the algorithms: secrets are never published, so use a key pair"
            }
            IssueErrorKind::NoBackend => {
                "needs a cryptographic back end: enable the feature `aws-lc-rs` or `rust-crypto`, or set one with `crypto`"
            }
            IssueErrorKind::ReservedClaim => "is a claim that the issuer writes itself or that has a method of its own",
            IssueErrorKind::ReservedHeader => "is a reserved header parameter",
            IssueErrorKind::UnusableClaims => "must be a JSON object that verifiers accept",
            IssueErrorKind::IllegalScope => "contains a character that scopes can't have",
            IssueErrorKind::TooLarge => "is larger than 16 KiB, the most that verifiers accept by default",
            IssueErrorKind::Signing => "could not sign",
            IssueErrorKind::SignerUnavailable => "is unavailable",
            IssueErrorKind::MustWait => "is remote: await the token with `issue_step`",
            IssueErrorKind::Randomness => "needs random bytes, and the system's generator failed",
        };
        write!(f, "`{}` {problem}", self.about)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for IssueError {}
