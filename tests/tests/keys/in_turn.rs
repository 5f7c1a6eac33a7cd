//! Keys that cannot be told apart, tried in turn for the time of a rotation.

use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Key, KeyTable};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::observer::MemoryObserver;

use super::{backends, trusted, verifier, verify};

fn secret(fill: u8) -> SigningKey {
    SigningKey::from_secret(Algorithm::HS256, [fill; 32]).expect("a secret")
}

/// An issuer with these keys.
fn with_keys<'k>(keys: impl IntoIterator<Item = &'k SigningKey>) -> TrustedIssuer {
    keys.into_iter().fold(trusted(), |issuer, key| issuer.key(key.verification_key()))
}

fn token(key: &SigningKey) -> String {
    Forge::new(key).without_header("kid").sign()
}

#[tokio::test]
async fn tokens_of_the_old_and_the_new_secret_are_accepted_and_of_no_other() {
    let [new, old, other] = [1, 2, 3].map(secret);
    for backend in backends() {
        let verifier = verifier(with_keys([&new, &old]).try_keys_in_turn(), backend);
        for key in [&new, &old] {
            assert!(verify(&verifier, &token(key)).await.is_ok());
        }
        assert_eq!(verify(&verifier, &token(&other)).await.err(), Some(ErrorKind::BadSignature));
        // A `kid` that no key has does not help to choose either.
        assert!(verify(&verifier, &Forge::new(&old).header("kid", "x").sign()).await.is_ok());
    }
}

#[tokio::test]
async fn public_keys_are_tried_in_turn_whatever_their_sizes() {
    let generate = |algorithm| SigningKey::generate(algorithm).expect("a key");
    let (rsa, other_rsa) = (generate(Algorithm::RS256), generate(Algorithm::RS256));
    let (ec, other_ec) = (generate(Algorithm::ES256), generate(Algorithm::ES256));
    for backend in backends() {
        let verifier = verifier(with_keys([&rsa, &ec, &other_rsa, &other_ec]).try_keys_in_turn(), backend);
        for key in [&rsa, &ec, &other_rsa, &other_ec] {
            assert!(verify(&verifier, &token(key)).await.is_ok());
        }
        assert_eq!(verify(&verifier, &token(&generate(Algorithm::ES256))).await.err(), Some(ErrorKind::BadSignature));
    }
}

#[tokio::test]
async fn a_token_with_a_kid_is_verified_only_by_the_keys_of_that_name() {
    let [a, b] = [secret(1).with_kid("a"), secret(2).with_kid("b")];
    for backend in backends() {
        let verifier = verifier(with_keys([&a, &b]).try_keys_in_turn(), backend);
        assert!(verify(&verifier, &Forge::new(&b).sign()).await.is_ok());
        assert!(verify(&verifier, &token(&b)).await.is_ok(), "without a `kid`, both are tried");
        let crossed = Forge::new(&b).header("kid", "a").sign();
        assert_eq!(verify(&verifier, &crossed).await.err(), Some(ErrorKind::BadSignature));
    }
}

#[tokio::test]
async fn five_keys_are_too_many() {
    let five = [1, 2, 3, 4, 5].map(secret);
    for backend in backends() {
        let build = |issuer: TrustedIssuer| Verifier::builder().issuer(issuer).crypto(backend).build().map(drop);
        assert_eq!(build(with_keys(&five[..4]).try_keys_in_turn()), Ok(()));
        let error = build(with_keys(&five).try_keys_in_turn()).expect_err("five keys");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::AmbiguousKeys, "try_keys_in_turn"));
        // Keys with names are not too many for a verifier, only for a token without one.
        let named: Vec<_> =
            five.iter().zip(["a", "b", "c", "d", "e"]).map(|(key, kid)| key.clone().with_kid(kid)).collect();
        let verifier = verifier(with_keys(&named).try_keys_in_turn(), backend);
        assert!(verify(&verifier, &Forge::new(&named[4]).sign()).await.is_ok());
        assert_eq!(verify(&verifier, &token(&named[4])).await.err(), Some(ErrorKind::AmbiguousKey));
    }
}

#[test]
fn without_the_choice_the_build_error_names_it() {
    let two = [secret(1), secret(2)];
    for backend in backends() {
        let error = Verifier::builder().issuer(with_keys(&two)).crypto(backend).build().expect_err("two secrets");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::AmbiguousKeys, "keys"));
        assert!(error.to_string().contains("`TrustedIssuer::try_keys_in_turn`"), "{error}");
        let source = KeyTable::prepare(backend, [&Key::from_secret(Algorithm::HS256, [1; 32]).expect("a key")], &[]);
        let error = Verifier::builder().issuer(trusted().key_source(source).try_keys_in_turn()).crypto(backend).build();
        let error = error.expect_err("a source chooses keys itself");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Contradiction, "try_keys_in_turn"));
    }
}

#[tokio::test]
async fn an_accepted_token_is_cached() {
    let observer = MemoryObserver::default();
    let [new, old] = [1, 2].map(secret);
    let builder = Verifier::builder().issuer(with_keys([&new, &old]).try_keys_in_turn());
    let verifier = builder.clock(ManualClock::at(NOW)).observer(observer.clone()).build().expect("a verifier");
    let token = token(&old);
    for _ in 0..2 {
        assert!(verify(&verifier, &token).await.is_ok());
    }
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit"]);
}
