//! The numbers of public keys and their thumbprints, read without the code under test.

use sha2::{Digest as _, Sha256};

use crate::forge::{decode, encode};
use crate::json::Json;

/// Reads a number of a JWK, without leading zeros. RFC 7518 section 2.
#[must_use]
pub fn number(jwk: &Json, name: &str) -> Option<Vec<u8>> {
    Some(shortened(&bytes(jwk.get(name)?.text()?)?).to_vec())
}

/// Decodes base64url or base64, with or without padding.
fn bytes(text: &str) -> Option<Vec<u8>> {
    decode(&text.trim_end_matches('=').replace('+', "-").replace('/', "_"))
}

fn shortened(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|&&byte| byte == 0).count()..]
}

/// The numbers that identify a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { crv: &'static str, x: Vec<u8>, y: Vec<u8> },
    Ed25519(Vec<u8>),
    MlDsa { alg: &'static str, key: Vec<u8> },
}

/// The sizes of coordinates. RFC 7518 section 6.2.1.2.
pub const CURVES: [(&str, usize); 3] = [("P-256", 32), ("P-384", 48), ("P-521", 66)];

pub const ML_DSA: [&str; 3] = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];

impl Numbers {
    /// Reads the members of a JWK.
    #[must_use]
    pub fn of_jwk(jwk: &Json) -> Option<Self> {
        let text = |name: &str| jwk.get(name)?.text();
        let exact = |name: &str| bytes(text(name)?);
        Some(match text("kty")? {
            "RSA" => Self::Rsa { n: number(jwk, "n")?, e: number(jwk, "e")? },
            "EC" => {
                let (crv, size) = CURVES.into_iter().find(|(crv, _)| text("crv") == Some(crv))?;
                let filled = |name: &str| {
                    let number = number(jwk, name)?;
                    let zeros = size.checked_sub(number.len())?;
                    Some([vec![0; zeros], number].concat())
                };
                Self::Ec { crv, x: filled("x")?, y: filled("y")? }
            }
            "OKP" => Self::Ed25519(exact("x").filter(|_| text("crv") == Some("Ed25519"))?),
            "AKP" => Self::MlDsa { alg: ML_DSA.into_iter().find(|alg| text("alg") == Some(alg))?, key: exact("pub")? },
            _ => return None,
        })
    }

    /// Returns the SHA-256 thumbprint. RFC 7638 section 3.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
            }
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
            Self::MlDsa { alg, key } => format!(r#"{{"alg":"{alg}","kty":"AKP","pub":"{}"}}"#, encode(key)),
        };
        encode(Sha256::digest(canonical))
    }

    /// Returns a valid key of each kind. Their private keys don't exist any more, or never did.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        let mut n = vec![0x81; 256];
        n[255] |= 1;
        let number = |text: &str| decode(text).expect("base64url");
        let mut all = vec![
            Self::Rsa { n, e: vec![1, 0, 1] },
            Self::Ed25519(number("AkCjBPpggos1As65bg94QF6Drvfrq1ScpEDJIp5xwcc")),
            Self::MlDsa { alg: "ML-DSA-44", key: vec![5; 1312] },
        ];
        all.extend(POINTS.map(|(crv, x, y)| Self::Ec { crv, x: number(x), y: number(y) }));
        all
    }

    /// Returns the members of the key's JWK.
    #[must_use]
    pub fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa { n, e } => vec![("kty", "RSA".to_owned()), ("n", encode(n)), ("e", encode(e))],
            Self::Ec { crv, x, y } => {
                vec![("kty", "EC".to_owned()), ("crv", (*crv).to_owned()), ("x", encode(x)), ("y", encode(y))]
            }
            Self::Ed25519(x) => vec![("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", encode(x))],
            Self::MlDsa { alg, key } => {
                vec![("kty", "AKP".to_owned()), ("alg", (*alg).to_owned()), ("pub", encode(key))]
            }
        }
    }
}

const POINTS: [(&str, &str, &str); 3] = [
    ("P-256", "ucnkuaY2e8XiT_d_xZ34r2Xh-UdFLv5j_VOlVYRBf40", "uBjhmsO_9kCZ2YPA5-p0ba6gNxB1clbW-8g7xa27TQg"),
    (
        "P-384",
        "UaaCYE4Fz5RwN9XV_mbJaALPe4I-zFQTHZC0fS_PYe7Pto8H4dmkfTVl_meDJbPD",
        "rC-W1O6icpHm9s73U0-zAIG7a2tZXjWvD-d_4gc38-8bD3IQ2x0N9t70I9VMsOWO",
    ),
    (
        "P-521",
        "AAJcKVVvUcxE6e4qvRp7jbKe5IBhPxog3jThKRvB-_16fc1Xrm8mKQQQZqJXllAbBa00p2n-XH2lRgd3m7blt-X_",
        "AP36cOUAzJEFsh5cVaOq0XboYkAASDXgkeSJcR1GnTgWCUaX4a1z0DThZWehVVYkl73hh9AvTvpdFX03Q3rEFQgs",
    ),
];
