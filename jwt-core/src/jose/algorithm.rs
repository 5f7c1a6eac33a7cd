use std::fmt;
use std::str::FromStr;

use crate::error::{BuildError, BuildErrorKind};

/// A signature or MAC algorithm of JSON Web Signatures.
///
/// There is no `none`, so you cannot allow tokens without a signature by mistake.
///
/// The names are those of RFC 7518 section 3.1, RFC 8037, RFC 9864 and RFC 9964. `EdDSA` and `Ed25519` are the same
/// algorithm here, because Ed25519 is the only supported curve.
///
/// ```
/// use jwt_core::Algorithm;
///
/// assert_eq!("EdDSA".parse(), Ok(Algorithm::Ed25519));
/// assert_eq!("Ed25519".parse(), Ok(Algorithm::Ed25519));
/// assert!("none".parse::<Algorithm>().is_err());
/// assert!("hs256".parse::<Algorithm>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256. RFC 7518 section 3.2.
    HS256,
    /// HMAC with SHA-384. RFC 7518 section 3.2.
    HS384,
    /// HMAC with SHA-512. RFC 7518 section 3.2.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256. RFC 7518 section 3.3.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384. RFC 7518 section 3.3.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512. RFC 7518 section 3.3.
    RS512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a 32-byte salt. RFC 7518 section 3.5.
    PS256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a 48-byte salt. RFC 7518 section 3.5.
    PS384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a 64-byte salt. RFC 7518 section 3.5.
    PS512,
    /// ECDSA on P-256 with SHA-256. RFC 7518 section 3.4.
    ES256,
    /// ECDSA on P-384 with SHA-384. RFC 7518 section 3.4.
    ES384,
    /// ECDSA on P-521 with SHA-512. RFC 7518 section 3.4.
    ES512,
    /// EdDSA on Curve25519, written `EdDSA` (RFC 8037) or `Ed25519` (RFC 9864).
    Ed25519,
    /// ML-DSA-44 with an empty context. RFC 9964.
    MlDsa44,
    /// ML-DSA-65 with an empty context. RFC 9964.
    MlDsa65,
    /// ML-DSA-87 with an empty context. RFC 9964.
    MlDsa87,
}

/// The type of key that an algorithm needs: `kty`, and the curve if the algorithm determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Hmac,
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl Family {
    /// Names the key in a message.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Hmac => "a shared secret",
            Self::Rsa => "an RSA key",
            Self::P256 => "a P-256 key",
            Self::P384 => "a P-384 key",
            Self::P521 => "a P-521 key",
            Self::Ed25519 => "an Ed25519 key",
            Self::MlDsa44 => "an ML-DSA-44 key",
            Self::MlDsa65 => "an ML-DSA-65 key",
            Self::MlDsa87 => "an ML-DSA-87 key",
        }
    }

    /// The algorithm of a signing key that names none: the only one, or else the most widely supported.
    pub(crate) const fn usual_algorithm(self) -> Algorithm {
        match self {
            Self::Hmac => Algorithm::HS256,
            Self::Rsa => Algorithm::RS256,
            Self::P256 => Algorithm::ES256,
            Self::P384 => Algorithm::ES384,
            Self::P521 => Algorithm::ES512,
            Self::Ed25519 => Algorithm::Ed25519,
            Self::MlDsa44 => Algorithm::MlDsa44,
            Self::MlDsa65 => Algorithm::MlDsa65,
            Self::MlDsa87 => Algorithm::MlDsa87,
        }
    }
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Returns the name for headers and keys. `Ed25519` is written as `EdDSA`, which more software understands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::Ed25519 => "EdDSA",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// Returns whether signer and verifier share a secret (`HS256`, `HS384`, `HS512`).
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    pub(crate) const fn family(self) -> Family {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => Family::Hmac,
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => Family::Rsa,
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::ES512 => Family::P521,
            Self::Ed25519 => Family::Ed25519,
            Self::MlDsa44 => Family::MlDsa44,
            Self::MlDsa65 => Family::MlDsa65,
            Self::MlDsa87 => Family::MlDsa87,
        }
    }

    /// The shortest HMAC key in bytes, which is the size of the hash. RFC 7518 section 3.2.
    pub(crate) const fn hmac_key_bytes(self) -> Option<usize> {
        match self {
            Self::HS256 => Some(32),
            Self::HS384 => Some(48),
            Self::HS512 => Some(64),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = BuildError;

    /// Parses a name, case-sensitively. RFC 7515 section 4.1.1.
    fn from_str(name: &str) -> Result<Self, BuildError> {
        if name == "Ed25519" {
            return Ok(Self::Ed25519);
        }
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name).ok_or_else(unknown)
    }
}

/// The error for a name that isn't an algorithm of this crate.
pub(crate) fn unknown() -> BuildError {
    BuildError::new(BuildErrorKind::UnsupportedAlgorithm, "algorithm")
        .because("is unknown: write it as tokens do, for example RS256 or EdDSA")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_of_an_algorithm_is_parsed() {
        for &algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            assert!(algorithm.name().to_lowercase().parse::<Algorithm>().is_err());
            assert!(format!("{algorithm} ").parse::<Algorithm>().is_err());
        }
        for name in ["", "none", "None", "null", "ES256K", "Ed448", "RS1", "HS256,RS256"] {
            let error = name.parse::<Algorithm>().expect_err(name);
            assert_eq!(error.to_string(), "`algorithm` is unknown: write it as tokens do, for example RS256 or EdDSA");
        }
    }
}
