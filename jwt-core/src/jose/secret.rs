//! The checks that a shared secret passes.

use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::der;
use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;
use crate::json::{self, Unique};

/// Checks an HMAC secret. `algorithm` is `None` if a JWK doesn't name one.
pub(crate) fn vet(bytes: &[u8], algorithm: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
    if is_key_file(bytes) {
        return Err(KeyError::new(
            KeyErrorKind::PublicKeyAsSecret,
            "a public key or a key file was given as a shared secret; anyone who knows a public key could sign with it",
        ));
    }
    // RFC 7518 section 3.2: the key must be at least as long as the hash.
    let least = algorithm.and_then(Algorithm::hmac_key_bytes).unwrap_or(32);
    if bytes.len() < least {
        return Err(KeyError::short_secret(bytes.len(), least, algorithm));
    }
    Ok(KeyMaterial::Secret(Zeroizing::new(bytes.to_vec())))
}

/// Whether the bytes are a public key, or a file that holds a key. If one is used as a secret, everyone who knows it
/// can sign tokens.
fn is_key_file(bytes: &[u8]) -> bool {
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
    fn a_secret_shorter_than_its_hash_is_refused() {
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
    fn the_error_for_a_short_secret_has_both_lengths() {
        let message = |algorithm, length| vet(&vec![7; length], algorithm).unwrap_err().to_string();
        let expected = "the secret has 31 bytes; HS256 needs at least 32 (`openssl rand -hex 32`)";
        assert_eq!(message(Some(Algorithm::HS256), 31), expected);
        assert_eq!(message(None, 5), "the secret has 5 bytes; at least 32 are needed (`openssl rand -hex 32`)");
    }

    #[test]
    fn a_public_key_is_refused_as_a_secret_in_every_format() {
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
