//! Reads a key of any kind from a file: private, public or a secret, as PEM or as a JWK.

use std::fs;
use std::path::Path;

use jwt_core::Algorithm;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::keys::{Key, KeyError};
use serde_json::Value;

use super::CliError;
use super::trust::public_keys;

/// A key of a file.
pub(super) enum KeyFile {
    Private(SigningKey),
    Public(Key),
}

impl KeyFile {
    /// Reads the file's only key. A PEM file doesn't say its algorithm, so the first one that fits is used unless one is given.
    pub(super) fn read(path: &Path, algorithm: Option<Algorithm>) -> Result<Self, CliError> {
        let bytes = fs::read(path).map_err(CliError::file(path))?;
        let wrong = CliError::key(path);
        let text = String::from_utf8_lossy(&bytes);
        let is_private = match serde_json::from_str::<Value>(&text) {
            Ok(jwk) => ["d", "k", "priv"].iter().any(|member| jwk.get(member).is_some()),
            Err(_) => text.contains("PRIVATE KEY"),
        };
        if is_private {
            return signing_key(&bytes, &text, algorithm).map(Self::Private).map_err(wrong);
        }
        let set = public_keys(&bytes, algorithm.as_slice()).map_err(&wrong)?;
        match set.keys() {
            [key] => Ok(Self::Public(key.clone())),
            keys => {
                Err(CliError::Usage(format!("{} has {} keys that can be used: give one", path.display(), keys.len())))
            }
        }
    }

    /// Returns the key that verifies.
    pub(super) fn verification_key(&self) -> Key {
        match self {
            Self::Private(key) => key.verification_key(),
            Self::Public(key) => key.clone(),
        }
    }

    /// Gives the key this name, or else keeps its own, or else takes its thumbprint. RFC 7638.
    pub(super) fn named(self, kid: Option<&str>) -> Self {
        let key = self.verification_key();
        let Some(kid) = kid.or(key.kid()).map(str::to_owned).or_else(|| thumbprint(&key)) else { return self };
        match self {
            Self::Private(key) => Self::Private(key.with_kid(kid)),
            Self::Public(key) => Self::Public(key.with_kid(kid)),
        }
    }
}

/// Returns the name that a public key has by its content. `None` for a secret.
pub(super) fn thumbprint(key: &Key) -> Option<String> {
    Backend::compiled_in()?.thumbprint(key)
}

fn signing_key(bytes: &[u8], text: &str, algorithm: Option<Algorithm>) -> Result<SigningKey, KeyError> {
    let read = |algorithm: Algorithm| match text.trim_start().starts_with('{') {
        true => SigningKey::from_jwk(algorithm, text),
        false => SigningKey::from_pem(algorithm, bytes),
    };
    match algorithm {
        Some(algorithm) => read(algorithm),
        // If no algorithm fits, the error of one of them names the fault of the key.
        None => {
            Algorithm::ALL.iter().find_map(|algorithm| read(*algorithm).ok()).map_or_else(|| read(Algorithm::ES256), Ok)
        }
    }
}
