//! The numbers of verification keys, and the checks that they pass in every format.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

use super::algorithm::Family;
use super::key_error::{KeyError, KeyErrorKind};

/// The numbers of a verification key. Their lengths, ranges and encodings have been checked.
///
/// The back end checks whether a point is on its curve, when it prepares the key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeyMaterial {
    /// An HMAC secret.
    Secret(Zeroizing<Vec<u8>>),
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// An uncompressed point, `0x04 || x || y`. The family is `P256`, `P384` or `P521`.
    Ec { family: Family, point: Vec<u8> },
    /// A 32-byte Ed25519 public key.
    Ed25519([u8; 32]),
    /// An encoded ML-DSA public key of the right length. The family is `MlDsa44`, `MlDsa65` or `MlDsa87`.
    MlDsa { family: Family, key: Vec<u8> },
}

impl KeyMaterial {
    pub(crate) const fn family(&self) -> Family {
        match self {
            Self::Secret(_) => Family::Hmac,
            Self::Rsa { .. } => Family::Rsa,
            Self::Ec { family, .. } | Self::MlDsa { family, .. } => *family,
            Self::Ed25519(_) => Family::Ed25519,
        }
    }
}

// Not derived: `Zeroizing` does not implement `Hash`.
impl Hash for KeyMaterial {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.family().hash(state);
        match self {
            Self::Secret(secret) => secret.as_slice().hash(state),
            Self::Rsa { modulus, exponent } => (modulus, exponent).hash(state),
            Self::Ec { point, .. } => point.hash(state),
            Self::Ed25519(key) => key.hash(state),
            Self::MlDsa { key, .. } => key.hash(state),
        }
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyMaterial").field(&self.family()).finish_non_exhaustive()
    }
}

/// The accepted sizes of an RSA modulus, in bits. RFC 7518 section 3.3 sets the lower limit.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The size of the largest RSA exponent that every back end accepts, in bits.
const RSA_EXPONENT_BITS: usize = 33;

/// Checks an RSA public key with big-endian numbers. RFC 7518 section 6.3.1.
pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<KeyMaterial, KeyError> {
    // RFC 7518 section 2: a Base64urlUInt has no leading zeros.
    if modulus.first().is_none_or(|&byte| byte == 0) || exponent.first().is_none_or(|&byte| byte == 0) {
        return Err(KeyError::malformed("the RSA modulus or exponent is empty or has leading zeros"));
    }
    let size = bits(modulus);
    if size < *RSA_BITS.start() {
        return Err(KeyError::short_modulus(size));
    }
    if size > *RSA_BITS.end() {
        return Err(KeyError::new(KeyErrorKind::TooLarge, "the RSA modulus is longer than 8192 bits"));
    }
    if is_even(modulus) {
        return Err(KeyError::new(KeyErrorKind::InvalidKey, "the RSA modulus is even"));
    }
    if is_even(exponent) || exponent == [1] || bits(exponent) > RSA_EXPONENT_BITS {
        return Err(KeyError::new(KeyErrorKind::InvalidKey, "the RSA exponent is even, one, or larger than 33 bits"));
    }
    Ok(KeyMaterial::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

/// The length of a number that has no leading zeros, in bits.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last & 1 == 0)
}

/// Checks the form of an uncompressed point, `0x04 || x || y`. The back end checks whether it's on the curve.
pub(crate) fn ec(family: Family, point: &[u8]) -> Result<KeyMaterial, KeyError> {
    let Some(size) = coordinate_bytes(family) else { return Err(KeyError::mismatch()) };
    if matches!(point.first(), Some(2 | 3 | 6 | 7)) {
        return Err(KeyError::malformed(
            "the EC key has a compressed point; `openssl pkey -pubin -in FILE -ec_conv_form uncompressed` converts it",
        ));
    }
    if point.len() != 1 + 2 * size || point.first() != Some(&4) {
        return Err(KeyError::malformed("the EC key's point doesn't have its curve's size"));
    }
    Ok(KeyMaterial::Ec { family, point: point.to_vec() })
}

/// The size of one coordinate: RFC 7518 section 6.2.1.2.
pub(crate) const fn coordinate_bytes(family: Family) -> Option<usize> {
    match family {
        Family::P256 => Some(32),
        Family::P384 => Some(48),
        Family::P521 => Some(66),
        _ => None,
    }
}

/// Checks an Ed25519 public key. RFC 8032 section 5.1.3, RFC 8037 section 2.
pub(crate) fn ed25519(bytes: &[u8]) -> Result<KeyMaterial, KeyError> {
    let key: [u8; 32] = bytes.try_into().map_err(|_| KeyError::malformed("the Ed25519 key doesn't have 32 bytes"))?;
    if is_small_order(&key) {
        return Err(KeyError::new(KeyErrorKind::InvalidKey, "the Ed25519 key has a small order or isn't canonical"));
    }
    Ok(KeyMaterial::Ed25519(key))
}

/// The y-coordinates of the points whose order divides eight, little-endian. If such a point is used as a key, one
/// signature can be valid for every message.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

/// Whether an encoded point has a small order, or isn't the canonical encoding of its point.
pub(crate) fn is_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    // If y is 2^255 - 19 or more, it was not reduced.
    let unreduced = y[0] >= 0xed && y[1..31].iter().all(|&byte| byte == 0xff) && y[31] == 0x7f;
    unreduced || SMALL_ORDER.contains(&y)
}

/// Checks the length of an encoded ML-DSA public key. FIPS 204 table 2, RFC 9964.
pub(crate) fn ml_dsa(family: Family, key: &[u8]) -> Result<KeyMaterial, KeyError> {
    let size = match family {
        Family::MlDsa44 => 1312,
        Family::MlDsa65 => 1952,
        Family::MlDsa87 => 2592,
        _ => return Err(KeyError::mismatch()),
    };
    if key.len() != size {
        return Err(KeyError::malformed("the ML-DSA key doesn't have its algorithm's length"));
    }
    Ok(KeyMaterial::MlDsa { family, key: key.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T, KeyError>) -> Option<KeyErrorKind> {
        result.err().map(|error| error.kind())
    }

    /// Returns an odd number of this many bits, which is all that the checks ask for.
    fn odd(bits: usize) -> Vec<u8> {
        let mut number = vec![0; bits.div_ceil(8)];
        number[0] = 1 << ((bits - 1) % 8);
        *number.last_mut().unwrap() |= 1;
        number
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits_and_a_valid_exponent() {
        let e: &[u8] = &[1, 0, 1];
        let even = |bits| {
            let mut number = odd(bits);
            *number.last_mut().unwrap() &= 0xfe;
            number
        };
        let cases: [(Vec<u8>, &[u8], Option<KeyErrorKind>); 18] = [
            (odd(2048), e, None),
            (odd(2049), e, None),
            (odd(8192), e, None),
            (odd(2048), &[3], None),
            (odd(2048), &[1, 0, 0, 0, 1], None),
            (odd(512), e, Some(KeyErrorKind::TooShort)),
            (odd(1024), e, Some(KeyErrorKind::TooShort)),
            (odd(2047), e, Some(KeyErrorKind::TooShort)),
            (odd(8193), e, Some(KeyErrorKind::TooLarge)),
            (even(2048), e, Some(KeyErrorKind::InvalidKey)),
            (odd(2048), &[1], Some(KeyErrorKind::InvalidKey)),
            (odd(2048), &[2], Some(KeyErrorKind::InvalidKey)),
            (odd(2048), &[1, 0, 0], Some(KeyErrorKind::InvalidKey)),
            (odd(2048), &[2, 0, 0, 0, 1], Some(KeyErrorKind::InvalidKey)),
            (odd(2048), &[], Some(KeyErrorKind::Malformed)),
            (odd(2048), &[0, 1, 0, 1], Some(KeyErrorKind::Malformed)),
            (Vec::new(), e, Some(KeyErrorKind::Malformed)),
            ([vec![0], odd(2048)].concat(), e, Some(KeyErrorKind::Malformed)),
        ];
        for (index, (n, e, expected)) in cases.into_iter().enumerate() {
            assert_eq!(kind(rsa(&n, e)), expected, "case {index}");
        }
    }

    #[test]
    fn a_point_is_uncompressed_and_has_its_curves_size() {
        let point = |first: u8, length: usize| [vec![first], vec![1; length]].concat();
        assert!(ec(Family::P256, &point(4, 64)).is_ok());
        assert!(ec(Family::P384, &point(4, 96)).is_ok());
        assert!(ec(Family::P521, &point(4, 132)).is_ok());
        for wrong in [point(4, 63), point(4, 65), point(4, 96), point(2, 32), point(3, 64), vec![0], Vec::new()] {
            assert_eq!(kind(ec(Family::P256, &wrong)), Some(KeyErrorKind::Malformed), "{}", wrong.len());
        }
        assert_eq!(kind(ec(Family::Rsa, &point(4, 64))), Some(KeyErrorKind::AlgorithmMismatch));
    }

    #[test]
    fn an_ed25519_key_of_small_order_is_refused_in_every_encoding() {
        let mut encodings = SMALL_ORDER.to_vec();
        // y + p, if it still fits: the same points without reduction.
        for low in 0xed..=0xff {
            let mut unreduced = [0xff; 32];
            unreduced[0] = low;
            unreduced[31] = 0x7f;
            encodings.push(unreduced);
        }
        for mut encoding in encodings {
            for sign in [0, 0x80] {
                encoding[31] |= sign;
                assert_eq!(kind(ed25519(&encoding)), Some(KeyErrorKind::InvalidKey), "{encoding:x?}");
            }
        }
        let mut base = [0x66; 32];
        base[0] = 0x58;
        assert_eq!(kind(ed25519(&base)), None);
        for length in [0, 31, 33, 64] {
            assert_eq!(kind(ed25519(&vec![0x58; length])), Some(KeyErrorKind::Malformed), "{length}");
        }
    }

    #[cfg(feature = "rust-crypto")]
    #[test]
    fn the_small_order_points_are_the_weak_keys_of_ed25519_dalek() {
        for mut encoding in SMALL_ORDER {
            for sign in [0, 0x80] {
                encoding[31] |= sign;
                let weak = ed25519_dalek::VerifyingKey::from_bytes(&encoding).map(|key| key.is_weak());
                assert_ne!(weak.ok(), Some(false), "{encoding:x?}");
            }
            encoding[31] &= 0x7f;
            assert!(ed25519_dalek::VerifyingKey::from_bytes(&encoding).is_ok_and(|key| key.is_weak()));
        }
    }

    #[test]
    fn an_ml_dsa_key_has_its_algorithms_length() {
        for (family, length) in [(Family::MlDsa44, 1312), (Family::MlDsa65, 1952), (Family::MlDsa87, 2592)] {
            assert!(ml_dsa(family, &vec![1; length]).is_ok());
            assert_eq!(kind(ml_dsa(family, &vec![1; length - 1])), Some(KeyErrorKind::Malformed));
            assert_eq!(kind(ml_dsa(family, &vec![1; length + 1])), Some(KeyErrorKind::Malformed));
        }
        assert_eq!(kind(ml_dsa(Family::Ed25519, &[1; 32])), Some(KeyErrorKind::AlgorithmMismatch));
    }
}
