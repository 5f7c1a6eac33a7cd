use std::path::PathBuf;
use std::{fmt, io};

use jwt_core::BuildError;
use jwt_core::keys::KeyError;

/// The error of a demo that can't start.
#[derive(Debug)]
#[non_exhaustive]
pub enum DemoError {
    /// A server cannot listen on its port.
    Port {
        /// The port.
        port: u16,
        /// The option that sets the port.
        option: &'static str,
        /// The error of the system.
        error: io::Error,
    },
    /// No verifier can be built for the issuer.
    Issuer {
        /// The issuer.
        issuer: String,
        /// The error of the builder.
        error: BuildError,
    },
    /// The embedded issuer can't create its key.
    Key(KeyError),
    /// A file for TLS can't be used.
    Tls {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        file: PathBuf,
        /// The problem with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { port, option, error } if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "port {port} is taken: choose another with {option} (0 takes a free one)")
            }
            Self::Port { port, option, error } => write!(f, "cannot listen on port {port} ({option}): {error}"),
            Self::Issuer { issuer, error } => write!(f, "no verifier can be built for the issuer {issuer}: {error}"),
            Self::Key(error) => write!(f, "the embedded issuer cannot create its key: {error}"),
            Self::Tls { option, file, error } => write!(f, "cannot use {} ({option}): {error}", file.display()),
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Port { error, .. } => Some(error),
            Self::Issuer { error, .. } => Some(error),
            Self::Key(error) => Some(error),
            Self::Tls { error, .. } => Some(&**error),
        }
    }
}

impl From<KeyError> for DemoError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
