//! What errors call a setting: its path in a file, or its environment variable.

use super::error::{ConfigError, ConfigErrorKind};

/// How the settings of a configuration are named in its errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// By their path in the file: `issuers[0].audience`.
    #[default]
    Paths,
    /// By their environment variable, which starts with this prefix: `JWT_AUDIENCE`.
    Variables(String),
}

impl Names {
    /// The name of a setting of the whole verifier.
    pub(super) fn verifier(&self, field: &str) -> String {
        match self {
            Self::Paths => field.to_owned(),
            Self::Variables(prefix) => format!("{prefix}_{}", variable(field)),
        }
    }

    /// The name of a setting of one issuer.
    pub(super) fn issuer(&self, index: usize, field: &str) -> String {
        match self {
            Self::Paths => format!("issuers[{index}].{field}"),
            Self::Variables(prefix) => format!("{prefix}_{}", variable(field)),
        }
    }
}

/// The environment variable of a field, without the prefix: `refresh.timeout` becomes `REFRESH_TIMEOUT`.
pub(super) fn variable(field: &str) -> String {
    field.replace('.', "_").to_ascii_uppercase()
}

/// Names the settings of one issuer in errors.
pub(super) struct IssuerPaths<'c> {
    pub(super) names: &'c Names,
    pub(super) index: usize,
}

impl IssuerPaths<'_> {
    pub(super) fn of(&self, field: &str) -> String {
        self.names.issuer(self.index, field)
    }

    pub(super) fn conflict(&self, field: &str, other: &str) -> ConfigError {
        ConfigError::conflict(self.of(field), &self.of(other))
    }

    pub(super) fn missing(&self, field: &str, instruction: &str) -> ConfigError {
        let problem = format!("is missing: {instruction}");
        ConfigError::new(ConfigErrorKind::Undecided, self.of(field), problem)
    }
}
