use std::sync::Arc;

use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87};
use p256::ecdsa::signature::{Keypair as _, SignatureEncoding, Signer, Verifier};
use rsa::{BigUint, RsaPublicKey, pkcs1v15, pss};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::engine::{Engine, Sign, Verify};
use crate::jose::algorithm::Family;
use crate::jose::material::{self, KeyMaterial};
use crate::jose::private::PrivateMaterial;
use crate::jose::{Algorithm, KeyError, KeyErrorKind};

/// The back end of the RustCrypto crates.
pub(super) struct RustCrypto;

impl Engine for RustCrypto {
    fn name(&self) -> &'static str {
        "rust-crypto"
    }

    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verifier(&self, material: &KeyMaterial, algorithm: Algorithm) -> Result<Verify, KeyError> {
        match material {
            KeyMaterial::Secret(secret) => match algorithm {
                Algorithm::HS256 => hmac_verifier::<Sha256>(secret),
                Algorithm::HS384 => hmac_verifier::<Sha384>(secret),
                Algorithm::HS512 => hmac_verifier::<Sha512>(secret),
                _ => Err(KeyError::mismatch()),
            },
            KeyMaterial::Rsa { modulus, exponent } => rsa_verifier(modulus, exponent, algorithm),
            KeyMaterial::Ec { family: Family::P256, point } => {
                verifier::<_, p256::ecdsa::Signature>(p256::ecdsa::VerifyingKey::from_sec1_bytes(point))
            }
            KeyMaterial::Ec { family: Family::P384, point } => {
                verifier::<_, p384::ecdsa::Signature>(p384::ecdsa::VerifyingKey::from_sec1_bytes(point))
            }
            KeyMaterial::Ec { family: Family::P521, point } => {
                verifier::<_, p521::ecdsa::Signature>(p521::ecdsa::VerifyingKey::from_sec1_bytes(point))
            }
            KeyMaterial::Ed25519(key) => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| KeyError::invalid())?;
                Ok(Box::new(move |message, signature| {
                    ed25519_dalek::Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
                }))
            }
            KeyMaterial::MlDsa { family: Family::MlDsa44, key } => ml_dsa_verifier::<MlDsa44>(key),
            KeyMaterial::MlDsa { family: Family::MlDsa65, key } => ml_dsa_verifier::<MlDsa65>(key),
            KeyMaterial::MlDsa { family: Family::MlDsa87, key } => ml_dsa_verifier::<MlDsa87>(key),
            KeyMaterial::Ec { .. } | KeyMaterial::MlDsa { .. } => Err(KeyError::mismatch()),
        }
    }

    fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        Some(Sha256::digest(bytes).into())
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        p256::elliptic_curve::common::getrandom::fill(bytes)
            .map_err(|_| KeyError::new(KeyErrorKind::Randomness, "the operating system provides no random bytes"))
    }

    fn signer(&self, private: &PrivateMaterial, algorithm: Algorithm) -> Result<(Sign, KeyMaterial), KeyError> {
        match private {
            PrivateMaterial::Secret(secret) => {
                let sign = match algorithm {
                    Algorithm::HS256 => hmac_signer::<Sha256>(secret),
                    Algorithm::HS384 => hmac_signer::<Sha384>(secret),
                    Algorithm::HS512 => hmac_signer::<Sha512>(secret),
                    _ => Err(KeyError::mismatch()),
                };
                Ok((sign?, KeyMaterial::Secret(secret.clone())))
            }
            // RUSTSEC-2023-0071: the private-key operation isn't constant-time.
            PrivateMaterial::Rsa(_) => Err(KeyError::unsupported_by_backend()),
            PrivateMaterial::Ec { family: Family::P256, scalar } => {
                let key = p256::ecdsa::SigningKey::from_slice(scalar).map_err(|_| KeyError::invalid())?;
                let public = material::ec(Family::P256, key.verifying_key().to_sec1_point(false).as_bytes())?;
                Ok((signer::<_, p256::ecdsa::Signature>(key), public))
            }
            PrivateMaterial::Ec { family: Family::P384, scalar } => {
                let key = p384::ecdsa::SigningKey::from_slice(scalar).map_err(|_| KeyError::invalid())?;
                let public = material::ec(Family::P384, key.verifying_key().to_sec1_point(false).as_bytes())?;
                Ok((signer::<_, p384::ecdsa::Signature>(key), public))
            }
            PrivateMaterial::Ec { family: Family::P521, scalar } => {
                let key = p521::ecdsa::SigningKey::from_slice(scalar).map_err(|_| KeyError::invalid())?;
                let public = material::ec(Family::P521, key.verifying_key().to_sec1_point(false).as_bytes())?;
                Ok((signer::<_, p521::ecdsa::Signature>(key), public))
            }
            PrivateMaterial::Ed25519(seed) => {
                let key = ed25519_dalek::SigningKey::from_bytes(seed);
                let public = material::ed25519(key.verifying_key().as_bytes())?;
                Ok((signer::<_, ed25519_dalek::Signature>(key), public))
            }
            PrivateMaterial::MlDsa { family: Family::MlDsa44, seed } => ml_dsa_signer::<MlDsa44>(Family::MlDsa44, seed),
            PrivateMaterial::MlDsa { family: Family::MlDsa65, seed } => ml_dsa_signer::<MlDsa65>(Family::MlDsa65, seed),
            PrivateMaterial::MlDsa { family: Family::MlDsa87, seed } => ml_dsa_signer::<MlDsa87>(Family::MlDsa87, seed),
            PrivateMaterial::Ec { .. } | PrivateMaterial::MlDsa { .. } => Err(KeyError::mismatch()),
        }
    }
}

fn verifier<K, S>(key: Result<K, impl Sized>) -> Result<Verify, KeyError>
where
    K: Verifier<S> + Send + Sync + 'static,
    S: for<'a> TryFrom<&'a [u8]> + 'static,
{
    let key = key.map_err(|_| KeyError::invalid())?;
    Ok(Box::new(move |message, signature| {
        S::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }))
}

fn signer<K, S>(key: K) -> Sign
where
    K: Signer<S> + Send + Sync + 'static,
    S: SignatureEncoding + 'static,
{
    Arc::new(move |message| {
        let signature = key.try_sign(message).map_err(|_| signing_failed())?;
        Ok(signature.to_bytes().as_ref().to_vec())
    })
}

fn hmac_verifier<D>(secret: &[u8]) -> Result<Verify, KeyError>
where
    D: EagerHash + 'static,
    Hmac<D>: Send + Sync + Clone,
{
    let key = Hmac::<D>::new_from_slice(secret).map_err(|_| KeyError::invalid())?;
    // Compares in constant time.
    Ok(Box::new(move |message, signature| key.clone().chain_update(message).verify_slice(signature).is_ok()))
}

fn hmac_signer<D>(secret: &[u8]) -> Result<Sign, KeyError>
where
    D: EagerHash + 'static,
    Hmac<D>: Send + Sync + Clone,
{
    let key = Hmac::<D>::new_from_slice(secret).map_err(|_| KeyError::invalid())?;
    Ok(Arc::new(move |message| Ok(key.clone().chain_update(message).finalize().into_bytes().to_vec())))
}

fn rsa_verifier(modulus: &[u8], exponent: &[u8], algorithm: Algorithm) -> Result<Verify, KeyError> {
    use rsa::sha2::{Sha256, Sha384, Sha512};
    let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    let key = RsaPublicKey::new_with_max_size(modulus, exponent, 8192).map_err(|_| KeyError::invalid())?;
    Ok(match algorithm {
        Algorithm::RS256 => pkcs1_verifier(pkcs1v15::VerifyingKey::<Sha256>::new(key)),
        Algorithm::RS384 => pkcs1_verifier(pkcs1v15::VerifyingKey::<Sha384>::new(key)),
        Algorithm::RS512 => pkcs1_verifier(pkcs1v15::VerifyingKey::<Sha512>::new(key)),
        // By default, the salt is as long as the hash.
        Algorithm::PS256 => pss_verifier(pss::VerifyingKey::<Sha256>::new(key)),
        Algorithm::PS384 => pss_verifier(pss::VerifyingKey::<Sha384>::new(key)),
        Algorithm::PS512 => pss_verifier(pss::VerifyingKey::<Sha512>::new(key)),
        _ => return Err(KeyError::mismatch()),
    })
}

fn pkcs1_verifier<K>(key: K) -> Verify
where
    K: rsa::signature::Verifier<pkcs1v15::Signature> + Send + Sync + 'static,
{
    Box::new(move |message, signature| {
        pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    })
}

fn pss_verifier<K>(key: K) -> Verify
where
    K: rsa::signature::Verifier<pss::Signature> + Send + Sync + 'static,
{
    Box::new(move |message, signature| {
        pss::Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    })
}

fn ml_dsa_verifier<P: ml_dsa::MlDsaParams + 'static>(key: &[u8]) -> Result<Verify, KeyError>
where
    ml_dsa::VerifyingKey<P>: Send + Sync,
{
    let key = ml_dsa::EncodedVerifyingKey::<P>::try_from(key).map(|key| ml_dsa::VerifyingKey::<P>::decode(&key));
    verifier::<_, ml_dsa::Signature<P>>(key)
}

fn ml_dsa_signer<P>(family: Family, seed: &[u8; 32]) -> Result<(Sign, KeyMaterial), KeyError>
where
    P: ml_dsa::MlDsaParams + 'static,
    ml_dsa::SigningKey<P>: Send + Sync,
{
    let key = ml_dsa::SigningKey::<P>::from_seed(&(*seed).into());
    let public = material::ml_dsa(family, &key.verifying_key().encode())?;
    Ok((signer::<_, ml_dsa::Signature<P>>(key), public))
}

const fn signing_failed() -> KeyError {
    KeyError::new(KeyErrorKind::Signing, "the back end failed to sign")
}
