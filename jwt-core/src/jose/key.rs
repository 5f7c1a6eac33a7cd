use std::fmt;
use std::sync::Arc;

use ::der::pem::{LineEnding, encode_string};

use super::algorithm::{Algorithm, Family};
use super::jwk::{self, Vetted};
use super::jwk_members::Expected;
use super::key_error::KeyError;
use super::material::KeyMaterial;
use super::{der, pem, secret, thumbprint};

/// A key that verifies signatures.
///
/// A `Key` has been checked: its type, use, algorithm, lengths and encodings are valid. The checks that need
/// cryptography, such as whether a point is on its curve, happen when you build a verifier.
///
/// A key is used with only one algorithm (RFC 8725 section 3.1): the one it was created with, or the `alg` of its
/// JWK. If a JWK does not name it, it's the first allowed algorithm that fits the key.
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
    /// Creates a key from a shared secret, for `HS256`, `HS384` and `HS512`.
    ///
    /// # Errors
    ///
    /// [`AlgorithmMismatch`](super::KeyErrorKind::AlgorithmMismatch) for other algorithms.
    /// [`TooShort`](super::KeyErrorKind::TooShort) if the secret has fewer bytes than the hash (RFC 7518 section
    /// 3.2): 32, 48 or 64. [`PublicKeyAsSecret`](super::KeyErrorKind::PublicKeyAsSecret) if it's PEM, DER, an OpenSSH
    /// key or a JWK, also in base64, hexadecimal or UTF-16: anyone who knows a public key could sign with it.
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
            return Err(KeyError::misfit(Family::Hmac, algorithm));
        }
        Ok(Self::declared(secret::vet(secret.as_ref(), Some(algorithm))?, algorithm))
    }

    /// Creates a key from PEM with exactly one `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`.
    ///
    /// Only the public key of a certificate is used. Its dates, issuer and chain are not checked: you trust it by
    /// passing it here. In a chain of certificates, the first one has the key. White space, a byte order mark, text around
    /// the block, and line ends that are escaped as `\n` don't matter.
    ///
    /// # Errors
    ///
    /// [`PrivateKey`](super::KeyErrorKind::PrivateKey) for a private key.
    /// [`Malformed`](super::KeyErrorKind::Malformed) for other or wrong labels, several blocks and broken
    /// encodings; the message says how to convert the most common ones.
    /// [`AlgorithmMismatch`](super::KeyErrorKind::AlgorithmMismatch) if the key cannot be used with the algorithm. The
    /// other kinds if the key's numbers cannot be used.
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

    /// Creates a key from DER: a `SubjectPublicKeyInfo`, an `RSAPublicKey` (PKCS#1) or an X.509 certificate.
    ///
    /// # Errors
    ///
    /// The errors of [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::fitting(der::public_key(der.as_ref())?, algorithm)
    }

    /// Creates a key from a public JWK in JSON. RFC 7517.
    ///
    /// Members that are not needed are ignored. `x5c`, `x5u` and `x5t` are never used to find or to trust a key. If the key's
    /// numbers are missing, they are read from the first certificate of `x5c`; its dates and chain are not checked.
    ///
    /// Some issuers write numbers with leading zeros, without the leading zeros that an EC key needs, padded with `=`, or in the
    /// standard alphabet of base64, and members that they leave out as `null`. None of this changes the key, so all of it is
    /// accepted.
    ///
    /// # Errors
    ///
    /// [`SymmetricKey`](super::KeyErrorKind::SymmetricKey) if `kty` is `oct`: use
    /// [`from_symmetric_jwk`](Self::from_symmetric_jwk). [`PrivateKey`](super::KeyErrorKind::PrivateKey) if there are
    /// private members: remove them, or create a `SigningKey` if you want to sign.
    /// [`WrongUse`](super::KeyErrorKind::WrongUse) if `use` or `key_ops` is for something else. An empty `key_ops` is for nothing
    /// (RFC 7517 section 4.3).
    /// [`TooLarge`](super::KeyErrorKind::TooLarge) if the key, or an object in it, has more than 100 members, or if
    /// `key_ops` has more than 16 entries. The other kinds if the key's numbers cannot be used.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        jwk::vet(json, Expected::Public).map(Self::from)
    }

    /// Creates a key from a shared secret as a JWK in JSON, with `kty` `oct`. RFC 7518 section 6.4.
    ///
    /// # Errors
    ///
    /// [`PublicKeyAsSecret`](super::KeyErrorKind::PublicKeyAsSecret) for a public key, and the errors of
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

    /// Creates a key, if the algorithm can use the material.
    pub(crate) fn fitting(material: KeyMaterial, algorithm: Algorithm) -> Result<Self, KeyError> {
        if material.family() == algorithm.family() {
            Ok(Self::declared(material, algorithm))
        } else {
            Err(KeyError::misfit(material.family(), algorithm))
        }
    }

    /// Creates a key for the first allowed algorithm that fits it.
    pub(crate) fn undeclared(material: KeyMaterial) -> Self {
        Self { material: Arc::new(material), declared: None, kid: None }
    }

    /// Creates a key. The caller has checked that the algorithm can use the material.
    pub(crate) fn declared(material: KeyMaterial, algorithm: Algorithm) -> Self {
        Self { material: Arc::new(material), declared: Some(algorithm), kid: None }
    }

    /// Sets the key's identifier, which tokens name in their header's `kid`. Default: the `kid` of the JWK, or no
    /// identifier.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<Arc<str>>) -> Self {
        Self { kid: Some(kid.into()), ..self }
    }

    /// Returns the key's identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Returns the only algorithm that the key may be used with, if it names one.
    #[must_use]
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.declared
    }

    /// Returns the public key as a JWK with `use` and, if they are known, `alg` and `kid`, ready to publish. Returns `None` for a
    /// secret, which must not be published.
    #[must_use]
    pub fn public_jwk(&self) -> Option<serde_json::Value> {
        let members = thumbprint::members(&self.material)?.into_iter();
        let mut jwk: serde_json::Map<_, _> = members.map(|(name, value)| (name.to_owned(), value.into())).collect();
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(algorithm) = self.declared {
            jwk.insert("alg".to_owned(), algorithm.name().into());
        }
        if let Some(kid) = self.kid() {
            jwk.insert("kid".to_owned(), kid.into());
        }
        Some(jwk.into())
    }

    /// Returns the public key in PEM (`PUBLIC KEY`, RFC 7468 section 13), which [`from_pem`](Self::from_pem) and other software
    /// read. Returns `None` for a secret.
    ///
    /// ```
    /// use jwt_core::keys::Key;
    ///
    /// let key =
    ///     Key::from_jwk(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?;
    /// let pem = key.public_pem().expect("not a secret");
    /// assert!(pem.contains("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
    /// # Ok::<(), jwt_core::keys::KeyError>(())
    /// ```
    #[must_use]
    pub fn public_pem(&self) -> Option<String> {
        encode_string("PUBLIC KEY", LineEnding::LF, &der::encode_spki(&self.material)?).ok()
    }

    /// Returns the only algorithm that the key is used with, given an allow-list. RFC 8725 section 3.1.
    pub(crate) fn bind(&self, allowed: &[Algorithm]) -> Option<Algorithm> {
        match self.declared {
            Some(declared) => allowed.contains(&declared).then_some(declared),
            None => allowed.iter().copied().find(|&algorithm| self.fits(algorithm)),
        }
    }

    /// Whether the algorithm can use the key's type and, if it's a secret, its length.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let long_enough = match (&*self.material, algorithm.hmac_key_bytes()) {
            (KeyMaterial::Secret(secret), Some(least)) => secret.len() >= least,
            _ => true,
        };
        self.material.family() == algorithm.family() && long_enough
    }

    /// Whether it's the same key, with the same name and for the same algorithm.
    #[cfg(feature = "remote")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kid == other.kid && self.declared == other.declared && self.material == other.material
    }

    pub(crate) fn material(&self) -> &KeyMaterial {
        &self.material
    }

    pub(crate) fn shared_kid(&self) -> Option<Arc<str>> {
        self.kid.clone()
    }

    /// Returns the text to hash for the key's thumbprint; `None` for a secret, because the hash would help to guess
    /// it (RFC 7638 section 7).
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
    fn a_key_is_used_with_one_algorithm() {
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
    fn a_secret_is_only_for_hmac() {
        for &algorithm in Algorithm::ALL {
            assert_eq!(Key::from_secret(algorithm, [7; 64]).is_ok(), algorithm.is_symmetric(), "{algorithm}");
        }
    }

    #[test]
    fn debug_output_of_a_key_shows_only_algorithm_and_family() {
        let key = Key::from_secret(Algorithm::HS256, "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t").unwrap().with_kid("name");
        let printed = format!("{key:?}");
        assert_eq!(printed, "Key { algorithm: Some(HS256), family: Hmac, .. }");
    }

    #[test]
    fn keys_are_send_sync_and_clone() {
        fn assert<T: Send + Sync + Clone>() {}
        assert::<Key>();
    }
}
