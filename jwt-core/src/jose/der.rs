//! Public keys in DER: RFC 5280 section 4.1, RFC 8017 appendix A.1.1, RFC 5480, RFC 8410, RFC 9881.

use ::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use ::der::{Decode as _, Reader as _, SliceReader};
use ::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::algorithm::Family;
use super::certificate::Certificate;
use super::foreign;
use super::key_error::{KeyError, KeyErrorKind};
use super::material::{self, KeyMaterial};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// Reads a public key in DER, in any of the three structures.
pub(crate) fn public_key(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    if SubjectPublicKeyInfoRef::from_der(der).is_ok() {
        spki(der)
    } else if rsa_numbers(der).is_ok() {
        rsa_public_key(der)
    } else {
        certificate(der)
    }
}

/// Whether the bytes have the structure of a public key or a certificate, even if their numbers are unusable.
pub(crate) fn is_public_key(der: &[u8]) -> bool {
    structure(der).is_some()
}

/// Returns the PEM label of the structure that the bytes have.
pub(super) fn structure(der: &[u8]) -> Option<&'static str> {
    if SubjectPublicKeyInfoRef::from_der(der).is_ok() {
        Some("PUBLIC KEY")
    } else if rsa_numbers(der).is_ok() {
        Some("RSA PUBLIC KEY")
    } else {
        Certificate::from_der(der).is_ok().then_some("CERTIFICATE")
    }
}

/// Whether one certificate names the other one as its issuer. Signatures are not checked.
pub(super) fn is_issued_by(subject: &[u8], issuer: &[u8]) -> bool {
    match (Certificate::from_der(subject), Certificate::from_der(issuer)) {
        (Ok(subject), Ok(issuer)) => subject.issuer == issuer.subject,
        _ => false,
    }
}

pub(super) fn certificate(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let certificate = Certificate::from_der(der).map_err(|_| {
        KeyError::malformed(
            foreign::key_file(der).unwrap_or("the bytes are neither a public key nor a certificate in DER"),
        )
    })?;
    public_key_of(&certificate.key)
}

pub(super) fn spki(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    public_key_of(&SubjectPublicKeyInfoRef::from_der(der).map_err(|_| BROKEN)?)
}

const BROKEN: KeyError = KeyError::malformed("the public key is malformed");

fn public_key_of(info: &SubjectPublicKeyInfoRef<'_>) -> Result<KeyMaterial, KeyError> {
    let bytes = info.subject_public_key.as_bytes().ok_or(BROKEN)?;
    match family(&info.algorithm)? {
        Family::Rsa => rsa_public_key(bytes),
        Family::Ed25519 => material::ed25519(bytes),
        family @ (Family::P256 | Family::P384 | Family::P521) => material::ec(family, bytes),
        family => material::ml_dsa(family, bytes),
    }
}

/// Returns the family of an algorithm identifier; never [`Family::Hmac`].
///
/// `id-RSASSA-PSS` (RFC 4055) isn't supported: its parameters restrict a key in ways that a JWT's `alg` cannot
/// express.
pub(super) fn family(identifier: &AlgorithmIdentifierRef<'_>) -> Result<Family, KeyError> {
    let plain = match identifier.oid {
        RSA_ENCRYPTION => {
            return match identifier.parameters {
                None => Ok(Family::Rsa),
                Some(parameters) if parameters == AnyRef::NULL => Ok(Family::Rsa),
                Some(_) => {
                    Err(KeyError::malformed("the algorithm identifier of the RSA key has unexpected parameters"))
                }
            };
        }
        EC_PUBLIC_KEY => {
            let curve = identifier.parameters_oid().map_err(|_| EXPLICIT_CURVE)?;
            return curve_family(&curve).ok_or_else(|| unsupported(&curve));
        }
        ED25519 => Family::Ed25519,
        ML_DSA_44 => Family::MlDsa44,
        ML_DSA_65 => Family::MlDsa65,
        ML_DSA_87 => Family::MlDsa87,
        other => return Err(unsupported(&other)),
    };
    // RFC 8410 section 3, RFC 9881 section 2: the parameters must be absent.
    if identifier.parameters.is_some() {
        return Err(KeyError::malformed("the algorithm identifier of the key has parameters, which must be absent"));
    }
    Ok(plain)
}

/// The error for a curve that is given by its numbers instead of its name, as `openssl` writes it with `-param_enc explicit`.
pub(super) const EXPLICIT_CURVE: KeyError = KeyError::new(
    KeyErrorKind::UnsupportedKeyType,
    "the EC key has the numbers of its curve instead of the curve's name; `openssl pkey -in FILE -ec_param_enc named_curve` \
     (for a public key with `-pubin`) converts it",
);

/// Returns the error for a type of key or a curve that isn't supported. It names the well-known ones.
pub(super) fn unsupported(oid: &ObjectIdentifier) -> KeyError {
    macro_rules! only {
        ($found:literal) => {
            concat!($found, " isn't supported; use RSA, P-256, P-384, P-521, Ed25519 or ML-DSA")
        };
    }
    let message = match oid.to_string().as_str() {
        "1.2.840.113549.1.1.10" => {
            "the RSA key is only for RSASSA-PSS, which isn't supported; create it for all uses \
             (`openssl genpkey -algorithm RSA`), and sign PS256 with that"
        }
        "1.2.840.113549.1.1.7" => only!("an RSA key for encryption (RSAES-OAEP)"),
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => only!("a Diffie-Hellman key"),
        "1.2.840.10040.4.1" => only!("a DSA key"),
        "1.3.101.110" | "1.3.101.111" => only!("a key for key agreement (X25519 or X448)"),
        "1.3.101.113" => only!("an Ed448 key"),
        "1.3.132.0.10" => only!("the curve secp256k1"),
        "1.3.132.0.33" | "1.2.840.10045.3.1.1" => only!("a curve of fewer than 256 bits"),
        "1.2.156.10197.1.301" => only!("the curve SM2"),
        oid if oid.starts_with("1.3.36.3.3.2.8.1.1.") => only!("a Brainpool curve"),
        _ => only!("the type or the curve of the key"),
    };
    KeyError::new(KeyErrorKind::UnsupportedKeyType, message)
}

pub(super) fn curve_family(curve: &ObjectIdentifier) -> Option<Family> {
    match *curve {
        P256 => Some(Family::P256),
        P384 => Some(Family::P384),
        P521 => Some(Family::P521),
        _ => None,
    }
}

/// Encodes the algorithm identifier of a family; `None` for [`Family::Hmac`].
pub(super) fn identifier(family: Family) -> Option<Vec<u8>> {
    const NULL: &[u8] = &[0x05, 0x00];
    let oid = |oid: ObjectIdentifier| tlv(0x06, &[oid.as_bytes()]);
    let (algorithm, parameters) = match family {
        Family::Hmac => return None,
        Family::Rsa => (RSA_ENCRYPTION, NULL.to_vec()),
        Family::P256 => (EC_PUBLIC_KEY, oid(P256)),
        Family::P384 => (EC_PUBLIC_KEY, oid(P384)),
        Family::P521 => (EC_PUBLIC_KEY, oid(P521)),
        Family::Ed25519 => (ED25519, Vec::new()),
        Family::MlDsa44 => (ML_DSA_44, Vec::new()),
        Family::MlDsa65 => (ML_DSA_65, Vec::new()),
        Family::MlDsa87 => (ML_DSA_87, Vec::new()),
    };
    Some(tlv(0x30, &[&oid(algorithm), &parameters]))
}

/// Encodes a `SubjectPublicKeyInfo`; `None` for a secret. RFC 5280 section 4.1.
pub(super) fn encode_spki(key: &KeyMaterial) -> Option<Vec<u8>> {
    let bytes = match key {
        KeyMaterial::Secret(_) => return None,
        KeyMaterial::Rsa { modulus, exponent } => rsa_der(modulus, exponent),
        KeyMaterial::Ec { point, .. } => point.clone(),
        KeyMaterial::Ed25519(key) => key.to_vec(),
        KeyMaterial::MlDsa { key, .. } => key.clone(),
    };
    Some(tlv(0x30, &[&identifier(key.family())?, &tlv(0x03, &[&[0x00], &bytes])]))
}

pub(super) fn rsa_public_key(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let (modulus, exponent) = rsa_numbers(der).map_err(|_| KeyError::malformed("the RSA public key is malformed"))?;
    material::rsa(modulus, exponent)
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
pub(crate) fn rsa_numbers(der: &[u8]) -> Result<(&[u8], &[u8]), ::der::Error> {
    let mut reader = SliceReader::new(der)?;
    let numbers = reader.sequence(|numbers| {
        let (modulus, exponent) = (UintRef::decode(numbers)?, UintRef::decode(numbers)?);
        Ok::<_, ::der::Error>((modulus.as_bytes(), exponent.as_bytes()))
    })?;
    reader.finish()?;
    Ok(numbers)
}

/// Reads an `ECDSA-Sig-Value` as the two numbers of a JWS, one after the other. RFC 3279 section 2.2.3, RFC 7518 section 3.4.
#[cfg(feature = "remote-signer")]
pub(crate) fn ecdsa_numbers(der: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(der).ok()?;
    let numbers = reader.sequence(|numbers| {
        let (r, s) = (UintRef::decode(numbers)?, UintRef::decode(numbers)?);
        Ok::<_, ::der::Error>([r.as_bytes(), s.as_bytes()])
    });
    let numbers = numbers.ok()?;
    reader.finish().ok()?;
    let mut fixed = vec![0; 2 * size];
    for (number, half) in numbers.iter().zip(fixed.chunks_exact_mut(size)) {
        let start = size.checked_sub(number.len())?;
        half[start..].copy_from_slice(number);
    }
    Some(fixed)
}

/// Encodes an `RSAPublicKey`.
pub(crate) fn rsa_der(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&unsigned(modulus), &unsigned(exponent)])
}

/// Encodes a number that isn't negative.
pub(super) fn unsigned(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let number = &number[zeros..];
    // If the first bit is set, the number would be negative.
    let sign: &[u8] = if number.first().is_none_or(|&first| first >= 0x80) { &[0] } else { &[] };
    tlv(0x02, &[sign, number])
}

/// Encodes a tag, the shortest form of the length, and the parts of the content.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Large enough from the start: growing would leave a copy of a private key behind.
    let mut out = Vec::with_capacity(length + 2 + size_of::<usize>());
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
        out.push(0x80 | (bytes.len() - first) as u8);
        out.extend_from_slice(&bytes[first..]);
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

#[cfg(test)]
mod tests {
    use super::super::pem;
    use super::*;
    use crate::jose::pem_samples::{P256_CERTIFICATE, P256_SPKI, RSA_PKCS1, RSA_SPKI, content};

    #[test]
    fn bytes_after_the_key_and_cut_off_keys_are_refused() {
        for pem in [RSA_SPKI, RSA_PKCS1, P256_CERTIFICATE] {
            let der = [content(pem).as_slice(), &[0]].concat();
            assert!(public_key(&der).is_err(), "{pem}");
            assert!(public_key(&der[..der.len() - 2]).is_err(), "{pem}");
        }
    }

    #[test]
    fn a_key_of_another_type_or_curve_is_named() {
        let spki = |oid: &str, parameters: &[u8]| {
            let oid = tlv(0x06, &[ObjectIdentifier::new_unwrap(oid).as_bytes()]);
            tlv(0x30, &[&tlv(0x30, &[&oid, parameters]), &tlv(0x03, &[&[0, 4]])])
        };
        let curve = |oid: &str| tlv(0x06, &[ObjectIdentifier::new_unwrap(oid).as_bytes()]);
        const EC: &str = "1.2.840.10045.2.1";
        for (der, part) in [
            (spki("1.2.840.113549.1.1.10", &[]), "only for RSASSA-PSS"),
            (spki("1.2.840.113549.1.1.7", &[]), "RSAES-OAEP"),
            (spki("1.2.840.113549.1.3.1", &[]), "Diffie-Hellman"),
            (spki("1.2.840.10040.4.1", &[]), "DSA"),
            (spki("1.3.101.110", &[]), "X25519"),
            (spki("1.3.101.113", &[]), "Ed448"),
            (spki("1.3.6.1.4.1.1", &[]), "the type or the curve of the key isn't supported"),
            (spki(EC, &curve("1.3.132.0.10")), "secp256k1"),
            (spki(EC, &curve("1.3.132.0.33")), "fewer than 256 bits"),
            (spki(EC, &curve("1.3.36.3.3.2.8.1.1.7")), "Brainpool"),
            (spki(EC, &tlv(0x30, &[&[2, 1, 1]])), "-ec_param_enc named_curve"),
        ] {
            let error = public_key(&der).unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::UnsupportedKeyType, "{part}");
            assert!(error.to_string().contains(part), "{error}\n{part}");
        }
        for first in [2, 3, 6, 7] {
            let point = tlv(0x03, &[&[0, first], &[1; 32]]);
            let error = public_key(&tlv(0x30, &[&identifier(Family::P256).unwrap(), &point])).unwrap_err();
            assert!(error.to_string().contains("-ec_conv_form uncompressed"), "{error}");
        }
    }

    #[test]
    fn a_certificate_gives_the_same_key_as_its_public_key() {
        assert!(pem::public_key(P256_CERTIFICATE.as_bytes()) == pem::public_key(P256_SPKI.as_bytes()));
        assert!(pem::public_key(RSA_PKCS1.as_bytes()) == pem::public_key(RSA_SPKI.as_bytes()));
    }

    #[test]
    fn an_rsa_key_is_encoded_as_it_was_read() {
        let der = content(RSA_PKCS1);
        let (modulus, exponent) = rsa_numbers(&der).unwrap();
        assert_eq!(rsa_der(modulus, exponent), *der);
    }
}
