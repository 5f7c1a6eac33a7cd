#[cfg(feature = "remote-signer")]
use std::sync::Arc;

use zeroize::Zeroizing;

use super::SigningKey;
#[cfg(feature = "remote-signer")]
use super::remote::Remote;
#[cfg(feature = "remote-signer")]
use super::signing::Signer;
use super::signing::compiled_in;
use crate::jose::private::{self, PrivateMaterial};
use crate::jose::private_jwk;
use crate::jose::{Algorithm, Key, KeyError, KeyErrorKind};

/// Reading keys.
impl SigningKey {
    /// Creates a key from a shared secret, for `HS256`, `HS384` and `HS512`.
    ///
    /// # Errors
    ///
    /// The errors of [`Key::from_secret`], and [`NoBackend`](crate::jose::KeyErrorKind::NoBackend).
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        // Checks the secret as a verifier does.
        Key::from_secret(algorithm, secret)?;
        Self::new(compiled_in()?, PrivateMaterial::Secret(Zeroizing::new(secret.to_vec())), algorithm)
    }

    /// Creates a key from PEM with one unencrypted `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE
    /// KEY` (SEC1).
    ///
    /// White space, a byte order mark, text around the block, `EC PARAMETERS`, and line ends that are escaped as `\n`
    /// don't matter. Certificates and the public key may be in the same text. Decrypt an encrypted key first: `openssl pkey -in FILE -out NEW`.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::jose::KeyErrorKind::Malformed) for anything else; the message says how to convert the
    /// most common formats. [`AlgorithmMismatch`](crate::jose::KeyErrorKind::AlgorithmMismatch) if the key cannot be
    /// used with the algorithm, and the errors of [`generate`](Self::generate).
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_pem_of(Some(algorithm), pem.as_ref())
    }

    /// The same, for the key's usual algorithm if none is given.
    pub(crate) fn from_pem_of(algorithm: Option<Algorithm>, pem: &[u8]) -> Result<Self, KeyError> {
        let private = private::from_pem(pem)?;
        let algorithm = algorithm.unwrap_or(private.family().usual_algorithm());
        Self::new(compiled_in()?, private, algorithm)
    }

    /// Creates a key from PKCS#8 (RFC 5958), PKCS#1 (`RSAPrivateKey`) or SEC1 (`ECPrivateKey`) in DER.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::jose::KeyErrorKind::Malformed) for anything else,
    /// [`AlgorithmMismatch`](crate::jose::KeyErrorKind::AlgorithmMismatch) if the key cannot be used with the algorithm,
    /// and the errors of [`generate`](Self::generate).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new(compiled_in()?, private::from_der(der.as_ref())?, algorithm)
    }

    /// Creates a key from a private JWK, or a secret as a JWK, in JSON. RFC 7518 section 6. The key keeps its `kid`.
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::jose::KeyErrorKind::Malformed) if private members are missing or malformed,
    /// [`InvalidKey`](crate::jose::KeyErrorKind::InvalidKey) if they don't belong to the public ones,
    /// [`WrongUse`](crate::jose::KeyErrorKind::WrongUse) if `use` or `key_ops` does not allow signing,
    /// [`AlgorithmMismatch`](crate::jose::KeyErrorKind::AlgorithmMismatch) if the key cannot be used with the
    /// algorithm, and the errors of [`generate`](Self::generate).
    ///
    /// ```
    /// use jwt_core::Algorithm;
    /// use jwt_core::crypto::{Backend, SigningKey};
    ///
    /// # if Backend::compiled_in().is_none() { return Ok(()) }
    /// // RFC 8037 appendix A.1.
    /// let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// assert!(SigningKey::from_jwk(Algorithm::Ed25519, jwk)?.sign(b"").is_ok());
    /// # Ok::<(), jwt_core::keys::KeyError>(())
    /// ```
    pub fn from_jwk(algorithm: Algorithm, json: &str) -> Result<Self, KeyError> {
        Self::from_jwk_of(Some(algorithm), json)
    }

    /// The same, for the declared or else the key's usual algorithm if none is given.
    pub(crate) fn from_jwk_of(algorithm: Option<Algorithm>, json: &str) -> Result<Self, KeyError> {
        let (private, public) = private_jwk::from_jwk(json)?;
        let algorithm = algorithm.or(public.declared).unwrap_or(private.family().usual_algorithm());
        if public.declared.is_some_and(|declared| declared != algorithm) {
            return Err(KeyError::new(
                KeyErrorKind::AlgorithmMismatch,
                "the key's `alg` names another algorithm than the one that was asked for",
            ));
        }
        let key = Self::new(compiled_in()?, private, algorithm)?;
        if *key.public.material() != public.material {
            return Err(KeyError::invalid());
        }
        Ok(match public.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }

    /// Creates a key that a [`RemoteSigner`](super::RemoteSigner) signs with. `public` is its public key, and `key_id` the
    /// signer's name for it. For several keys of one signer, pass clones of an `Arc` around it.
    ///
    /// Every signature is verified before it's used, so a wrong `key_id` issues no bad tokens. Issue access tokens with
    /// [`AccessToken::issue_step`](crate::issue::AccessToken::issue_step); login sessions need no change. It needs the Tokio
    /// runtime, for the time-out.
    ///
    /// # Errors
    ///
    /// [`SymmetricKey`](crate::jose::KeyErrorKind::SymmetricKey) for a shared secret,
    /// [`AlgorithmMismatch`](crate::jose::KeyErrorKind::AlgorithmMismatch) if the key cannot be used with the algorithm, and
    /// [`NoBackend`](crate::jose::KeyErrorKind::NoBackend).
    #[cfg(feature = "remote-signer")]
    pub fn remote(
        algorithm: Algorithm,
        public: &Key,
        key_id: impl Into<Arc<str>>,
        signer: impl super::RemoteSigner + 'static,
    ) -> Result<Self, KeyError> {
        if algorithm.is_symmetric() {
            return Err(KeyError::new(KeyErrorKind::SymmetricKey, "a remote signer needs a key pair"));
        }
        let prepared = compiled_in()?.prepare(public, algorithm)?;
        let key = Key::declared(public.material().clone(), algorithm);
        let key = match public.kid() {
            Some(kid) => key.with_kid(kid),
            None => key,
        };
        let remote = Remote { signer: Box::new(signer), key_id: key_id.into(), prepared, warned: Default::default() };
        Ok(Self { signer: Signer::Remote(Arc::new(remote)), public: key, algorithm })
    }
}
