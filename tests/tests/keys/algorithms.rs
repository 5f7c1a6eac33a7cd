//! The algorithms: what each back end signs, every other verifies.

use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jwt_core::jsonwebtoken::errors::{ErrorKind as TheirErrorKind, Result};
use jwt_core::jsonwebtoken::signature::{Error, Verifier as SignatureVerifier};
use jwt_core::jsonwebtoken::{self, DecodingKey, DecodingKeyKind};
use jwt_core::keys::{Key, KeyErrorKind};
use jwt_core::verify::BuildErrorKind;
use jwt_core::{Algorithm, ErrorKind, Verifier};
use jwt_tests::forge::Forge;

use super::{backends, trusted, verifier, verify};

#[tokio::test]
async fn what_one_back_end_signs_every_other_verifies() {
    assert_eq!(Algorithm::ALL.len(), 16);
    let mut pairs = 0;
    for (&algorithm, signing) in
        Algorithm::ALL.iter().flat_map(|algorithm| backends().map(|backend| (algorithm, backend)))
    {
        let rsa = matches!(algorithm.name().as_bytes(), [b'R' | b'P', b'S', ..]);
        let key = match SigningKey::generate_with(signing, algorithm) {
            Ok(key) => key.with_kid("k"),
            Err(error) => {
                assert_eq!(
                    (error.kind(), rsa, signing.name()),
                    (KeyErrorKind::UnsupportedAlgorithm, true, "rust-crypto")
                );
                continue;
            }
        };
        let token = Forge::new(&key).sign();
        let stranger = SigningKey::generate_with(signing, algorithm).expect("a key").with_kid("k");
        for verifying in backends() {
            let case = format!("{algorithm}: {} signs, {} verifies", signing.name(), verifying.name());
            assert!(verifying.supports(algorithm), "{case}");
            let verified = verify(&verifier(trusted().key(key.verification_key()), verifying), &token).await;
            let verified = verified.unwrap_or_else(|kind| panic!("{case}: {kind:?}"));
            assert_eq!((verified.algorithm(), verified.key_id()), (algorithm, Some("k")), "{case}");
            let other = verifier(trusted().key(stranger.verification_key()), verifying);
            assert_eq!(verify(&other, &token).await.expect_err(&case), ErrorKind::BadSignature, "{case}");
            pairs += 1;
        }
    }
    // Ten algorithms that both sign and six that one does, each verified by both.
    assert_eq!(pairs, 2 * (2 * 10 + 6));
}

#[tokio::test]
async fn ed25519_goes_by_both_of_its_names() {
    let key = SigningKey::generate(Algorithm::Ed25519).expect("a key");
    for (name, backend) in ["EdDSA", "Ed25519"].iter().flat_map(|name| backends().map(|backend| (name, backend))) {
        let token = Forge::new(&key).header("alg", *name).sign();
        let verifier = verifier(trusted().key(key.verification_key()), backend);
        assert!(verify(&verifier, &token).await.is_ok(), "{name} with {}", backend.name());
    }
}

/// HS256 over this library's own signing: what an application's provider would do with a module of its own.
struct OwnHs256(SigningKey);

impl SignatureVerifier<Vec<u8>> for OwnHs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let expected = self.0.sign(message).map_err(Error::from_source)?;
        if *signature == expected { Ok(()) } else { Err(Error::new()) }
    }
}

impl JwtVerifier for OwnHs256 {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        jsonwebtoken::Algorithm::HS256
    }
}

fn own_verifier(algorithm: &jsonwebtoken::Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    match (algorithm, key.kind()) {
        (jsonwebtoken::Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
            let key =
                SigningKey::from_secret(Algorithm::HS256, secret).map_err(|_| TheirErrorKind::InvalidKeyFormat)?;
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
async fn a_provider_of_jsonwebtoken_verifies() {
    let key = SigningKey::generate(Algorithm::HS256).expect("a key");
    let stranger = SigningKey::generate(Algorithm::HS256).expect("a key");
    let verifier = verifier(trusted().key(key.verification_key()), Backend::provider(&PROVIDER));
    assert!(verify(&verifier, &Forge::new(&key).sign()).await.is_ok());
    let token = Forge::new(&stranger).sign();
    assert_eq!(verify(&verifier, &token).await.expect_err("another key"), ErrorKind::BadSignature);
}

#[test]
fn what_a_provider_cannot_do_is_found_when_the_verifier_is_built() {
    let backend = Backend::provider(&PROVIDER);
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
