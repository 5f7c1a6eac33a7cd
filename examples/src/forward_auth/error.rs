use std::path::Path;
use std::{fmt, io};

use jwt_core::BuildError;
use jwt_core::verify::KeyFetchErrors;

/// The error of a gate that can't start or reload.
#[derive(Debug)]
#[non_exhaustive]
pub enum GateError {
    /// The configuration file can't be read.
    File(String, io::Error),
    /// The configuration file doesn't have the right form.
    Form(String, String),
    /// A setting can't be used.
    Settings(BuildError),
    /// The keys of the new settings can't be fetched, so the old ones stay.
    Keys(KeyFetchErrors),
    /// The gate can't listen on its address.
    Listen(io::Error),
}

impl GateError {
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::File(path.clone(), error)
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::Form(path, problem) => write!(f, "{path} is not a configuration: {problem}"),
            Self::Settings(error) => write!(f, "{error}"),
            Self::Keys(error) => write!(f, "{error}"),
            Self::Listen(error) => write!(f, "cannot listen (`listen` in the configuration): {error}"),
        }
    }
}

impl std::error::Error for GateError {}

impl From<BuildError> for GateError {
    fn from(error: BuildError) -> Self {
        Self::Settings(error)
    }
}
