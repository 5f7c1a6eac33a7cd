//! Private keys as PEM and DER: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 appendix A.1.2), SEC1 (RFC 5915), and ML-DSA seeds
//! (RFC 9881).

use std::fmt;

use ::der::asn1::{AnyRef, ContextSpecific, ObjectIdentifier, OctetStringRef, UintRef};
use ::der::{Decode as _, Error as DerError, Reader as _, SliceReader, TagNumber};
use ::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::algorithm::Family;
use super::key_error::KeyError;
use super::{der, foreign, material, pem};

/// A private key or secret, in the form that every back end accepts.
#[derive(Clone)]
pub(crate) enum PrivateMaterial {
    /// An HMAC secret.
    Secret(Zeroizing<Vec<u8>>),
    /// A PKCS#1 `RSAPrivateKey`.
    Rsa(Zeroizing<Vec<u8>>),
    /// A big-endian scalar of its curve's size.
    Ec { family: Family, scalar: Zeroizing<Vec<u8>> },
    /// An Ed25519 seed.
    Ed25519(Zeroizing<[u8; 32]>),
    /// The seed of an ML-DSA key.
    MlDsa { family: Family, seed: Zeroizing<[u8; 32]> },
}

impl PrivateMaterial {
    pub(crate) const fn family(&self) -> Family {
        match self {
            Self::Secret(_) => Family::Hmac,
            Self::Rsa(_) => Family::Rsa,
            Self::Ec { family, .. } | Self::MlDsa { family, .. } => *family,
            Self::Ed25519(_) => Family::Ed25519,
        }
    }
}

impl fmt::Debug for PrivateMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateMaterial").field(&self.family()).finish_non_exhaustive()
    }
}

/// Reads the only private key in a PEM text.
pub(crate) fn from_pem(text: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let mut blocks = pem::blocks(text)?;
    // Servers keep a key and its certificates in one file, and tools write a key pair.
    if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
        blocks.retain(|block| !matches!(block.label, "CERTIFICATE" | "PUBLIC KEY" | "RSA PUBLIC KEY"));
    }
    let block = pem::only(&blocks)?;
    match block.label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => labelled(block.label, &block.decode()?),
        "ENCRYPTED PRIVATE KEY" => Err(pem::encrypted()),
        "OPENSSH PRIVATE KEY" => Err(KeyError::malformed(
            "the private key has OpenSSH's own format; `ssh-keygen -p -m PKCS8 -f COPY` converts a copy of an RSA or ECDSA \
             key, and `openssl genpkey -algorithm ed25519` creates an Ed25519 key",
        )),
        "CERTIFICATE" => Err(KeyError::malformed(
            "a certificate was given where a private key is expected; the private key is in a file of its own",
        )),
        "RSA-PSS PRIVATE KEY" => Err(der::unsupported(&der::RSASSA_PSS)),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(KeyError::malformed(
            "a public key was given where a private key is expected; only the private key can sign",
        )),
        label => Err(foreign::other_label(label, "the PEM text is not a private key of a supported kind")),
    }
}

/// Reads DER with this label. If the label belongs to another structure, the error says to which.
fn labelled(label: &str, der: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let read = match label {
        "PRIVATE KEY" => pkcs8(der),
        "RSA PRIVATE KEY" => pkcs1(der),
        _ => sec1(der),
    };
    read.map_err(|error| {
        KeyError::malformed(if error != BROKEN {
            return error;
        } else if pkcs8(der).is_ok() {
            "the PEM text's label is wrong: write `PRIVATE KEY` in its `BEGIN` and `END` lines"
        } else if pkcs1(der).is_ok() {
            "the PEM text's label is wrong: write `RSA PRIVATE KEY` in its `BEGIN` and `END` lines"
        } else if sec1(der).is_ok() {
            "the PEM text's label is wrong: write `EC PRIVATE KEY` in its `BEGIN` and `END` lines"
        } else if der::is_public_key(der) {
            "the PEM text's label is wrong: it has a public key, and only the private key can sign"
        } else {
            return error;
        })
    })
}

const BROKEN: KeyError = KeyError::malformed("the private key is malformed");

/// Reads a private key in DER, in any of the three structures: `openssl pkey -outform DER` writes the older ones.
pub(crate) fn from_der(document: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let read = [pkcs8, pkcs1, sec1].iter().map(|read| read(document)).find(|read| read.as_ref().err() != Some(&BROKEN));
    read.unwrap_or_else(|| {
        Err(KeyError::malformed(match foreign::key_file(document) {
            Some(description) => description,
            None if der::is_public_key(document) => {
                "a public key or a certificate was given where a private key is expected; only the private key can sign"
            }
            None => "the bytes are no private key in DER: neither PKCS#8, PKCS#1 nor SEC1, or it's encrypted",
        }))
    })
}

/// Reads a `OneAsymmetricKey`. RFC 5958 section 2. Attributes and the public key are ignored.
pub(crate) fn pkcs8(document: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let (identifier, key) = read(document, |fields| {
        u8::decode(fields)?;
        let identifier = AlgorithmIdentifierRef::decode(fields)?;
        let key = <&OctetStringRef>::decode(fields)?.as_bytes();
        fields.drain(fields.remaining_len())?;
        Ok((identifier, key))
    })?;
    match der::family(&identifier)? {
        Family::Rsa => pkcs1(key),
        Family::Ed25519 => {
            // RFC 8410 section 7: the seed is an octet string inside the octet string.
            let seed = <&OctetStringRef>::from_der(key).map_err(|_| BROKEN)?;
            Ok(PrivateMaterial::Ed25519(seed_of(seed.as_bytes())?))
        }
        family @ (Family::P256 | Family::P384 | Family::P521) => ec(family, key),
        family => Ok(PrivateMaterial::MlDsa { family, seed: ml_dsa_seed(key)? }),
    }
}

/// Reads an `RSAPrivateKey`. Only its public numbers are checked here; the back end checks the rest.
fn pkcs1(document: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let (modulus, exponent) = read(document, |fields| {
        u8::decode(fields)?;
        let (modulus, exponent) = (UintRef::decode(fields)?, UintRef::decode(fields)?);
        fields.drain(fields.remaining_len())?;
        Ok((modulus.as_bytes(), exponent.as_bytes()))
    })?;
    material::rsa(modulus, exponent)?;
    Ok(PrivateMaterial::Rsa(Zeroizing::new(document.to_vec())))
}

/// Reads an `ECPrivateKey` outside of PKCS#8, which must name its curve. RFC 5915 section 3.
fn sec1(document: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let (_, parameters) = ec_fields(document)?;
    let curve = parameters.map(curve_of).transpose()?.ok_or(KeyError::malformed(
        "the EC private key does not name its curve; `openssl pkcs8 -topk8 -nocrypt -in FILE` converts it to PKCS#8",
    ))?;
    let family = der::curve_family(&curve).ok_or_else(|| der::unsupported(&curve))?;
    ec(family, document)
}

/// Reads an `ECPrivateKey` of a known curve.
fn ec(family: Family, document: &[u8]) -> Result<PrivateMaterial, KeyError> {
    let (scalar, parameters) = ec_fields(document)?;
    if parameters.map(curve_of).transpose()?.is_some_and(|curve| der::curve_family(&curve) != Some(family))
        || Some(scalar.len()) != material::coordinate_bytes(family)
    {
        return Err(BROKEN);
    }
    Ok(PrivateMaterial::Ec { family, scalar: Zeroizing::new(scalar.to_vec()) })
}

/// Returns the curve's name. RFC 5480 section 2.1.1: the parameters are a name.
fn curve_of(parameters: AnyRef<'_>) -> Result<ObjectIdentifier, KeyError> {
    parameters.decode_as().map_err(|_| der::EXPLICIT_CURVE)
}

/// Returns the scalar, and the parameters of the curve if the key has them. The public key is ignored.
fn ec_fields(document: &[u8]) -> Result<(&[u8], Option<AnyRef<'_>>), KeyError> {
    read(document, |fields| {
        u8::decode(fields)?;
        let scalar = <&OctetStringRef>::decode(fields)?.as_bytes();
        let curve = ContextSpecific::<AnyRef<'_>>::decode_explicit(fields, TagNumber(0))?.map(|field| field.value);
        fields.drain(fields.remaining_len())?;
        Ok((scalar, curve))
    })
}

/// Reads the seed of a `CHOICE { seed [0] OCTET STRING, expandedKey OCTET STRING, both SEQUENCE }`. RFC 9881 section
/// 6. An expanded key without its seed is refused.
fn ml_dsa_seed(document: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    if document.first() == Some(&0x30) {
        return seed_of(read(document, |fields| {
            let seed = <&OctetStringRef>::decode(fields)?.as_bytes();
            fields.drain(fields.remaining_len())?;
            Ok(seed)
        })?);
    }
    let mut reader = SliceReader::new(document).map_err(|_| BROKEN)?;
    let seed = ContextSpecific::<&OctetStringRef>::decode_implicit(&mut reader, TagNumber(0));
    let seed = seed
        .ok()
        .flatten()
        .ok_or(KeyError::malformed("the ML-DSA private key has no seed: an expanded key isn't enough"))?;
    reader.finish().map_err(|_| BROKEN)?;
    seed_of(seed.value.as_bytes())
}

fn seed_of(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    bytes.try_into().map(Zeroizing::new).map_err(|_| BROKEN)
}

/// Reads the fields of a document that consists of one sequence.
pub(super) fn read<'a, T>(
    document: &'a [u8],
    fields: impl FnOnce(&mut SliceReader<'a>) -> Result<T, DerError>,
) -> Result<T, KeyError> {
    let mut reader = SliceReader::new(document).map_err(|_| BROKEN)?;
    let value = reader.sequence(fields).map_err(|_| BROKEN)?;
    reader.finish().map_err(|_| BROKEN)?;
    Ok(value)
}

/// Encodes an `ECPrivateKey` without its curve.
#[cfg(feature = "aws-lc-rs")]
pub(crate) fn ec_der(scalar: &[u8]) -> Zeroizing<Vec<u8>> {
    let scalar = Zeroizing::new(der::tlv(0x04, &[scalar]));
    Zeroizing::new(der::tlv(0x30, &[&[0x02, 0x01, 0x01], scalar.as_slice()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::KeyErrorKind;

    /// RFC 8410 section 10.3.
    const ED25519: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----";

    const P256: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgImibYLqkh7GABqQ/
d5CqsYQfYZtyksfDTt4cyngaT3ihRANCAAQKWSZ6NVeYtfqQYzFZleA5bk2Fzmgc
3vP/Y//21vh7McearWN+CKtJ0CciCY/9//ZFyTzTVRLB5MWQj6wUj2/f
-----END PRIVATE KEY-----";

    /// The key of [`P256`] as `openssl ec` writes it.
    const P256_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEICJom2C6pIexgAakP3eQqrGEH2GbcpLHw07eHMp4Gk94oAoGCCqGSM49
AwEHoUQDQgAEClkmejVXmLX6kGMxWZXgOW5Nhc5oHN7z/2P/9tb4ezHHmq1jfgir
SdAnIgmP/f/2Rck801USweTFkI+sFI9v3w==
-----END EC PRIVATE KEY-----";

    const P256_PARAMETERS: &str = "\
-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----";

    const K256_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHQCAQEEIPBSsTYTIC+w18LzTt9ABv+QjCSuRJYEVU06WMAfHdPGoAcGBSuBBAAK
oUQDQgAECRbVJr5ntAbSCPtI7y2IqeRETW3MmlRtmeWCw+jNwodzg+XtlIl593Wy
aZoTXVW1FV0GtqYZ5tw5wEXR2etw/w==
-----END EC PRIVATE KEY-----";

    fn kind(text: &str) -> Option<KeyErrorKind> {
        from_pem(text.as_bytes()).err().map(|error| error.kind())
    }

    #[test]
    fn pkcs8_is_read() {
        assert!(
            matches!(from_pem(ED25519.as_bytes()), Ok(PrivateMaterial::Ed25519(seed)) if seed[..2] == [0xd4, 0xee])
        );
        let Ok(PrivateMaterial::Ec { family: Family::P256, scalar }) = from_pem(P256.as_bytes()) else {
            panic!("a P-256 key")
        };
        assert_eq!(scalar.len(), 32);
    }

    #[test]
    fn sec1_is_read_with_and_without_its_parameters() {
        let scalar = |text: &str| match from_pem(text.as_bytes()) {
            Ok(PrivateMaterial::Ec { family: Family::P256, scalar }) => scalar,
            other => panic!("{other:?}"),
        };
        for text in [P256_SEC1.to_owned(), format!("{P256_PARAMETERS}\n{P256_SEC1}\n")] {
            assert!(scalar(&text) == scalar(P256), "{text}");
        }
        assert_eq!(kind(K256_SEC1), Some(KeyErrorKind::UnsupportedKeyType));
        assert_eq!(kind(P256_PARAMETERS), Some(KeyErrorKind::Malformed));
        assert_eq!(kind(&format!("{P256_SEC1}\n{P256_SEC1}")), Some(KeyErrorKind::Malformed));
    }

    #[test]
    fn der_is_read_in_each_structure() {
        let content = |pem: &str| pem::blocks(pem.as_bytes()).unwrap()[0].decode().unwrap();
        for pem in [ED25519, P256, P256_SEC1] {
            assert!(from_der(&content(pem)).unwrap().family() != Family::Hmac, "{pem}");
        }
        let rsa: Vec<u8> = [&[2, 1, 0][..], &der::unsigned(&[0xff; 256]), &der::unsigned(&[1, 0, 1])].concat();
        assert_eq!(from_der(&der::tlv(0x30, &[&rsa])).unwrap().family(), Family::Rsa);
        let explicit = der::tlv(0xa0, &[&der::tlv(0x30, &[&[2, 1, 1]])]);
        let explicit = der::tlv(0x30, &[&[2, 1, 1], &der::tlv(0x04, &[&[7; 32]]), &explicit]);
        for (der, part) in [
            (explicit, "-ec_param_enc named_curve"),
            (der::rsa_der(&[0xff; 256], &[1, 0, 1]), "only the private key can sign"),
            (b"-----BEGIN PRIVATE KEY-----".to_vec(), "`from_pem`"),
            (vec![7; 40], "neither PKCS#8, PKCS#1 nor SEC1"),
        ] {
            let message = from_der(&der).unwrap_err().to_string();
            assert!(message.contains(part), "{message}\n{part}");
        }
    }

    #[test]
    fn a_key_pair_in_one_text_is_read() {
        let public = format!("{}\n", crate::jose::pem_samples::P256_SPKI);
        for text in [format!("{P256}\n{public}"), format!("{public}{P256}")] {
            assert_eq!(from_pem(text.as_bytes()).unwrap().family(), Family::P256, "{text}");
        }
    }

    #[test]
    fn the_error_says_what_the_text_is_and_what_helps() {
        let relabel = |label: &str| ED25519.replace("PRIVATE KEY", label);
        let header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,775F2BE438C738E243F1162131B2268F\n\n";
        let no_curve = der::tlv(0x30, &[&[2, 1, 1], &der::tlv(0x04, &[&[7; 32]])]);
        let no_curve = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, no_curve);
        for (text, part) in [
            (relabel("ENCRYPTED PRIVATE KEY"), "encrypted; `openssl pkey -in"),
            (relabel("RSA PRIVATE KEY").replace("MC4C", &format!("{header}MC4C")), "encrypted; `openssl pkey -in"),
            (relabel("OPENSSH PRIVATE KEY"), "`ssh-keygen -p -m PKCS8"),
            (relabel("CERTIFICATE"), "a certificate was given"),
            (relabel("CERTIFICATE REQUEST"), "a certificate request"),
            (relabel("PUBLIC KEY"), "a public key was given"),
            (P256_PARAMETERS.to_owned(), "no key"),
            (
                format!("-----BEGIN EC PRIVATE KEY-----\n{no_curve}\n-----END EC PRIVATE KEY-----"),
                "`openssl pkcs8 -topk8 -nocrypt",
            ),
            ("{\"kty\":\"EC\"}".to_owned(), "`from_jwk`"),
            (String::new(), "empty"),
        ] {
            let message = from_pem(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{message}\n{text}");
        }
    }

    #[test]
    fn an_ml_dsa_key_is_read_only_from_its_seed() {
        let oid = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12];
        let document = |key: &[u8]| {
            let (identifier, key) = (der::tlv(0x30, &[&oid]), der::tlv(0x04, &[key]));
            der::tlv(0x30, &[&[2, 1, 0], &identifier, &key])
        };
        let seed = der::tlv(0x80, &[&[7; 32]]);
        let both = der::tlv(0x30, &[&der::tlv(0x04, &[&[7; 32]]), &der::tlv(0x04, &[&[9; 4032]])]);
        for key in [&seed, &both] {
            let Ok(PrivateMaterial::MlDsa { family: Family::MlDsa65, seed }) = pkcs8(&document(key)) else {
                panic!("an ML-DSA-65 key")
            };
            assert_eq!(*seed, [7; 32]);
        }
        let expanded = der::tlv(0x04, &[&[9; 4032]]);
        let (short, long) = (der::tlv(0x80, &[&[7; 31]]), [seed.as_slice(), &[0]].concat());
        for key in [expanded, short, long, Vec::new()] {
            assert_eq!(pkcs8(&document(&key)).unwrap_err().kind(), KeyErrorKind::Malformed);
        }
    }

    #[test]
    fn anything_but_one_unencrypted_private_key_is_refused() {
        for text in [
            ED25519.replace("PRIVATE KEY", "PUBLIC KEY"),
            ED25519.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
            ED25519.replace("PRIVATE KEY", "EC PRIVATE KEY"),
            ED25519.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            format!("{ED25519}\n{P256}"),
            ED25519.replace("MC4C", "MC4D"),
            String::new(),
        ] {
            assert_eq!(kind(&text), Some(KeyErrorKind::Malformed), "{text}");
        }
    }

    #[test]
    fn debug_output_of_a_private_key_shows_only_its_family() {
        let printed = format!("{:?}", from_pem(ED25519.as_bytes()).unwrap());
        assert_eq!(printed, "PrivateMaterial(Ed25519, ..)");
    }
}
