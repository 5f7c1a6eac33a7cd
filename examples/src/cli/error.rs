use std::path::Path;
use std::{fmt, io};

use jwt_core::BuildError;
use jwt_core::keys::KeyError;

/// The error of a command that can't do its work. The exit status is 2 then.
#[derive(Debug)]
#[non_exhaustive]
pub enum CliError {
    /// The options don't fit together, or a value can't be used. The sentence says what to change.
    Usage(String),
    /// A file can't be read or written.
    File(String, io::Error),
    /// The verifier can't be built.
    Settings(BuildError),
    /// The output is closed, or the input can't be read.
    Io(io::Error),
}

impl CliError {
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::File(path.clone(), error)
    }

    /// A key that can't be used. `from` names its file.
    pub(super) fn key(from: &Path) -> impl Fn(KeyError) -> Self {
        let from = from.display().to_string();
        move |error| Self::Usage(format!("{from} has no key that can be used: {error}"))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(sentence) => f.write_str(sentence),
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::Settings(error) => write!(f, "no verifier can be built: {error}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CliError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage(_) => None,
            Self::File(_, error) | Self::Io(error) => Some(error),
            Self::Settings(error) => Some(error),
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        Self::Settings(error)
    }
}
