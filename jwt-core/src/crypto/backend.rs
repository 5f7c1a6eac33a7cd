use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::engine::Engine;
use super::prepared::PreparedKey;
use crate::jose::{Algorithm, Key, KeyError};

/// A library of cryptographic primitives.
///
/// The back ends of the features `aws-lc-rs` and `rust-crypto` accept the same signatures. `aws-lc-rs` is faster and
/// needs a C compiler; `rust-crypto` is pure Rust.
///
/// If you need another library, such as a hardware module or a certified build, the feature `jsonwebtoken-12` turns a
/// `CryptoProvider` of that crate into a back end.
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::crypto::Backend;
///
/// if let Some(backend) = Backend::compiled_in() {
///     assert!(backend.supports(Algorithm::ES256));
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Backend(pub(crate) &'static dyn Engine);

impl Backend {
    /// Returns the back end of the `aws-lc-rs` crate. It verifies and signs with every algorithm.
    #[cfg(feature = "aws-lc-rs")]
    #[must_use]
    pub fn aws_lc_rs() -> Self {
        Self(&super::aws_lc::AwsLc)
    }

    /// Returns the back end of the RustCrypto crates. It verifies with every algorithm.
    ///
    /// It does not sign with RSA, because the private-key operation of the `rsa` crate isn't constant-time
    /// (RUSTSEC-2023-0071). Verification uses no secret, so it isn't affected.
    #[cfg(feature = "rust-crypto")]
    #[must_use]
    pub fn rust_crypto() -> Self {
        Self(&super::rust_crypto::RustCrypto)
    }

    /// Returns the default back end: `aws-lc-rs` if its feature is on, otherwise `rust-crypto` if its feature is on.
    #[must_use]
    pub fn compiled_in() -> Option<Self> {
        let backends: &[Self] = &[
            #[cfg(feature = "aws-lc-rs")]
            Self::aws_lc_rs(),
            #[cfg(feature = "rust-crypto")]
            Self::rust_crypto(),
        ];
        backends.first().copied()
    }

    /// Returns whether signatures of an algorithm can be verified.
    #[must_use]
    pub fn supports(&self, algorithm: Algorithm) -> bool {
        self.0.supports(algorithm)
    }

    /// Returns the name of the library.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Returns the SHA-256 thumbprint of a public key in base64url, as in a `jkt`. Returns `None` for a secret,
    /// because the hash would help to guess it. RFC 7638 sections 3 and 7.
    ///
    /// ```
    /// use jwt_core::crypto::Backend;
    /// use jwt_core::keys::Key;
    ///
    /// let key =
    ///     Key::from_jwk(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)?;
    /// if let Some(backend) = Backend::compiled_in() {
    ///     let thumbprint = backend.thumbprint(&key);
    ///     assert_eq!(thumbprint.as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    /// }
    /// # Ok::<(), jwt_core::keys::KeyError>(())
    /// ```
    #[must_use]
    pub fn thumbprint(&self, key: &Key) -> Option<String> {
        Some(URL_SAFE_NO_PAD.encode(self.sha256(key.thumbprint_input()?.as_bytes())?))
    }

    /// Parses a key once for all signatures that it will verify.
    pub(crate) fn prepare(&self, key: &Key, algorithm: Algorithm) -> Result<PreparedKey, KeyError> {
        PreparedKey::new(self.0, key, algorithm)
    }

    /// Returns the SHA-256 hash, or `None` if a provider cannot compute it.
    pub(crate) fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        self.0.sha256(bytes)
    }

    /// Fills a buffer with unpredictable random bytes.
    pub(crate) fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.0.random(bytes)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Backend").field(&self.name()).finish()
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_match_the_examples_of_the_rfcs() {
        for (key, thumbprint) in [
            // RFC 8037 appendix A.3.
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
                "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            ),
            // RFC 7638 section 3.1.
            (
                r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            ),
            // RFC 9449 section 6.1.
            (
                r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#,
                "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            ),
        ] {
            let key = Key::from_jwk(key).unwrap();
            #[cfg(feature = "aws-lc-rs")]
            assert_eq!(Backend::aws_lc_rs().thumbprint(&key).as_deref(), Some(thumbprint));
            #[cfg(feature = "rust-crypto")]
            assert_eq!(Backend::rust_crypto().thumbprint(&key).as_deref(), Some(thumbprint));
        }
        let secret = Key::from_secret(Algorithm::HS256, [7; 32]).unwrap();
        assert_eq!(Backend::compiled_in().unwrap().thumbprint(&secret), None);
    }

    #[test]
    fn random_bytes_differ_each_time() {
        let backend = Backend::compiled_in().unwrap();
        let (mut first, mut second) = ([0; 32], [0; 32]);
        backend.random(&mut first).unwrap();
        backend.random(&mut second).unwrap();
        assert!(first != second && first != [0; 32]);
    }
}
