//! Where an issuer's keys come from: one of several settings, read from wherever it points.

use std::env::VarError;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::jose::Algorithm;
use crate::keys::{Key, KeyError, KeySet};

use super::error::{ConfigError, ConfigErrorKind};
use super::model::{Hidden, IssuerConfig};
use super::place::Place;

/// What a configuration points at outside itself. [`Process`] is the one that is used; tests have a double.
pub(super) trait VerifierContext {
    fn file(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>>;

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, VarError>;
}

/// The files and the environment of the process.
pub(super) struct Process;

impl VerifierContext for Process {
    fn file(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        std::fs::read(path).map(Zeroizing::new)
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, VarError> {
        std::env::var(name).map(Zeroizing::new)
    }
}

/// A setting that says where keys are, with its field.
pub(super) struct KeySetting<'c> {
    pub(super) field: &'static str,
    pub(super) from: From<'c>,
}

#[derive(Clone, Copy)]
pub(super) enum From<'c> {
    Discover,
    JwksUrl,
    JwksFile(&'c Path),
    PemFile(&'c Path),
    Pem(&'c Hidden),
    SecretFile(&'c Path),
    SecretEnv(&'c str),
    Secret(&'c Hidden),
}

impl From<'_> {
    pub(super) const fn is_remote(self) -> bool {
        matches!(self, Self::Discover | Self::JwksUrl)
    }

    /// Whether the key does not say what it is for.
    pub(super) const fn needs_algorithm(self) -> bool {
        !matches!(self, Self::Discover | Self::JwksUrl | Self::JwksFile(_))
    }
}

impl IssuerConfig {
    /// Every setting that says where keys are; more than one contradict each other.
    pub(super) fn keys(&self) -> Vec<KeySetting<'_>> {
        let discover = match (&self.metadata_url, self.discover) {
            (Some(_), _) => Some(("metadata_url", From::Discover)),
            (None, Some(true)) => Some(("discover", From::Discover)),
            _ => None,
        };
        [
            discover,
            self.jwks_url.as_ref().map(|_| ("jwks_url", From::JwksUrl)),
            self.jwks_file.as_deref().map(|path| ("jwks_file", From::JwksFile(path))),
            self.pem_file.as_deref().map(|path| ("pem_file", From::PemFile(path))),
            self.pem.as_ref().map(|pem| ("pem", From::Pem(pem))),
            self.secret_file.as_deref().map(|path| ("secret_file", From::SecretFile(path))),
            self.secret_env.as_deref().map(|name| ("secret_env", From::SecretEnv(name))),
            self.given_secret.as_ref().map(|secret| ("secret", From::Secret(secret))),
        ]
        .into_iter()
        .flatten()
        .map(|(field, from)| KeySetting { field, from })
        .collect()
    }
}

impl KeySetting<'_> {
    /// Reads keys that are at hand. Remote keys are not, and are none here.
    pub(super) fn read(
        &self,
        algorithm: Option<Algorithm>,
        place: &Place<'_>,
        around: &dyn VerifierContext,
    ) -> Result<KeySet, ConfigError> {
        let unusable = |error: KeyError| {
            ConfigError::new(
                ConfigErrorKind::UnusableKey,
                place.path(self.field),
                format!("holds no usable key: {error}"),
            )
        };
        let file = |path: &Path| {
            around.file(path).map_err(|error| {
                let problem = format!("names a file that cannot be read: {}", error.kind());
                ConfigError::new(ConfigErrorKind::Unreadable, place.path(self.field), problem)
            })
        };
        let one = |key: fn(Algorithm, &[u8]) -> Result<Key, KeyError>, bytes: &[u8]| {
            let algorithm = algorithm.ok_or_else(|| {
                ConfigError::new(ConfigErrorKind::Undecided, place.path("algorithm"), "must be decided")
            })?;
            key(algorithm, bytes).map(KeySet::from).map_err(unusable)
        };
        match self.from {
            From::Discover | From::JwksUrl => Ok(KeySet::default()),
            From::JwksFile(path) => {
                let bytes = file(path)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| {
                    ConfigError::new(
                        ConfigErrorKind::Unreadable,
                        place.path(self.field),
                        "names a file that is not UTF-8",
                    )
                })?;
                KeySet::from_jwks(text).map_err(unusable)
            }
            From::PemFile(path) => one(|algorithm, pem| Key::from_pem(algorithm, pem), &file(path)?),
            From::Pem(pem) => one(|algorithm, pem| Key::from_pem(algorithm, pem), pem.0.as_bytes()),
            From::SecretFile(path) => {
                one(|algorithm, bytes| Key::from_secret(algorithm, bytes), without_line_end(&file(path)?))
            }
            From::SecretEnv(name) => {
                let secret = around.variable(name).map_err(|error| {
                    let problem = match error {
                        VarError::NotPresent => "names a variable that is not set",
                        VarError::NotUnicode(_) => "names a variable that is not UTF-8",
                    };
                    ConfigError::new(ConfigErrorKind::Unreadable, place.path(self.field), problem)
                })?;
                one(|algorithm, bytes| Key::from_secret(algorithm, bytes), secret.as_bytes())
            }
            From::Secret(secret) => one(|algorithm, bytes| Key::from_secret(algorithm, bytes), secret.0.as_bytes()),
        }
    }
}

/// Editors and `echo` end a text with a line feed that nobody means; in bytes that are no text it may be meant.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    if std::str::from_utf8(bytes).is_err() {
        return bytes;
    }
    let Some(line) = bytes.strip_suffix(b"\n") else { return bytes };
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_no_part_of_a_secret() {
        for (bytes, expected) in [
            (&b"abc\n"[..], &b"abc"[..]),
            (b"abc\r\n", b"abc"),
            (b"abc\n\n", b"abc\n"),
            (b"abc \n", b"abc "),
            (b"abc\r", b"abc\r"),
            (b"\n", b""),
            (b"ab\xff\n", b"ab\xff\n"),
        ] {
            assert_eq!(without_line_end(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_process_lends_its_files_and_variables() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(Process.file(Path::new(manifest)).unwrap().starts_with(b"[package]"));
        assert!(Process.file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/none"))).is_err());
        assert!(Process.variable("SURELY_NOBODY_HAS_THIS_NAME").is_err());
    }
}
