//! Values from each supported major version of `jsonwebtoken` verify tokens.

/// Tests for one major version. The last argument creates a `DecodingKey` from a secret.
macro_rules! tests {
    ($major:ident, $secret:expr) => {
        mod $major {
            use base64::Engine as _;
            use base64::engine::general_purpose::STANDARD;
            use jwt_core::testing::ManualClock;
            use jwt_core::crypto::{Backend, SigningKey};
            use jwt_core::$major::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
            use jwt_core::$major::errors::{ErrorKind as TheirErrorKind, Result};
            use jwt_core::$major::jwk::{Jwk, JwkSet};
            use jwt_core::$major::signature::{Error, Verifier as SignatureVerifier};
            use jwt_core::$major::{Algorithm as TheirAlgorithm, DecodingKey, DecodingKeyKind, Validation};
            use jwt_core::keys::{Key, KeyErrorKind, KeySet};
            use jwt_core::BuildErrorKind;
            use jwt_core::{Algorithm, ErrorKind, Verifier, VerifierBuilder};
            use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW, encode};
            use serde_json::{Value, json};

            use crate::formats::{assert_verifies, der, text};
            use crate::pem::{PEMS, RSA_PUBLIC_KEY};
            use crate::{backends, jwks, public_jwk, signing_key, trusted, verifier, verify};

            fn read(jwk: &Value) -> Jwk {
                serde_json::from_value(jwk.clone()).expect("a key that jsonwebtoken reads")
            }

            #[tokio::test]
            async fn public_keys_verify() {
                let [rsa, p256, p384, _, ed25519] = &PEMS;
                for pem in [rsa, p256, p384, ed25519] {
                    let algorithm = pem.algorithm;
                    let signer = SigningKey::from_pem(algorithm, pem.private).expect("a private key");
                    let jwk = public_jwk(&signer);
                    let bytes = pem.public.as_bytes();
                    let keys = match algorithm {
                        Algorithm::RS256 => vec![
                            DecodingKey::from_rsa_pem(bytes),
                            DecodingKey::from_rsa_pem(RSA_PUBLIC_KEY.as_bytes()),
                            DecodingKey::from_rsa_components(text(&jwk, "n"), text(&jwk, "e")),
                            Ok(DecodingKey::from_rsa_der(&der(RSA_PUBLIC_KEY))),
                            DecodingKey::from_jwk(&read(&jwk)),
                        ],
                        Algorithm::Ed25519 => vec![
                            DecodingKey::from_ed_pem(bytes),
                            DecodingKey::from_ed_components(text(&jwk, "x")),
                            DecodingKey::from_jwk(&read(&jwk)),
                        ],
                        _ => vec![
                            DecodingKey::from_ec_pem(bytes),
                            DecodingKey::from_ec_components(text(&jwk, "x"), text(&jwk, "y")),
                            DecodingKey::from_jwk(&read(&jwk)),
                        ],
                    };
                    for (index, key) in keys.into_iter().enumerate() {
                        let key = Key::try_from((algorithm, &key.expect("a key")));
                        assert_verifies(&signer, &format!("{algorithm} as DecodingKey {index}"), key).await;
                    }
                    assert_verifies(&signer, &format!("{algorithm} as Jwk"), Key::try_from(&read(&jwk))).await;
                }
            }

            #[tokio::test]
            async fn secrets_verify() {
                for (algorithm, size) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
                    let secret: Vec<u8> = (0x80..).take(size).collect();
                    let signer = SigningKey::from_secret(algorithm, &secret).expect("a secret");
                    let jwk = json!({"kty": "oct", "k": encode(&secret), "alg": algorithm.name()});
                    let base64 = DecodingKey::from_base64_secret(&STANDARD.encode(&secret)).expect("base64");
                    for (form, key) in [
                        ("bytes", $secret(&secret)),
                        ("base64", base64),
                        ("JWK", DecodingKey::from_jwk(&read(&jwk)).expect("a secret")),
                    ] {
                        let key = Key::try_from((algorithm, &key));
                        assert_verifies(&signer, &format!("{algorithm} as DecodingKey of {form}"), key).await;
                    }
                }
            }

            #[tokio::test]
            async fn the_public_keys_of_a_set_verify() {
                let signers: Vec<SigningKey> = ["a", "b"].map(signing_key).into();
                let secret = json!({"kty": "oct", "k": encode([7; 32]), "alg": "HS256", "kid": "s"});
                let text = jwks(signers.iter().map(public_jwk).chain([secret]));
                let theirs: JwkSet = serde_json::from_str(&text).expect("a set that jsonwebtoken reads");
                let set = KeySet::try_from(&theirs).expect("a set");
                let ignored = set.ignored().map(|(_, error)| error.kind()).next();
                assert_eq!((set.keys().len(), ignored), (2, Some(KeyErrorKind::SymmetricKey)));
                for backend in backends() {
                    let verifier = verifier(trusted().keys(&set), backend);
                    for signer in &signers {
                        assert!(verify(&verifier, &Forge::new(signer).sign()).await.is_ok());
                    }
                }
            }

            #[tokio::test]
            async fn a_verifier_accepts_the_settings_of_a_validation() {
                let key = SigningKey::generate(Algorithm::HS256).expect("a key");
                let mut validation = Validation::new(TheirAlgorithm::HS256);
                validation.set_issuer(&[ISSUER]);
                validation.set_audience(&[AUDIENCE]);
                validation.set_required_spec_claims(&["exp", "nbf"]);
                validation.sub = Some("alice".to_owned());
                validation.leeway = 5;
                let builder = VerifierBuilder::try_from((&validation, &KeySet::from(key.verification_key())));
                let builder = builder.expect("nothing is left open").clock(ManualClock::at(NOW));
                let verifier = builder.build().expect("a verifier");
                let good = || Forge::new(&key).claim("sub", "alice").claim("iat", NOW - 60).claim("nbf", NOW - 60);
                for (token, expected) in [
                    (good(), None),
                    (good().claim("exp", NOW - 4), None),
                    (good().claim("exp", NOW - 5), Some(ErrorKind::Expired)),
                    (good().claim("sub", "bob"), Some(ErrorKind::WrongSubject)),
                    (good().claim("aud", "https://other.example"), Some(ErrorKind::WrongAudience)),
                    (good().claim("iss", "https://other.example"), Some(ErrorKind::UnknownIssuer)),
                    (good().without("nbf"), Some(ErrorKind::MissingClaim)),
                ] {
                    let case = format!("{expected:?}");
                    assert_eq!(verify(&verifier, &token.sign()).await.err(), expected, "{case}");
                }
            }

            /// HS256 implemented with this library's own signing, as an example of a custom crypto provider.
            struct OwnHs256(SigningKey);

            impl SignatureVerifier<Vec<u8>> for OwnHs256 {
                fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
                    let expected = self.0.sign(message).map_err(Error::from_source)?;
                    if *signature == expected { Ok(()) } else { Err(Error::new()) }
                }
            }

            impl JwtVerifier for OwnHs256 {
                fn algorithm(&self) -> TheirAlgorithm {
                    TheirAlgorithm::HS256
                }
            }

            fn own_verifier(algorithm: &TheirAlgorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
                match (algorithm, key.kind()) {
                    (TheirAlgorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                        let key = SigningKey::from_secret(Algorithm::HS256, secret)
                            .map_err(|_| TheirErrorKind::InvalidKeyFormat)?;
                        Ok(Box::new(OwnHs256(key)))
                    }
                    _ => Err(TheirErrorKind::InvalidAlgorithm.into()),
                }
            }

            static PROVIDER: CryptoProvider = CryptoProvider {
                signer_factory: |_, _| Err(TheirErrorKind::InvalidAlgorithm.into()),
                verifier_factory: own_verifier,
                key_utils: KeyUtils::new_unimplemented(),
            };

            #[tokio::test]
            async fn a_custom_provider_verifies() {
                let key = SigningKey::generate(Algorithm::HS256).expect("a key");
                let stranger = SigningKey::generate(Algorithm::HS256).expect("a key");
                let verifier = verifier(trusted().key(key.verification_key()), Backend::from(&PROVIDER));
                assert!(verify(&verifier, &Forge::new(&key).sign()).await.is_ok());
                let token = Forge::new(&stranger).sign();
                assert_eq!(verify(&verifier, &token).await.expect_err("another key"), ErrorKind::BadSignature);
            }

            #[test]
            fn the_limits_of_a_provider_are_reported_when_the_verifier_is_built() {
                let backend = Backend::from(&PROVIDER);
                let build = |key: Key, algorithm| {
                    let issuer = trusted().key(key).algorithms([algorithm]);
                    Verifier::builder().issuer(issuer).crypto(backend).build().expect_err("cannot be built").kind()
                };
                let key = |algorithm| SigningKey::generate(algorithm).expect("a key").verification_key();
                assert_eq!(build(key(Algorithm::HS384), Algorithm::HS384), BuildErrorKind::NoUsableKey);
                assert_eq!(build(key(Algorithm::ES256), Algorithm::ES256), BuildErrorKind::NoUsableKey);
                for algorithm in [Algorithm::ES512, Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87] {
                    assert_eq!(build(key(algorithm), algorithm), BuildErrorKind::UnsupportedAlgorithm, "{algorithm}");
                }
            }
        }
    };
}

tests!(jsonwebtoken_11, |secret: &[u8]| DecodingKey::from_secret(secret));
tests!(jsonwebtoken_12, |secret: &[u8]| DecodingKey::from_secret(secret).expect("not empty"));
