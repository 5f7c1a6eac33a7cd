use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

use super::algorithm::Family;

/// A key's numbers, vetted: every length, range and encoding rule that needs no cryptography has been checked.
///
/// Whether a point lies on its curve is for the back end to say when it prepares the key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeyMaterial {
    /// An HMAC secret.
    Secret(Zeroizing<Vec<u8>>),
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// An uncompressed point, `0x04 || x || y`. The family is one of `P256`, `P384`, `P521`.
    Ec { family: Family, point: Vec<u8> },
    /// A 32-byte Ed25519 public key.
    Ed25519([u8; 32]),
    /// An encoded ML-DSA public key of the right length. The family is one of `MlDsa44`, `MlDsa65`, `MlDsa87`.
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

// By hand because `Zeroizing` has no hash.
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
