//! Fetched sets: rows F01, F13, F16 and F20 if the set decides rather than a single key.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jwt_core::BuildErrorKind;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::keys::{FetchErrorKind, Fetched, fetch_fn};
use jwt_core::observe::{Event, Observer};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW, encode};
use serde_json::json;

use super::{backends, jwks, public_jwk, signing_key, with};

/// An issuer whose set is fetched from memory, and a verifier that trusts it.
struct Remote {
    answer: Arc<Mutex<Result<String, FetchErrorKind>>>,
    calls: Arc<AtomicUsize>,
    clock: ManualClock,
    verifier: Verifier,
}

fn issuer() -> TrustedIssuer {
    TrustedIssuer::jwks(ISSUER, "https://id.example/jwks").audience(AUDIENCE)
}

impl Remote {
    fn publishing(backend: Backend, set: String) -> Self {
        let answer = Arc::new(Mutex::new(Ok(set)));
        let calls = Arc::new(AtomicUsize::new(0));
        let clock = ManualClock::at(NOW);
        let (served, counted) = (Arc::clone(&answer), Arc::clone(&calls));
        let fetch = fetch_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            let answer = served.lock().expect("not poisoned").clone();
            async move { answer.map(Fetched::new).map_err(Into::into) }
        });
        let built = Verifier::builder().issuer(issuer()).clock(clock.clone()).crypto(backend).fetch(fetch).build();
        Self { answer, calls, clock, verifier: built.expect("a verifier") }
    }

    fn publish(&self, answer: Result<String, FetchErrorKind>) {
        *self.answer.lock().expect("not poisoned") = answer;
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Verifies a token signed with the key, then lets the background work finish.
    async fn verify(&self, key: &SigningKey) -> Result<(), ErrorKind> {
        let token = Forge::new(key).claim("exp", NOW + 1_000_000).sign();
        let outcome = self.verifier.verify(&token).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        outcome.map(drop).map_err(|error| error.kind())
    }

    /// Advances the clock until the set is due for early renewal, at the latest after 90 % of ten minutes.
    fn grow_old(&self) {
        self.clock.advance(Duration::from_secs(545));
    }
}

#[tokio::test]
async fn f01_a_secret_in_a_fetched_set_never_verifies() {
    let secret = SigningKey::from_secret(Algorithm::HS256, [7; 32]).expect("a secret").with_kid("s");
    let jwk = json!({"kty": "oct", "k": encode([7; 32]), "alg": "HS256", "kid": "s"});
    let key = signing_key("k");
    for backend in backends() {
        let remote = Remote::publishing(backend, jwks([jwk.clone(), public_jwk(&key)]));
        assert_eq!(remote.verify(&key).await, Ok(()));
        assert_eq!(remote.verify(&secret).await, Err(ErrorKind::AlgorithmNotAllowed));
        assert_eq!(remote.calls(), 1, "no fetch for a token that is not allowed");
        let asked = Verifier::builder().issuer(issuer().algorithms([Algorithm::HS256])).crypto(backend).build();
        assert_eq!(asked.expect_err("a contradiction").kind(), BuildErrorKind::Contradiction);
    }
}

#[tokio::test]
async fn f13_of_two_fetched_keys_with_one_name_none_is_used() {
    let (first, second, other) = (signing_key("twin"), signing_key("twin"), signing_key("other"));
    for backend in backends() {
        let remote = Remote::publishing(backend, jwks([&first, &second, &other].map(public_jwk)));
        assert_eq!(remote.verify(&first).await, Err(ErrorKind::AmbiguousKey));
        assert_eq!(remote.verify(&second).await, Err(ErrorKind::AmbiguousKey));
        assert_eq!(remote.verify(&other).await, Ok(()));
    }
}

/// Documents that are not key sets or have no usable key.
fn bad_sets(key: &SigningKey) -> Vec<Result<String, FetchErrorKind>> {
    let jwk = public_jwk(key);
    let encryption = with(jwk.clone(), json!({"use": "enc"}));
    let off_curve = with(jwk.clone(), json!({"y": jwk["x"]}));
    let unused = with(jwk.clone(), json!({"alg": null, "key_ops": []}));
    vec![
        Ok(r#"{"keys":[]}"#.to_owned()),
        Ok("{}".to_owned()),
        Ok("[[]]".to_owned()),
        Ok("[]".to_owned()),
        Ok(String::new()),
        Ok("<html><body>Sign in</body></html>".to_owned()),
        Ok(format!(r#"{{"keys":[{jwk}],"keys":[]}}"#)),
        Ok(format!("\u{feff}\u{feff}{}", jwks([jwk.clone()]))),
        Ok(jwks(vec![jwk.clone(); 10_000])),
        Ok(format!("{}{}", jwks([jwk]), " ".repeat(10 * 1024 * 1024))),
        Ok(jwks([encryption])),
        Ok(jwks([off_curve])),
        Ok(jwks([unused])),
        Ok(jwks([json!({"kty": "oct", "k": encode([7; 32])})])),
        Err(FetchErrorKind::Status),
        Err(FetchErrorKind::Timeout),
        Err(FetchErrorKind::TooLarge),
        Err(FetchErrorKind::Transport),
    ]
}

#[tokio::test]
async fn f16_a_bad_set_never_replaces_a_good_one() {
    let key = signing_key("k");
    for (index, bad) in bad_sets(&key).into_iter().enumerate() {
        for backend in backends() {
            let case = format!("{index} with {}", backend.name());
            let remote = Remote::publishing(backend, jwks([public_jwk(&key)]));
            assert_eq!(remote.verify(&key).await, Ok(()), "{case}");
            remote.publish(bad.clone());
            remote.grow_old();
            assert_eq!(remote.verify(&key).await, Ok(()), "{case}");
            assert_eq!(remote.calls(), 2, "{case}: the bad set was asked for");
            assert_eq!(remote.verify(&key).await, Ok(()), "{case}: after the bad set");
            remote.clock.advance(Duration::from_secs(3_600));
            assert_eq!(remote.verify(&key).await, Ok(()), "{case}: within the time for stale keys");
            remote.clock.advance(Duration::from_secs(200));
            assert_eq!(remote.verify(&key).await, Err(ErrorKind::KeysUnavailable), "{case}: beyond it");
            remote.publish(Ok(jwks([public_jwk(&key)])));
            remote.clock.advance(Duration::from_secs(60));
            assert_eq!(remote.verify(&key).await, Ok(()), "{case}: recovered");
        }
    }
}

#[tokio::test]
async fn f16_a_bad_first_set_is_an_outage_and_not_a_rejection() {
    let key = signing_key("k");
    for bad in bad_sets(&key) {
        let remote = Remote::publishing(Backend::aws_lc_rs(), String::new());
        remote.publish(bad);
        assert_eq!(remote.verify(&key).await, Err(ErrorKind::KeysUnavailable));
        remote.publish(Ok(jwks([public_jwk(&key)])));
        remote.clock.advance(Duration::from_secs(2));
        assert_eq!(remote.verify(&key).await, Ok(()));
    }
}

#[tokio::test]
async fn f20_a_withdrawn_key_ends_with_the_next_set() {
    let (old, new) = (signing_key("old"), signing_key("new"));
    for backend in backends() {
        let remote = Remote::publishing(backend, jwks([public_jwk(&old)]));
        assert_eq!(remote.verify(&old).await, Ok(()));
        // The two keys overlap: a token signed with the new one causes a fetch of the new set.
        remote.publish(Ok(jwks([&old, &new].map(public_jwk))));
        assert_eq!(remote.verify(&new).await, Ok(()));
        assert_eq!((remote.verify(&old).await, remote.calls()), (Ok(()), 2));
        remote.publish(Ok(jwks([public_jwk(&new)])));
        assert_eq!(remote.verify(&old).await, Ok(()), "until the set is renewed");
        remote.grow_old();
        assert_eq!((remote.verify(&new).await, remote.calls()), (Ok(()), 3));
        assert_eq!(remote.verify(&old).await, Err(ErrorKind::UnknownKey));
        assert_eq!(remote.verify(&new).await, Ok(()));
    }
}

#[tokio::test]
async fn f20_a_key_replaced_under_its_name_ends_with_the_next_set() {
    let (old, new) = (signing_key("k"), signing_key("k"));
    let remote = Remote::publishing(Backend::aws_lc_rs(), jwks([public_jwk(&old)]));
    assert_eq!(remote.verify(&old).await, Ok(()));
    remote.publish(Ok(jwks([public_jwk(&new)])));
    assert_eq!(remote.verify(&new).await, Err(ErrorKind::BadSignature), "a known name is not fetched again");
    remote.grow_old();
    assert_eq!(remote.verify(&old).await, Ok(()), "the renewal was started");
    assert_eq!(remote.verify(&old).await, Err(ErrorKind::BadSignature));
    assert_eq!(remote.verify(&new).await, Ok(()));
}

/// An observer with a bug: it panics when a fetch ends.
#[derive(Debug)]
struct Faulty;

impl Observer for Faulty {
    fn observe(&self, event: Event<'_>) {
        assert!(!matches!(event, Event::KeysLoaded { .. } | Event::KeysFailed { .. }), "a fault of the observer");
    }
}

#[tokio::test]
async fn an_observer_that_panics_after_a_fetch_that_panicked_blocks_no_request() {
    let (key, clock) = (signing_key("k"), ManualClock::at(NOW));
    let (set, calls) = (jwks([public_jwk(&key)]), AtomicUsize::new(0));
    let fetch = fetch_fn(move |_| {
        let (first, set) = (calls.fetch_add(1, Ordering::Relaxed) == 0, set.clone());
        async move {
            assert!(!first, "a fault of the fetch");
            Ok(Fetched::new(set))
        }
    });
    let built = Verifier::builder().issuer(issuer()).clock(clock.clone()).fetch(fetch).observer(Faulty).build();
    let (verifier, token) = (built.expect("a verifier"), Forge::new(&key).claim("exp", NOW + 1_000).sign());
    let error = verifier.verify(&token).await.expect_err("the fetch panicked, and then its observer");
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    clock.advance(Duration::from_secs(1));
    assert!(verifier.verify(&token).await.is_ok(), "only its observer panicked");
}
