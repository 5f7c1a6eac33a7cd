//! The settings that say where an issuer's keys are, and reading keys from files, strings and variables.

use std::env::VarError;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{BuildError, BuildErrorKind};
use crate::jose::Algorithm;
use crate::keys::{Key, KeyError, KeySet};
use crate::verify::TrustedIssuer;

use super::fields::{HiddenString, IssuerConfig};
use super::names::{IssuerPaths, refused};

const UNKNOWN_ALGORITHM: &str = "names an unknown algorithm: write it as tokens do, for example RS256 or EdDSA";
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

    /// Whether the key does not name its algorithm.
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

impl IssuerConfig {
    /// Returns the setting that says where keys are. There must be exactly one.
    pub(super) fn key_setting(&self, paths: &IssuerPaths<'_>) -> Result<KeySetting<'_>, BuildError> {
        for (secret, field) in [(&self.secret, "secret"), (&self.previous_secret, "previous_secret")] {
            if secret.is_some() {
                let problem = format!("is not allowed in a configuration: use {field}_file or {field}_env");
                return Err(refused(BuildErrorKind::Unknown, paths.of(field), problem));
            }
        }
        if self.metadata_url.is_some() && self.discover == Some(false) {
            return Err(paths.conflict("metadata_url", "discover"));
        }
        let mut settings = self.key_settings().into_iter();
        let Some(setting) = settings.next() else {
            if self.of_domain().is_some() {
                let instruction = "set it to the address of the domain's keys, or set another source of them";
                return Err(paths.missing("jwks_url", instruction));
            }
            if let Some(previous) = self.previous_secrets().first() {
                let problem = "is the secret before another one: set that one too, with `secret_file` or `secret_env`";
                return Err(refused(BuildErrorKind::Undecided, paths.of(previous.field), problem));
            }
            return Err(paths.missing("discover", "set it to true, or set another source of the issuer's keys"));
        };
        if let Some(second) = settings.next() {
            return Err(paths.conflict(second.field, setting.field));
        }
        let mut previous = self.previous_secrets().into_iter();
        match (previous.next(), previous.next()) {
            (Some(first), Some(second)) => return Err(paths.conflict(second.field, first.field)),
            (Some(first), None) if !setting.location.is_secret() => {
                return Err(paths.conflict(first.field, setting.field));
            }
            _ => {}
        }
        if self.dangerous_any_issuer && setting.location.is_remote() {
            return Err(paths.conflict(setting.field, "dangerous_any_issuer"));
        }
        if let Some(refresh) = &self.refresh
            && !setting.location.is_remote()
        {
            return Err(paths.conflict(refresh.first_field(), setting.field));
        }
        if self.dangerous_http_hosts.is_some() && !setting.location.is_remote() {
            return Err(paths.conflict("dangerous_http_hosts", setting.field));
        }
        if self.algorithm.is_some() && !setting.location.needs_algorithm() {
            return Err(paths.conflict("algorithm", setting.field));
        }
        Ok(setting)
    }

    pub(super) fn issuer_with_keys(
        &self,
        setting: &KeySetting<'_>,
        allowed: Option<&[Algorithm]>,
        paths: &IssuerPaths<'_>,
        inputs: &dyn Inputs,
    ) -> Result<TrustedIssuer, BuildError> {
        if setting.location.is_remote() {
            // Fetched keys are public, so a symmetric one would be no secret (RFC 7517 section 9.2).
            if allowed.is_some_and(|allowed| allowed.iter().any(|algorithm| algorithm.is_symmetric())) {
                let problem =
                    "allows a symmetric algorithm (HS256, HS384, HS512), but fetched keys are public: remove it";
                return Err(refused(BuildErrorKind::Contradiction, paths.of("algorithms"), problem));
            }
            return self.remote_issuer(setting, paths);
        }
        let given = self.algorithm.as_deref().map(|name| algorithm(name, "algorithm", paths)).transpose()?;
        let only = match allowed {
            Some(&[only]) => Some(only),
            _ => None,
        };
        let algorithm = given.or(only);
        let keys = setting.read_keys(algorithm, paths, inputs)?;
        Self::check_allowed(&keys, allowed, paths.of(setting.field))?;
        let issuer = match (&self.issuer, self.of_domain()) {
            (Some(name), _) => TrustedIssuer::new(name.as_str()),
            (None, Some(issuer)) => issuer,
            (None, None) => TrustedIssuer::dangerous_any_issuer(),
        };
        match self.previous_secrets().first() {
            // The secrets have no `kid`, so tokens cannot tell them apart.
            Some(previous) => {
                Ok(issuer.keys(&keys).keys(&previous.read_keys(algorithm, paths, inputs)?).try_keys_in_turn())
            }
            None => Ok(issuer.keys(&keys)),
        }
    }

    /// Checks that at least one key fits the allowed algorithms, whether or not the back end supports them.
    fn check_allowed(keys: &KeySet, allowed: Option<&[Algorithm]>, path: String) -> Result<(), BuildError> {
        let fits = |key: &Key| allowed.is_none_or(|allowed| key.bind(allowed).is_some());
        if keys.keys().iter().any(fits) {
            return Ok(());
        }
        let error = BuildError::new(BuildErrorKind::NoUsableKey, "keys");
        Err(match (keys.keys().first(), allowed) {
            (Some(key), Some(allowed)) if !allowed.is_empty() => {
                let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
                let found = match key.algorithm() {
                    Some(algorithm) => format!("{} for {algorithm}", key.material().family().noun()),
                    None => key.material().family().noun().to_owned(),
                };
                let problem = format!("has {found}, and `algorithms` allows only {}", names.join(", "));
                error.at(path).because(problem)
            }
            _ => error.because_of(keys.ignored_keys().first().cloned()).at(path),
        })
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
            inputs
                .read_file(path)
                .map_err(|error| refused(BuildErrorKind::Unreadable, paths.of(self.field), unreadable(path, &error)))
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
                let bytes = file(path)?;
                if let Some(problem) = misencoded(&bytes) {
                    return Err(refused(BuildErrorKind::Invalid, paths.of(self.field), problem));
                }
                one(|algorithm, bytes| Key::from_secret(algorithm, bytes), without_line_end(&bytes))
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

/// Reads the name of an algorithm.
pub(super) fn algorithm(name: &str, field: &str, paths: &IssuerPaths<'_>) -> Result<Algorithm, BuildError> {
    let unknown = |_| refused(BuildErrorKind::Invalid, paths.of(field), UNKNOWN_ALGORITHM);
    name.parse().map_err(unknown)
}

/// Says why a file cannot be read, without its name.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> String {
    let text = path.to_string_lossy();
    let reason = if text.is_empty() {
        "the name is empty".into()
    } else if text.starts_with("http://") || text.starts_with("https://") {
        "it's an address; `jwks_url` fetches a key set".into()
    } else if text.starts_with('~') || text.contains('$') {
        "it has a `~` or `$`, which only a shell replaces".into()
    } else {
        match error.kind() {
            io::ErrorKind::NotFound if path.is_relative() => {
                "there is no such file; a relative name is relative to the working directory of the process".into()
            }
            io::ErrorKind::NotFound => "there is no such file".into(),
            io::ErrorKind::PermissionDenied => "this process isn't allowed to read it".into(),
            io::ErrorKind::IsADirectory => "it's a directory".into(),
            other => other.to_string(),
        }
    };
    format!("names a file that can't be read: {reason}")
}

/// Notices bytes that Windows adds to a text. In a secret, they would make a verifier refuse every token.
pub(super) fn misencoded(bytes: &[u8]) -> Option<&'static str> {
    let is_utf16 = matches!(bytes, [0xff, 0xfe, rest @ ..] if rest.iter().skip(1).step_by(2).all(|&byte| byte == 0))
        || matches!(bytes, [0xfe, 0xff, rest @ ..] if rest.iter().step_by(2).all(|&byte| byte == 0));
    if is_utf16 {
        Some("names a file in UTF-16, and the secret's bytes would be others: save it as UTF-8")
    } else if bytes.starts_with("\u{feff}".as_bytes()) {
        Some("names a file with a byte order mark, which would be part of the secret: save it as UTF-8 without one")
    } else {
        None
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
    fn a_secret_in_another_encoding_is_noticed() {
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let big: Vec<u8> = "\u{feff}secret".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, part) in [
            (utf16("\u{feff}secret\r\n"), Some("UTF-16")),
            (big, Some("UTF-16")),
            ("\u{feff}secret".into(), Some("byte order mark")),
            (b"secret".to_vec(), None),
            (vec![0xff, 0xfe, 7, 7, 7, 7], None),
            (vec![0xef, 0xbb], None),
        ] {
            let problem = misencoded(&bytes);
            assert_eq!(problem.is_some(), part.is_some(), "{bytes:?}");
            assert!(part.is_none_or(|part| problem.is_some_and(|problem| problem.contains(part))), "{bytes:?}");
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
