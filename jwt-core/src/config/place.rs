use super::env::Names;
use super::error::{ConfigError, ConfigErrorKind};

/// Which issuer is being built, and how errors call its settings.
pub(super) struct Place<'c> {
    pub(super) names: &'c Names,
    pub(super) index: usize,
}

impl Place<'_> {
    pub(super) fn path(&self, field: &str) -> String {
        self.names.issuer(self.index, field)
    }

    pub(super) fn contradiction(&self, field: &str, other: &str) -> ConfigError {
        ConfigError::contradiction(self.path(field), &self.path(other))
    }

    pub(super) fn undecided(&self, field: &str, instead: &str) -> ConfigError {
        let problem = format!("must be decided: {instead}");
        ConfigError::new(ConfigErrorKind::Undecided, self.path(field), problem)
    }
}
