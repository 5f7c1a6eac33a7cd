//! The JWS compact serialization: three segments of base64url. RFC 7515 sections 3.1 and 5.2.

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use smallvec::SmallVec;

use crate::error::ErrorKind;

/// Limits in bytes, checked before anything is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The limit for the whole token. Default: 16 KiB.
    pub(crate) token: usize,
    /// The limit for the encoded header. Default: 4 KiB.
    pub(crate) header: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { token: 16 * 1024, header: 4 * 1024 }
    }
}

/// A token's three segments, still encoded.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    signing_input: &'t str,
}

impl<'t> Compact<'t> {
    /// Splits `token` without decoding anything.
    pub(crate) fn split(token: &'t str, limits: Limits) -> Result<Self, ErrorKind> {
        if token.len() > limits.token {
            return Err(ErrorKind::TokenTooLarge);
        }
        let malformed = ErrorKind::MalformedToken;
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let first = dots.next().ok_or(malformed)?;
        if first > limits.header {
            return Err(ErrorKind::TokenTooLarge);
        }
        let second = dots.next().ok_or(malformed)?;
        let (header, payload, signature) = (&token[..first], &token[first + 1..second], &token[second + 1..]);
        // A JWE has five segments.
        if header.is_empty() || payload.is_empty() || signature.is_empty() || dots.next().is_some() {
            return Err(malformed);
        }
        Ok(Self { header, payload, signature, signing_input: &token[..second] })
    }

    /// The header, still encoded.
    pub(crate) const fn encoded_header(&self) -> &'t str {
        self.header
    }

    /// Decodes the header into `buffer`. It's UTF-8, but may not be JSON.
    pub(crate) fn header<'b>(&self, buffer: &'b mut Bytes) -> Result<&'b str, ErrorKind> {
        decode(self.header, buffer)?;
        text(buffer)
    }

    /// Decodes the payload into `buffer`. It's UTF-8, but may not be JSON.
    pub(crate) fn payload<'b>(&self, buffer: &'b mut Bytes) -> Result<&'b str, ErrorKind> {
        decode(self.payload, buffer)?;
        text(buffer)
    }

    /// Decodes the signature into `buffer`.
    pub(crate) fn signature<'b>(&self, buffer: &'b mut Bytes) -> Result<&'b [u8], ErrorKind> {
        decode(self.signature, buffer)?;
        Ok(buffer)
    }

    /// The bytes that were signed: the encoded header and payload. RFC 7515 section 5.2 step 8.
    pub(crate) const fn signing_input(&self) -> &'t [u8] {
        self.signing_input.as_bytes()
    }
}

/// A buffer for decoded bytes. Only longer payloads and ML-DSA signatures need an allocation.
pub(crate) type Bytes = SmallVec<[u8; INLINE_BYTES]>;

const INLINE_BYTES: usize = 1024;

fn decode(segment: &str, buffer: &mut Bytes) -> Result<(), ErrorKind> {
    static ZEROS: [u8; INLINE_BYTES] = [0; INLINE_BYTES];
    let length = decoded_length(segment.len());
    buffer.clear();
    // One copy is faster than filling byte by byte.
    buffer.extend_from_slice(&ZEROS[..length.min(INLINE_BYTES)]);
    buffer.resize(length, 0);
    decode_base64url(segment.as_bytes(), buffer)
}

fn text(bytes: &[u8]) -> Result<&str, ErrorKind> {
    std::str::from_utf8(bytes).map_err(|_| ErrorKind::MalformedToken)
}

/// How many bytes a text of this length decodes to.
const fn decoded_length(length: usize) -> usize {
    length / 4 * 3 + length % 4 * 3 / 4
}

/// Decodes base64url strictly into `bytes`, which must be [`decoded_length`] long. No padding, no character outside
/// the alphabet, no leftover bits: each byte string has exactly one encoding. RFC 7515 section 2, RFC 4648 section
/// 3.5.
fn decode_base64url(segment: &[u8], bytes: &mut [u8]) -> Result<(), ErrorKind> {
    if bytes.len() != decoded_length(segment.len()) {
        return Err(ErrorKind::MalformedToken);
    }
    URL_SAFE_NO_PAD.decode(segment, bytes.as_out()).map(drop).map_err(|_| ErrorKind::MalformedToken)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn parts(token: &str) -> Result<(), ErrorKind> {
        let compact = Compact::split(token, Limits::default())?;
        let mut buffer = Bytes::new();
        compact.header(&mut buffer)?;
        compact.payload(&mut buffer)?;
        compact.signature(&mut buffer)?;
        Ok(())
    }

    #[test]
    fn a_token_has_exactly_three_segments() {
        assert_eq!(parts("e30.e30.AA"), Ok(()));
        for token in ["", ".", "..", "a", "e30.e30", "e30.e30.", "e30..AA", ".e30.AA", "e30.e30.AA.", "a.b.c.d.e"] {
            assert_eq!(parts(token), Err(ErrorKind::MalformedToken), "{token}");
        }
        assert_eq!(parts(&".".repeat(10_000)), Err(ErrorKind::MalformedToken));
    }

    #[test]
    fn every_segment_must_be_strict_base64url() {
        for bad in ["e30=", "e3 0", "e30\n", "e31", "e+0", "e/0", "e\u{0}0", "é", "e"] {
            for token in [format!("{bad}.e30.AA"), format!("e30.{bad}.AA"), format!("e30.e30.{bad}")] {
                // The last two bits of `e31` aren't zero, although they don't encode anything.
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

    fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = vec![0; decoded_length(segment.len())];
        decode_base64url(segment, &mut bytes).ok().map(|()| bytes)
    }

    #[test]
    fn encoded_bytes_are_decoded_unchanged() {
        for length in 0..100u8 {
            for start in [0, 77, 160, 255] {
                let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(151).wrapping_add(start)).collect();
                assert_eq!(decoded(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), Some(bytes));
            }
        }
    }

    #[test]
    fn every_byte_at_every_position_is_accepted_only_if_another_strict_decoder_accepts_it() {
        for length in 0..=34 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut segment = vec![b'A'; length];
                    segment[place] = byte;
                    assert_eq!(decoded(&segment), URL_SAFE_NO_PAD.decode(&segment).ok(), "{}", segment.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn a_buffer_of_the_wrong_length_is_an_error() {
        for length in [0, 1, 2, 4, 5, 6, 7] {
            assert!(decode_base64url(b"AAAA", &mut vec![0; length]).is_err(), "{length}");
        }
        for length in [0, 2, 3, 4] {
            assert!(decode_base64url(b"AA", &mut vec![0; length]).is_err(), "{length}");
        }
    }
}
