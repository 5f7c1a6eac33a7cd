use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::jwk::ThumbprintHash;

use super::engine::{Engine, Verify};
use crate::jose::material::KeyMaterial;
use crate::jose::{Algorithm, KeyError, pem};

impl Engine for CryptoProvider {
    fn name(&self) -> &'static str {
        "provider"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        jsonwebtoken::Algorithm::try_from(algorithm).is_ok()
    }

    fn verifier(&self, material: &KeyMaterial, algorithm: Algorithm) -> Result<Verify, KeyError> {
        let algorithm = jsonwebtoken::Algorithm::try_from(algorithm).map_err(|_| KeyError::unsupported_by_backend())?;
        let key = match material {
            KeyMaterial::Secret(secret) => DecodingKey::from_secret(secret),
            // DER rather than numbers: it is the form that every provider can read as bytes.
            KeyMaterial::Rsa { modulus, exponent } => DecodingKey::from_rsa_der(&pem::rsa_der(modulus, exponent)),
            KeyMaterial::Ec { point, .. } => DecodingKey::from_ec_der(point),
            KeyMaterial::Ed25519(key) => DecodingKey::from_ed_der(key),
            KeyMaterial::MlDsa { .. } => return Err(KeyError::unsupported_by_backend()),
        };
        let factory = self.verifier_factory;
        // Finds out now whether the provider takes the key; its verifiers are bound to a thread and cannot be kept.
        factory(&algorithm, &key).map_err(|_| KeyError::invalid())?;
        Ok(Box::new(move |message, signature| {
            factory(&algorithm, &key).is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
        }))
    }

    fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        (self.key_utils.compute_digest)(bytes, ThumbprintHash::SHA256).ok()?.try_into().ok()
    }
}

// The traits that a provider implements come from a crate that only this feature brings along.
#[cfg(all(test, feature = "rust-crypto"))]
mod tests {
    use jsonwebtoken::crypto::{JwtVerifier, KeyUtils};
    use jsonwebtoken::errors::{ErrorKind, Result};
    use rsa::signature::{Error, Verifier};

    use crate::crypto::{Backend, SigningKey};
    use crate::jose::{Algorithm, Key, KeyErrorKind};

    /// Accepts one signature and knows one algorithm.
    struct Sevens;

    impl Verifier<Vec<u8>> for Sevens {
        fn verify(&self, _: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
            assert_eq!(signature.len(), 32);
            if signature.iter().all(|&byte| byte == 7) { Ok(()) } else { Err(Error::new()) }
        }
    }

    impl JwtVerifier for Sevens {
        fn algorithm(&self) -> jsonwebtoken::Algorithm {
            jsonwebtoken::Algorithm::HS256
        }
    }

    fn verifier(algorithm: &jsonwebtoken::Algorithm, _: &jsonwebtoken::DecodingKey) -> Result<Box<dyn JwtVerifier>> {
        match algorithm {
            jsonwebtoken::Algorithm::HS256 => Ok(Box::new(Sevens)),
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        }
    }

    static PROVIDER: jsonwebtoken::crypto::CryptoProvider = jsonwebtoken::crypto::CryptoProvider {
        signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        verifier_factory: verifier,
        key_utils: KeyUtils { compute_digest: |_, _| Ok(vec![1; 32]), ..KeyUtils::new_unimplemented() },
    };

    #[test]
    fn a_provider_decides_on_signatures_of_the_right_length() {
        let backend = Backend::provider(&PROVIDER);
        let key = Key::from_secret(Algorithm::HS256, [9; 32]).unwrap();
        let prepared = backend.prepare(&key, Algorithm::HS256).unwrap();
        for (signature, accepted) in [(vec![7; 32], true), (vec![8; 32], false), (vec![7; 31], false), (vec![], false)]
        {
            assert_eq!(prepared.verify(b"message", &signature), accepted);
        }
    }

    #[test]
    fn what_a_provider_cannot_do_is_found_out_before_the_first_token() {
        let backend = Backend::provider(&PROVIDER);
        let key = Key::from_secret(Algorithm::HS384, [9; 48]).unwrap();
        assert_eq!(backend.prepare(&key, Algorithm::HS384).unwrap_err().kind(), KeyErrorKind::InvalidKey);
        assert!(!backend.supports(Algorithm::ES512) && !backend.supports(Algorithm::MlDsa65));
        let error = SigningKey::generate_with(backend, Algorithm::HS256).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Randomness);
        assert_eq!(backend.sha256(b""), Some([1; 32]));
    }
}
