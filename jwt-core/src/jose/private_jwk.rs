//! Private keys as JWKs: RFC 7518 section 6, RFC 8037 section 2, RFC 9964.

use zeroize::Zeroizing;

use super::jwk::{self, Expected, Vetted, bytes};
use super::key_error::KeyError;
use super::material::KeyMaterial;
use super::private::PrivateMaterial;
use super::{pem, vetting};
use crate::json::{self, Unique, Value};

/// The members that only the holder of a key knows.
#[derive(Default)]
struct Private<'a> {
    d: Option<Value<'a>>,
    p: Option<Value<'a>>,
    q: Option<Value<'a>>,
    dp: Option<Value<'a>>,
    dq: Option<Value<'a>>,
    qi: Option<Value<'a>>,
    oth: Option<Value<'a>>,
    r#priv: Option<Value<'a>>,
}

/// Reads a key with both of its halves. Whether they belong together is for the back end to find out.
pub(crate) fn read(text: &str) -> Result<(PrivateMaterial, Vetted), KeyError> {
    let public = jwk::vet(text, Expected::Pair)?;
    let private = Private::read(text)?;
    let material = match &public.material {
        KeyMaterial::Secret(secret) => PrivateMaterial::Secret(secret.clone()),
        KeyMaterial::Rsa { modulus, exponent } => private.rsa(modulus, exponent)?,
        KeyMaterial::Ec { family, .. } => {
            let scalar = bytes(private.d)?;
            if Some(scalar.len()) != vetting::coordinate_bytes(*family) {
                return Err(KeyError::malformed("the private number is not of its curve's size"));
            }
            PrivateMaterial::Ec { family: *family, scalar }
        }
        KeyMaterial::Ed25519(_) => PrivateMaterial::Ed25519(seed(private.d)?),
        KeyMaterial::MlDsa { family, .. } => PrivateMaterial::MlDsa { family: *family, seed: seed(private.r#priv)? },
    };
    Ok((material, public))
}

impl<'a> Private<'a> {
    fn read(text: &'a str) -> Result<Self, KeyError> {
        let mut private = Self::default();
        json::object(text, Unique::Everywhere, |name, value| {
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
        })
        .map_err(|error| KeyError::malformed(error.message()))?;
        Ok(private)
    }

    /// `RSAPrivateKey`: RFC 8017 appendix A.1.2.
    fn rsa(&self, modulus: &[u8], exponent: &[u8]) -> Result<PrivateMaterial, KeyError> {
        if self.oth.is_some() {
            return Err(KeyError::malformed("the key has more than two primes"));
        }
        let mut fields = Zeroizing::new(vec![0x02, 0x01, 0x00]);
        for number in [modulus, exponent] {
            fields.extend_from_slice(&pem::unsigned(number));
        }
        for member in [self.d, self.p, self.q, self.dp, self.dq, self.qi] {
            let number = bytes(member)?;
            fields.extend_from_slice(&Zeroizing::new(pem::unsigned(&number)));
        }
        Ok(PrivateMaterial::Rsa(Zeroizing::new(pem::tlv(0x30, &[&fields]))))
    }
}

fn seed(value: Option<Value<'_>>) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let seed = bytes(value)?;
    let seed = <[u8; 32]>::try_from(seed.as_slice());
    seed.map(Zeroizing::new).map_err(|_| KeyError::malformed("the private seed does not have 32 bytes"))
}
