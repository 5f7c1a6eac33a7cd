use std::sync::OnceLock;

use arrayvec::ArrayString;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claim;
use crate::json::{self, Unique, Value};

/// A SHA-256 hash in base64url.
pub(crate) type HashText = ArrayString<43>;

/// The claim `cnf`: the key or the certificate of the token's sender. RFC 7800 section 3.1.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    /// `jkt`: the thumbprint of a public key. RFC 9449 section 6.1.
    pub(crate) key: Option<[u8; 32]>,
    /// `x5t#S256`: the hash of a certificate. RFC 8705 section 3.1.
    pub(crate) certificate: Option<[u8; 32]>,
    /// The hash of the token, once a proof was compared with it.
    pub(crate) token_hash: OnceLock<HashText>,
}

impl Confirmation {
    /// Reads the claim from a payload. `None` if it isn't an object, or has a member that isn't a hash.
    ///
    /// RFC 7800 section 3.1: members that are not understood are ignored.
    pub(crate) fn read(payload: &str) -> Option<Self> {
        let Some(Value::Object(text)) = claim(payload, "cnf") else { return None };
        let (mut confirmation, mut is_valid) = (Self::default(), true);
        let read = json::object(text, Unique::Outermost, |name, value| {
            let slot = match name {
                "jkt" => &mut confirmation.key,
                "x5t#S256" => &mut confirmation.certificate,
                _ => return,
            };
            *slot = value.as_text().and_then(|text| hash(&text));
            is_valid &= slot.is_some();
        });
        (read.is_ok() && is_valid).then_some(confirmation)
    }
}

/// Decodes a SHA-256 hash: base64url without padding.
fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 33];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    if length == 32 { bytes.first_chunk().copied() } else { None }
}

/// Encodes a SHA-256 hash.
pub(crate) fn hash_text(hash: &[u8; 32]) -> HashText {
    let mut text = [0; 43];
    // 32 bytes become exactly 43 characters.
    let _ = URL_SAFE_NO_PAD.encode_slice(hash, &mut text);
    std::str::from_utf8(&text).ok().and_then(|text| HashText::from(text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_are_read_and_other_members_are_ignored() {
        let zeros = "A".repeat(43);
        for (cnf, expected) in [
            (format!(r#"{{"jkt":"{zeros}"}}"#), Some((true, false))),
            (format!(r#"{{"x5t#S256":"{zeros}"}}"#), Some((false, true))),
            (format!(r#"{{"jkt":"{zeros}","x5t#S256":"{zeros}","jwk":{{}},"kid":5}}"#), Some((true, true))),
            (r#"{"jwk":{}}"#.to_owned(), Some((false, false))),
            ("{}".to_owned(), Some((false, false))),
            ("null".to_owned(), None),
            ("[]".to_owned(), None),
            (format!("\"{zeros}\""), None),
            (r#"{"jkt":"x"}"#.to_owned(), None),
            (r#"{"jkt":null}"#.to_owned(), None),
            (format!(r#"{{"jkt":"{zeros}="}}"#), None),
            (format!(r#"{{"jkt":"{}B"}}"#, "A".repeat(42)), None),
            (format!(r#"{{"jkt":"{}"}}"#, "A".repeat(44)), None),
            (format!(r#"{{"jkt":"{zeros}","x5t#S256":7}}"#), None),
        ] {
            let read = Confirmation::read(&format!(r#"{{"sub":"a","cnf":{cnf}}}"#));
            assert_eq!(read.map(|read| (read.key.is_some(), read.certificate.is_some())), expected, "{cnf}");
        }
        assert!(Confirmation::read("{}").is_none());
    }

    #[test]
    fn a_hash_is_encoded_and_decoded_unchanged() {
        let bytes: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 7 % 256).expect("a byte"));
        assert_eq!(hash(&hash_text(&bytes)), Some(bytes));
    }
}
