//! The members of a JWK. RFC 7517 section 4.

use std::borrow::Cow;

use arrayvec::ArrayVec;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::key_error::{KeyError, KeyErrorKind};
use super::material::{self, KeyMaterial};
use super::{der, secret};
use crate::json::{self, JsonError, Unique, Value};

/// The kind of key that the caller expects. Other kinds are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Public,
    /// A key of a SPIFFE trust domain that signs JWT-SVIDs.
    Spiffe,
    Secret,
    /// A signing key: a secret, or a public key with its private members.
    Pair,
}

/// The most operations that a key may name. Eight are registered. The limit matters because each is compared with all
/// others.
const MAX_OPERATIONS: usize = 16;

/// The members of a JWK that are used here. Others are ignored. RFC 7517 section 4.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) kty: Option<Value<'a>>,
    pub(super) r#use: Option<Value<'a>>,
    pub(super) key_ops: Option<Value<'a>>,
    pub(super) alg: Option<Value<'a>>,
    pub(super) kid: Option<Value<'a>>,
    pub(super) x5c: Option<Value<'a>>,
    pub(super) x5u: Option<Value<'a>>,
    pub(super) crv: Option<Value<'a>>,
    pub(super) x: Option<Value<'a>>,
    pub(super) y: Option<Value<'a>>,
    pub(super) n: Option<Value<'a>>,
    pub(super) e: Option<Value<'a>>,
    pub(super) k: Option<Value<'a>>,
    pub(super) r#pub: Option<Value<'a>>,
    pub(super) private: bool,
}

/// Calls `each` with every member of a JWK that isn't `null`: generators write that for members that they leave out.
pub(super) fn each_member<'a>(text: &'a str, mut each: impl FnMut(&str, Value<'a>)) -> Result<(), KeyError> {
    // RFC 7517 section 4: member names must be unique.
    let read = json::object(text, Unique::EverywhereFew, |name, value| {
        if value != Value::Null {
            each(name, value);
        }
    });
    read.map_err(|error| match error {
        JsonError::TooManyMembers => KeyError::new(KeyErrorKind::TooLarge, error.message()),
        _ => KeyError::malformed(error.message()),
    })
}

impl<'a> Members<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, KeyError> {
        let mut members = Self::default();
        each_member(text, |name, value| {
            let slot = match name {
                "kty" => &mut members.kty,
                "use" => &mut members.r#use,
                "key_ops" => &mut members.key_ops,
                "alg" => &mut members.alg,
                "kid" => &mut members.kid,
                "x5c" => &mut members.x5c,
                "x5u" => &mut members.x5u,
                "crv" => &mut members.crv,
                "x" => &mut members.x,
                "y" => &mut members.y,
                "n" => &mut members.n,
                "e" => &mut members.e,
                "k" => &mut members.k,
                "pub" => &mut members.r#pub,
                "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" | "priv" => {
                    members.private = true;
                    return;
                }
                _ => return,
            };
            *slot = Some(value);
        })?;
        Ok(members)
    }

    /// Returns a member that must be a string if it's present.
    pub(super) fn text(&self, name: &'static str, value: Option<Value<'a>>) -> Result<Option<Cow<'a, str>>, KeyError> {
        let Some(value) = value else { return Ok(None) };
        value.as_text().map(Some).ok_or(KeyError::member(name, "is not a string"))
    }

    /// Checks `use` and `key_ops`. RFC 7517 sections 4.2 and 4.3.
    pub(super) fn purpose(&self, expected: Expected) -> Result<(), KeyError> {
        let wrong_use = |message| Err(KeyError::new(KeyErrorKind::WrongUse, message));
        let (operation, missing) = match expected {
            Expected::Pair => ("sign", "the key's `key_ops` doesn't have `sign`"),
            _ => ("verify", "the key's `key_ops` doesn't have `verify`"),
        };
        let purpose = self.text("use", self.r#use)?;
        match (expected, purpose.as_deref()) {
            (Expected::Spiffe, Some("jwt-svid")) => {}
            // SPIFFE Trust Domain and Bundle section 4.2.2: `use` must be set.
            (Expected::Spiffe, _) => {
                return wrong_use("the key's `use` isn't `jwt-svid`");
            }
            (_, None | Some("sig")) => {}
            (_, Some("jwt-svid")) => {
                return wrong_use(
                    "the key's `use` is `jwt-svid`; trust its SPIFFE trust domain with `TrustedIssuer::spiffe`",
                );
            }
            (_, Some("enc")) => return wrong_use("the key's `use` is `enc`: it's for encryption"),
            _ => return wrong_use("the key's `use` isn't `sig`"),
        }
        let Some(operations) = self.key_ops else { return Ok(()) };
        let (mut named, mut too_many) = (ArrayVec::<_, MAX_OPERATIONS>::new(), false);
        if !strings(operations, |name| too_many |= named.try_push(name).is_err()) {
            return Err(KeyError::malformed("the key's `key_ops` is not an array of strings"));
        }
        if too_many {
            return Err(KeyError::new(KeyErrorKind::TooLarge, "the key's `key_ops` names more than 16 operations"));
        }
        if named.iter().enumerate().any(|(index, other)| named[..index].contains(other)) {
            return Err(KeyError::malformed("the key's `key_ops` names an operation twice"));
        }
        if named.is_empty() {
            // RFC 7517 section 4.3: the list has the operations that the key is for. Browsers export keys with an empty one.
            return wrong_use("the key's `key_ops` is empty, so the key is for no operation; leave the member out");
        }
        if named.iter().any(|other| other == operation) { Ok(()) } else { wrong_use(missing) }
    }

    /// Checks the form of `x5c` and returns the first certificate, which has the key. RFC 7517 section 4.7.
    pub(super) fn certificate(&self) -> Result<Option<Cow<'a, str>>, KeyError> {
        let mut first = None;
        let mut keep_first = |certificate| {
            first.get_or_insert(certificate);
        };
        if self.x5c.is_none_or(|chain| strings(chain, &mut keep_first)) {
            Ok(first)
        } else {
            Err(KeyError::malformed("the key's `x5c` is not an array of strings"))
        }
    }

    /// Whether a member has a number or the bytes of the key.
    pub(super) fn has_numbers(&self) -> bool {
        [self.n, self.e, self.x, self.y, self.k, self.r#pub].iter().any(Option::is_some)
    }

    /// Returns the error for a key that is only at an address. RFC 7517 section 4.6 makes fetching it optional.
    pub(super) fn elsewhere(&self) -> Option<KeyError> {
        (self.x5u.is_some() && !self.has_numbers()).then_some(KeyError::malformed(
            "the key is only at the address in `x5u`, which isn't fetched: have the issuer publish its numbers or `x5c`",
        ))
    }

    pub(super) fn rsa(&self) -> Result<KeyMaterial, KeyError> {
        material::rsa(without_zeros(&bytes("n", self.n)?), without_zeros(&bytes("e", self.e)?))
    }

    /// RFC 7518 section 6.2.1.
    pub(super) fn ec(&self) -> Result<KeyMaterial, KeyError> {
        let family = match self.curve()?.as_ref() {
            "P-256" => Family::P256,
            "P-384" => Family::P384,
            "P-521" => Family::P521,
            other => return Err(unsupported_curve(other)),
        };
        let mut point = vec![4];
        for (name, value) in [("x", self.x), ("y", self.y)] {
            // RFC 7518 section 6.2.1.2 asks for the curve's full size, but big-number libraries drop leading zeros or add one.
            let written = bytes(name, value)?;
            let size = material::coordinate_bytes(family).unwrap_or_default();
            let number = if written.len() > size { without_zeros(&written) } else { &written[..] };
            let zeros = size
                .checked_sub(number.len())
                .filter(|zeros| *zeros <= MAX_MISSING_ZEROS)
                .ok_or(KeyError::malformed("the key's `x` or `y` doesn't have its curve's size"))?;
            point.resize(point.len() + zeros, 0);
            point.extend_from_slice(number);
        }
        material::ec(family, &point)
    }

    /// RFC 8037 section 2.
    pub(super) fn okp(&self) -> Result<KeyMaterial, KeyError> {
        let curve = self.curve()?;
        if curve != "Ed25519" {
            return Err(unsupported_curve(&curve));
        }
        material::ed25519(&bytes("x", self.x)?)
    }

    /// RFC 9964: `alg` is part of the key and must be present.
    pub(super) fn akp(&self, declared: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
        let algorithm = declared.ok_or(KeyError::malformed("the key has no `alg`, which `AKP` keys must have"))?;
        material::ml_dsa(algorithm.family(), &bytes("pub", self.r#pub)?)
    }

    pub(super) fn secret(&self, declared: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
        secret::vet(&bytes("k", self.k)?, declared)
    }

    pub(super) fn curve(&self) -> Result<Cow<'a, str>, KeyError> {
        self.text("crv", self.crv)?.ok_or(KeyError::malformed("the key has no `crv`"))
    }
}

/// Reads the key of a JWK that has it only in a certificate. The set is trusted as a whole, so the certificate's dates and
/// chain are not checked.
pub(super) fn certified(certificate: &str, kty: &str) -> Result<KeyMaterial, KeyError> {
    let base64: String = certificate.split_ascii_whitespace().collect();
    // RFC 7517 section 4.7 has the standard alphabet here, and some issuers write that of the other members.
    let base64 = base64.replace('-', "+").replace('_', "/");
    let material = STANDARD
        .decode(base64)
        .map_err(|_| KeyError::malformed("the key's `x5c` is not base64"))
        .and_then(|der| der::certificate(&der))?;
    let of_type = match material.family() {
        Family::Hmac => "oct",
        Family::Rsa => "RSA",
        Family::P256 | Family::P384 | Family::P521 => "EC",
        Family::Ed25519 => "OKP",
        Family::MlDsa44 | Family::MlDsa65 | Family::MlDsa87 => "AKP",
    };
    if of_type == kty { Ok(material) } else { Err(KeyError::malformed("the key's `x5c` has a key of another type")) }
}

/// Calls `each` with the elements of an array of strings. Returns `false` if it's anything else.
fn strings<'a>(value: Value<'a>, mut each: impl FnMut(Cow<'a, str>)) -> bool {
    let Value::Array(array) = value else { return false };
    let mut all = true;
    let read = json::array(array, |element| match element.as_text() {
        Some(text) => each(text),
        None => all = false,
    });
    read.is_ok() && all
}

/// The most leading zeros that a coordinate may lack. Chance needs more for one key in 2^32, and a coordinate that lacks more is
/// one of a smaller curve.
const MAX_MISSING_ZEROS: usize = 4;

/// Returns a number without leading zeros. RFC 7518 section 2 forbids them, but big-number libraries write them.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

/// Decodes a number or a byte string: base64url. RFC 7518 section 2, RFC 7515 section 2.
pub(super) fn bytes(name: &'static str, value: Option<Value<'_>>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let value = value.ok_or(KeyError::member(name, "is missing"))?;
    let text = value.as_text().ok_or(KeyError::member(name, "is not a string"))?;
    // RFC 7515 section 2 has no padding, but some issuers write it.
    let unpadded = if text.len() % 4 == 0 { text.trim_end_matches('=') } else { &text };
    // The standard alphabet means the same number too.
    let base64url = Zeroizing::new(
        unpadded
            .bytes()
            .map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            })
            .collect::<Vec<u8>>(),
    );
    let bytes = URL_SAFE_NO_PAD.decode(&*base64url);
    Ok(Zeroizing::new(bytes.map_err(|_| KeyError::member(name, "is not base64url"))?))
}

/// Returns the error for a `kty` that isn't supported.
pub(super) fn unsupported_type(kty: &str) -> KeyError {
    let known = ["RSA", "EC", "OKP", "AKP", "oct"].iter().any(|known| known.eq_ignore_ascii_case(kty));
    KeyError::new(
        KeyErrorKind::UnsupportedKeyType,
        if known {
            "the key's `kty` has the wrong case: write `RSA`, `EC`, `OKP`, `AKP` or `oct`"
        } else {
            "the key's type (`kty`) isn't supported; use `RSA`, `EC`, `OKP` or `AKP`"
        },
    )
}

/// Returns the error for a `crv` that isn't supported. It names the well-known ones.
fn unsupported_curve(curve: &str) -> KeyError {
    KeyError::new(
        KeyErrorKind::UnsupportedKeyType,
        match curve {
            "secp256r1" | "prime256v1" | "p-256" | "P256" => "the key's `crv` must be written `P-256`",
            "secp384r1" | "p-384" | "P384" => "the key's `crv` must be written `P-384`",
            "secp521r1" | "p-521" | "P521" | "P-512" => "the key's `crv` must be written `P-521`",
            "Ed25519" => "the key's `crv` is `Ed25519`, which belongs to the `kty` `OKP`",
            "P-256" | "P-384" | "P-521" => "the key's `crv` belongs to the `kty` `EC`",
            "X25519" | "X448" => "the key's `crv` is for key agreement (X25519 or X448), not for signatures",
            "Ed448" => "the key's `crv` is `Ed448`, which isn't supported; use P-256, P-384, P-521 or Ed25519",
            "secp256k1" | "P-256K" => {
                "the key's `crv` is `secp256k1`, which isn't supported; use P-256, P-384, P-521 or Ed25519"
            }
            _ => "the key's curve (`crv`) isn't supported; use P-256, P-384, P-521 or Ed25519",
        },
    )
}
