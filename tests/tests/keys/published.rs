//! Forms in which issuers publish keys, and the log's lines about unusable keys of a set.

use jwt_core::keys::{KeyErrorKind, KeyRefreshSettings, KeySet};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::observer::MemoryObserver;
use jwt_tests::remote::{JWKS, Remote};
use serde_json::{Value, json};

use super::pem::PEMS;
use super::{backends, ignored, jwks, public_jwk, signing_key, trusted, verifier, verify, with};
use jwt_core::crypto::SigningKey;

/// A certificate as `x5c` has it.
fn der(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[tokio::test]
async fn a_key_that_is_only_in_a_certificate_is_read() {
    for pem in &PEMS {
        let signer = SigningKey::from_pem(pem.algorithm, pem.private).expect("a private key").with_kid("x");
        let jwk =
            with(public_jwk(&signer), json!({"n": null, "e": null, "x": null, "y": null, "x5c": [der(pem.expired)]}));
        let set = KeySet::from_jwks(&jwks([jwk])).expect("a set");
        assert_eq!(set.ignored().next(), None, "{}", pem.algorithm);
        for backend in backends() {
            let verifier = verifier(trusted().keys(&set), backend);
            assert!(verify(&verifier, &Forge::new(&signer).sign()).await.is_ok(), "{}", pem.algorithm);
        }
    }
}

#[tokio::test]
async fn the_numbers_of_a_key_count_and_not_its_certificate() {
    let key = signing_key("k");
    let jwk = with(public_jwk(&key), json!({"x5c": [der(PEMS[1].expired)]}));
    let set = KeySet::from_jwks(&jwks([jwk])).expect("a set");
    for backend in backends() {
        assert!(verify(&verifier(trusted().keys(&set), backend), &Forge::new(&key).sign()).await.is_ok());
    }
}

#[test]
fn a_certificate_that_does_not_fit_is_refused() {
    let only = |kty: &str, chain: Value| json!({"kty": kty, "x5c": chain});
    for (jwk, kind) in [
        (only("RSA", json!([der(PEMS[1].expired)])), KeyErrorKind::Malformed),
        (only("EC", json!([der(PEMS[0].expired)])), KeyErrorKind::Malformed),
        (only("RSA", json!(["!"])), KeyErrorKind::Malformed),
        (only("RSA", json!(["AAAA"])), KeyErrorKind::Malformed),
        (only("RSA", json!([])), KeyErrorKind::Malformed),
        (only("oct", json!([der(PEMS[0].expired)])), KeyErrorKind::SymmetricKey),
        (with(only("RSA", json!([der(PEMS[0].expired)])), json!({"d": "AQ"})), KeyErrorKind::PrivateKey),
        (with(only("RSA", json!([der(PEMS[0].expired)])), json!({"alg": "ES256"})), KeyErrorKind::AlgorithmMismatch),
        (with(only("RSA", json!([der(PEMS[0].expired)])), json!({"use": "enc"})), KeyErrorKind::WrongUse),
    ] {
        assert_eq!(ignored(jwk.clone()), Some(kind), "{jwk}");
    }
}

#[tokio::test]
async fn a_map_of_certificates_or_keys_by_kid_is_a_set() {
    let [rsa, p256, ..] = &PEMS;
    let signer = |kid: &str| SigningKey::from_pem(Algorithm::RS256, rsa.private).expect("a private key").with_kid(kid);
    for pem in [rsa.expired, rsa.public] {
        let map = json!({"one": pem, "two": p256.public}).to_string();
        let remote = Remote::serving(&[]);
        remote.serve_body(map.as_str());
        for backend in backends() {
            let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
            let fetched = Verifier::builder().issuer(issuer).fetch(remote.fetch()).clock(ManualClock::at(NOW));
            let fetched = fetched.crypto(backend).build().expect("a verifier");
            let given = verifier(trusted().keys(&KeySet::from_jwks(&map).expect("a set")), backend);
            for verifier in [fetched, given] {
                assert!(verify(&verifier, &Forge::new(&signer("one")).sign()).await.is_ok());
                assert_eq!(
                    verify(&verifier, &Forge::new(&signer("two")).sign()).await.err(),
                    Some(ErrorKind::UnknownKey)
                );
            }
        }
    }
}

#[test]
fn a_map_has_only_public_keys_and_certificates() {
    let [rsa, p256, ..] = &PEMS;
    let set = KeySet::from_jwks(&json!({"a": rsa.private, "b": p256.public, "c": "-----BEGIN X"}).to_string());
    let set = set.expect("a set");
    let reasons: Vec<_> = set.ignored().map(|(index, error)| (index, error.kind())).collect();
    assert_eq!((set.keys().len(), reasons), (1, vec![(0, KeyErrorKind::PrivateKey), (2, KeyErrorKind::Malformed)]));
    let long = json!({"k".repeat(257): rsa.public}).to_string();
    let set = KeySet::from_jwks(&long).expect("a set");
    assert_eq!(set.ignored().next().map(|(_, error)| error.kind()), Some(KeyErrorKind::TooLarge));
    let many: serde_json::Map<_, _> = (0..101).map(|kid| (kid.to_string(), rsa.public.into())).collect();
    assert_eq!(KeySet::from_jwks(&Value::from(many).to_string()).expect_err("too many").kind(), KeyErrorKind::TooLarge);
    // Nothing but PEM may stand beside PEM, and a map isn't a set of secrets.
    for text in [json!({"a": rsa.public, "b": 1}), json!({"a": rsa.public, "b": "text"})] {
        assert_eq!(KeySet::from_jwks(&text.to_string()).expect_err("no set").kind(), KeyErrorKind::Malformed);
    }
    assert!(KeySet::from_symmetric_jwks(&json!({"a": rsa.public}).to_string()).is_err());
    assert!(KeySet::from_spiffe_bundle(&json!({"a": rsa.public}).to_string()).is_err());
}

#[test]
fn a_document_that_is_no_set_is_named() {
    for (text, part) in [
        (PEMS[0].public.to_owned(), "the text is PEM"),
        ("<html></html>".to_owned(), "the text is HTML"),
        (public_jwk(&signing_key("k")).to_string(), "a single JWK, not a set"),
        ("{}".to_owned(), "no array `keys`"),
    ] {
        let message = KeySet::from_jwks(&text).expect_err("no set").to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_build_error_says_why_the_first_key_was_set_aside() {
    let private = with(public_jwk(&signing_key("k")), json!({"d": "AQAB"}));
    let encryption = with(public_jwk(&signing_key("e")), json!({"use": "enc"}));
    let off_curve = with(public_jwk(&signing_key("o")), json!({"y": "gYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYE"}));
    for (keys, part) in [
        (vec![private.clone(), encryption.clone()], "key 0 is ignored: a private key was given"),
        (vec![encryption, private], "key 0 is ignored: the key's `use` is `enc`"),
        (vec![off_curve], "key 0 is ignored: the key's numbers aren't a valid key"),
    ] {
        let set = KeySet::from_jwks(&jwks(keys)).expect("a set");
        let error = Verifier::builder().issuer(trusted().keys(&set)).build().expect_err("no key");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::NoUsableKey, "keys"));
        assert!(error.to_string().contains(part), "{error}");
    }
    let key = signing_key("k").verification_key();
    let issuer = trusted().key(key).algorithms([Algorithm::RS256]);
    let error = Verifier::builder().issuer(issuer).build().expect_err("no key").to_string();
    assert!(error.contains("key 0 is ignored: no allowed algorithm fits the key"), "{error}");
}

/// A verifier whose issuer publishes the body.
fn fetching(remote: &Remote, settings: KeyRefreshSettings) -> (Verifier, ManualClock) {
    let clock = ManualClock::at(NOW);
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE).key_refresh(settings);
    let verifier = Verifier::builder().issuer(issuer).fetch(remote.fetch()).clock(clock.clone()).build();
    (verifier.expect("a verifier"), clock)
}

#[tokio::test]
async fn a_set_may_have_more_keys_if_that_is_set() {
    let key = signing_key("the-last");
    let others = (0..150).map(|number| with(public_jwk(&key), json!({"kid": number.to_string()})));
    let remote = Remote::serving(&[]);
    remote.serve_body(jwks(others.chain([public_jwk(&key)])));
    for (settings, expected) in [
        (KeyRefreshSettings::new(), Some(ErrorKind::KeysUnavailable)),
        (KeyRefreshSettings::new().max_keys(150), Some(ErrorKind::KeysUnavailable)),
        (KeyRefreshSettings::new().max_keys(151), None),
    ] {
        let (verifier, _) = fetching(&remote, settings);
        assert_eq!(verify(&verifier, &Forge::new(&key).sign()).await.err(), expected);
    }
    for keys in [0, 1001] {
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let issuer = issuer.key_refresh(KeyRefreshSettings::new().max_keys(keys));
        let error = Verifier::builder().issuer(issuer).fetch(remote.fetch()).build().expect_err("out of range");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::OutOfRange, "key_refresh"));
    }
}

#[tokio::test]
async fn a_key_that_was_set_aside_is_logged_once_for_each_change_of_the_set() {
    let (good, broken) = (signing_key("good"), with(public_jwk(&signing_key("KID")), json!({"x": "AQ"})));
    let encryption = with(public_jwk(&signing_key("KID")), json!({"use": "enc"}));
    let remote = Remote::serving(&[]);
    let (verifier, _) = fetching(&remote, KeyRefreshSettings::new());
    let logged = async |keys: Vec<Value>| {
        let log = Log::start();
        remote.serve_body(jwks(keys));
        let _ = verifier.fetch_keys().await;
        let text = log.text();
        assert!(!text.contains("KID"), "{text}");
        text.lines().filter(|line| line.starts_with("WARN ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let good = public_jwk(&good);
    let warned = logged(vec![encryption.clone(), good.clone(), broken.clone()]).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    for part in [ISSUER, "index=2", "malformed", "doesn't have its curve's size"] {
        assert!(warned[0].contains(part), "{warned:?}");
    }
    assert_eq!(logged(vec![encryption.clone(), good.clone(), broken.clone()]).await.len(), 0, "nothing changed");
    assert_eq!(logged(vec![broken, good.clone()]).await.len(), 1, "another position");
    assert_eq!(logged(vec![good]).await.len(), 0);
    // If no key is left, each failed fetch is one line that names all of them.
    for keys in [vec![encryption.clone()], vec![encryption.clone()], vec![encryption; 12]] {
        let named = keys.len().min(10);
        let warned = logged(keys).await;
        assert_eq!(warned.len(), 1, "{warned:?}");
        let reasons = (0..named).all(|index| warned[0].contains(&format!("key {index}: ")));
        assert!(reasons && warned[0].contains("keys could not be fetched"), "{warned:?}");
    }
    // So is a body that isn't a set.
    let log = Log::start();
    remote.serve_body("[]".to_owned());
    let _ = verifier.fetch_keys().await;
    let text = log.text();
    assert_eq!(text.lines().filter(|line| line.starts_with("WARN ")).count(), 1, "{text}");
}

#[tokio::test]
async fn cached_tokens_survive_a_set_that_is_only_written_in_another_way() {
    let (key, other) = (signing_key("k"), signing_key("other"));
    let remote = Remote::serving(&[]);
    let (observer, token) = (MemoryObserver::default(), Forge::new(&key).sign());
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let builder = Verifier::builder().issuer(issuer).clock(ManualClock::at(NOW)).fetch(remote.fetch());
    let verifier = builder.observer(observer.clone()).build().expect("a verifier");
    let events = async |body: String| {
        remote.serve_body(body);
        verifier.fetch_keys().await.expect("a set");
        verifier.verify(&token).await.expect("it's good");
        observer.take_cache()
    };
    let (key, other) = (public_jwk(&key), public_jwk(&other));
    let plain = || jwks([key.clone(), other.clone()]);
    let spread = json!({"updated_at": 1815, "keys": [with(other.clone(), json!({"x5t": "-"})), key.clone()]});
    for (name, body, kept) in [
        ("another order", jwks([other.clone(), key.clone()]), true),
        ("white space and other members", format!("{spread:#}"), true),
        ("a key three times", jwks([key.clone(), key.clone(), other.clone(), key.clone()]), true),
        ("another name", jwks([key.clone(), with(other.clone(), json!({"kid": "new"}))]), false),
        ("no algorithm", jwks([key.clone(), with(other.clone(), json!({"alg": null}))]), false),
        ("a key less", jwks([key.clone()]), false),
        ("one key twice, and the other gone", jwks([key.clone(), key.clone()]), false),
        ("a key more", jwks([key.clone(), other.clone(), public_jwk(&signing_key("third"))]), false),
    ] {
        // No matter what was there before, the token is in the cache of this set now.
        let _ = events(plain()).await;
        let expected = if kept { &["hit"][..] } else { &["miss", "stored"] };
        assert_eq!(events(body).await, expected, "{name}");
    }
}
