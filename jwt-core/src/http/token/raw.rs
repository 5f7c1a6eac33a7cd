use std::borrow::Cow;
use std::sync::Arc;

use super::source::Location;
use crate::error::ErrorKind;
use crate::http::csrf::Proof;

/// A token as it stands in the request: neither verified nor taken apart, nor has anybody looked at its bytes.
pub(crate) struct RawToken<'r> {
    pub(crate) bytes: Cow<'r, [u8]>,
    pub(crate) location: Location,
    /// What the request has shown of who sent it.
    pub(crate) proof: Proof<'r>,
    /// The `Set-Cookie` value that takes the token's cookie away.
    pub(crate) removal: Option<Arc<str>>,
}

/// Why a request has no token that could be verified.
#[derive(Debug)]
pub(crate) struct NoToken {
    pub(crate) kind: ErrorKind,
    /// The `Set-Cookie` values that let the browser do better next time.
    pub(crate) removals: Vec<String>,
}

impl From<ErrorKind> for NoToken {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, removals: Vec::new() }
    }
}

impl RawToken<'_> {
    /// The token's text, if it is made of the characters that tokens are made of. RFC 6750 section 2.1: b64token.
    pub(crate) fn text(&self) -> Result<&str, ErrorKind> {
        // What is legible is ASCII.
        let text = Some(&*self.bytes).filter(|bytes| !bytes.is_empty() && is_legible(bytes));
        text.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(ErrorKind::MalformedCredentials)
    }
}

/// Whether every byte is one of those that tokens are made of. All are looked at, with nothing to decide between them, so
/// that many are looked at in one go.
fn is_legible(bytes: &[u8]) -> bool {
    let mut illegal = 0;
    for &byte in bytes {
        illegal |= u8::from(!is_token_byte(byte));
    }
    illegal == 0
}

/// A letter, a digit, or one of `-._~+/=`.
const fn is_token_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // `-`, `.` and `/` come right before the digits.
    let digit = byte.wrapping_sub(b'-') < 13;
    letter | digit | (byte == b'_') | (byte == b'~') | (byte == b'+') | (byte == b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_of_the_bytes_of_the_grammar() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            assert_eq!(is_token_byte(byte), expected, "{byte:#x}");
            for at in 0..70 {
                let mut bytes = [b'a'; 70];
                bytes[at] = byte;
                assert_eq!(is_legible(&bytes), expected, "{byte:#x} at {at}");
            }
        }
    }
}
