use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::backend::Backend;
use super::engine::Sign;
use crate::jose::algorithm::Family;
use crate::jose::private::{self, PrivateMaterial};
use crate::jose::{Algorithm, Key, KeyError, thumbprint, vetting};

/// A key that tokens are signed with: of a test, of a development issuer, of a service that issues its own tokens.
///
/// It is bound to one algorithm, as every key is (RFC 8725 section 3.1).
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::crypto::{Backend, SigningKey};
///
/// # if Backend::compiled_in().is_none() { return Ok(()) }
/// let key = SigningKey::generate(Algorithm::ES256)?.with_kid("2026");
/// let signature = key.sign(b"header.claims")?;
/// assert_eq!(signature.len(), 64);
/// assert_eq!(key.verification_key().kid(), Some("2026"));
/// # Ok::<(), jwt_core::keys::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    sign: Sign,
    public: Key,
    algorithm: Algorithm,
}

impl SigningKey {
    /// Makes a new key with the back end that is compiled in.
    ///
    /// A secret has the size of its hash, an RSA key 2048 bits.
    ///
    /// # Errors
    ///
    /// [`NoBackend`](crate::jose::KeyErrorKind::NoBackend) without a back end,
    /// [`UnsupportedAlgorithm`](crate::jose::KeyErrorKind::UnsupportedAlgorithm) if it does not sign with the algorithm,
    /// [`Randomness`](crate::jose::KeyErrorKind::Randomness) if the system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::generate_with(compiled_in()?, algorithm)
    }

    /// Makes a new key with a back end of your choice.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate). The back end `rust-crypto` does not sign with RSA, and a provider does not sign.
    pub fn generate_with(backend: Backend, algorithm: Algorithm) -> Result<Self, KeyError> {
        let random = |length: usize| -> Result<Zeroizing<Vec<u8>>, KeyError> {
            let mut bytes = Zeroizing::new(vec![0; length]);
            backend.random(&mut bytes).map(|()| bytes)
        };
        let seed = || -> Result<Zeroizing<[u8; 32]>, KeyError> {
            let mut seed = Zeroizing::new([0; 32]);
            backend.random(&mut *seed).map(|()| seed)
        };
        let private = match algorithm.family() {
            Family::Hmac => PrivateMaterial::Secret(random(algorithm.hmac_key_bytes().unwrap_or(64))?),
            Family::Rsa => backend.0.generate_rsa()?,
            Family::Ed25519 => PrivateMaterial::Ed25519(seed()?),
            family @ (Family::MlDsa44 | Family::MlDsa65 | Family::MlDsa87) => {
                PrivateMaterial::MlDsa { family, seed: seed()? }
            }
            family @ (Family::P256 | Family::P384 | Family::P521) => {
                let scalar = || -> Result<PrivateMaterial, KeyError> {
                    let mut scalar = random(vetting::coordinate_bytes(family).unwrap_or_default())?;
                    if let (Family::P521, Some(first)) = (family, scalar.first_mut()) {
                        // 521 bits in 66 bytes leave seven to spare.
                        *first &= 1;
                    }
                    Ok(PrivateMaterial::Ec { family, scalar })
                };
                // A number that is zero or not below the group's order is refused: at most one in 2^32.
                return Self::new(backend, &scalar()?, algorithm)
                    .or_else(|_| Self::new(backend, &scalar()?, algorithm));
            }
        };
        Self::new(backend, &private, algorithm)
    }

    /// Makes a key from a shared secret, for `HS256`, `HS384` and `HS512`.
    ///
    /// # Errors
    ///
    /// Those of [`Key::from_secret`], and [`NoBackend`](crate::jose::KeyErrorKind::NoBackend).
    pub fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        // Vets the secret as a verifier would.
        Key::from_secret(algorithm, secret)?;
        Self::new(compiled_in()?, &PrivateMaterial::Secret(Zeroizing::new(secret.to_vec())), algorithm)
    }

    /// Makes a key from PEM: one `PRIVATE KEY` (PKCS#8) or `RSA PRIVATE KEY` (PKCS#1), not encrypted.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::jose::KeyErrorKind::Malformed) for anything else,
    /// [`AlgorithmMismatch`](crate::jose::KeyErrorKind::AlgorithmMismatch) if key and algorithm do not belong together,
    /// and those of [`generate`](Self::generate).
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new(compiled_in()?, &private::private_key(pem.as_ref())?, algorithm)
    }

    pub(super) fn new(backend: Backend, private: &PrivateMaterial, algorithm: Algorithm) -> Result<Self, KeyError> {
        if private.family() != algorithm.family() {
            return Err(KeyError::mismatch());
        }
        let (sign, public) = backend.0.signer(private, algorithm)?;
        Ok(Self { sign, public: Key::declared(public, algorithm), algorithm })
    }

    /// Gives the key an identifier, for the header of tokens and for the published key. Default: none.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<Arc<str>>) -> Self {
        Self { public: self.public.with_kid(kid), ..self }
    }

    /// Returns the key's identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.public.kid()
    }

    /// Returns the algorithm that the key signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the signature of a message, in the form that a JWS carries: RFC 7518 section 3.
    ///
    /// # Errors
    ///
    /// [`Signing`](crate::jose::KeyErrorKind::Signing) if the back end fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (self.sign)(message)
    }

    /// Returns the key that verifies what this one signs: the public key, or the secret itself.
    #[must_use]
    pub fn verification_key(&self) -> Key {
        self.public.clone()
    }

    /// Returns the public key as a JWK with `alg`, `use` and `kid`, ready to be published; `None` for a secret, which is
    /// not.
    ///
    /// ```
    /// use jwt_core::Algorithm;
    /// use jwt_core::crypto::{Backend, SigningKey};
    ///
    /// # if Backend::compiled_in().is_none() { return Ok(()) }
    /// let jwk = SigningKey::generate(Algorithm::Ed25519)?.with_kid("a").public_jwk().expect("not a secret");
    /// assert_eq!(jwk["kty"], "OKP");
    /// assert_eq!(jwk["use"], "sig");
    /// assert!(SigningKey::generate(Algorithm::HS256)?.public_jwk().is_none());
    /// # Ok::<(), jwt_core::keys::KeyError>(())
    /// ```
    #[must_use]
    pub fn public_jwk(&self) -> Option<serde_json::Value> {
        let mut jwk: serde_json::Map<String, serde_json::Value> = thumbprint::members(self.public.material())?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        jwk.insert("alg".to_owned(), self.algorithm.name().into());
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(kid) = self.kid() {
            jwk.insert("kid".to_owned(), kid.into());
        }
        Some(jwk.into())
    }
}

fn compiled_in() -> Result<Backend, KeyError> {
    Backend::compiled_in().ok_or(KeyError::no_backend())
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use x509_cert::der::pem::{LineEnding, encode_string};

    use super::*;
    use crate::jose::KeyErrorKind;

    #[test]
    fn the_published_key_is_the_one_that_verifies() {
        let backend = Backend::aws_lc_rs();
        for &algorithm in Algorithm::ALL {
            let key = SigningKey::generate_with(backend, algorithm).unwrap().with_kid("k");
            let Some(jwk) = key.public_jwk() else {
                assert!(algorithm.is_symmetric());
                continue;
            };
            let read = Key::from_jwk(&jwk.to_string()).unwrap();
            assert_eq!((read.kid(), read.algorithm()), (Some("k"), Some(algorithm)));
            assert!(read.material() == key.verification_key().material());
        }
    }

    #[test]
    fn an_rsa_key_is_read_in_both_of_its_forms() {
        let Ok(PrivateMaterial::Rsa(pkcs1)) = Backend::aws_lc_rs().0.generate_rsa() else { panic!("an RSA key") };
        let pem = encode_string("RSA PRIVATE KEY", LineEnding::LF, &pkcs1).unwrap();
        let key = SigningKey::from_pem(Algorithm::PS256, &pem).unwrap();
        assert_eq!(key.sign(b"").unwrap().len(), 256);
        let error = SigningKey::from_pem(Algorithm::ES256, &pem).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::AlgorithmMismatch);
    }

    #[test]
    fn a_secret_is_vetted_before_it_signs() {
        for (algorithm, secret, kind) in [
            (Algorithm::HS256, &[7; 31][..], KeyErrorKind::TooShort),
            (Algorithm::HS512, &[7; 63], KeyErrorKind::TooShort),
            (Algorithm::RS256, &[7; 64], KeyErrorKind::AlgorithmMismatch),
            (
                Algorithm::HS256,
                b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKx\n",
                KeyErrorKind::PublicKeyAsSecret,
            ),
        ] {
            assert_eq!(SigningKey::from_secret(algorithm, secret).unwrap_err().kind(), kind);
        }
    }

    #[cfg(feature = "rust-crypto")]
    #[test]
    fn rust_crypto_does_not_sign_with_rsa() {
        let backend = Backend::rust_crypto();
        let private = Backend::aws_lc_rs().0.generate_rsa().unwrap();
        for error in [
            SigningKey::generate_with(backend, Algorithm::RS256).unwrap_err(),
            SigningKey::new(backend, &private, Algorithm::RS256).unwrap_err(),
        ] {
            assert_eq!(error.kind(), KeyErrorKind::UnsupportedAlgorithm);
        }
    }

    #[test]
    fn printing_a_key_tells_its_algorithm_alone() {
        let key = SigningKey::generate(Algorithm::HS256).unwrap().with_kid("name");
        assert_eq!(format!("{key:?}"), "SigningKey { algorithm: HS256, .. }");
    }
}
