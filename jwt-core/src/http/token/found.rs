use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::http::challenge::Scheme;
use crate::http::csrf::CsrfCheck;

/// Where a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// `Authorization: Bearer …`. RFC 6750 section 2.1.
    Authorization,
    /// `Authorization: DPoP …`, together with a proof of possession. RFC 9449 section 7.1.
    Dpop,
    /// A cookie.
    Cookie,
    /// A query parameter. RFC 6750 section 2.3.
    Query,
    /// A custom header.
    Header,
    /// The protocols that a WebSocket client offers. RFC 6455 section 1.9.
    WebSocketProtocol,
    /// Anywhere else. It may be a cookie, so the token gets the [CSRF check](crate::http::Csrf) of one from a cookie.
    Custom,
}

impl Location {
    /// Returns the authentication scheme that challenges to such requests are for.
    pub(crate) const fn scheme(self) -> Scheme {
        match self {
            Self::Dpop => Scheme::Dpop,
            _ => Scheme::Bearer,
        }
    }
}

/// Collects the tokens that all sources find, so that a second one is noticed.
#[derive(Default)]
pub struct Found<'r> {
    pub(super) candidates: usize,
    pub(super) first: Option<(Cow<'r, [u8]>, Location)>,
}

impl<'r> Found<'r> {
    /// Adds a token. Add empty and malformed ones too: they are checked later, and the request is rejected.
    pub fn add(&mut self, token: impl Into<Cow<'r, [u8]>>, location: Location) {
        self.candidates += 1;
        if self.first.is_none() {
            self.first = Some((token.into(), location));
        }
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("candidates", &self.candidates).finish_non_exhaustive()
    }
}

/// The one token of a request, unchecked: its bytes may be anything.
pub(crate) struct RawToken<'r> {
    pub(crate) bytes: Cow<'r, [u8]>,
    pub(crate) location: Location,
    /// The part of the CSRF check that needs the verified token. Rare, so it costs other requests only this pointer.
    pub(crate) csrf: Option<Box<CsrfCheck<'r>>>,
    /// The `Set-Cookie` values that remove the token's cookie.
    pub(crate) removal: Option<Arc<[String]>>,
}

/// Why a request has no token to verify.
#[derive(Debug)]
pub(crate) struct NoToken {
    pub(crate) kind: ErrorKind,
    /// The `Set-Cookie` values that remove the cookies at fault.
    pub(crate) removals: Vec<String>,
}

impl From<ErrorKind> for NoToken {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, removals: Vec::new() }
    }
}

impl RawToken<'_> {
    /// Returns the token as a string if it has only the characters of a `b64token`. RFC 6750 section 2.1.
    pub(crate) fn text(&self) -> Result<&str, ErrorKind> {
        // These characters are ASCII.
        let text = Some(&*self.bytes).filter(|bytes| !bytes.is_empty() && is_b64token(bytes));
        text.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(ErrorKind::MalformedCredentials)
    }
}

/// Returns whether every byte is legal in a token. The loop has no branches, so that the compiler can vectorize it.
fn is_b64token(bytes: &[u8]) -> bool {
    let mut illegal = 0;
    for &byte in bytes {
        illegal |= u8::from(!is_token_byte(byte));
    }
    illegal == 0
}

/// Returns whether this is a letter, a digit, or one of `-._~+/=`.
const fn is_token_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // `-`, `.` and `/` precede the digits in ASCII.
    let digit = byte.wrapping_sub(b'-') < 13;
    letter | digit | (byte == b'_') | (byte == b'~') | (byte == b'+') | (byte == b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bytes_of_the_grammar_are_legal_in_a_token() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            assert_eq!(is_token_byte(byte), expected, "{byte:#x}");
            for at in 0..70 {
                let mut bytes = [b'a'; 70];
                bytes[at] = byte;
                assert_eq!(is_b64token(&bytes), expected, "{byte:#x} at {at}");
            }
        }
    }
}
