//! The JWS compact serialization: three segments of base64url. RFC 7515 sections 3.1 and 5.2.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use smallvec::SmallVec;

use crate::error::ErrorKind;

/// Byte limits that are checked before anything is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Of the whole token. Default: 16 KiB.
    pub(crate) token: usize,
    /// Of the encoded header. Default: 4 KiB.
    pub(crate) header: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { token: 16 * 1024, header: 4 * 1024 }
    }
}

/// A token taken apart, its segments still encoded.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    signing_input: &'t str,
}

impl<'t> Compact<'t> {
    /// Splits `token`; nothing is decoded yet.
    pub(crate) fn split(token: &'t str, limits: Limits) -> Result<Self, ErrorKind> {
        if token.len() > limits.token {
            return Err(ErrorKind::TokenTooLarge);
        }
        let malformed = ErrorKind::MalformedToken;
        let (header, rest) = token.split_once('.').ok_or(malformed)?;
        if header.len() > limits.header {
            return Err(ErrorKind::TokenTooLarge);
        }
        // Anything but two dots, five segments of a JWE among them, leaves a dot in the signature.
        let (payload, signature) = rest.split_once('.').ok_or(malformed)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || signature.contains('.') {
            return Err(malformed);
        }
        let signing_input = &token[..header.len() + 1 + payload.len()];
        Ok(Self { header, payload, signature, signing_input })
    }

    /// The header's bytes, which need not be text yet.
    pub(crate) fn header(&self) -> Result<Bytes, ErrorKind> {
        decode(self.header)
    }

    /// The payload's text, which need not be JSON yet.
    pub(crate) fn payload(&self) -> Result<String, ErrorKind> {
        // What a verified token keeps is made once, here.
        let bytes = URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| ErrorKind::MalformedToken)?;
        String::from_utf8(bytes).map_err(|_| ErrorKind::MalformedToken)
    }

    /// The signature's bytes.
    pub(crate) fn signature(&self) -> Result<Bytes, ErrorKind> {
        decode(self.signature)
    }

    /// What was signed: header and payload as they stand. RFC 7515 section 5.2 step 8.
    pub(crate) const fn signing_input(&self) -> &'t [u8] {
        self.signing_input.as_bytes()
    }
}

/// Decoded bytes: on the stack, but for signatures of more than 4096 bits and headers of a size that nobody sends.
pub(crate) type Bytes = SmallVec<[u8; 512]>;

/// Strict: no padding, no characters outside the alphabet, no bits left over. RFC 7515 section 2, RFC 4648 section 3.5.
fn decode(segment: &str) -> Result<Bytes, ErrorKind> {
    let mut bytes = Bytes::from_elem(0, base64::decoded_len_estimate(segment.len()));
    let length = URL_SAFE_NO_PAD.decode_slice(segment, &mut bytes).map_err(|_| ErrorKind::MalformedToken)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads decoded bytes as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, ErrorKind> {
    std::str::from_utf8(bytes).map_err(|_| ErrorKind::MalformedToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(token: &str) -> Result<(), ErrorKind> {
        let compact = Compact::split(token, Limits::default())?;
        text(&compact.header()?)?;
        compact.payload()?;
        compact.signature()?;
        Ok(())
    }

    #[test]
    fn exactly_three_segments_are_taken_apart() {
        assert_eq!(parts("e30.e30.AA"), Ok(()));
        for token in ["", ".", "..", "a", "e30.e30", "e30.e30.", "e30..AA", ".e30.AA", "e30.e30.AA.", "a.b.c.d.e"] {
            assert_eq!(parts(token), Err(ErrorKind::MalformedToken), "{token}");
        }
        assert_eq!(parts(&".".repeat(10_000)), Err(ErrorKind::MalformedToken));
    }

    #[test]
    fn base64url_is_read_strictly_in_every_segment() {
        for bad in ["e30=", "e3 0", "e30\n", "e31", "e+0", "e/0", "e\u{0}0", "é", "e"] {
            for token in [format!("{bad}.e30.AA"), format!("e30.{bad}.AA"), format!("e30.e30.{bad}")] {
                // `e31` has bits left over only as a two-byte text; as three characters its last two bits are set.
                assert_eq!(parts(&token), Err(ErrorKind::MalformedToken), "{token:?}");
            }
        }
    }

    #[test]
    fn the_limits_are_checked_before_anything_is_decoded() {
        let limits = Limits { token: 10, header: 3 };
        assert!(Compact::split("e30.e30.AA", limits).is_ok());
        assert_eq!(Compact::split("e30.e30.AAA", limits).err(), Some(ErrorKind::TokenTooLarge));
        assert_eq!(Compact::split("e300.e30.A", limits).err(), Some(ErrorKind::TokenTooLarge));
    }
}
