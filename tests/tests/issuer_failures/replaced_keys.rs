//! Key rotation that brings no new `kid`: the name is used again, or keys and tokens have no name.

use jwt_core::crypto::SigningKey;
use jwt_core::testing::{Document, Script, ScriptedIssuer, TestToken};
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer};

use super::lab::{Lab, millis, seconds, within};

/// The age from which on a set may be outdated.
const OLD_ENOUGH: u64 = 5;

/// An issuer whose keys all have the same name, or no name.
struct Nameless {
    lab: Lab,
    kid: Option<&'static str>,
    key: SigningKey,
}

impl Nameless {
    /// The set is loaded.
    async fn new(kid: Option<&'static str>) -> Self {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        let key = generate(Algorithm::ES256, kid);
        issuer.publish([key.clone()]);
        let trusted = TrustedIssuer::discover(issuer.name());
        let nameless = Self { lab: Lab::of(issuer, trusted), kid, key };
        assert_eq!(nameless.lab.ask(&nameless.token(&nameless.key)).await, Ok(()));
        assert_eq!((nameless.lab.sets(), nameless.lab.told()), (1, vec!["loaded"]));
        nameless
    }

    /// Both kinds, once the set may be outdated.
    async fn both() -> [Self; 2] {
        let both = [Self::new(Some("default")).await, Self::new(None).await];
        both.iter().for_each(|nameless| nameless.lab.pass(seconds(OLD_ENOUGH)));
        both
    }

    fn generate(&self, algorithm: Algorithm) -> SigningKey {
        generate(algorithm, self.kid)
    }

    /// Replaces the key.
    fn rotate(&self) -> SigningKey {
        let key = self.generate(Algorithm::ES256);
        self.lab.issuer.publish([key.clone()]);
        key
    }

    fn token(&self, key: &SigningKey) -> TestToken {
        let token = self.lab.good().signed_by(key);
        if self.kid.is_none() { token.without_header("kid") } else { token }
    }

    /// A token that anyone can make.
    fn forged(&self) -> TestToken {
        self.token(&self.key).unsigned()
    }
}

fn generate(algorithm: Algorithm, kid: Option<&'static str>) -> SigningKey {
    let key = SigningKey::generate(algorithm).expect("a key");
    match kid {
        Some(kid) => key.with_kid(kid),
        None => key,
    }
}

const BAD: Result<(), ErrorKind> = Err(ErrorKind::BadSignature);

#[tokio::test]
async fn a_token_of_the_new_key_is_accepted_after_one_fetch_and_the_old_key_ends() {
    for issuer in Nameless::both().await {
        let Nameless { lab, key: old, .. } = &issuer;
        let remembered = issuer.token(old).sign();
        assert_eq!(lab.at_once_text(&remembered), Ok(()), "it's cached now");
        let new = issuer.rotate();
        assert_eq!(lab.ask(&issuer.token(&new)).await, Ok(()), "{:?}", issuer.kid);
        assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]));
        // The new set isn't five seconds old, so nothing waits.
        assert_eq!(lab.at_once(&issuer.token(&new)), Ok(()));
        assert_eq!(lab.at_once_text(&remembered), BAD, "a cached token of the old key");
        assert_eq!(lab.at_once(&issuer.token(old)), BAD);
        assert_eq!(lab.sets(), 2);
    }
}

#[tokio::test]
async fn a_set_that_was_just_fetched_is_not_fetched_again() {
    for kid in [Some("default"), None] {
        let issuer = Nameless::new(kid).await;
        let lab = &issuer.lab;
        let new = issuer.rotate();
        lab.pass(millis(OLD_ENOUGH * 1000 - 1));
        assert_eq!(lab.at_once(&issuer.token(&new)), BAD);
        lab.pass(millis(1));
        assert_eq!(lab.ask(&issuer.token(&new)).await, Ok(()));
        assert_eq!(lab.sets(), 2);
    }
}

#[tokio::test]
async fn a_key_of_another_algorithm_is_found_too() {
    for issuer in Nameless::both().await {
        let Nameless { lab, key: old, .. } = &issuer;
        let new = issuer.generate(Algorithm::Ed25519);
        lab.issuer.publish([new.clone()]);
        assert_eq!(lab.ask(&issuer.token(&new)).await, Ok(()));
        assert_eq!(lab.at_once(&issuer.token(old)), Err(ErrorKind::UnknownKey));
        assert_eq!(lab.sets(), 2);
    }
}

#[tokio::test]
async fn a_token_that_fits_two_keys_is_accepted_once_one_was_withdrawn() {
    let [_, issuer] = Nameless::both().await;
    let Nameless { lab, key: old, .. } = &issuer;
    let new = issuer.generate(Algorithm::ES256);
    lab.issuer.publish([old.clone(), new.clone()]);
    assert_eq!(lab.ask(&issuer.token(&new)).await, Err(ErrorKind::AmbiguousKey));
    lab.issuer.publish([new.clone()]);
    lab.pass(seconds(OLD_ENOUGH));
    assert_eq!(lab.ask(&issuer.token(&new)).await, Ok(()));
    assert_eq!(lab.sets(), 3);
}

#[tokio::test]
async fn fetched_keys_without_names_are_tried_in_turn_if_that_was_chosen() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let keys: Vec<_> = (0..5).map(|_| generate(Algorithm::ES256, None)).collect();
    issuer.publish(keys[..2].to_vec());
    let trusted = TrustedIssuer::discover(issuer.name()).try_keys_in_turn();
    let lab = Lab::of(issuer, trusted);
    let token = |key| lab.good().signed_by(key).without_header("kid");
    assert_eq!(lab.ask(&token(&keys[0])).await, Ok(()));
    assert_eq!(lab.at_once(&token(&keys[1])), Ok(()));
    assert_eq!(lab.at_once(&token(&keys[2])), BAD);
    lab.issuer.publish(keys[2..4].to_vec());
    lab.pass(seconds(OLD_ENOUGH));
    assert_eq!(lab.ask(&token(&keys[3])).await, Ok(()), "a new key is fetched");
    assert_eq!(lab.at_once(&token(&keys[0])), BAD);
    lab.issuer.publish(keys.clone());
    assert_eq!(lab.verifier.fetch_keys().await, Ok(()));
    assert_eq!(lab.at_once(&token(&keys[0])), Err(ErrorKind::AmbiguousKey), "five keys are too many");
}

#[tokio::test]
async fn a_flood_of_forged_tokens_costs_two_fetches_in_thirty_seconds() {
    for issuer in Nameless::both().await {
        let lab = &issuer.lab;
        let good = issuer.token(&issuer.key).sign();
        let mut waited = 0;
        for number in 0..10_000 {
            match lab.verifier.verify_step(&issuer.forged().sign(), None) {
                jwt_core::Step::Ready(outcome) => {
                    assert_eq!(outcome.expect_err("forged").kind(), ErrorKind::BadSignature);
                }
                jwt_core::Step::Pending(pending) => {
                    waited += 1;
                    assert_eq!(within(pending).await.expect_err("forged").kind(), ErrorKind::BadSignature);
                }
            }
            if number % 50 == 0 {
                assert_eq!(lab.ask(&issuer.token(&issuer.key)).await, Ok(()));
            }
            // They take 30 seconds, less one step.
            if number < 9_999 {
                lab.pass(millis(3));
            }
        }
        assert_eq!((waited, lab.sets()), (2, 3));
        assert_eq!(lab.at_once_text(&good), Ok(()));
    }
}

#[tokio::test]
async fn a_flood_delays_a_rotation_until_the_next_window_at_most() {
    for issuer in Nameless::both().await {
        let lab = &issuer.lab;
        // The flood takes the window's two fetches.
        for _ in 0..2 {
            assert_eq!(lab.ask(&issuer.forged()).await, BAD);
            lab.pass(seconds(OLD_ENOUGH));
        }
        let new = issuer.rotate();
        for _ in 0..19 {
            assert_eq!(lab.at_once(&issuer.forged()), BAD, "nothing waits once the fetches are spent");
            assert_eq!(lab.at_once(&issuer.token(&new)), BAD);
            lab.pass(seconds(1));
        }
        lab.pass(seconds(1));
        // The first token of the window fetches the new key for everyone, even if it's forged.
        assert_eq!(lab.ask(&issuer.forged()).await, BAD);
        assert_eq!(lab.at_once(&issuer.token(&new)), Ok(()));
        assert_eq!(lab.sets(), 4);
    }
}

#[tokio::test]
async fn forged_tokens_and_unknown_names_share_the_fetches_of_a_window() {
    let [issuer, _] = Nameless::both().await;
    let lab = &issuer.lab;
    assert_eq!(lab.ask(&issuer.forged()).await, BAD);
    assert_eq!(lab.ask(&issuer.forged().kid("made-up")).await, Err(ErrorKind::UnknownKey));
    lab.pass(seconds(OLD_ENOUGH));
    assert_eq!(lab.at_once(&issuer.forged()), BAD);
    assert_eq!(lab.at_once(&issuer.forged().kid("made-up-too")), Err(ErrorKind::UnknownKey));
    assert_eq!(lab.sets(), 3);
}

#[tokio::test]
async fn a_hundred_at_once_wait_for_one_fetch() {
    for issuer in Nameless::both().await {
        let lab = &issuer.lab;
        let new = issuer.rotate();
        lab.issuer.script(Document::KeySet, Script::Slow);
        let ask = |token: TestToken| {
            let (verifier, token) = (lab.verifier.clone(), token.sign());
            tokio::spawn(async move { verifier.verify(&token).await.map(drop).map_err(|error| error.kind()) })
        };
        let honest: Vec<_> = (0..50).map(|_| ask(issuer.token(&new))).collect();
        let forged: Vec<_> = (0..50).map(|_| ask(issuer.forged())).collect();
        lab.issuer.until_requests(Document::KeySet, 2).await;
        assert_eq!(lab.at_once(&issuer.token(&issuer.key)), Ok(()), "a token of the set's key waits for nothing");
        lab.issuer.release();
        for (requests, expected) in [(honest, Ok(())), (forged, BAD)] {
            for request in requests {
                assert_eq!(within(request).await.expect("no panic"), expected);
            }
        }
        assert_eq!(lab.sets(), 2);
    }
}

#[tokio::test]
async fn a_token_that_would_be_refused_anyway_causes_no_fetch() {
    for issuer in Nameless::both().await {
        let lab = &issuer.lab;
        let received = lab.issuer.received().len();
        for (token, kind) in [
            (issuer.forged().expired(), ErrorKind::BadSignature),
            (issuer.forged().for_audience("https://other.example"), ErrorKind::BadSignature),
            (issuer.forged().not_yet_valid(), ErrorKind::BadSignature),
            (issuer.forged().header("alg", "HS256"), ErrorKind::AlgorithmNotAllowed),
            (issuer.forged().header("typ", "logout+jwt"), ErrorKind::WrongType),
            (issuer.forged().of_issuer("https://id.example"), ErrorKind::UnknownIssuer),
            (issuer.forged().claim("exp", "soon"), ErrorKind::MalformedClaims),
        ] {
            assert_eq!(lab.at_once(&token), Err(kind));
        }
        assert_eq!(lab.issuer.received().len(), received);
    }
}

#[tokio::test]
async fn while_the_issuer_is_down_a_bad_signature_stays_one_and_waits_for_no_retry() {
    for issuer in Nameless::both().await {
        let lab = &issuer.lab;
        let new = issuer.rotate();
        lab.all(Script::HangUp);
        assert_eq!(lab.ask(&issuer.token(&new)).await, BAD);
        assert_eq!(lab.at_once(&issuer.token(&new)), BAD, "the failed fetch delays the next one");
        assert_eq!(lab.at_once(&issuer.token(&issuer.key)), Ok(()));
        lab.all(Script::Well);
        lab.pass(seconds(1));
        assert_eq!(lab.ask(&issuer.token(&new)).await, Ok(()));
        assert_eq!(lab.told(), ["transport", "loaded"]);
    }
}

#[tokio::test]
async fn an_unchanged_set_keeps_cached_tokens() {
    for issuer in Nameless::both().await {
        let lab = &issuer.lab;
        lab.issuer.etags(true);
        assert_eq!(lab.verifier.fetch_keys().await, Ok(()), "from now on, there is an `ETag`");
        lab.pass(seconds(OLD_ENOUGH));
        let good = issuer.token(&issuer.key).sign();
        assert_eq!(lab.at_once_text(&good), Ok(()));
        assert_eq!(lab.ask(&issuer.forged()).await, BAD);
        let known = lab.verifier.token_cache_status().expect("a cache");
        assert_eq!(lab.at_once_text(&good), Ok(()));
        assert_eq!(lab.verifier.token_cache_status().expect("a cache").entries, known.entries);
    }
}
