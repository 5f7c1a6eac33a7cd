//! What makes a shared secret one.

use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::der;
use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;
use crate::json::{self, Unique};

/// Vets an HMAC secret; `algorithm` is known unless a JWK leaves it out.
pub(crate) fn vet(bytes: &[u8], algorithm: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
    if is_public_key(bytes) {
        return Err(KeyError::new(
            KeyErrorKind::PublicKeyAsSecret,
            "a public key or a file around a key was given as a shared secret",
        ));
    }
    // RFC 7518 section 3.2: a key of at least the size of the hash output must be used.
    let least = algorithm.and_then(Algorithm::hmac_key_bytes).unwrap_or(32);
    if bytes.len() < least {
        return Err(KeyError::short_secret(bytes.len(), least, algorithm));
    }
    Ok(KeyMaterial::Secret(Zeroizing::new(bytes.to_vec())))
}

/// Whether the bytes are something that others may know: using it as a secret would let anybody sign.
fn is_public_key(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
    if ["-----BEGIN", "---- BEGIN", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|prefix| start.starts_with(prefix.as_bytes()))
    {
        return true;
    }
    let mut jwk = false;
    if let Ok(text) = std::str::from_utf8(start) {
        let read = json::object(text, Unique::Outermost, |name, _| jwk |= matches!(name, "kty" | "keys"));
        jwk &= read.is_ok();
    }
    jwk || der::is_public_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T, KeyError>) -> Option<KeyErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn a_secret_is_at_least_as_long_as_its_hash() {
        let cases = [
            (Some(Algorithm::HS256), 0, false),
            (Some(Algorithm::HS256), 31, false),
            (Some(Algorithm::HS256), 32, true),
            (Some(Algorithm::HS384), 47, false),
            (Some(Algorithm::HS384), 48, true),
            (Some(Algorithm::HS512), 63, false),
            (Some(Algorithm::HS512), 64, true),
            (None, 31, false),
            (None, 32, true),
        ];
        for (algorithm, length, accepted) in cases {
            let expected = if accepted { None } else { Some(KeyErrorKind::TooShort) };
            assert_eq!(kind(vet(&vec![7; length], algorithm)), expected, "{algorithm:?} {length}");
        }
    }

    #[test]
    fn what_everybody_may_know_is_no_secret() {
        let padding = "x".repeat(64);
        for text in [
            format!("-----BEGIN PUBLIC KEY-----\n{padding}"),
            format!("\r\n \t-----BEGIN CERTIFICATE-----\n{padding}"),
            format!("\u{feff}-----BEGIN RSA PUBLIC KEY-----\n{padding}"),
            format!("---- BEGIN SSH2 PUBLIC KEY ----\n{padding}"),
            format!("ssh-rsa {padding}"),
            format!(" ssh-ed25519 {padding}"),
            format!("ecdsa-sha2-nistp256 {padding}"),
            format!(" {{\"kty\":\"RSA\",\"n\":\"{padding}\"}}"),
            format!("{{\"keys\":[],\"x\":\"{padding}\"}}"),
        ] {
            let refused = kind(vet(text.as_bytes(), Some(Algorithm::HS256)));
            assert_eq!(refused, Some(KeyErrorKind::PublicKeyAsSecret), "{text}");
        }
        let der = der::rsa_der(&[0xff; 256], &[1, 0, 1]);
        assert_eq!(kind(vet(&der, Some(Algorithm::HS256))), Some(KeyErrorKind::PublicKeyAsSecret));
        for text in [format!("{{{padding}"), format!("{{\"a\":\"{padding}\"}}"), format!("key -----BEGIN {padding}")] {
            assert_eq!(kind(vet(text.as_bytes(), Some(Algorithm::HS256))), None, "{text}");
        }
    }
}
