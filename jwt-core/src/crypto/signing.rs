use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::backend::Backend;
use super::engine::Sign;
#[cfg(feature = "remote-signer")]
use super::remote::Remote;
#[cfg(feature = "remote-signer")]
use crate::jose::KeyErrorKind;
use crate::jose::algorithm::Family;
use crate::jose::private::PrivateMaterial;
use crate::jose::{Algorithm, Key, KeyError, material};
use crate::step::Step;

/// A key that signs tokens: in a test, in a development issuer, or in a service that issues its own tokens.
///
/// It's used with only one algorithm (RFC 8725 section 3.1).
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
    pub(super) signer: Signer,
    pub(super) public: Key,
    pub(super) algorithm: Algorithm,
}

#[derive(Clone)]
pub(super) enum Signer {
    Local(Arc<Local>),
    #[cfg(feature = "remote-signer")]
    Remote(Arc<Remote>),
}

/// A private key in memory.
pub(super) struct Local {
    sign: Sign,
    pub(super) private: PrivateMaterial,
}

impl SigningKey {
    /// Generates a new key with the default back end.
    ///
    /// A secret is as long as its hash, and an RSA key has 2048 bits.
    ///
    /// # Errors
    ///
    /// [`NoBackend`](crate::jose::KeyErrorKind::NoBackend) if no back end is compiled in,
    /// [`UnsupportedAlgorithm`](crate::jose::KeyErrorKind::UnsupportedAlgorithm) if the back end cannot sign with the
    /// algorithm, [`Randomness`](crate::jose::KeyErrorKind::Randomness) if the system provides no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::generate_with(compiled_in()?, algorithm)
    }

    /// Generates a new key with a back end of your choice.
    ///
    /// # Errors
    ///
    /// The errors of [`generate`](Self::generate). The back end `rust-crypto` cannot sign with RSA, and a provider
    /// cannot sign.
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
                    let mut scalar = random(material::coordinate_bytes(family).unwrap_or_default())?;
                    if let (Family::P521, Some(first)) = (family, scalar.first_mut()) {
                        // 521 bits in 66 bytes leave seven bits unused.
                        *first &= 1;
                    }
                    Ok(PrivateMaterial::Ec { family, scalar })
                };
                // A number that is zero, or not less than the group's order, is refused: at most one in 2^32. Then
                // the second attempt counts.
                return Self::new(backend, scalar()?, algorithm).or_else(|_| Self::new(backend, scalar()?, algorithm));
            }
        };
        Self::new(backend, private, algorithm)
    }

    pub(super) fn new(backend: Backend, private: PrivateMaterial, algorithm: Algorithm) -> Result<Self, KeyError> {
        if private.family() != algorithm.family() {
            return Err(KeyError::misfit(private.family(), algorithm));
        }
        let (sign, public) = backend.0.signer(&private, algorithm)?;
        let signer = Signer::Local(Arc::new(Local { sign, private }));
        Ok(Self { signer, public: Key::declared(public, algorithm), algorithm })
    }

    /// Sets the key's identifier, for the header of tokens and for the published key. Default: no identifier.
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

    /// Signs a message and returns the signature in the form that a JWS has. RFC 7518 section 3.
    ///
    /// # Errors
    ///
    /// [`Signing`](crate::jose::KeyErrorKind::Signing) if the back end fails, or for a
    #[cfg_attr(feature = "remote-signer", doc = "[remote](Self::remote) key: call [`sign_step`](Self::sign_step).")]
    #[cfg_attr(not(feature = "remote-signer"), doc = "remote key: call [`sign_step`](Self::sign_step).")]
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.signer {
            Signer::Local(local) => (local.sign)(message),
            #[cfg(feature = "remote-signer")]
            Signer::Remote(_) => {
                Err(KeyError::new(KeyErrorKind::Signing, "the key is remote: its signatures must be awaited"))
            }
        }
    }

    /// Signs a message, now or once a remote signer has answered. The signature has the form that a JWS has.
    ///
    /// # Errors
    ///
    /// The errors of [`sign`](Self::sign), and [`SignerUnavailable`](crate::jose::KeyErrorKind::SignerUnavailable) if the
    /// remote signer fails or takes too long.
    pub fn sign_step(&self, message: &[u8]) -> Step<Result<Vec<u8>, KeyError>> {
        match &self.signer {
            Signer::Local(local) => Step::Ready((local.sign)(message)),
            #[cfg(feature = "remote-signer")]
            Signer::Remote(remote) => remote.sign(message),
        }
    }

    /// Returns the key that verifies this key's signatures: the public key, or the secret itself.
    #[must_use]
    pub fn verification_key(&self) -> Key {
        self.public.clone()
    }

    /// Returns the public key as a JWK with `alg`, `use` and `kid`, ready to publish. Returns `None` for a secret,
    /// which must not be published.
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
        self.public.public_jwk()
    }
}

pub(super) fn compiled_in() -> Result<Backend, KeyError> {
    Backend::compiled_in().ok_or(KeyError::no_backend())
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "aws-lc-rs"))]
mod tests {
    use ::der::pem::{LineEnding, encode_string};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::jose::KeyErrorKind;

    #[test]
    fn the_published_key_verifies_the_signatures() {
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
            let pem = key.verification_key().public_pem().expect("a public key");
            assert!(Key::from_pem(algorithm, pem).unwrap().material() == read.material(), "{algorithm:?}");
        }
    }

    #[test]
    fn an_rsa_key_is_read_from_pkcs1() {
        let Ok(PrivateMaterial::Rsa(pkcs1)) = Backend::aws_lc_rs().0.generate_rsa() else { panic!("an RSA key") };
        let pem = encode_string("RSA PRIVATE KEY", LineEnding::LF, &pkcs1).unwrap();
        let key = SigningKey::from_pem(Algorithm::PS256, &pem).unwrap();
        assert_eq!(key.sign(b"").unwrap().len(), 256);
        let error = SigningKey::from_pem(Algorithm::ES256, &pem).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::AlgorithmMismatch);
    }

    /// RFC 7517 appendix A.2.
    const P256: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;
    const SCALAR: &str = r#""d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE""#;
    const RSA: &str = concat!(
        r#""kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJEC"#,
        r#"PebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz"#,
        r#"s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIq"#,
        r#"bw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB""#,
    );
    const RSA_PRIVATE: &str = concat!(
        r#""d":"X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzU"#,
        r#"vxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiC"#,
        r#"l3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y"#,
        r#"6mqnOYtqc0X4jfcKoAC8Q","p":"83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm"#,
        r#"8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfs","q":"3dfOR9cuYq-0"#,
        r#"S-mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgTnCdpYzBcOfW5r370AFXjiWft_NGEiovonizhKpo9VVS78TzFgxk"#,
        r#"IdrecRezsZ-1kYd_s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxk","dp":"G4sPXkc6Ya9y8oJW9_ILj4xuppu0lzi_H7VTkS8xj5SdX3coE0"#,
        r#"oimYwxIi2emTAue0UOa5dpgFGyBJ4c8tQ2VF402XRugKDTP8akYhFo5tAA77Qe_NmtuYZc3C3m3I24G2GvR5sSDxUyAN2zq8Lfn9EUms6rY3"#,
        r#"Ob8YeiKkTiBj0","dq":"s9lAH9fggBsoFR8Oac2R_E2gw282rT2kGOAhvIllETE1efrA6huUUvMfBcMpn8lqeW6vzznYY5SSQF7pMdC_agI3n"#,
        r#"G8Ibp1BUb0JUiraRNqUfLhcQb_d9GF4Dh7e74WbRsobRonujTYN1xCaP6TO61jvWrX-L18txXw494Q_cgk","qi":"GyM_p6JrXySiz1toFgKb"#,
        r#"WV-JdI3jQ4ypu9rbMWx3rQJBfmt0FoYzgUIZEVFEcOqwemRN81zoDAaa-Bk0KWNGDjJHZDdDmFhW3AN7lI-puxk_mHZGJ11rxyR8O55XLSe3S"#,
        r#"PmRfKwZI6yU24ZxvQKFYItdldUKGzO6Ia6zTKhAVRU""#,
    );

    #[test]
    fn a_private_jwk_signs_for_its_public_key() {
        for (algorithm, public, private) in [
            (Algorithm::ES256, P256, SCALAR),
            (Algorithm::PS256, RSA, RSA_PRIVATE),
            (Algorithm::RS256, RSA, RSA_PRIVATE),
        ] {
            let key =
                SigningKey::from_jwk(algorithm, &format!(r#"{{{public},{private},"kid":"1","use":"sig"}}"#)).unwrap();
            assert_eq!(key.kid(), Some("1"));
            let backend = Backend::aws_lc_rs();
            let prepared = backend.prepare(&Key::from_jwk(&format!("{{{public}}}")).unwrap(), algorithm).unwrap();
            assert!(prepared.verify(b"message", &key.sign(b"message").unwrap()));
        }
        let secret = r#"{"kty":"oct","alg":"HS256","kid":"s","key_ops":["sign"],"k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}"#;
        let key = SigningKey::from_jwk(Algorithm::HS256, secret).unwrap();
        let same = SigningKey::from_secret(Algorithm::HS256, b"secret-secret-secret-secret-secret").unwrap();
        assert_eq!(key.sign(b"m").unwrap(), same.sign(b"m").unwrap());
        let seed = URL_SAFE_NO_PAD.encode([7; 32]);
        let private = PrivateMaterial::MlDsa { family: Family::MlDsa44, seed: Zeroizing::new([7; 32]) };
        let mut jwk = SigningKey::new(Backend::aws_lc_rs(), private, Algorithm::MlDsa44).unwrap().public_jwk().unwrap();
        jwk["priv"] = seed.into();
        assert!(SigningKey::from_jwk(Algorithm::MlDsa44, &jwk.to_string()).is_ok());
    }

    #[test]
    fn a_private_jwk_that_is_incomplete_or_for_another_use_is_refused() {
        use KeyErrorKind::{AlgorithmMismatch, InvalidKey, Malformed, WrongUse};
        let other = SCALAR.replace("870MB", "970MB");
        for (algorithm, members, kind) in [
            (Algorithm::ES256, P256.to_owned(), Malformed),
            (Algorithm::ES256, format!("{P256},\"d\":\"AQ\""), Malformed),
            (Algorithm::ES256, format!("{P256},\"d\":5"), Malformed),
            (Algorithm::ES256, format!("{P256},{other}"), InvalidKey),
            (Algorithm::ES384, format!("{P256},{SCALAR}"), AlgorithmMismatch),
            (Algorithm::ES256, format!("{P256},{SCALAR},\"alg\":\"ES384\""), AlgorithmMismatch),
            (Algorithm::ES256, format!("{P256},{SCALAR},\"use\":\"enc\""), WrongUse),
            (Algorithm::ES256, format!("{P256},{SCALAR},\"key_ops\":[\"verify\"]"), WrongUse),
            (Algorithm::RS256, RSA.to_owned(), Malformed),
            (Algorithm::RS256, format!("{RSA},{RSA_PRIVATE},\"oth\":[]"), Malformed),
            (Algorithm::RS256, format!("{RSA},{}", RSA_PRIVATE.replace("X4cTt", "Y4cTt")), InvalidKey),
        ] {
            let error = SigningKey::from_jwk(algorithm, &format!("{{{members}}}")).unwrap_err();
            assert_eq!(error.kind(), kind, "{}", &members[..members.len().min(200)]);
        }
    }

    #[test]
    fn a_secret_that_a_verifier_refuses_cannot_sign() {
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
            SigningKey::new(backend, private, Algorithm::RS256).unwrap_err(),
        ] {
            assert_eq!(error.kind(), KeyErrorKind::UnsupportedAlgorithm);
        }
    }

    #[test]
    fn debug_output_of_a_signing_key_shows_only_its_algorithm() {
        let key = SigningKey::generate(Algorithm::HS256).unwrap().with_kid("name");
        assert_eq!(format!("{key:?}"), "SigningKey { algorithm: HS256, .. }");
    }
}
