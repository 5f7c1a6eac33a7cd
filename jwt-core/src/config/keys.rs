//! The settings that say where an issuer's keys are, and reading keys from files, strings and variables.

use std::env::VarError;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{BuildError, BuildErrorKind};
use crate::jose::Algorithm;
use crate::keys::{Key, KeyError, KeySet};

use super::fields::{HiddenString, IssuerConfig};
use super::names::{IssuerPaths, refused};

const NO_ALGORITHM: &str = "is missing: a secret or a PEM doesn't name the algorithm of its key";

/// Reads the files and environment variables that a configuration names.
pub(super) trait Inputs {
    fn read_file(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>>;

    fn read_variable(&self, name: &str) -> Result<Zeroizing<String>, VarError>;
}

/// Reads from the process's file system and environment.
pub(super) struct ProcessInputs;

impl Inputs for ProcessInputs {
    fn read_file(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        std::fs::read(path).map(Zeroizing::new)
    }

    fn read_variable(&self, name: &str) -> Result<Zeroizing<String>, VarError> {
        std::env::var(name).map(Zeroizing::new)
    }
}

/// A setting that says where keys are, and the name of its field.
pub(super) struct KeySetting<'c> {
    pub(super) field: &'static str,
    pub(super) location: KeyLocation<'c>,
}

#[derive(Clone, Copy)]
pub(super) enum KeyLocation<'c> {
    Discover,
    JwksUrl,
    JwksFile(&'c Path),
    /// A JWK Set of a SPIFFE trust domain.
    Bundle(&'c Path),
    PemFile(&'c Path),
    Pem(&'c HiddenString),
    SecretFile(&'c Path),
    SecretEnv(&'c str),
    Secret(&'c HiddenString),
}

impl KeyLocation<'_> {
    pub(super) const fn is_remote(self) -> bool {
        matches!(self, Self::Discover | Self::JwksUrl)
    }

    pub(super) const fn is_secret(self) -> bool {
        matches!(self, Self::SecretFile(_) | Self::SecretEnv(_) | Self::Secret(_))
    }

    /// Whether the key doesn't name its algorithm.
    pub(super) const fn needs_algorithm(self) -> bool {
        !matches!(self, Self::Discover | Self::JwksUrl | Self::JwksFile(_) | Self::Bundle(_))
    }
}

impl IssuerConfig {
    /// Returns every setting that says where keys are. Only one is allowed.
    pub(super) fn key_settings(&self) -> Vec<KeySetting<'_>> {
        let discover = match (&self.metadata_url, self.discover) {
            (Some(_), _) => Some(("metadata_url", KeyLocation::Discover)),
            (None, Some(true)) => Some(("discover", KeyLocation::Discover)),
            _ => None,
        };
        let set = if self.spiffe.is_some() { KeyLocation::Bundle } else { KeyLocation::JwksFile };
        [
            discover,
            self.jwks_url.as_ref().map(|_| ("jwks_url", KeyLocation::JwksUrl)),
            self.jwks_file.as_deref().map(|path| ("jwks_file", set(path))),
            self.pem_file.as_deref().map(|path| ("pem_file", KeyLocation::PemFile(path))),
            self.pem.as_ref().map(|pem| ("pem", KeyLocation::Pem(pem))),
            self.secret_file.as_deref().map(|path| ("secret_file", KeyLocation::SecretFile(path))),
            self.secret_env.as_deref().map(|name| ("secret_env", KeyLocation::SecretEnv(name))),
            self.given_secret.as_ref().map(|secret| ("secret", KeyLocation::Secret(secret))),
        ]
        .into_iter()
        .flatten()
        .map(|(field, location)| KeySetting { field, location })
        .collect()
    }
}

impl IssuerConfig {
    /// Returns every setting that holds or locates the previous secret. Only one is allowed, beside a secret.
    pub(super) fn previous_secrets(&self) -> Vec<KeySetting<'_>> {
        let file = self.previous_secret_file.as_deref();
        [
            file.map(|path| ("previous_secret_file", KeyLocation::SecretFile(path))),
            self.previous_secret_env.as_deref().map(|name| ("previous_secret_env", KeyLocation::SecretEnv(name))),
            self.given_previous_secret.as_ref().map(|secret| ("previous_secret", KeyLocation::Secret(secret))),
        ]
        .into_iter()
        .flatten()
        .map(|(field, location)| KeySetting { field, location })
        .collect()
    }
}

impl KeySetting<'_> {
    /// Reads the keys. For keys that are fetched later, the set is empty.
    pub(super) fn read_keys(
        &self,
        algorithm: Option<Algorithm>,
        paths: &IssuerPaths<'_>,
        inputs: &dyn Inputs,
    ) -> Result<KeySet, BuildError> {
        let unusable = |error: KeyError| {
            refused(BuildErrorKind::UnusableKey, paths.of(self.field), format!("holds no usable key: {error}"))
        };
        let file = |path: &Path| {
            inputs.read_file(path).map_err(|error| {
                let problem = format!("names a file that cannot be read: {}", error.kind());
                refused(BuildErrorKind::Unreadable, paths.of(self.field), problem)
            })
        };
        let one = |key: fn(Algorithm, &[u8]) -> Result<Key, KeyError>, bytes: &[u8]| {
            let algorithm =
                algorithm.ok_or_else(|| refused(BuildErrorKind::Undecided, paths.of("algorithm"), NO_ALGORITHM))?;
            key(algorithm, bytes).map(KeySet::from).map_err(unusable)
        };
        match self.location {
            KeyLocation::Discover | KeyLocation::JwksUrl => Ok(KeySet::default()),
            KeyLocation::JwksFile(path) | KeyLocation::Bundle(path) => {
                let bytes = file(path)?;
                let text = std::str::from_utf8(&bytes).map_err(|_| {
                    refused(BuildErrorKind::Unreadable, paths.of(self.field), "names a file that is not valid UTF-8")
                })?;
                let is_bundle = matches!(self.location, KeyLocation::Bundle(_));
                if is_bundle { KeySet::from_spiffe_bundle(text) } else { KeySet::from_jwks(text) }.map_err(unusable)
            }
            KeyLocation::PemFile(path) => one(|algorithm, pem| Key::from_pem(algorithm, pem), &file(path)?),
            KeyLocation::Pem(pem) => one(|algorithm, pem| Key::from_pem(algorithm, pem), pem.0.as_bytes()),
            KeyLocation::SecretFile(path) => {
                one(|algorithm, bytes| Key::from_secret(algorithm, bytes), without_line_end(&file(path)?))
            }
            KeyLocation::SecretEnv(name) => {
                let secret = inputs.read_variable(name).map_err(|error| {
                    let problem = match error {
                        VarError::NotPresent => "names a variable that is not set",
                        VarError::NotUnicode(_) => "names a variable that is not valid UTF-8",
                    };
                    refused(BuildErrorKind::Unreadable, paths.of(self.field), problem)
                })?;
                one(|algorithm, bytes| Key::from_secret(algorithm, bytes), secret.as_bytes())
            }
            KeyLocation::Secret(secret) => {
                one(|algorithm, bytes| Key::from_secret(algorithm, bytes), secret.0.as_bytes())
            }
        }
    }
}

/// Removes the line end that editors and `echo` add. In a secret that isn't UTF-8, the last byte may be part of it.
pub(super) fn without_line_end(bytes: &[u8]) -> &[u8] {
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
    fn one_line_end_is_removed_from_a_secret() {
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
    fn files_and_variables_of_the_process_are_read() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(ProcessInputs.read_file(Path::new(manifest)).unwrap().starts_with(b"[package]"));
        assert!(ProcessInputs.read_file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/none"))).is_err());
        assert!(ProcessInputs.read_variable("A_NAME_THAT_IS_NOT_IN_USE").is_err());
    }
}
