//! Conversions for the types of `jsonwebtoken`. A macro writes them for each major version.

use crate::jose::algorithm::Family;
use crate::jose::{Algorithm, Key, KeyError, der, material, secret};

/// A `DecodingKey` of any major version.
enum TheirKey<'k> {
    Hmac(&'k [u8]),
    Rsa {
        modulus: &'k [u8],
        exponent: &'k [u8],
    },
    RsaDer(&'k [u8]),
    /// A point or DER.
    Ec(&'k [u8]),
    /// The 32 bytes of a key, or DER.
    Ed(&'k [u8]),
}

/// Checks a key that `jsonwebtoken` did not check.
fn vet(algorithm: Algorithm, key: &TheirKey<'_>) -> Result<Key, KeyError> {
    let material = match (key, algorithm.family()) {
        (TheirKey::Hmac(bytes), Family::Hmac) => secret::vet(bytes, Some(algorithm))?,
        (TheirKey::Rsa { modulus, exponent }, Family::Rsa) => material::rsa(modulus, exponent)?,
        (TheirKey::Ec(bytes), family @ (Family::P256 | Family::P384 | Family::P521)) => {
            material::ec(family, bytes).or_else(|error| der::public_key(bytes).map_err(|_| error))?
        }
        (TheirKey::Ed(bytes), Family::Ed25519) if bytes.len() == 32 => material::ed25519(bytes)?,
        (TheirKey::RsaDer(der), Family::Rsa) | (TheirKey::Ed(der), Family::Ed25519) => der::public_key(der)?,
        _ => return Err(KeyError::mismatch()),
    };
    Key::fitting(material, algorithm)
}

/// Implements the conversions for one major version. The module that calls it needs a function `hmac_key`, which
/// creates a `DecodingKey` from a secret.
macro_rules! conversions {
    ($theirs:ident) => {
        use std::time::Duration;

        use $theirs::crypto::CryptoProvider;
        use $theirs::jwk::{Jwk, JwkSet, ThumbprintHash};
        use $theirs::{Algorithm as TheirAlgorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, Validation};

        use super::TheirKey;
        use crate::crypto::{Backend, Engine, Verify};
        use crate::error::{BuildError, BuildErrorKind};
        use crate::jose::material::KeyMaterial;
        use crate::jose::{Algorithm, Key, KeyError, KeySet, algorithm, der};
        use crate::verify::{TrustedIssuer, Verifier, VerifierBuilder};

        impl TryFrom<TheirAlgorithm> for Algorithm {
            type Error = BuildError;

            fn try_from(algorithm: TheirAlgorithm) -> Result<Self, BuildError> {
                match algorithm {
                    TheirAlgorithm::HS256 => Ok(Self::HS256),
                    TheirAlgorithm::HS384 => Ok(Self::HS384),
                    TheirAlgorithm::HS512 => Ok(Self::HS512),
                    TheirAlgorithm::RS256 => Ok(Self::RS256),
                    TheirAlgorithm::RS384 => Ok(Self::RS384),
                    TheirAlgorithm::RS512 => Ok(Self::RS512),
                    TheirAlgorithm::PS256 => Ok(Self::PS256),
                    TheirAlgorithm::PS384 => Ok(Self::PS384),
                    TheirAlgorithm::PS512 => Ok(Self::PS512),
                    TheirAlgorithm::ES256 => Ok(Self::ES256),
                    TheirAlgorithm::ES384 => Ok(Self::ES384),
                    TheirAlgorithm::EdDSA => Ok(Self::Ed25519),
                    _ => Err(algorithm::unknown()),
                }
            }
        }

        impl TryFrom<Algorithm> for TheirAlgorithm {
            type Error = BuildError;

            fn try_from(algorithm: Algorithm) -> Result<Self, BuildError> {
                algorithm.name().parse().map_err(|_| algorithm::unknown())
            }
        }

        impl TryFrom<&Jwk> for Key {
            type Error = KeyError;

            /// Checks a public key like [`Key::from_jwk`].
            fn try_from(jwk: &Jwk) -> Result<Self, KeyError> {
                let json = serde_json::to_string(jwk);
                Self::from_jwk(&json.map_err(|_| KeyError::malformed("the key can't be written as JSON"))?)
            }
        }

        impl TryFrom<(Algorithm, &DecodingKey)> for Key {
            type Error = KeyError;

            /// Checks a key like [`Key::from_secret`] and [`Key::from_der`], because a `DecodingKey` can be too short
            /// or unusable.
            fn try_from((algorithm, key): (Algorithm, &DecodingKey)) -> Result<Self, KeyError> {
                let key = match (key.kind(), key.family()) {
                    (DecodingKeyKind::SecretOrDer(bytes), AlgorithmFamily::Hmac) => TheirKey::Hmac(bytes),
                    (DecodingKeyKind::SecretOrDer(bytes), AlgorithmFamily::Rsa) => TheirKey::RsaDer(bytes),
                    (DecodingKeyKind::SecretOrDer(bytes), AlgorithmFamily::Ec) => TheirKey::Ec(bytes),
                    (DecodingKeyKind::SecretOrDer(bytes), AlgorithmFamily::Ed) => TheirKey::Ed(bytes),
                    (DecodingKeyKind::RsaModulusExponent { n, e }, _) => TheirKey::Rsa { modulus: n, exponent: e },
                };
                super::vet(algorithm, &key)
            }
        }

        impl TryFrom<&JwkSet> for KeySet {
            type Error = KeyError;

            /// Checks public keys like [`KeySet::from_jwks`]. Fails if there are more than 100.
            fn try_from(set: &JwkSet) -> Result<Self, KeyError> {
                let mut vetted = Self::default();
                for (index, jwk) in set.keys.iter().enumerate() {
                    vetted.push(index, Key::try_from(jwk))?;
                }
                Ok(vetted)
            }
        }

        impl TryFrom<(&Validation, &KeySet)> for VerifierBuilder {
            type Error = BuildError;

            /// Creates a builder from a `Validation` and the keys that you used with it.
            ///
            /// Each issuer in the `Validation` is trusted with these keys, and with its algorithms, audiences,
            /// subject, required claims and leeway. `nbf`, `iat`, `crit` and `typ` are always checked.
            ///
            /// # Errors
            ///
            /// [`BuildError::setting`] names the field that has no equivalent: a missing `iss` or `aud`, an unknown
            /// algorithm, `validate_exp` or `validate_aud` switched off, or `reject_tokens_expiring_in_less_than`.
            fn try_from((validation, keys): (&Validation, &KeySet)) -> Result<Self, BuildError> {
                for (changed, field) in [
                    (!validation.validate_exp, "validate_exp"),
                    (!validation.validate_aud, "validate_aud"),
                    (validation.reject_tokens_expiring_in_less_than != 0, "reject_tokens_expiring_in_less_than"),
                ] {
                    if changed {
                        return Err(BuildError::new(BuildErrorKind::Contradiction, field));
                    }
                }
                let issuers = validation.iss.as_ref().filter(|issuers| !issuers.is_empty());
                let issuers = issuers.ok_or(BuildError::new(BuildErrorKind::Undecided, "iss"))?;
                let audiences = validation.aud.as_ref().filter(|audiences| !audiences.is_empty());
                let audiences = audiences.ok_or(BuildError::new(BuildErrorKind::Undecided, "aud"))?;
                let algorithms: Result<Vec<Algorithm>, _> =
                    validation.algorithms.iter().map(|&theirs| theirs.try_into()).collect();
                let algorithms =
                    algorithms.map_err(|_| BuildError::new(BuildErrorKind::UnsupportedAlgorithm, "algorithms"))?;

                let builder = Verifier::builder().leeway(Duration::from_secs(validation.leeway));
                Ok(issuers.iter().fold(builder, |builder, name| {
                    let issuer = TrustedIssuer::new(name.as_str()).keys(keys).algorithms(algorithms.iter().copied());
                    let issuer = issuer.require_claims(validation.required_spec_claims.iter().map(String::as_str));
                    let issuer = audiences.iter().fold(issuer, |issuer, audience| issuer.audience(audience));
                    builder.issuer(match &validation.sub {
                        Some(subject) => issuer.subject(subject),
                        None => issuer,
                    })
                }))
            }
        }

        impl From<&'static CryptoProvider> for Backend {
            /// Turns a `CryptoProvider` into a back end, for libraries that neither `aws-lc-rs` nor `rust-crypto`
            /// covers, such as a hardware module or a certified build.
            ///
            /// It verifies the algorithms that `jsonwebtoken` has, so not `ES512` and ML-DSA, and it cannot sign. Each
            /// signature gets a new verifier, because a provider's verifiers are bound to a thread. Thumbprints need
            /// its `key_utils.compute_digest`. Whether secrets are compared in constant time depends on the provider.
            ///
            /// The process-wide provider is neither read nor set. If a provider panics, the panic isn't caught.
            fn from(provider: &'static CryptoProvider) -> Self {
                Self(provider)
            }
        }

        impl Engine for CryptoProvider {
            fn name(&self) -> &'static str {
                "provider"
            }

            fn supports(&self, algorithm: Algorithm) -> bool {
                TheirAlgorithm::try_from(algorithm).is_ok()
            }

            fn verifier(&self, material: &KeyMaterial, algorithm: Algorithm) -> Result<Verify, KeyError> {
                let algorithm = TheirAlgorithm::try_from(algorithm).map_err(|_| KeyError::unsupported_by_backend())?;
                let key = match material {
                    KeyMaterial::Secret(secret) => hmac_key(secret)?,
                    // Every provider can read DER, but not every provider can read the numbers.
                    KeyMaterial::Rsa { modulus, exponent } => {
                        DecodingKey::from_rsa_der(&der::rsa_der(modulus, exponent))
                    }
                    KeyMaterial::Ec { point, .. } => DecodingKey::from_ec_der(point),
                    KeyMaterial::Ed25519(key) => DecodingKey::from_ed_der(key),
                    KeyMaterial::MlDsa { .. } => return Err(KeyError::unsupported_by_backend()),
                };
                let factory = self.verifier_factory;
                // Checks now whether the provider accepts the key. Its verifiers are bound to a thread, so this one
                // cannot be kept.
                factory(&algorithm, &key).map_err(|_| KeyError::invalid())?;
                Ok(Box::new(move |message, signature| {
                    factory(&algorithm, &key)
                        .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
                }))
            }

            fn sha256(&self, bytes: &[u8]) -> Option<[u8; 32]> {
                (self.key_utils.compute_digest)(bytes, ThumbprintHash::SHA256).ok()?.try_into().ok()
            }
        }
    };
}

#[cfg(feature = "jsonwebtoken-11")]
mod major_11 {
    conversions!(jsonwebtoken_11);

    fn hmac_key(secret: &[u8]) -> Result<DecodingKey, KeyError> {
        Ok(DecodingKey::from_secret(secret))
    }
}

#[cfg(feature = "jsonwebtoken-12")]
mod major_12 {
    conversions!(jsonwebtoken_12);

    /// From this version on, an empty secret is an error.
    fn hmac_key(secret: &[u8]) -> Result<DecodingKey, KeyError> {
        DecodingKey::from_secret(secret).map_err(|_| KeyError::invalid())
    }
}

#[cfg(test)]
mod tests {
    macro_rules! tests {
        ($theirs:ident, $secret:expr) => {
            use $theirs::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
            use $theirs::errors::{ErrorKind, Result};
            use $theirs::jwk::{Jwk, JwkSet};
            use $theirs::signature::{Error, Verifier};
            use $theirs::{Algorithm as TheirAlgorithm, DecodingKey, Validation};

            use crate::crypto::{Backend, SigningKey};
            use crate::jose::{Algorithm, Key, KeyErrorKind, KeySet, der};
            use crate::verify::VerifierBuilder;

            const GOOD: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

            #[test]
            fn shared_algorithms_convert_both_ways() {
                let ours = || Algorithm::ALL.iter().copied();
                let known: Vec<_> = ours().filter(|&ours| TheirAlgorithm::try_from(ours).is_ok()).collect();
                assert_eq!(known.len(), 12);
                for ours in known {
                    assert_eq!(Algorithm::try_from(TheirAlgorithm::try_from(ours).unwrap()), Ok(ours));
                }
            }

            #[test]
            fn a_decoding_key_is_checked() {
                use Algorithm::{ES256, ES384, Ed25519, HS256, RS256};
                use KeyErrorKind::{AlgorithmMismatch, InvalidKey, Malformed, TooShort};
                let modulus = [0x81; 256];
                let numbers = |modulus, exponent| DecodingKey::from_rsa_raw_components(modulus, exponent);
                let point = [&[4][..], &[0x81; 64]].concat();
                let pkcs1 = der::rsa_der(&modulus, &[1, 0, 1]);
                let secret = $secret;
                let cases = [
                    (secret(&[7; 32]), HS256, None),
                    (secret(&[7; 31]), HS256, Some(TooShort)),
                    (secret(&[7; 32]), RS256, Some(AlgorithmMismatch)),
                    (secret(&pkcs1), HS256, Some(KeyErrorKind::PublicKeyAsSecret)),
                    (numbers(&modulus, &[1, 0, 1]), RS256, None),
                    (numbers(&modulus, &[1, 0, 1]), ES256, Some(AlgorithmMismatch)),
                    (numbers(&modulus, &[1]), RS256, Some(InvalidKey)),
                    (numbers(&[0x81; 64], &[3]), RS256, Some(TooShort)),
                    (DecodingKey::from_rsa_der(&pkcs1), RS256, None),
                    (DecodingKey::from_rsa_der(&pkcs1), HS256, Some(AlgorithmMismatch)),
                    (DecodingKey::from_rsa_der(b"no DER"), RS256, Some(Malformed)),
                    (DecodingKey::from_ec_der(&point), ES256, None),
                    (DecodingKey::from_ec_der(&point), ES384, Some(Malformed)),
                    (DecodingKey::from_ec_der(&point), Ed25519, Some(AlgorithmMismatch)),
                    (DecodingKey::from_ed_der(&[0x81; 32]), Ed25519, None),
                    (DecodingKey::from_ed_der(&[0x81; 32]), HS256, Some(AlgorithmMismatch)),
                    (DecodingKey::from_ed_der(&[0x81; 31]), Ed25519, Some(Malformed)),
                    (DecodingKey::from_ed_der(&[0; 32]), Ed25519, Some(InvalidKey)),
                ];
                for (index, (theirs, algorithm, expected)) in cases.iter().enumerate() {
                    let refused = Key::try_from((*algorithm, theirs)).err().map(|error| error.kind());
                    assert_eq!(refused, *expected, "case {index}");
                }
            }

            #[test]
            fn a_jwk_is_checked() {
                let read = |text: &str| serde_json::from_str::<Jwk>(text).unwrap();
                assert!(Key::try_from(&read(GOOD)).is_ok());
                let enc = GOOD.replace("{\"kty\"", "{\"use\":\"enc\",\"kty\"");
                assert_eq!(Key::try_from(&read(&enc)).unwrap_err().kind(), KeyErrorKind::WrongUse);
            }

            #[test]
            fn a_jwk_set_is_checked() {
                let secret = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"}"#;
                let short = r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#;
                let read = |keys: &[&str]| {
                    let theirs: JwkSet = serde_json::from_str(&format!("{{\"keys\":[{}]}}", keys.join(","))).unwrap();
                    KeySet::try_from(&theirs)
                };
                let ours = read(&[GOOD, secret, short]).unwrap();
                assert_eq!((ours.keys().len(), ours.ignored().count()), (1, 2));
                assert_eq!(read(&[GOOD; 101]).unwrap_err().kind(), KeyErrorKind::TooLarge);
            }

            #[test]
            fn the_error_names_the_setting_that_has_no_equivalent() {
                let complete = || {
                    let mut validation = Validation::new(TheirAlgorithm::HS256);
                    validation.set_issuer(&["https://id.example"]);
                    validation.set_audience(&["https://api.example"]);
                    validation
                };
                let keys = KeySet::from(Key::from_secret(Algorithm::HS256, [7; 32]).unwrap());
                let setting = |validation: Validation| {
                    VerifierBuilder::try_from((&validation, &keys)).err().map(|error| error.setting().to_owned())
                };
                assert_eq!(setting(complete()), None);
                assert_eq!(setting(Validation { iss: None, ..complete() }), Some("iss".to_owned()));
                assert_eq!(setting(Validation { aud: None, ..complete() }), Some("aud".to_owned()));
                assert_eq!(setting(Validation { validate_exp: false, ..complete() }), Some("validate_exp".to_owned()));
                assert_eq!(setting(Validation { validate_aud: false, ..complete() }), Some("validate_aud".to_owned()));
                assert_eq!(
                    setting(Validation { reject_tokens_expiring_in_less_than: 1, ..complete() }),
                    Some("reject_tokens_expiring_in_less_than".to_owned())
                );
            }

            /// Accepts one signature, and supports one algorithm.
            struct Sevens;

            impl Verifier<Vec<u8>> for Sevens {
                fn verify(&self, _: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
                    assert_eq!(signature.len(), 32);
                    if signature.iter().all(|&byte| byte == 7) { Ok(()) } else { Err(Error::new()) }
                }
            }

            impl JwtVerifier for Sevens {
                fn algorithm(&self) -> TheirAlgorithm {
                    TheirAlgorithm::HS256
                }
            }

            static PROVIDER: CryptoProvider = CryptoProvider {
                signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
                verifier_factory: |algorithm, _| -> Result<Box<dyn JwtVerifier>> {
                    match algorithm {
                        TheirAlgorithm::HS256 => Ok(Box::new(Sevens)),
                        _ => Err(ErrorKind::InvalidAlgorithm.into()),
                    }
                },
                key_utils: KeyUtils { compute_digest: |_, _| Ok(vec![1; 32]), ..KeyUtils::new_unimplemented() },
            };

            #[test]
            fn a_provider_only_gets_signatures_of_the_right_length() {
                let key = Key::from_secret(Algorithm::HS256, [9; 32]).unwrap();
                let prepared = Backend::from(&PROVIDER).prepare(&key, Algorithm::HS256).unwrap();
                for (signature, accepted) in
                    [(vec![7; 32], true), (vec![8; 32], false), (vec![7; 31], false), (vec![], false)]
                {
                    assert_eq!(prepared.verify(b"message", &signature), accepted);
                }
            }

            #[test]
            fn an_algorithm_that_a_provider_lacks_is_an_error_before_the_first_token() {
                let backend = Backend::from(&PROVIDER);
                let key = Key::from_secret(Algorithm::HS384, [9; 48]).unwrap();
                let error = backend.prepare(&key, Algorithm::HS384).unwrap_err();
                assert_eq!(error.kind(), KeyErrorKind::InvalidKey);
                assert!(!backend.supports(Algorithm::ES512) && !backend.supports(Algorithm::MlDsa65));
                let error = SigningKey::generate_with(backend, Algorithm::HS256).unwrap_err();
                assert_eq!(error.kind(), KeyErrorKind::Randomness);
                assert_eq!(backend.sha256(b""), Some([1; 32]));
            }
        };
    }

    #[cfg(feature = "jsonwebtoken-11")]
    mod major_11 {
        tests!(jsonwebtoken_11, |secret: &[u8]| DecodingKey::from_secret(secret));

        #[test]
        fn an_empty_secret_is_refused() {
            let error = Key::try_from((Algorithm::HS256, &DecodingKey::from_secret(b""))).unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::TooShort);
        }
    }

    #[cfg(feature = "jsonwebtoken-12")]
    mod major_12 {
        tests!(jsonwebtoken_12, |secret: &[u8]| DecodingKey::from_secret(secret).unwrap());
    }
}
