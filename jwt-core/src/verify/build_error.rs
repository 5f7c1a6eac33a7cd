use std::fmt;

/// Why a verifier cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    kind: BuildErrorKind,
    setting: &'static str,
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A decision that nobody else can make was not made.
    Undecided,
    /// A value is empty.
    Empty,
    /// A value lies outside the range that is allowed.
    OutOfRange,
    /// A value holds characters that it cannot have.
    IllegalCharacters,
    /// An address is not one, or has parts that it cannot have.
    InvalidUrl,
    /// An address is neither `https` nor on a loopback host.
    InsecureUrl,
    /// Two settings contradict each other.
    Contradiction,
    /// The same issuer is given twice.
    Duplicate,
    /// No key fits the allowed algorithms and can be used by the back end.
    NoUsableKey,
    /// Two keys can never be told apart: give each its own `kid`.
    AmbiguousKeys,
    /// The back end cannot do an algorithm that is allowed.
    UnsupportedAlgorithm,
    /// No cryptographic back end is there: enable `aws-lc-rs` or `rust-crypto`, or bring one.
    NoBackend,
    /// Nothing is there to fetch keys with: enable `reqwest`, or bring a fetch.
    NoFetch,
}

impl BuildError {
    pub(crate) const fn new(kind: BuildErrorKind, setting: &'static str) -> Self {
        Self { kind, setting }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// Returns the setting that is wrong: the name of the method that makes it.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }

    /// What is wrong, in words that follow the setting's name.
    pub(crate) const fn problem(&self) -> &'static str {
        match self.kind {
            BuildErrorKind::Undecided => "must be decided",
            BuildErrorKind::Empty => "is empty",
            BuildErrorKind::OutOfRange => "is out of range",
            BuildErrorKind::IllegalCharacters => "holds illegal characters",
            BuildErrorKind::InvalidUrl => "is not a usable address",
            BuildErrorKind::InsecureUrl => "is neither https nor on a loopback host",
            BuildErrorKind::Contradiction => "contradicts another setting",
            BuildErrorKind::Duplicate => "is given twice",
            BuildErrorKind::NoUsableKey => "holds no key that fits the allowed algorithms",
            BuildErrorKind::AmbiguousKeys => "holds keys that cannot be told apart: give each its own kid",
            BuildErrorKind::UnsupportedAlgorithm => "names an algorithm that the back end cannot do",
            BuildErrorKind::NoBackend => {
                "is missing: enable the feature `aws-lc-rs` or `rust-crypto`, or bring a back end"
            }
            BuildErrorKind::NoFetch => "is missing: enable the feature `reqwest`, or bring a fetch",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.setting, self.problem())
    }
}

impl std::error::Error for BuildError {}
