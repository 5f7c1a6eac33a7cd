//! Algorithms: every back end verifies the signatures of every other.

use jwt_core::crypto::SigningKey;
use jwt_core::keys::KeyErrorKind;
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::forge::Forge;

use super::{backends, trusted, verifier, verify};

#[tokio::test]
async fn every_back_end_verifies_the_signatures_of_every_other() {
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
    // Both back ends sign with ten algorithms and one back end with six more. Both verify all of them.
    assert_eq!(pairs, 2 * (2 * 10 + 6));
}

#[tokio::test]
async fn ed25519_works_under_both_of_its_names() {
    let key = SigningKey::generate(Algorithm::Ed25519).expect("a key");
    for (name, backend) in ["EdDSA", "Ed25519"].iter().flat_map(|name| backends().map(|backend| (name, backend))) {
        let token = Forge::new(&key).header("alg", *name).sign();
        let verifier = verifier(trusted().key(key.verification_key()), backend);
        assert!(verify(&verifier, &token).await.is_ok(), "{name} with {}", backend.name());
    }
}
