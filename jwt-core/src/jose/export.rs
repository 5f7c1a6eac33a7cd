//! Private keys, written as PKCS#8 (RFC 5958) and as JWKs (RFC 7518 section 6, RFC 8037 section 2, RFC 9964).
//!
//! Every buffer that holds private numbers is large enough from the start, so that growing leaves no copy behind, and is
//! overwritten when it's dropped.

use ::der::asn1::UintRef;
use ::der::pem::{LineEnding, encode_string};
use ::der::{Decode as _, Reader as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::key_error::{KeyError, KeyErrorKind};
use super::material::KeyMaterial;
use super::private::{PrivateMaterial, read};
use super::{der, thumbprint};

/// Encodes a `OneAsymmetricKey` of version 1.
pub(crate) fn pkcs8(private: &PrivateMaterial, public: &KeyMaterial) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let key = match private {
        PrivateMaterial::Secret(_) => {
            return Err(KeyError::new(
                KeyErrorKind::UnsupportedKeyType,
                "a shared secret has no PKCS#8 form; export it as a JWK",
            ));
        }
        PrivateMaterial::Rsa(document) => document.clone(),
        PrivateMaterial::Ec { scalar, .. } => ec(scalar, public),
        // RFC 8410 section 7: an octet string inside the octet string.
        PrivateMaterial::Ed25519(seed) => Zeroizing::new(der::tlv(0x04, &[&**seed])),
        // RFC 9881 section 6: `seed [0] IMPLICIT OCTET STRING`.
        PrivateMaterial::MlDsa { seed, .. } => Zeroizing::new(der::tlv(0x80, &[&**seed])),
    };
    let identifier = der::identifier(private.family())
        .ok_or(KeyError::new(KeyErrorKind::UnsupportedKeyType, "the key's type has no PKCS#8 form"))?;
    let key = Zeroizing::new(der::tlv(0x04, &[&key]));
    Ok(Zeroizing::new(der::tlv(0x30, &[&[0x02, 0x01, 0x00], &identifier, &key])))
}

/// Encodes a `PRIVATE KEY` in PEM. RFC 7468 section 10.
pub(crate) fn to_pem(pkcs8: &[u8]) -> Result<Zeroizing<String>, KeyError> {
    let text = encode_string("PRIVATE KEY", LineEnding::LF, pkcs8);
    text.map(Zeroizing::new).map_err(|_| KeyError::malformed("the private key can't be written as PEM"))
}

/// Encodes an `ECPrivateKey` with its public key, without which some libraries refuse it. RFC 5915 section 3.
fn ec(scalar: &[u8], public: &KeyMaterial) -> Zeroizing<Vec<u8>> {
    let scalar = Zeroizing::new(der::tlv(0x04, &[scalar]));
    let point = match public {
        KeyMaterial::Ec { point, .. } => der::tlv(0xa1, &[&der::tlv(0x03, &[&[0x00], point])]),
        _ => Vec::new(),
    };
    Zeroizing::new(der::tlv(0x30, &[&[0x02, 0x01, 0x01], &scalar, &point]))
}

/// Writes a private JWK with its public members and `more`, whose values are JSON.
pub(crate) fn jwk(
    private: &PrivateMaterial,
    public: &KeyMaterial,
    more: &[(&'static str, String)],
) -> Result<Zeroizing<String>, KeyError> {
    let text = |bytes: &[u8]| Zeroizing::new(format!("\"{}\"", *Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes))));
    let mut members: Vec<(&str, Zeroizing<String>)> = Vec::new();
    for (name, value) in thumbprint::members(public).unwrap_or_default() {
        // An ML-DSA key has `alg` twice otherwise. RFC 7638 needs it, and so do we.
        if !more.iter().any(|(other, _)| *other == name) {
            members.push((name, Zeroizing::new(format!("\"{value}\""))));
        }
    }
    match private {
        PrivateMaterial::Secret(secret) => {
            members.push(("kty", Zeroizing::new("\"oct\"".to_owned())));
            members.push(("k", text(secret)));
        }
        PrivateMaterial::Rsa(document) => {
            let names = ["d", "p", "q", "dp", "dq", "qi"];
            members.extend(names.into_iter().zip(rsa_numbers(document)?.map(text)));
        }
        PrivateMaterial::Ec { scalar, .. } => members.push(("d", text(scalar))),
        PrivateMaterial::Ed25519(seed) => members.push(("d", text(&**seed))),
        PrivateMaterial::MlDsa { seed, .. } => members.push(("priv", text(&**seed))),
    }
    members.extend(more.iter().map(|(name, value)| (*name, Zeroizing::new(value.clone()))));
    let length = members.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>() + 2;
    let mut jwk = Zeroizing::new(String::with_capacity(length));
    for (index, (name, value)) in members.iter().enumerate() {
        jwk.push(if index == 0 { '{' } else { ',' });
        for part in ["\"", name, "\":", value] {
            jwk.push_str(part);
        }
    }
    jwk.push('}');
    Ok(jwk)
}

/// The private numbers of an `RSAPrivateKey`, in the order of RFC 8017 appendix A.1.2.
fn rsa_numbers(document: &[u8]) -> Result<[&[u8]; 6], KeyError> {
    read(document, |fields| {
        u8::decode(fields)?;
        let (_modulus, _exponent) = (UintRef::decode(fields)?, UintRef::decode(fields)?);
        let mut numbers = [&[][..]; 6];
        for number in &mut numbers {
            *number = UintRef::decode(fields)?.as_bytes();
        }
        fields.drain(fields.remaining_len())?;
        Ok(numbers)
    })
}

#[cfg(test)]
mod tests {
    use super::super::algorithm::Family;
    use super::super::{pem, private};
    use super::*;

    /// RFC 8410 section 10.3.
    const ED25519: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

    /// Written by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
    const P256: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgImibYLqkh7GABqQ/
d5CqsYQfYZtyksfDTt4cyngaT3ihRANCAAQKWSZ6NVeYtfqQYzFZleA5bk2Fzmgc
3vP/Y//21vh7McearWN+CKtJ0CciCY/9//ZFyTzTVRLB5MWQj6wUj2/f
-----END PRIVATE KEY-----
";

    #[test]
    fn keys_are_written_as_openssl_and_the_rfcs_write_them() {
        let private = private::from_pem(ED25519.as_bytes()).unwrap();
        let public = KeyMaterial::Ed25519([0; 32]);
        assert_eq!(*to_pem(&pkcs8(&private, &public).unwrap()).unwrap(), ED25519);

        let private = private::from_pem(P256.as_bytes()).unwrap();
        let document = pem::blocks(P256.as_bytes()).unwrap()[0].decode().unwrap();
        let point = document[document.len() - 65..].to_vec();
        let public = KeyMaterial::Ec { family: Family::P256, point };
        assert_eq!(*to_pem(&pkcs8(&private, &public).unwrap()).unwrap(), P256);
    }

    #[test]
    fn a_secret_is_written_only_as_a_jwk() {
        let secret = Zeroizing::new(b"secret".to_vec());
        let (private, public) = (PrivateMaterial::Secret(secret.clone()), KeyMaterial::Secret(secret));
        assert_eq!(pkcs8(&private, &public).unwrap_err().kind(), KeyErrorKind::UnsupportedKeyType);
        let more = [("alg", "\"HS256\"".to_owned())];
        assert_eq!(*jwk(&private, &public, &more).unwrap(), r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#);
    }

    #[test]
    fn the_buffer_of_a_jwk_does_not_grow() {
        let private = PrivateMaterial::Ed25519(Zeroizing::new([7; 32]));
        let more = [("alg", "\"Ed25519\"".to_owned()), ("kid", "\"a\"".to_owned())];
        let jwk = jwk(&private, &KeyMaterial::Ed25519([9; 32]), &more).unwrap();
        assert!(jwk.len() <= jwk.capacity() && jwk.capacity() <= jwk.len() + 2, "{} {}", jwk.len(), jwk.capacity());
    }
}
