//! The public key of the issuer in the forms that attackers use as an HMAC secret.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_core::crypto::SigningKey;
use serde_json::Value;

/// Returns a public key's PEM text.
pub(crate) fn from_pem(key: &SigningKey) -> Vec<u8> {
    let jwk = key.public_jwk().unwrap_or_default();
    let number = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default()).unwrap_or_default();
        der(0x02, &[&[0], &bytes[..]].concat())
    };
    // RFC 5280 section 4.1: SubjectPublicKeyInfo, with rsaEncryption and NULL.
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    let key = der(0x30, &[number("n"), short(&number("e"))].concat());
    let info = der(0x30, &[&algorithm[..], &der(0x03, &[&[0], &key[..]].concat())].concat());
    let text = STANDARD.encode(info);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")).into_bytes()
}

/// Returns a public key's JWK.
pub(crate) fn from_jwk(key: &SigningKey) -> Vec<u8> {
    key.public_jwk().as_ref().map(Value::to_string).unwrap_or_default().into_bytes()
}

/// Returns an RSA key's modulus.
pub(crate) fn from_modulus(key: &SigningKey) -> Vec<u8> {
    let jwk = key.public_jwk().unwrap_or_default();
    URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap_or_default()).unwrap_or_default()
}

/// Drops the sign octet of a small number: 65537 doesn't need it.
fn short(number: &[u8]) -> Vec<u8> {
    match number {
        [tag, length, 0, rest @ ..] if rest.first().is_some_and(|first| *first < 0x80) => {
            [&[*tag, length - 1][..], rest].concat()
        }
        _ => number.to_vec(),
    }
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match u8::try_from(length) {
        Ok(length @ ..128) => vec![tag, length],
        Ok(length) => vec![tag, 0x81, length],
        Err(_) => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}
