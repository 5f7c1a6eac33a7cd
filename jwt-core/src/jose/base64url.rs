//! The strict decoder of base64url, for what stands in tokens: it runs for each request, three times.
//!
//! No padding, no character outside the alphabet, no bits left over: RFC 7515 section 2, RFC 4648 section 3.5. Exactly one
//! text decodes to given bytes.

use crate::error::ErrorKind;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Set for every byte that is not of the alphabet; a group of four uses the lower 24 bits.
const ILLEGAL: u32 = 1 << 31;

/// For each place in a group of four, what each byte contributes to three bytes, the first of which is lowest.
static PLACES: [[u32; 256]; 4] = [place(18), place(12), place(6), place(0)];

const fn place(shift: u32) -> [u32; 256] {
    let mut table = [ILLEGAL; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        table[ALPHABET[value] as usize] = ((value as u32) << shift).swap_bytes() >> 8;
        value += 1;
    }
    table
}

/// The bytes that a text of this length decodes to.
pub(crate) const fn decoded_length(length: usize) -> usize {
    length / 4 * 3 + length % 4 * 3 / 4
}

/// Decodes `segment` into `bytes`, which must be [`decoded_length`] long.
pub(crate) fn decode(segment: &[u8], bytes: &mut [u8]) -> Result<(), ErrorKind> {
    if bytes.len() != decoded_length(segment.len()) {
        return Err(ErrorKind::MalformedToken);
    }
    let (sixteens, segment) = segment.as_chunks::<16>();
    let (twelves, bytes) = bytes.as_chunks_mut::<12>();
    let mut all = 0;
    for (characters, twelve) in sixteens.iter().zip(twelves) {
        let four = |at: usize| group([characters[at], characters[at + 1], characters[at + 2], characters[at + 3]]);
        let (a, b, c, d) = (four(0), four(4), four(8), four(12));
        all |= a | b | c | d;
        let (low, high) = (u64::from(a) | u64::from(b) << 24, u64::from(c) | u64::from(d) << 24);
        let [bytes @ .., _, _, _, _] = (u128::from(low) | u128::from(high) << 48).to_le_bytes();
        *twelve = bytes;
    }
    let (groups, rest) = segment.as_chunks::<4>();
    let (triples, end) = bytes.as_chunks_mut::<3>();
    for (characters, triple) in groups.iter().zip(triples) {
        let bits = group(*characters);
        all |= bits;
        let [bytes @ .., _] = bits.to_le_bytes();
        *triple = bytes;
    }
    // What is left of the last character's bits must be zero.
    let (bits, left_over) = match *rest {
        [] => (0, 0),
        [a, b] => (group([a, b, b'A', b'A']), 0xff_ff00),
        [a, b, c] => (group([a, b, c, b'A']), 0xff_0000),
        _ => return Err(ErrorKind::MalformedToken),
    };
    let tail = bits.to_le_bytes();
    if (all | bits) & ILLEGAL != 0 || bits & left_over != 0 {
        return Err(ErrorKind::MalformedToken);
    }
    end.copy_from_slice(&tail[..end.len()]);
    Ok(())
}

/// Four characters: 24 bits, or [`ILLEGAL`] among others.
const fn group([a, b, c, d]: [u8; 4]) -> u32 {
    let [first, second, third, fourth] = &PLACES;
    first[a as usize] | second[b as usize] | third[c as usize] | fourth[d as usize]
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
