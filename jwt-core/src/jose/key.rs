use std::fmt;
use std::sync::Arc;

use super::algorithm::Algorithm;
use super::jwk::{self, Expected, Vetted};
use super::key_error::KeyError;
use super::material::KeyMaterial;
use super::{der, pem, secret, thumbprint};

/// A key that signatures are verified with.
///
/// A value of this type has been vetted: its kind, purpose, algorithm, lengths and encodings are in order. What only
/// cryptography can tell, such as whether a point lies on its curve, is checked when a verifier is built.
///
/// A key is used with one algorithm (RFC 8725 section 3.1): the one it was made with, or the `alg` of its JWK. A JWK
/// that names none is used with the first allowed algorithm that fits it.
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::keys::Key;
///
/// let key = Key::from_jwk(
///     r#"{"kty":"OKP","crv":"Ed25519","kid":"main","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// assert_eq!(key.kid(), Some("main"));
/// assert_eq!(key.algorithm(), None);
/// # Ok::<(), jwt_core::keys::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    material: Arc<KeyMaterial>,
    declared: Option<Algorithm>,
    kid: Option<Arc<str>>,
}

impl Key {
    /// Makes a key from a shared secret, for `HS256`, `HS384` and `HS512`.
    ///
    /// # Errors
    ///
    /// [`AlgorithmMismatch`](super::KeyErrorKind::AlgorithmMismatch) unless the algorithm is one of these,
    /// [`TooShort`](super::KeyErrorKind::TooShort) if the secret has fewer bytes than the hash (RFC 7518 section 3.2), and
    /// [`PublicKeyAsSecret`](super::KeyErrorKind::PublicKeyAsSecret) if it is PEM, DER, an OpenSSH key or a JWK: whoever knows
    /// a public key could then sign.
    ///
    /// ```
    /// use jwt_core::Algorithm;
    /// use jwt_core::keys::{Key, KeyErrorKind};
    ///
    /// assert!(Key::from_secret(Algorithm::HS256, [7; 32]).is_ok());
    /// let error = Key::from_secret(Algorithm::HS512, [7; 32]).unwrap_err();
    /// assert_eq!(error.kind(), KeyErrorKind::TooShort);
    /// ```
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        if !algorithm.is_symmetric() {
            return Err(KeyError::mismatch());
        }
        Ok(Self::declared(secret::vet(secret.as_ref(), Some(algorithm))?, algorithm))
    }

    /// Makes a key from PEM: exactly one `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`.
    ///
    /// Of a certificate only the public key is used. Its dates, its issuer and its chain are not judged: it is trusted
    /// because you chose it.
    ///
    /// # Errors
    ///
    /// [`PrivateKey`](super::KeyErrorKind::PrivateKey) for a private key, [`Malformed`](super::KeyErrorKind::Malformed) for other
    /// labels, more than one block and broken encodings, [`AlgorithmMismatch`](super::KeyErrorKind::AlgorithmMismatch) if key
    /// and algorithm do not belong together, and the errors of vetting the key's numbers.
    ///
    /// ```
    /// use jwt_core::Algorithm;
    /// use jwt_core::keys::Key;
    ///
    /// let pem = "\
    /// -----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    /// -----END PUBLIC KEY-----
    /// ";
    /// assert!(Key::from_pem(Algorithm::Ed25519, pem).is_ok());
    /// assert!(Key::from_pem(Algorithm::ES256, pem).is_err());
    /// ```
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::fitting(pem::public_key(pem.as_ref())?, algorithm)
    }

    /// Makes a key from DER: a `SubjectPublicKeyInfo`, an `RSAPublicKey` (PKCS#1) or an X.509 certificate.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::fitting(der::public_key(der)?, algorithm)
    }

    /// Makes a key from the JSON text of a public JWK. RFC 7517.
    ///
    /// Members without a meaning here are ignored, as are `x5c`, `x5u` and `x5t`: the key stands for itself.
    ///
    /// # Errors
    ///
    /// [`SymmetricKey`](super::KeyErrorKind::SymmetricKey) for `kty` `oct`: use [`from_symmetric_jwk`](Self::from_symmetric_jwk)
    /// for those. [`TooLarge`](super::KeyErrorKind::TooLarge) if the key or an object in it has more than 100 members, or if
    /// `key_ops` names more than 16 operations. [`PrivateKey`](super::KeyErrorKind::PrivateKey) if there are private members: remove them, or make a
    /// `SigningKey` if you want to sign. [`WrongUse`](super::KeyErrorKind::WrongUse) if `use` or `key_ops` say
    /// that the key does something else, and the errors of vetting the key's numbers.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        jwk::vet(json, Expected::Public).map(Self::from)
    }

    /// Makes a key from the JSON text of a JWK with `kty` `oct`: a shared secret. RFC 7518 section 6.4.
    ///
    /// # Errors
    ///
    /// [`PublicKeyAsSecret`](super::KeyErrorKind::PublicKeyAsSecret) for a public key, and those of
    /// [`from_secret`](Self::from_secret) and [`from_jwk`](Self::from_jwk).
    ///
    /// ```
    /// use jwt_core::keys::Key;
    ///
    /// let jwk = r#"{"kty":"oct","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}"#;
    /// assert!(Key::from_symmetric_jwk(jwk).is_ok());
    /// assert!(Key::from_jwk(jwk).is_err());
    /// ```
    pub fn from_symmetric_jwk(json: &str) -> Result<Self, KeyError> {
        jwk::vet(json, Expected::Secret).map(Self::from)
    }

    /// Makes a key of vetted material, unless its family is not that of the algorithm.
    pub(crate) fn fitting(material: KeyMaterial, algorithm: Algorithm) -> Result<Self, KeyError> {
        if material.family() == algorithm.family() {
            Ok(Self::declared(material, algorithm))
        } else {
            Err(KeyError::mismatch())
        }
    }

    /// Makes a key of vetted material. The caller has checked that the two fit.
    pub(crate) fn declared(material: KeyMaterial, algorithm: Algorithm) -> Self {
        Self { material: Arc::new(material), declared: Some(algorithm), kid: None }
    }

    /// Gives the key an identifier, which tokens name in their header's `kid`. Default: that of the JWK, or none.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<Arc<str>>) -> Self {
        Self { kid: Some(kid.into()), ..self }
    }

    /// Returns the key's identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Returns the one algorithm that the key is declared for, if it is.
    #[must_use]
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.declared
    }

    /// The one algorithm that this key is used with under an allow-list. RFC 8725 section 3.1.
    pub(crate) fn bind(&self, allowed: &[Algorithm]) -> Option<Algorithm> {
        match self.declared {
            Some(declared) => allowed.contains(&declared).then_some(declared),
            None => allowed.iter().copied().find(|&algorithm| self.fits(algorithm)),
        }
    }

    /// Whether the key's kind, and for a secret its length, suits an algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let long_enough = match (&*self.material, algorithm.hmac_key_bytes()) {
            (KeyMaterial::Secret(secret), Some(least)) => secret.len() >= least,
            _ => true,
        };
        self.material.family() == algorithm.family() && long_enough
    }

    pub(crate) fn material(&self) -> &KeyMaterial {
        &self.material
    }

    pub(crate) fn shared_kid(&self) -> Option<Arc<str>> {
        self.kid.clone()
    }

    /// The text whose hash is the key's thumbprint; `None` for a secret, of which a hash would say too much (RFC 7638
    /// section 7).
    pub(crate) fn thumbprint_input(&self) -> Option<String> {
        thumbprint::input(&self.material)
    }
}

impl From<Vetted> for Key {
    fn from(vetted: Vetted) -> Self {
        Self { material: Arc::new(vetted.material), declared: vetted.declared, kid: vetted.kid }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.declared)
            .field("family", &self.material.family())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(alg: &str) -> Key {
        Key::from_jwk(&format!(r#"{{"kty":"RSA"{alg},"n":"{}gQ","e":"AQAB"}}"#, "gYGB".repeat(85))).unwrap()
    }

    #[test]
    fn a_key_is_bound_to_one_algorithm() {
        use Algorithm::{ES256, Ed25519, HS256, HS512, PS256, RS256, RS512};
        let declared = rsa(r#","alg":"RS512""#);
        assert_eq!(declared.bind(&[RS256, RS512]), Some(RS512));
        assert_eq!(declared.bind(&[RS256]), None);
        let open = rsa("");
        assert_eq!(open.bind(&[HS256, ES256, PS256, RS256]), Some(PS256));
        assert_eq!(open.bind(&[HS256, ES256, Ed25519]), None);
        assert_eq!(open.bind(&[]), None);
        let secret = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#;
        let secret = Key::from_symmetric_jwk(secret).unwrap();
        assert_eq!(secret.bind(&[HS512, RS256, HS256]), Some(HS256));
        assert_eq!(Key::from_secret(HS512, [7; 64]).unwrap().bind(&[HS256]), None);
    }

    #[test]
    fn a_secret_is_for_hmac_alone() {
        for &algorithm in Algorithm::ALL {
            assert_eq!(Key::from_secret(algorithm, [7; 64]).is_ok(), algorithm.is_symmetric(), "{algorithm}");
        }
    }

    #[test]
    fn printing_a_key_tells_nothing_about_it() {
        let key = Key::from_secret(Algorithm::HS256, "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t").unwrap().with_kid("name");
        let printed = format!("{key:?}");
        assert_eq!(printed, "Key { algorithm: Some(HS256), family: Hmac, .. }");
    }

    #[test]
    fn keys_go_from_thread_to_thread() {
        fn assert<T: Send + Sync + Clone>() {}
        assert::<Key>();
    }
}
