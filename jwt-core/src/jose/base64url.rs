//! The strict decoder of base64url, for what stands in tokens: it runs for each request, three times.
//!
//! No padding, no character outside the alphabet, no bits left over: RFC 7515 section 2, RFC 4648 section 3.5. Exactly one
//! text decodes to given bytes.

use base64_simd::{AsOut, URL_SAFE_NO_PAD};

use crate::error::ErrorKind;

/// The bytes that a text of this length decodes to.
pub(crate) const fn decoded_length(length: usize) -> usize {
    length / 4 * 3 + length % 4 * 3 / 4
}

/// Decodes `segment` into `bytes`, which must be [`decoded_length`] long.
pub(crate) fn decode(segment: &[u8], bytes: &mut [u8]) -> Result<(), ErrorKind> {
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

    fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = vec![0; decoded_length(segment.len())];
        decode(segment, &mut bytes).ok().map(|()| bytes)
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        for length in 0..100u8 {
            for start in [0, 77, 160, 255] {
                let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(151).wrapping_add(start)).collect();
                assert_eq!(decoded(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), Some(bytes));
            }
        }
    }

    #[test]
    fn every_byte_in_every_place_is_judged_as_the_strictest_reader_judges_it() {
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
    fn a_buffer_of_another_length_is_not_filled() {
        for length in [0, 1, 2, 4, 5, 6, 7] {
            assert!(decode(b"AAAA", &mut vec![0; length]).is_err(), "{length}");
        }
        for length in [0, 2, 3, 4] {
            assert!(decode(b"AA", &mut vec![0; length]).is_err(), "{length}");
        }
    }
}
