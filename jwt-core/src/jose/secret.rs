//! The checks that a shared secret passes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::der;
use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;
use crate::json::{self, Unique};

/// Checks an HMAC secret. `algorithm` is `None` if a JWK does not name one.
pub(crate) fn vet(bytes: &[u8], algorithm: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
    if is_public(bytes) {
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

/// Whether the bytes are a public key, or a file that holds a key, as they are or encoded. If one is used as a secret, everyone
/// who knows it can sign tokens.
fn is_public(bytes: &[u8]) -> bool {
    is_key_file(bytes) || decoded(bytes).is_some_and(|decoded| is_key_file(&decoded))
}

/// Decodes text in base64 or hexadecimal, or in UTF-16. `None` if it's in none of them.
fn decoded(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if bytes.iter().take(2).any(|&byte| byte == 0) || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let ascii = bytes.iter().copied().filter(|&byte| !matches!(byte, 0 | 0xff | 0xfe));
        return Some(Zeroizing::new(ascii.collect()));
    }
    let text = Zeroizing::new(
        bytes
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=')
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect::<Vec<u8>>(),
    );
    let digits = text.iter().map(|&byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    if let Some(digits) = digits.collect::<Option<Vec<u8>>>().map(Zeroizing::new) {
        return Some(Zeroizing::new(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()));
    }
    STANDARD_NO_PAD.decode(&*text).ok().map(Zeroizing::new)
}

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
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{padding}\n-----END PUBLIC KEY-----\n");
        let jwk = format!("{{\"kty\":\"EC\",\"x\":\"{padding}\"}}");
        let hex: String = der.iter().map(|byte| format!("{byte:02X}")).collect();
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for bytes in [
            der.clone(),
            hex.clone().into_bytes(),
            hex.to_lowercase().into_bytes(),
            STANDARD.encode(&der).into_bytes(),
            URL_SAFE_NO_PAD.encode(&der).into_bytes(),
            format!("{}\n", STANDARD.encode(&der).as_str().replacen("A", "A\n", 3)).into_bytes(),
            STANDARD.encode(&pem).into_bytes(),
            STANDARD.encode(format!("\u{feff}{pem}")).into_bytes(),
            STANDARD.encode(&jwk).into_bytes(),
            utf16(&pem),
            utf16(&format!("\u{feff}{pem}")),
            pem.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ] {
            let refused = kind(vet(&bytes, Some(Algorithm::HS256)));
            assert_eq!(refused, Some(KeyErrorKind::PublicKeyAsSecret), "{}", String::from_utf8_lossy(&bytes));
        }
        for secret in [hex[..64].to_owned(), STANDARD.encode([7; 48]), STANDARD.encode(padding.as_bytes())] {
            assert_eq!(kind(vet(secret.as_bytes(), Some(Algorithm::HS256))), None, "{secret}");
        }
        for text in [format!("{{{padding}"), format!("{{\"a\":\"{padding}\"}}"), format!("key -----BEGIN {padding}")] {
            assert_eq!(kind(vet(text.as_bytes(), Some(Algorithm::HS256))), None, "{text}");
        }
    }
}
