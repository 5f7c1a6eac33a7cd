use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaEncoding, RsaKeyPair, VerificationAlgorithm,
};
use aws_lc_rs::{digest, hmac, rand};

use super::engine::{Engine, Sign, Verify};
use crate::jose::algorithm::Family;
use crate::jose::material::{self, KeyMaterial};
use crate::jose::private::{self, PrivateMaterial};
use crate::jose::{Algorithm, KeyError, KeyErrorKind, der};

/// The back end of the `aws-lc-rs` crate.
pub(super) struct AwsLc;

impl Engine for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn verifier(&self, material: &KeyMaterial, algorithm: Algorithm) -> Result<Verify, KeyError> {
        let parse = |bytes: &[u8]| {
            let verification = verification(algorithm).ok_or(KeyError::unsupported_by_backend())?;
            ParsedPublicKey::new(verification, bytes).map_err(|_| KeyError::invalid())
        };
        let key = match material {
            KeyMaterial::Secret(secret) => {
                let key = hmac_key(secret, algorithm)?;
                // Compares in constant time.
                return Ok(Box::new(move |message, signature| hmac::verify(&key, message, signature).is_ok()));
            }
            KeyMaterial::Ed25519(key) => {
                let key = parse(key)?;
                return Ok(Box::new(move |message, signature| {
                    !has_weak_commitment(signature) && key.verify_sig(message, signature).is_ok()
                }));
            }
            // If the numbers are given in this form, they are checked while parsing.
            KeyMaterial::Rsa { modulus, exponent } => parse(&der::rsa_der(modulus, exponent))?,
            KeyMaterial::Ec { point, .. } => parse(point)?,
            KeyMaterial::MlDsa { key, .. } => parse(key)?,
        };
        Ok(Box::new(move |message, signature| key.verify_sig(message, signature).is_ok()))
    }

    fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        digest::digest(&digest::SHA256, bytes).as_ref().try_into().ok()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        rand::fill(bytes)
            .map_err(|_| KeyError::new(KeyErrorKind::Randomness, "the operating system provides no random bytes"))
    }

    fn generate_rsa(&self) -> Result<PrivateMaterial, KeyError> {
        const FAILED: KeyError = KeyError::new(KeyErrorKind::Randomness, "the RSA key could not be generated");
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| FAILED)?;
        let document = pair.as_der().map_err(|_| FAILED)?;
        private::pkcs8(document.as_ref())
    }

    fn signer(&self, private: &PrivateMaterial, algorithm: Algorithm) -> Result<(Sign, KeyMaterial), KeyError> {
        match private {
            PrivateMaterial::Secret(secret) => {
                let key = hmac_key(secret, algorithm)?;
                let sign: Sign = Arc::new(move |message| Ok(hmac::sign(&key, message).as_ref().to_vec()));
                Ok((sign, KeyMaterial::Secret(secret.clone())))
            }
            PrivateMaterial::Rsa(document) => rsa_signer(document, algorithm),
            PrivateMaterial::Ec { family, scalar } => ecdsa_signer(*family, scalar),
            PrivateMaterial::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&**seed).map_err(|_| KeyError::invalid())?;
                let public = material::ed25519(pair.public_key().as_ref())?;
                let sign: Sign = Arc::new(move |message| {
                    Ok(pair.try_sign(message).map_err(|_| signing_failed())?.as_ref().to_vec())
                });
                Ok((sign, public))
            }
            PrivateMaterial::MlDsa { family, seed } => ml_dsa_signer(*family, &**seed),
        }
    }
}

/// Whether the signature's first half, the commitment R, has a small order. AWS-LC leaves this check to its callers.
fn has_weak_commitment(signature: &[u8]) -> bool {
    signature.first_chunk().is_none_or(material::is_small_order)
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::RS256 => &aws::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &aws::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &aws::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &aws::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &aws::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &aws::RSA_PSS_2048_8192_SHA512,
        Algorithm::ES256 => &aws::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &aws::ECDSA_P384_SHA384_FIXED,
        Algorithm::ES512 => &aws::ECDSA_P521_SHA512_FIXED,
        Algorithm::Ed25519 => &aws::ED25519,
        Algorithm::MlDsa44 => &aws::ML_DSA_44,
        Algorithm::MlDsa65 => &aws::ML_DSA_65,
        Algorithm::MlDsa87 => &aws::ML_DSA_87,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return None,
    })
}

fn hmac_key(secret: &[u8], algorithm: Algorithm) -> Result<hmac::Key, KeyError> {
    let hash = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => return Err(KeyError::mismatch()),
    };
    Ok(hmac::Key::new(hash, secret))
}

fn rsa_signer(document: &[u8], algorithm: Algorithm) -> Result<(Sign, KeyMaterial), KeyError> {
    let padding: &'static dyn RsaEncoding = match algorithm {
        Algorithm::RS256 => &aws::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &aws::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &aws::RSA_PKCS1_SHA512,
        Algorithm::PS256 => &aws::RSA_PSS_SHA256,
        Algorithm::PS384 => &aws::RSA_PSS_SHA384,
        Algorithm::PS512 => &aws::RSA_PSS_SHA512,
        _ => return Err(KeyError::mismatch()),
    };
    let pair = RsaKeyPair::from_der(document).map_err(|_| KeyError::invalid())?;
    let (modulus, exponent) = der::rsa_numbers(pair.public_key().as_ref()).map_err(|_| KeyError::invalid())?;
    let public = material::rsa(modulus, exponent)?;
    let sign: Sign = Arc::new(move |message| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &rand::SystemRandom::new(), message, &mut signature).map_err(|_| signing_failed())?;
        Ok(signature)
    });
    Ok((sign, public))
}

fn ecdsa_signer(family: Family, scalar: &[u8]) -> Result<(Sign, KeyMaterial), KeyError> {
    let algorithm: &'static EcdsaSigningAlgorithm = match family {
        Family::P256 => &aws::ECDSA_P256_SHA256_FIXED_SIGNING,
        Family::P384 => &aws::ECDSA_P384_SHA384_FIXED_SIGNING,
        Family::P521 => &aws::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => return Err(KeyError::mismatch()),
    };
    let document = private::ec_der(scalar);
    let pair = EcdsaKeyPair::from_private_key_der(algorithm, &document).map_err(|_| KeyError::invalid())?;
    let public = material::ec(family, pair.public_key().as_ref())?;
    let sign: Sign = Arc::new(move |message| {
        let signature = pair.sign(&rand::SystemRandom::new(), message).map_err(|_| signing_failed())?;
        Ok(signature.as_ref().to_vec())
    });
    Ok((sign, public))
}

fn ml_dsa_signer(family: Family, seed: &[u8]) -> Result<(Sign, KeyMaterial), KeyError> {
    let algorithm: &'static PqdsaSigningAlgorithm = match family {
        Family::MlDsa44 => &aws::ML_DSA_44_SIGNING,
        Family::MlDsa65 => &aws::ML_DSA_65_SIGNING,
        Family::MlDsa87 => &aws::ML_DSA_87_SIGNING,
        _ => return Err(KeyError::mismatch()),
    };
    let pair = PqdsaKeyPair::from_seed(algorithm, seed).map_err(|_| KeyError::invalid())?;
    let public = material::ml_dsa(family, pair.public_key().as_ref())?;
    let sign: Sign = Arc::new(move |message| {
        let mut signature = vec![0; algorithm.signature_len()];
        pair.sign(message, &mut signature).map_err(|_| signing_failed())?;
        Ok(signature)
    });
    Ok((sign, public))
}

const fn signing_failed() -> KeyError {
    KeyError::new(KeyErrorKind::Signing, "the back end failed to sign")
}
