//! Public keys in PEM and DER: RFC 7468, RFC 5280 section 4.1, RFC 8017 appendix A.1.1, RFC 5480, RFC 8410, RFC 9881.

use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader, pem};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::algorithm::Family;
use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;
use super::vetting;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// Reads the one public key in a PEM text.
pub(crate) fn public_key(text: &[u8]) -> Result<KeyMaterial, KeyError> {
    let (label, der) = block(text)?;
    match label {
        "PUBLIC KEY" => spki(&der),
        "RSA PUBLIC KEY" => rsa_public_key(&der),
        "CERTIFICATE" => certificate(&der),
        label if label.ends_with("PRIVATE KEY") => Err(KeyError::private()),
        _ => Err(KeyError::malformed("the PEM block is not a public key or a certificate")),
    }
}

/// Reads a public key in DER, whichever of the three structures it is.
pub(crate) fn public_der(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    if SubjectPublicKeyInfoRef::from_der(der).is_ok() {
        spki(der)
    } else if rsa_numbers(der).is_ok() {
        rsa_public_key(der)
    } else {
        certificate(der)
    }
}

/// Whether the bytes have the structure of a public key or a certificate, whatever their numbers.
pub(crate) fn is_public_der(der: &[u8]) -> bool {
    SubjectPublicKeyInfoRef::from_der(der).is_ok() || rsa_numbers(der).is_ok() || Certificate::from_der(der).is_ok()
}

/// The label and the content of the only block in a PEM text.
pub(super) fn block(text: &[u8]) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    const BROKEN: KeyError = KeyError::malformed("the text is not PEM");
    const BEGIN: &[u8] = b"-----BEGIN";
    let text = text.trim_ascii();
    let begins = text.windows(BEGIN.len()).filter(|window| *window == BEGIN).count();
    if begins > 1 {
        return Err(KeyError::malformed("the text has more than one PEM block"));
    }
    let mut decoder = pem::Decoder::new_detect_wrap(text).map_err(|_| BROKEN)?;
    let mut content = Zeroizing::new(Vec::new());
    decoder.decode_to_end(&mut content).map_err(|_| BROKEN)?;
    Ok((decoder.type_label(), content))
}

fn certificate(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let certificate = Certificate::from_der(der)
        .map_err(|_| KeyError::malformed("the bytes are not a public key or a certificate in DER"))?;
    let key = certificate.tbs_certificate().subject_public_key_info().to_der();
    spki(&key.map_err(|_| KeyError::malformed("the certificate's public key is malformed"))?)
}

fn spki(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    const BROKEN: KeyError = KeyError::malformed("the public key is malformed");
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| BROKEN)?;
    let bytes = info.subject_public_key.as_bytes().ok_or(BROKEN)?;
    match family(&info.algorithm)? {
        Family::Rsa => rsa_public_key(bytes),
        Family::Ed25519 => vetting::ed25519(bytes),
        family @ (Family::P256 | Family::P384 | Family::P521) => vetting::ec(family, bytes),
        family => vetting::ml_dsa(family, bytes),
    }
}

/// The family that an algorithm identifier stands for; never [`Family::Hmac`].
///
/// `id-RSASSA-PSS` (RFC 4055) is left out: its parameters would bind a key more tightly than a JWT's `alg` can.
pub(super) fn family(identifier: &AlgorithmIdentifierRef<'_>) -> Result<Family, KeyError> {
    const UNSUPPORTED: KeyError =
        KeyError::new(KeyErrorKind::UnsupportedKeyType, "the kind of key or its curve is not supported");
    let plain = match identifier.oid {
        RSA_ENCRYPTION => {
            return match identifier.parameters {
                None => Ok(Family::Rsa),
                Some(parameters) if parameters == AnyRef::NULL => Ok(Family::Rsa),
                Some(_) => Err(KeyError::malformed("the parameters of the RSA key are malformed")),
            };
        }
        EC_PUBLIC_KEY => {
            let curve = identifier.parameters_oid().map_err(|_| UNSUPPORTED)?;
            return curve_family(&curve).ok_or(UNSUPPORTED);
        }
        ED25519 => Family::Ed25519,
        ML_DSA_44 => Family::MlDsa44,
        ML_DSA_65 => Family::MlDsa65,
        ML_DSA_87 => Family::MlDsa87,
        _ => return Err(UNSUPPORTED),
    };
    // RFC 8410 section 3, RFC 9881 section 2: the parameters must be absent.
    if identifier.parameters.is_some() {
        return Err(KeyError::malformed("the key's algorithm has parameters that must be absent"));
    }
    Ok(plain)
}

pub(super) fn curve_family(curve: &ObjectIdentifier) -> Option<Family> {
    match *curve {
        P256 => Some(Family::P256),
        P384 => Some(Family::P384),
        P521 => Some(Family::P521),
        _ => None,
    }
}

fn rsa_public_key(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let (modulus, exponent) = rsa_numbers(der).map_err(|_| KeyError::malformed("the RSA public key is malformed"))?;
    vetting::rsa(modulus, exponent)
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
pub(crate) fn rsa_numbers(der: &[u8]) -> Result<(&[u8], &[u8]), x509_cert::der::Error> {
    let mut reader = SliceReader::new(der)?;
    let numbers = reader.sequence(|numbers| {
        let (modulus, exponent) = (UintRef::decode(numbers)?, UintRef::decode(numbers)?);
        Ok::<_, x509_cert::der::Error>((modulus.as_bytes(), exponent.as_bytes()))
    })?;
    reader.finish()?;
    Ok(numbers)
}

/// Writes an `RSAPublicKey`.
#[cfg(any(test, feature = "aws-lc-rs", feature = "jsonwebtoken-11", feature = "jsonwebtoken-12"))]
pub(crate) fn rsa_der(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&unsigned(modulus), &unsigned(exponent)])
}

/// A number that is not negative.
pub(super) fn unsigned(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let number = &number[zeros..];
    // A first bit of one would make the number negative.
    let sign: &[u8] = if number.first().is_none_or(|&first| first >= 0x80) { &[0] } else { &[] };
    tlv(0x02, &[sign, number])
}

/// Writes a tag, the length in its shortest form, and the parts of the content.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
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
    use super::*;
    use crate::jose::{Algorithm, Key};

    const RSA_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArp3CIo8sMY+9UfYPTQzv
GVNveyp6+61N8jdcRc6qgnN4ZdZhqAfnM7CK36MiI1SDpNdxOBRN7rQETU6WJHHA
8qnjI8D+RBgxzZxmFhLhLm9WDIZqhaQcn3F197keqmyaWtAfaRG3nf+mJooMb1DR
yMlQFge+19rNfPnRIv6HmpWxu+KfCxP3Cnz+Rwxnpx2+zGN3LnX9T2zi64byGFvr
NZ/BrQGTE9B2FIPms0eR31aMxoU+W/TnrCMhJNsKLn8quL0rL5drbNS/vB0jmlAX
m4daO59xlnERFYZfdRg+HHOhGT81BRaNdCKSo+S9+piA6ZFlXmJQp46MVxNOZYPd
ywIDAQAB
-----END PUBLIC KEY-----";

    const RSA_PKCS1: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEArp3CIo8sMY+9UfYPTQzvGVNveyp6+61N8jdcRc6qgnN4ZdZhqAfn
M7CK36MiI1SDpNdxOBRN7rQETU6WJHHA8qnjI8D+RBgxzZxmFhLhLm9WDIZqhaQc
n3F197keqmyaWtAfaRG3nf+mJooMb1DRyMlQFge+19rNfPnRIv6HmpWxu+KfCxP3
Cnz+Rwxnpx2+zGN3LnX9T2zi64byGFvrNZ/BrQGTE9B2FIPms0eR31aMxoU+W/Tn
rCMhJNsKLn8quL0rL5drbNS/vB0jmlAXm4daO59xlnERFYZfdRg+HHOhGT81BRaN
dCKSo+S9+piA6ZFlXmJQp46MVxNOZYPdywIDAQAB
-----END RSA PUBLIC KEY-----";

    const P256_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEClkmejVXmLX6kGMxWZXgOW5Nhc5o
HN7z/2P/9tb4ezHHmq1jfgirSdAnIgmP/f/2Rck801USweTFkI+sFI9v3w==
-----END PUBLIC KEY-----";

    const P256_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbDCCAROgAwIBAgIUSTF2levMN/fGItNkNt/UeZSRbU0wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAeFw0yNjExMjEyMTMxMDVaFw0yNjExMjIyMTMxMDVaMAwx
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQKWSZ6NVeYtfqQ
YzFZleA5bk2Fzmgc3vP/Y//21vh7McearWN+CKtJ0CciCY/9//ZFyTzTVRLB5MWQ
j6wUj2/fo1MwUTAdBgNVHQ4EFgQUYqCXtpr7zRxA1Uf3Iqf5+jBSkccwHwYDVR0j
BBgwFoAUYqCXtpr7zRxA1Uf3Iqf5+jBSkccwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNHADBEAiBYi/wSO4FxrJlHbiBICCy90JNYWNcTrsCl52BhBXu7cgIg
M92cMv8CzWnxHy4j7RXPQ+1+O3Q5jcwu0bB3L2vx7mA=
-----END CERTIFICATE-----";

    const K256_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE67UrFRMdSpGBct0QaHO2hj2BJCqJEykM
imPFt6FShbmmOUiPX3rHdX4eEbCfbtHSKlZMG0f3nsswDfFG74NPvQ==
-----END PUBLIC KEY-----";

    const ED25519_SPKI: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAxkB1KCrMT+rLA6I0leLQNE8p20JNXqdZJ3PNq20b/h4=
-----END PUBLIC KEY-----";

    fn kind(algorithm: Algorithm, pem: &str) -> Option<KeyErrorKind> {
        Key::from_pem(algorithm, pem).err().map(|error| error.kind())
    }

    #[test]
    fn one_public_key_or_certificate_is_read() {
        use Algorithm::{ES256, ES384, Ed25519, HS256, MlDsa44, PS512, RS256};
        const MISMATCH: Option<KeyErrorKind> = Some(KeyErrorKind::AlgorithmMismatch);
        for (pem, algorithm, expected) in [
            (RSA_SPKI, RS256, None),
            (RSA_SPKI, PS512, None),
            (RSA_PKCS1, RS256, None),
            (P256_SPKI, ES256, None),
            (P256_CERTIFICATE, ES256, None),
            (ED25519_SPKI, Ed25519, None),
            (RSA_SPKI, HS256, MISMATCH),
            (RSA_SPKI, ES256, MISMATCH),
            (RSA_PKCS1, Ed25519, MISMATCH),
            (P256_SPKI, ES384, MISMATCH),
            (P256_SPKI, RS256, MISMATCH),
            (P256_CERTIFICATE, MlDsa44, MISMATCH),
            (K256_SPKI, ES256, Some(KeyErrorKind::UnsupportedKeyType)),
        ] {
            assert_eq!(kind(algorithm, pem), expected, "{algorithm} {pem}");
            assert_eq!(kind(algorithm, &pem.replace('\n', "\r\n")), expected, "{algorithm} {pem}");
            assert_eq!(kind(algorithm, &format!("# a comment\n{pem}\n\n")), expected, "{algorithm} {pem}");
            let der = block(pem.as_bytes()).unwrap().1;
            let refused = Key::from_der(algorithm, &der).err().map(|error| error.kind());
            assert_eq!(refused, expected, "{algorithm} {pem}");
        }
    }

    #[test]
    fn anything_else_in_pem_is_refused() {
        let relabel = |label: &str| RSA_SPKI.replace("PUBLIC KEY", label);
        let cases = [
            (relabel("PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("RSA PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("EC PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("ENCRYPTED PRIVATE KEY"), KeyErrorKind::PrivateKey),
            (relabel("EC PARAMETERS"), KeyErrorKind::Malformed),
            (relabel("CERTIFICATE"), KeyErrorKind::Malformed),
            (relabel("RSA PUBLIC KEY"), KeyErrorKind::Malformed),
            (RSA_PKCS1.replace("RSA PUBLIC", "PUBLIC"), KeyErrorKind::Malformed),
            (format!("{RSA_SPKI}\n{RSA_SPKI}"), KeyErrorKind::Malformed),
            (format!("{RSA_SPKI}\n{P256_SPKI}"), KeyErrorKind::Malformed),
            (RSA_SPKI.replace("-----END", "----END"), KeyErrorKind::Malformed),
            (RSA_SPKI[..100].to_owned(), KeyErrorKind::Malformed),
            (String::new(), KeyErrorKind::Malformed),
            ("secret".to_owned(), KeyErrorKind::Malformed),
        ];
        for (pem, expected) in cases {
            assert_eq!(kind(Algorithm::RS256, &pem), Some(expected), "{pem}");
        }
    }

    #[test]
    fn bytes_after_the_key_are_refused() {
        for pem in [RSA_SPKI, RSA_PKCS1, P256_CERTIFICATE] {
            let der = [block(pem.as_bytes()).unwrap().1.as_slice(), &[0]].concat();
            assert!(public_der(&der).is_err(), "{pem}");
            assert!(public_der(&der[..der.len() - 2]).is_err(), "{pem}");
        }
    }

    #[test]
    fn a_certificate_and_its_key_are_the_same_key() {
        assert!(public_key(P256_CERTIFICATE.as_bytes()) == public_key(P256_SPKI.as_bytes()));
        assert!(public_key(RSA_PKCS1.as_bytes()) == public_key(RSA_SPKI.as_bytes()));
    }

    #[test]
    fn an_rsa_key_is_written_as_it_is_read() {
        let der = block(RSA_PKCS1.as_bytes()).unwrap().1;
        let (modulus, exponent) = rsa_numbers(&der).unwrap();
        assert_eq!(rsa_der(modulus, exponent), *der);
    }
}
