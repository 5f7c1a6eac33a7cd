use std::fmt;

use super::algorithm::{Algorithm, Family};
use crate::error::{BuildError, BuildErrorKind};

/// Why a key cannot be used.
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::keys::{Key, KeyErrorKind};
///
/// let error = Key::from_secret(Algorithm::HS256, "too short").unwrap_err();
/// assert_eq!(error.kind(), KeyErrorKind::TooShort);
/// assert_eq!(error.code(), "too_short");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyError {
    kind: KeyErrorKind,
    message: Message,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Text(&'static str),
    ShortSecret { found: usize, least: usize, algorithm: Option<Algorithm> },
    ShortModulus { bits: usize },
    Misfit { family: Family, algorithm: Algorithm },
    Member { name: &'static str, problem: &'static str },
}

/// The kinds of [`KeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// The text or bytes are not a key in the expected format.
    Malformed,
    /// The key's type or its curve isn't supported.
    UnsupportedKeyType,
    /// The algorithm is unknown, or the back end cannot do this with it.
    UnsupportedAlgorithm,
    /// The key cannot be used with the algorithm.
    AlgorithmMismatch,
    /// The key's `use` or `key_ops` does not allow it.
    WrongUse,
    /// A private key was given where a public key is expected.
    PrivateKey,
    /// A shared secret was given where a public key is expected.
    SymmetricKey,
    /// A public key was given where a shared secret is expected.
    PublicKeyAsSecret,
    /// The key is too short for its algorithm.
    TooShort,
    /// The key, the set, or a part of it is larger than the limit.
    TooLarge,
    /// The key's numbers are not a usable key: a point off the curve or of small order, a bad exponent, or a private
    /// key that does not belong to the public one.
    InvalidKey,
    /// No cryptographic back end is compiled in.
    NoBackend,
    /// The back end cannot provide random bytes.
    Randomness,
    /// The back end failed to sign.
    Signing,
    /// A remote signer failed or took too long.
    SignerUnavailable,
}

impl KeyErrorKind {
    /// Returns a stable name in snake case, for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnsupportedKeyType => "unsupported_key_type",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::WrongUse => "wrong_use",
            Self::PrivateKey => "private_key",
            Self::SymmetricKey => "symmetric_key",
            Self::PublicKeyAsSecret => "public_key_as_secret",
            Self::TooShort => "too_short",
            Self::TooLarge => "too_large",
            Self::InvalidKey => "invalid_key",
            Self::NoBackend => "no_backend",
            Self::Randomness => "randomness",
            Self::Signing => "signing",
            Self::SignerUnavailable => "signer_unavailable",
        }
    }
}

impl KeyError {
    pub(crate) const fn new(kind: KeyErrorKind, message: &'static str) -> Self {
        Self { kind, message: Message::Text(message) }
    }

    /// Returns what went wrong. Branch on this rather than on the message.
    #[must_use]
    pub const fn kind(&self) -> KeyErrorKind {
        self.kind
    }

    /// Returns the stable name of [`kind`](Self::kind).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    pub(crate) const fn malformed(message: &'static str) -> Self {
        Self::new(KeyErrorKind::Malformed, message)
    }

    /// Creates the error for a member of a JWK; `problem` continues "the key's `name` …".
    pub(crate) const fn member(name: &'static str, problem: &'static str) -> Self {
        Self { kind: KeyErrorKind::Malformed, message: Message::Member { name, problem } }
    }

    pub(crate) const fn long_kid() -> Self {
        Self::new(KeyErrorKind::TooLarge, "the `kid` is longer than 256 bytes")
    }

    /// Creates the error for a key that fits none of the allowed algorithms.
    pub(crate) const fn not_allowed() -> Self {
        Self::new(KeyErrorKind::UnsupportedAlgorithm, "no allowed algorithm fits the key")
    }

    /// Creates the error for a key that cannot be used with this algorithm.
    pub(crate) const fn misfit(family: Family, algorithm: Algorithm) -> Self {
        Self { kind: KeyErrorKind::AlgorithmMismatch, message: Message::Misfit { family, algorithm } }
    }

    pub(crate) const fn mismatch() -> Self {
        Self::new(KeyErrorKind::AlgorithmMismatch, "the key can't be used with this algorithm")
    }

    /// Creates the error for a secret of `found` bytes. `algorithm` is `None` if a JWK does not name one.
    pub(crate) const fn short_secret(found: usize, least: usize, algorithm: Option<Algorithm>) -> Self {
        Self { kind: KeyErrorKind::TooShort, message: Message::ShortSecret { found, least, algorithm } }
    }

    pub(crate) const fn short_modulus(bits: usize) -> Self {
        Self { kind: KeyErrorKind::TooShort, message: Message::ShortModulus { bits } }
    }

    pub(crate) const fn private() -> Self {
        Self::new(
            KeyErrorKind::PrivateKey,
            "a private key was given where a public key is expected; remove its private members, or sign with `SigningKey`",
        )
    }

    pub(crate) const fn no_backend() -> Self {
        Self::new(
            KeyErrorKind::NoBackend,
            "no cryptographic back end is compiled in; enable the feature `aws-lc-rs` or `rust-crypto`",
        )
    }

    pub(crate) const fn unsupported_by_backend() -> Self {
        Self::new(KeyErrorKind::UnsupportedAlgorithm, "the back end can't do this with the algorithm")
    }

    pub(crate) const fn invalid() -> Self {
        Self::new(KeyErrorKind::InvalidKey, "the key's numbers aren't a valid key")
    }
}

// A `main` that returns a `Result` prints an error in this form, and the message says what to do.
impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyError").field("kind", &self.kind).field("message", &self.to_string()).finish()
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message {
            Message::Text(text) => f.write_str(text),
            Message::ShortSecret { found, least, algorithm: Some(algorithm) } => {
                write!(
                    f,
                    "the secret has {found} bytes; {algorithm} needs at least {least} (`openssl rand -hex {least}`)"
                )
            }
            Message::ShortSecret { found, least, algorithm: None } => {
                write!(f, "the secret has {found} bytes; at least {least} are needed (`openssl rand -hex {least}`)")
            }
            Message::Misfit { family, algorithm } => {
                write!(f, "{} can't be used with {algorithm}; it's for ", family.noun())?;
                let fitting = || Algorithm::ALL.iter().filter(|other| other.family() == family);
                let last = fitting().count().saturating_sub(1);
                for (index, other) in fitting().enumerate() {
                    let separator = if index == 0 {
                        ""
                    } else if index == last {
                        " or "
                    } else {
                        ", "
                    };
                    write!(f, "{separator}{other}")?;
                }
                Ok(())
            }
            Message::Member { name, problem } => write!(f, "the key's `{name}` {problem}"),
            Message::ShortModulus { bits } => {
                write!(f, "the RSA key has {bits} bits; at least 2048 are needed")
            }
        }
    }
}

impl std::error::Error for KeyError {}

impl From<KeyError> for BuildError {
    fn from(error: KeyError) -> Self {
        match error.kind() {
            KeyErrorKind::NoBackend => Self::new(BuildErrorKind::NoBackend, "crypto"),
            KeyErrorKind::Signing => Self::new(BuildErrorKind::Signing, "key").because_of(Some(error)),
            KeyErrorKind::SignerUnavailable => {
                Self::new(BuildErrorKind::SignerUnavailable, "key").because_of(Some(error))
            }
            KeyErrorKind::Randomness => Self::new(BuildErrorKind::Randomness, "key").because_of(Some(error)),
            _ => Self::new(BuildErrorKind::UnusableKey, "key").because_of(Some(error)),
        }
    }
}
