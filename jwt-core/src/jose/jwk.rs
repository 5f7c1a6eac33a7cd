//! Reads a JSON Web Key. RFC 7517, RFC 7518 section 6, RFC 8037, RFC 9964.

use std::borrow::Cow;
use std::sync::Arc;

use arrayvec::ArrayVec;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::header::MAX_KID_BYTES;
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

/// A key as its JWK describes it.
#[derive(Debug)]
pub(crate) struct Vetted {
    pub(crate) material: KeyMaterial,
    pub(crate) declared: Option<Algorithm>,
    pub(crate) kid: Option<Arc<str>>,
}

/// Reads and checks a JWK.
pub(crate) fn vet(text: &str, expected: Expected) -> Result<Vetted, KeyError> {
    let members = Members::read(text)?;
    let kty = members.text("kty", members.kty)?.ok_or(KeyError::malformed("the key has no `kty`"))?;
    let kid = members.text("kid", members.kid)?;
    let alg = members.text("alg", members.alg)?;
    let certificate = members.certificate()?;
    members.purpose(expected)?;
    if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(KeyError::long_kid());
    }
    if members.private && expected != Expected::Pair {
        // RFC 7517 section 9.2 requires that private keys are protected from disclosure, so one in a public key set
        // is compromised.
        return Err(KeyError::private());
    }
    let symmetric = match kty.as_ref() {
        "oct" => true,
        "RSA" | "EC" | "OKP" | "AKP" => false,
        _ => return Err(unsupported_key_type()),
    };
    match (expected, symmetric) {
        (Expected::Public | Expected::Spiffe, true) => {
            return Err(KeyError::new(
                KeyErrorKind::SymmetricKey,
                "a shared secret was given where a public key is expected; use `from_symmetric_jwk`",
            ));
        }
        (Expected::Secret, false) => {
            return Err(KeyError::new(
                KeyErrorKind::PublicKeyAsSecret,
                "a public key was given where a shared secret is expected; use `from_jwk`",
            ));
        }
        _ => {}
    }
    // RFC 7517 section 4.4: if a key names an algorithm, it's used only with that one.
    let declared = alg
        .map(|alg| {
            alg.parse::<Algorithm>().map_err(|_| {
                KeyError::new(
                    KeyErrorKind::UnsupportedAlgorithm,
                    "the key's `alg` isn't a supported signature algorithm",
                )
            })
        })
        .transpose()?;
    let is_public = matches!(expected, Expected::Public | Expected::Spiffe);
    let certificate = certificate.filter(|_| is_public && !members.has_numbers());
    let material = match (certificate, kty.as_ref()) {
        (Some(certificate), kty) => certified(&certificate, kty)?,
        (None, "oct") => members.secret(declared)?,
        (None, "RSA") => members.rsa()?,
        (None, "EC") => members.ec()?,
        (None, "OKP") => members.okp()?,
        (None, _) => members.akp(declared)?,
    };
    if declared.is_some_and(|declared| declared.family() != material.family()) {
        return Err(KeyError::mismatch());
    }
    Ok(Vetted { material, declared, kid: kid.map(Arc::from) })
}

const fn unsupported_key_type() -> KeyError {
    KeyError::new(KeyErrorKind::UnsupportedKeyType, "the key's type (`kty`) or curve (`crv`) isn't supported")
}

/// The members of a JWK that are used here. Others are ignored. RFC 7517 section 4.
#[derive(Default)]
struct Members<'a> {
    kty: Option<Value<'a>>,
    r#use: Option<Value<'a>>,
    key_ops: Option<Value<'a>>,
    alg: Option<Value<'a>>,
    kid: Option<Value<'a>>,
    x5c: Option<Value<'a>>,
    crv: Option<Value<'a>>,
    x: Option<Value<'a>>,
    y: Option<Value<'a>>,
    n: Option<Value<'a>>,
    e: Option<Value<'a>>,
    k: Option<Value<'a>>,
    r#pub: Option<Value<'a>>,
    private: bool,
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
    fn read(text: &'a str) -> Result<Self, KeyError> {
        let mut members = Self::default();
        each_member(text, |name, value| {
            let slot = match name {
                "kty" => &mut members.kty,
                "use" => &mut members.r#use,
                "key_ops" => &mut members.key_ops,
                "alg" => &mut members.alg,
                "kid" => &mut members.kid,
                "x5c" => &mut members.x5c,
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
    fn text(&self, name: &'static str, value: Option<Value<'a>>) -> Result<Option<Cow<'a, str>>, KeyError> {
        let Some(value) = value else { return Ok(None) };
        value.as_text().map(Some).ok_or(KeyError::member(name, "is not a string"))
    }

    /// Checks `use` and `key_ops`. RFC 7517 sections 4.2 and 4.3.
    fn purpose(&self, expected: Expected) -> Result<(), KeyError> {
        const WRONG_USE: KeyError = KeyError::new(
            KeyErrorKind::WrongUse,
            "the key's `use` or `key_ops` is for something other than signatures",
        );
        let operation = if expected == Expected::Pair { "sign" } else { "verify" };
        let purpose = self.text("use", self.r#use)?;
        match (expected, purpose.as_deref()) {
            (Expected::Spiffe, Some("jwt-svid")) => {}
            // SPIFFE Trust Domain and Bundle section 4.2.2: `use` must be set.
            (Expected::Spiffe, _) => {
                return Err(KeyError::new(KeyErrorKind::WrongUse, "the key's `use` isn't `jwt-svid`"));
            }
            (_, None | Some("sig")) => {}
            (_, Some("jwt-svid")) => {
                return Err(KeyError::new(
                    KeyErrorKind::WrongUse,
                    "the key's `use` is `jwt-svid`; trust its SPIFFE trust domain with `TrustedIssuer::spiffe`",
                ));
            }
            _ => return Err(WRONG_USE),
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
        if named.iter().any(|other| other == operation) { Ok(()) } else { Err(WRONG_USE) }
    }

    /// Checks the form of `x5c` and returns the first certificate, which has the key. RFC 7517 section 4.7.
    fn certificate(&self) -> Result<Option<Cow<'a, str>>, KeyError> {
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
    fn has_numbers(&self) -> bool {
        [self.n, self.e, self.x, self.y, self.k, self.r#pub].iter().any(Option::is_some)
    }

    fn rsa(&self) -> Result<KeyMaterial, KeyError> {
        material::rsa(without_zeros(&bytes("n", self.n)?), without_zeros(&bytes("e", self.e)?))
    }

    /// RFC 7518 section 6.2.1.
    fn ec(&self) -> Result<KeyMaterial, KeyError> {
        let family = match self.curve()?.as_ref() {
            "P-256" => Family::P256,
            "P-384" => Family::P384,
            "P-521" => Family::P521,
            _ => return Err(unsupported_key_type()),
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
    fn okp(&self) -> Result<KeyMaterial, KeyError> {
        if self.curve()? != "Ed25519" {
            return Err(unsupported_key_type());
        }
        material::ed25519(&bytes("x", self.x)?)
    }

    /// RFC 9964: `alg` is part of the key and must be present.
    fn akp(&self, declared: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
        let algorithm = declared.ok_or(KeyError::malformed("the key has no `alg`, which `AKP` keys must have"))?;
        material::ml_dsa(algorithm.family(), &bytes("pub", self.r#pub)?)
    }

    fn secret(&self, declared: Option<Algorithm>) -> Result<KeyMaterial, KeyError> {
        secret::vet(&bytes("k", self.k)?, declared)
    }

    fn curve(&self) -> Result<Cow<'a, str>, KeyError> {
        self.text("crv", self.crv)?.ok_or(KeyError::malformed("the key has no `crv`"))
    }
}

/// Reads the key of a JWK that has it only in a certificate. The set is trusted as a whole, so the certificate's dates and
/// chain aren't checked.
fn certified(certificate: &str, kty: &str) -> Result<KeyMaterial, KeyError> {
    let base64: String = certificate.split_ascii_whitespace().collect();
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
    let bytes = URL_SAFE_NO_PAD.decode(unpadded.as_bytes());
    Ok(Zeroizing::new(bytes.map_err(|_| KeyError::member(name, "is not base64url"))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Key;

    const OKP: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn number(length: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0x81; length])
    }

    fn public(members: &str) -> Result<Vetted, KeyError> {
        vet(&format!("{{{members}}}"), Expected::Public)
    }

    fn assert_kinds(cases: &[(String, Option<KeyErrorKind>)]) {
        for (members, expected) in cases {
            assert_eq!(public(members).err().map(|error| error.kind()), *expected, "{members}");
        }
    }

    #[test]
    fn members_of_the_wrong_type_or_for_another_use_are_refused() {
        let with = |extra: &str| format!("{OKP},{extra}");
        let long = "k".repeat(MAX_KID_BYTES);
        let operations = |count: usize| {
            let others: Vec<String> = (1..count).map(|number| format!("\"o{number}\"")).collect();
            format!(r#""key_ops":[{},"verify"]"#, others.join(","))
        };
        let members = |count: usize| {
            let members: Vec<String> = (0..count).map(|number| format!("\"m{number}\":0")).collect();
            members.join(",")
        };
        assert_kinds(&[
            (OKP.to_owned(), None),
            (with(r#""use":"sig","key_ops":["verify"],"alg":"EdDSA","kid":"a""#), None),
            (with(r#""alg":"Ed25519","key_ops":["sign","verify"],"x5c":[],"x5t":1,"more":{"a":[null]}"#), None),
            (with(&format!(r#""kid":"{long}""#)), None),
            (with(&format!(r#""kid":"{long}k""#)), Some(KeyErrorKind::TooLarge)),
            (with(r#""kid":5"#), Some(KeyErrorKind::Malformed)),
            (with(r#""kid":null,"use":null,"alg":null,"key_ops":null,"x5c":null,"d":null"#), None),
            (with(r#""use":1"#), Some(KeyErrorKind::Malformed)),
            (with(r#""use":"enc""#), Some(KeyErrorKind::WrongUse)),
            (with(r#""key_ops":["verify",1]"#), Some(KeyErrorKind::Malformed)),
            (with(r#""key_ops":["verify","verify"]"#), Some(KeyErrorKind::Malformed)),
            (with(r#""key_ops":[]"#), Some(KeyErrorKind::WrongUse)),
            (with(r#""key_ops":["encrypt"]"#), Some(KeyErrorKind::WrongUse)),
            (with(&operations(16)), None),
            (with(&operations(17)), Some(KeyErrorKind::TooLarge)),
            (with(&members(97)), None),
            (with(&members(98)), Some(KeyErrorKind::TooLarge)),
            (with(&format!(r#""more":[{{{}}}]"#, members(100))), None),
            (with(&format!(r#""more":[{{{}}}]"#, members(101))), Some(KeyErrorKind::TooLarge)),
            (with(r#""x5c":"text""#), Some(KeyErrorKind::Malformed)),
            (with(r#""x5c":[1]"#), Some(KeyErrorKind::Malformed)),
            (with(r#""alg":7"#), Some(KeyErrorKind::Malformed)),
            (with(r#""alg":"none""#), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (with(r#""alg":"ES224""#), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (with(r#""alg":"ECDH-ES""#), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (with(r#""alg":"ES256""#), Some(KeyErrorKind::AlgorithmMismatch)),
            (with(r#""alg":"HS256""#), Some(KeyErrorKind::AlgorithmMismatch)),
            (with(r#""kty":"OKP""#), Some(KeyErrorKind::Malformed)),
            (r#""crv":"Ed25519""#.to_owned(), Some(KeyErrorKind::Malformed)),
            (r#""kty":1"#.to_owned(), Some(KeyErrorKind::Malformed)),
            (r#""kty":"PBKDF""#.to_owned(), Some(KeyErrorKind::UnsupportedKeyType)),
            (r#""kty":"rsa""#.to_owned(), Some(KeyErrorKind::UnsupportedKeyType)),
        ]);
        for text in ["", "[]", "{", "null", "{}x"] {
            assert_eq!(vet(text, Expected::Public).unwrap_err().kind(), KeyErrorKind::Malformed, "{text}");
        }
    }

    #[test]
    fn a_private_member_of_any_value_but_null_is_refused() {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
            for value in ["\"AQAB\"", "5", "\"\""] {
                let error = public(&format!("{OKP},\"{name}\":{value}")).unwrap_err();
                assert_eq!(error.kind(), KeyErrorKind::PrivateKey, "{name}");
            }
        }
    }

    #[test]
    fn leading_zeros_and_padding_do_not_change_an_rsa_number() {
        let rsa = |n: &str, e: &str| format!(r#""kty":"RSA","n":"{n}","e":"{e}""#);
        let n = number(256);
        assert_kinds(&[
            (rsa(&n, "AQAB"), None),
            (rsa(&n, "AAEAAQ"), None),
            (rsa(&URL_SAFE_NO_PAD.encode([&[0][..], &[0x81; 256]].concat()), "AQAB"), None),
            (rsa(&format!("{n}=="), "AQAB"), None),
            (rsa(&n, "AQAB="), Some(KeyErrorKind::Malformed)),
            (rsa(&n, "AQ"), Some(KeyErrorKind::InvalidKey)),
            (rsa(&n, "AR"), Some(KeyErrorKind::Malformed)),
            (rsa(&n, ""), Some(KeyErrorKind::Malformed)),
            (rsa(&format!("{n}="), "AQAB"), Some(KeyErrorKind::Malformed)),
            (rsa(&format!("{n}\\n"), "AQAB"), Some(KeyErrorKind::Malformed)),
            (rsa(&number(128), "AQAB"), Some(KeyErrorKind::TooShort)),
            (rsa(&number(1025), "AQAB"), Some(KeyErrorKind::TooLarge)),
            (format!(r#""kty":"RSA","n":"{n}""#), Some(KeyErrorKind::Malformed)),
            (format!(r#""kty":"RSA","n":"{n}","e":65537"#), Some(KeyErrorKind::Malformed)),
            (format!(r#"{},"alg":"PS512""#, rsa(&n, "AQAB")), None),
            (format!(r#"{},"alg":"RSA-OAEP""#, rsa(&n, "AQAB")), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (format!(r#"{},"alg":"HS256""#, rsa(&n, "AQAB")), Some(KeyErrorKind::AlgorithmMismatch)),
        ]);
    }

    #[test]
    fn coordinates_have_at_most_their_curves_size() {
        let ec = |crv: &str, x: usize, y: usize| {
            format!(r#""kty":"EC","crv":"{crv}","x":"{}","y":"{}""#, number(x), number(y))
        };
        assert_kinds(&[
            (ec("P-256", 32, 32), None),
            (ec("P-384", 48, 48), None),
            (ec("P-521", 66, 66), None),
            (ec("P-256", 31, 33), Some(KeyErrorKind::Malformed)),
            (ec("P-256", 33, 31), Some(KeyErrorKind::Malformed)),
            (ec("P-384", 49, 49), Some(KeyErrorKind::Malformed)),
            (ec("P-384", 44, 44), None),
            (ec("P-384", 43, 48), Some(KeyErrorKind::Malformed)),
            (ec("P-384", 32, 32), Some(KeyErrorKind::Malformed)),
            (ec("P-256", 32, 0), Some(KeyErrorKind::Malformed)),
            (ec("P-256", 0, 32), Some(KeyErrorKind::Malformed)),
            (ec("P-521", 65, 65), None),
            (ec("secp256k1", 32, 32), Some(KeyErrorKind::UnsupportedKeyType)),
            (ec("Ed25519", 32, 32), Some(KeyErrorKind::UnsupportedKeyType)),
            (format!(r#""kty":"EC","x":"{0}","y":"{0}""#, number(32)), Some(KeyErrorKind::Malformed)),
            (format!(r#"{},"alg":"ES384""#, ec("P-256", 32, 32)), Some(KeyErrorKind::AlgorithmMismatch)),
        ]);
    }

    #[test]
    fn leading_zeros_and_padding_do_not_change_a_coordinate() {
        let point = |x: &str, y: &str| {
            let key = public(&format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#)).expect("a key");
            Key::from(key).thumbprint_input()
        };
        let full = [&[0][..], &[0x81; 31]].concat();
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let exact = point(&encode(&full), &number(32));
        assert!(exact.is_some());
        for x in [&full[1..], &full, &[&[0; 3][..], &full].concat()] {
            assert_eq!(point(&encode(x), &number(32)), exact);
        }
        assert_eq!(point(&format!("{}=", encode(&full)), &format!("{}=", number(32))), exact);
    }

    #[test]
    fn an_okp_key_is_ed25519_with_32_bytes() {
        let okp = |crv: &str, length: usize| format!(r#""kty":"OKP","crv":"{crv}","x":"{}""#, number(length));
        assert_kinds(&[
            (okp("Ed25519", 32), None),
            (okp("Ed25519", 31), Some(KeyErrorKind::Malformed)),
            (okp("Ed25519", 33), Some(KeyErrorKind::Malformed)),
            (okp("X25519", 32), Some(KeyErrorKind::UnsupportedKeyType)),
            (okp("Ed448", 57), Some(KeyErrorKind::UnsupportedKeyType)),
            (
                r#""kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#.to_owned(),
                Some(KeyErrorKind::InvalidKey),
            ),
        ]);
    }

    #[test]
    fn an_akp_key_must_name_its_algorithm() {
        let akp = |alg: &str, length: usize| format!(r#""kty":"AKP"{alg},"pub":"{}""#, number(length));
        assert_kinds(&[
            (akp(r#","alg":"ML-DSA-44""#, 1312), None),
            (akp(r#","alg":"ML-DSA-65""#, 1952), None),
            (akp(r#","alg":"ML-DSA-87""#, 2592), None),
            (akp(r#","alg":"ML-DSA-44""#, 1952), Some(KeyErrorKind::Malformed)),
            (akp("", 1312), Some(KeyErrorKind::Malformed)),
            (akp(r#","alg":"EdDSA""#, 32), Some(KeyErrorKind::AlgorithmMismatch)),
            (akp(r#","alg":"SLH-DSA-SHA2-128s""#, 32), Some(KeyErrorKind::UnsupportedAlgorithm)),
            (akp(r#","alg":"ML-DSA-44","priv":"AA""#, 1312), Some(KeyErrorKind::PrivateKey)),
        ]);
    }

    #[test]
    fn secrets_and_public_keys_are_not_mistaken_for_each_other() {
        let oct = |alg: &str, length: usize| format!(r#"{{"kty":"oct"{alg},"k":"{}"}}"#, number(length));
        let kind = |text: &str, expected| vet(text, expected).err().map(|error| error.kind());
        assert_eq!(kind(&oct("", 32), Expected::Public), Some(KeyErrorKind::SymmetricKey));
        assert_eq!(kind(&format!("{{{OKP}}}"), Expected::Secret), Some(KeyErrorKind::PublicKeyAsSecret));
        assert_eq!(kind(&oct("", 32), Expected::Secret), None);
        assert_eq!(kind(&oct("", 31), Expected::Secret), Some(KeyErrorKind::TooShort));
        assert_eq!(kind(&oct("", 0), Expected::Secret), Some(KeyErrorKind::TooShort));
        assert_eq!(kind(&oct(r#","alg":"HS512""#, 63), Expected::Secret), Some(KeyErrorKind::TooShort));
        assert_eq!(kind(&oct(r#","alg":"HS512""#, 64), Expected::Secret), None);
        assert_eq!(kind(&oct(r#","alg":"RS256""#, 64), Expected::Secret), Some(KeyErrorKind::AlgorithmMismatch));
        assert_eq!(kind(r#"{"kty":"oct"}"#, Expected::Secret), Some(KeyErrorKind::Malformed));
    }
}
