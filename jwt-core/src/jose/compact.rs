//! The JWS compact serialization: three segments of base64url. RFC 7515 sections 3.1 and 5.2.

use std::mem::MaybeUninit;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};

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
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
    signing_input: &'t [u8],
}

impl<'t> Compact<'t> {
    /// Splits `token` without decoding anything. Whether it's text at all shows when its segments are decoded.
    pub(crate) fn split(token: &'t [u8], limits: Limits) -> Result<Self, ErrorKind> {
        if token.len() > limits.token {
            return Err(ErrorKind::TokenTooLarge);
        }
        let malformed = ErrorKind::MalformedToken;
        let mut dots = memchr::memchr_iter(b'.', token);
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
    pub(crate) const fn encoded_header(&self) -> &'t [u8] {
        self.header
    }

    /// Decodes the header into `buffer`. It's UTF-8, but may not be JSON.
    pub(crate) fn header<'b>(&self, buffer: &'b mut Bytes) -> Result<&'b str, ErrorKind> {
        text(buffer.decode(self.header)?)
    }

    /// Decodes the payload into `buffer`. It's UTF-8, but may not be JSON.
    pub(crate) fn payload<'b>(&self, buffer: &'b mut Bytes) -> Result<&'b str, ErrorKind> {
        text(buffer.decode(self.payload)?)
    }

    /// Decodes the signature into `buffer`.
    pub(crate) fn signature<'b>(&self, buffer: &'b mut SignatureBytes) -> Result<&'b [u8], ErrorKind> {
        buffer.decode(self.signature)
    }

    /// The bytes that were signed: the encoded header and payload. RFC 7515 section 5.2 step 8.
    pub(crate) const fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }
}

/// A buffer for a decoded header or payload. Only longer ones need an allocation.
pub(crate) type Bytes = Buffer<1024>;

/// A buffer for a decoded signature. Those of ML-DSA-87 fit.
pub(crate) type SignatureBytes = Buffer<4627>;

/// Space for `INLINE` decoded bytes, and an allocation for more. It isn't filled before bytes are decoded into it.
pub(crate) struct Buffer<const INLINE: usize> {
    inline: [MaybeUninit<u8>; INLINE],
    allocated: Vec<u8>,
}

impl<const INLINE: usize> Buffer<INLINE> {
    pub(crate) const fn new() -> Self {
        Self { inline: [const { MaybeUninit::uninit() }; INLINE], allocated: Vec::new() }
    }

    /// Decodes base64url strictly. No padding, no character outside the alphabet, no leftover bits: each byte string has exactly
    /// one encoding. RFC 7515 section 2, RFC 4648 section 3.5.
    fn decode(&mut self, segment: &[u8]) -> Result<&[u8], ErrorKind> {
        let malformed = |_| ErrorKind::MalformedToken;
        match self.inline.get_mut(..decoded_length(segment.len())) {
            Some(inline) => URL_SAFE_NO_PAD.decode(segment, inline.as_out()).map(|bytes| &*bytes).map_err(malformed),
            None => {
                self.allocated = URL_SAFE_NO_PAD.decode_to_vec(segment).map_err(malformed)?;
                Ok(&self.allocated)
            }
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, ErrorKind> {
    std::str::from_utf8(bytes).map_err(|_| ErrorKind::MalformedToken)
}

/// How many bytes a text of this length decodes to.
const fn decoded_length(length: usize) -> usize {
    length / 4 * 3 + length % 4 * 3 / 4
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn parts(token: &str) -> Result<(), ErrorKind> {
        let compact = Compact::split(token.as_bytes(), Limits::default())?;
        let mut buffer = Bytes::new();
        compact.header(&mut buffer)?;
        compact.payload(&mut buffer)?;
        compact.signature(&mut SignatureBytes::new())?;
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
                // The last two bits of `e31` are not zero, although they don't encode anything.
                assert_eq!(parts(&token), Err(ErrorKind::MalformedToken), "{token:?}");
            }
        }
    }

    #[test]
    fn the_limits_are_checked_before_anything_is_decoded() {
        let limits = Limits { token: 10, header: 3 };
        assert!(Compact::split(b"e30.e30.AA", limits).is_ok());
        assert_eq!(Compact::split(b"e30.e30.AAA", limits).err(), Some(ErrorKind::TokenTooLarge));
        assert_eq!(Compact::split(b"e300.e30.A", limits).err(), Some(ErrorKind::TokenTooLarge));
    }

    fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
        Bytes::new().decode(segment).ok().map(<[u8]>::to_vec)
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
    fn bytes_are_decoded_alike_with_and_without_an_allocation() {
        for length in [1021, 1022, 1023, 1024, 1025, 1026, 1027, 4627, 4628, 9000] {
            let bytes: Vec<u8> = (0..length).map(|at: usize| (at % 251) as u8).collect();
            let encoded = URL_SAFE_NO_PAD.encode(&bytes);
            let (mut short, mut long) = (Bytes::new(), SignatureBytes::new());
            for _ in 0..2 {
                assert_eq!(short.decode(encoded.as_bytes()), Ok(&*bytes), "{length}");
                assert_eq!(long.decode(encoded.as_bytes()), Ok(&*bytes), "{length}");
            }
            for wrong in [format!("{encoded}="), format!("{encoded}."), encoded.replacen('A', "+", 1)] {
                assert!(short.decode(wrong.as_bytes()).is_err() && long.decode(wrong.as_bytes()).is_err(), "{length}");
            }
        }
    }
}
