use std::fmt;

use super::algorithm::Algorithm;

/// Why a key is not used.
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::keys::{Key, KeyErrorKind};
///
/// let error = Key::from_secret(Algorithm::HS256, "too short").unwrap_err();
/// assert_eq!(error.kind(), KeyErrorKind::TooShort);
/// assert_eq!(error.code(), "too_short");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError {
    kind: KeyErrorKind,
    message: Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Text(&'static str),
    ShortSecret { found: usize, least: usize, algorithm: Option<Algorithm> },
    ShortModulus { bits: usize },
}

/// The kinds of [`KeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// The text or the bytes are not a key of the format that was expected.
    Malformed,
    /// The kind of key or its curve is not supported.
    UnsupportedKeyType,
    /// The algorithm is unknown, or the back end does not do what was asked with it.
    UnsupportedAlgorithm,
    /// The key cannot be used with the algorithm.
    AlgorithmMismatch,
    /// The key is declared for something other than verifying signatures.
    WrongUse,
    /// A private key was given where a public one is expected.
    PrivateKey,
    /// A shared secret was given where a public key is expected.
    SymmetricKey,
    /// A public key was given where a shared secret is expected.
    PublicKeyAsSecret,
    /// The key is too short for its algorithm.
    TooShort,
    /// The key, the set or one of its names is larger than what is read.
    TooLarge,
    /// The key's numbers are not those of a usable key: off the curve, of small order, a bad exponent.
    InvalidKey,
    /// No cryptographic back end is compiled in.
    NoBackend,
    /// The back end has no random bytes to give.
    Randomness,
    /// The back end failed to sign.
    Signing,
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
        }
    }
}

impl KeyError {
    pub(crate) const fn new(kind: KeyErrorKind, message: &'static str) -> Self {
        Self { kind, message: Message::Text(message) }
    }

    /// Returns what went wrong, for code that decides on it.
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

    pub(crate) const fn mismatch() -> Self {
        Self::new(KeyErrorKind::AlgorithmMismatch, "the key does not fit the algorithm")
    }

    /// The error for a secret of `found` bytes; `algorithm` is missing if a JWK doesn't name one.
    pub(crate) const fn short_secret(found: usize, least: usize, algorithm: Option<Algorithm>) -> Self {
        Self { kind: KeyErrorKind::TooShort, message: Message::ShortSecret { found, least, algorithm } }
    }

    pub(crate) const fn short_modulus(bits: usize) -> Self {
        Self { kind: KeyErrorKind::TooShort, message: Message::ShortModulus { bits } }
    }

    pub(crate) const fn private() -> Self {
        Self::new(KeyErrorKind::PrivateKey, "a private key was given where a public key is expected")
    }

    pub(crate) const fn no_backend() -> Self {
        Self::new(
            KeyErrorKind::NoBackend,
            "no cryptographic back end is compiled in; enable the feature `aws-lc-rs` or `rust-crypto`",
        )
    }

    pub(crate) const fn unsupported_by_backend() -> Self {
        Self::new(KeyErrorKind::UnsupportedAlgorithm, "the back end does not support this use of the algorithm")
    }

    pub(crate) const fn invalid() -> Self {
        Self::new(KeyErrorKind::InvalidKey, "the back end refuses the key's numbers")
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
            Message::ShortModulus { bits } => {
                write!(f, "the RSA key has {bits} bits; at least 2048 are needed")
            }
        }
    }
}

impl std::error::Error for KeyError {}
