//! Private keys as JWKs. RFC 7518 section 6, RFC 8037 section 2, RFC 9964.

use zeroize::Zeroizing;

use super::der;
use super::jwk::{self, Vetted};
use super::jwk_members::{self, Expected, bytes};
use super::key_error::KeyError;
use super::material::{self, KeyMaterial};
use super::private::PrivateMaterial;
use crate::json::Value;

/// The members of a JWK that only private keys have.
#[derive(Default)]
struct PrivateMembers<'a> {
    d: Option<Value<'a>>,
    p: Option<Value<'a>>,
    q: Option<Value<'a>>,
    dp: Option<Value<'a>>,
    dq: Option<Value<'a>>,
    qi: Option<Value<'a>>,
    oth: Option<Value<'a>>,
    r#priv: Option<Value<'a>>,
}

/// Reads a JWK with its private members. Whether they belong to the public ones is checked when the back end has
/// parsed the key.
pub(crate) fn from_jwk(text: &str) -> Result<(PrivateMaterial, Vetted), KeyError> {
    let public = jwk::vet(text, Expected::Pair)?;
    let private = PrivateMembers::read(text)?;
    let material = match &public.material {
        KeyMaterial::Secret(secret) => PrivateMaterial::Secret(secret.clone()),
        KeyMaterial::Rsa { modulus, exponent } => private.rsa(modulus, exponent)?,
        KeyMaterial::Ec { family, .. } => {
            let scalar = bytes("d", private.d)?;
            if Some(scalar.len()) != material::coordinate_bytes(*family) {
                return Err(KeyError::malformed("the key's `d` doesn't have its curve's size"));
            }
            PrivateMaterial::Ec { family: *family, scalar }
        }
        KeyMaterial::Ed25519(_) => PrivateMaterial::Ed25519(jwk_seed("d", private.d)?),
        KeyMaterial::MlDsa { family, .. } => {
            PrivateMaterial::MlDsa { family: *family, seed: jwk_seed("priv", private.r#priv)? }
        }
    };
    Ok((material, public))
}

impl<'a> PrivateMembers<'a> {
    fn read(text: &'a str) -> Result<Self, KeyError> {
        let mut private = Self::default();
        jwk_members::each_member(text, |name, value| {
            let slot = match name {
                "d" => &mut private.d,
                "p" => &mut private.p,
                "q" => &mut private.q,
                "dp" => &mut private.dp,
                "dq" => &mut private.dq,
                "qi" => &mut private.qi,
                "oth" => &mut private.oth,
                "priv" => &mut private.r#priv,
                _ => return,
            };
            *slot = Some(value);
        })?;
        Ok(private)
    }

    /// Encodes an `RSAPrivateKey`. RFC 8017 appendix A.1.2.
    fn rsa(&self, modulus: &[u8], exponent: &[u8]) -> Result<PrivateMaterial, KeyError> {
        if self.oth.is_some() {
            return Err(KeyError::malformed("the RSA key has more than two primes, which isn't supported"));
        }
        let mut fields = Zeroizing::new(vec![0x02, 0x01, 0x00]);
        for number in [modulus, exponent] {
            fields.extend_from_slice(&der::unsigned(number));
        }
        for (name, member) in
            [("d", self.d), ("p", self.p), ("q", self.q), ("dp", self.dp), ("dq", self.dq), ("qi", self.qi)]
        {
            let number = bytes(name, member)?;
            fields.extend_from_slice(&Zeroizing::new(der::unsigned(&number)));
        }
        Ok(PrivateMaterial::Rsa(Zeroizing::new(der::tlv(0x30, &[&fields]))))
    }
}

fn jwk_seed(name: &'static str, value: Option<Value<'_>>) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let seed = bytes(name, value)?;
    let seed = <[u8; 32]>::try_from(seed.as_slice());
    seed.map(Zeroizing::new).map_err(|_| KeyError::malformed("the private key's seed doesn't have 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_member_that_is_null_is_absent() {
        let private = PrivateMembers::read(r#"{"d":"AQ","oth":null,"priv":null}"#).unwrap();
        assert!(private.d.is_some() && private.oth.is_none() && private.r#priv.is_none());
        assert_eq!(
            bytes("d", PrivateMembers::read(r#"{"d":null}"#).unwrap().d),
            Err(KeyError::member("d", "is missing"))
        );
    }
}
