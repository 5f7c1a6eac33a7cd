use std::borrow::Cow;
use std::fmt;

use crate::verify::{BuildError, BuildErrorKind};

/// The error of a configuration that no verifier can be built from.
///
/// It names the setting, by its path in the file or by its environment variable, and never contains the setting's value.
///
/// ```
/// use jwt_core::config::{ConfigErrorKind, VerifierConfig};
///
/// let variables = [("JWT_ISSUER", "https://id.example"), ("JWT_AUDEINCE", "https://api.example")];
/// let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
/// let error = VerifierConfig::from_vars("JWT", variables).unwrap_err();
/// assert_eq!(error.kind(), ConfigErrorKind::Unknown);
/// assert_eq!(error.path(), "JWT_AUDEINCE");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    path: String,
    problem: Cow<'static, str>,
}

/// What is wrong with a setting: the kinds of [`ConfigError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// There is no such setting.
    Unknown,
    /// A required setting is missing, because it has no safe default.
    Undecided,
    /// Two settings conflict, or one is given twice.
    Contradiction,
    /// The setting can't have this value.
    Invalid,
    /// The file or the environment variable that the setting names can't be read.
    Unreadable,
    /// The setting leads to no usable key.
    UnusableKey,
    /// The setting needs a feature of this crate that isn't enabled, or a part that your code has to supply.
    Missing,
}

impl ConfigErrorKind {
    /// Returns a stable name in snake case, for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Undecided => "undecided",
            Self::Contradiction => "contradiction",
            Self::Invalid => "invalid",
            Self::Unreadable => "unreadable",
            Self::UnusableKey => "unusable_key",
            Self::Missing => "missing",
        }
    }
}

impl ConfigError {
    pub(super) fn new(kind: ConfigErrorKind, path: impl Into<String>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, path: path.into(), problem: problem.into() }
    }

    pub(super) fn conflict(path: impl Into<String>, other: &str) -> Self {
        Self::new(ConfigErrorKind::Contradiction, path, format!("conflicts with {other}: remove one of them"))
    }

    /// Converts an error of the builder, with the path of the setting that caused it.
    pub(super) fn built(path: impl Into<String>, error: &BuildError) -> Self {
        let problem: Cow<'static, str> = match error.kind() {
            BuildErrorKind::AmbiguousKeys => {
                let choice = "or set try_keys_in_turn to true for the time of a rotation (at most four keys)";
                format!("{}, {choice}", error.problem()).into()
            }
            _ => match error.ignored() {
                Some(ignored) => format!("{}: {ignored}", error.problem()).into(),
                None => error.problem().into(),
            },
        };
        Self::new(kind(error.kind()), path, problem)
    }

    /// Returns the kind of error.
    #[must_use]
    pub const fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// Returns the stable name of [`kind`](Self::kind).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the path of the wrong setting, such as `issuers[1].jwks_url`, or its environment variable.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

const fn kind(kind: BuildErrorKind) -> ConfigErrorKind {
    match kind {
        BuildErrorKind::Undecided => ConfigErrorKind::Undecided,
        BuildErrorKind::Contradiction | BuildErrorKind::Duplicate => ConfigErrorKind::Contradiction,
        BuildErrorKind::NoUsableKey | BuildErrorKind::AmbiguousKeys => ConfigErrorKind::UnusableKey,
        BuildErrorKind::NoBackend | BuildErrorKind::NoFetch => ConfigErrorKind::Missing,
        BuildErrorKind::Empty
        | BuildErrorKind::OutOfRange
        | BuildErrorKind::IllegalCharacters
        | BuildErrorKind::InvalidUrl
        | BuildErrorKind::InsecureUrl
        | BuildErrorKind::UnsupportedAlgorithm => ConfigErrorKind::Invalid,
    }
}

impl From<BuildError> for ConfigError {
    /// Converts an error of [`build`](crate::VerifierBuilder::build). The path is the name of the builder's setting.
    fn from(error: BuildError) -> Self {
        Self::built(error.setting(), &error)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.problem)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_builder_keeps_its_setting_and_its_message() {
        let error = ConfigError::from(BuildError::new(BuildErrorKind::OutOfRange, "leeway"));
        assert_eq!((error.kind(), error.code(), error.path()), (ConfigErrorKind::Invalid, "invalid", "leeway"));
        assert_eq!(error.to_string(), "leeway is out of range");
    }

    #[test]
    fn errors_are_send_sync_and_clone() {
        fn assert<T: std::error::Error + Send + Sync + Clone>() {}
        assert::<ConfigError>();
    }
}
