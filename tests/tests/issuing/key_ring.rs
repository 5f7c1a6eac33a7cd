//! Key rings: the clock decides which key signs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::gate::Endpoint;
use jwt_core::issue::{KeyPhase, KeyRing, TokenIssuer};
use jwt_core::keys::KeySource as _;
use jwt_core::testing::{BareRequest, ManualClock};
use jwt_core::{Algorithm, BuildError, BuildErrorKind, ErrorKind, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::setup::stranger;
use serde_json::Value;

const DAY: u64 = 24 * 60 * 60;

fn new_key() -> SigningKey {
    stranger(Algorithm::ES256)
}

fn ring(clock: &ManualClock) -> KeyRing {
    KeyRing::builder().key(new_key()).clock(clock.clone()).build().expect("a ring")
}

fn issuer(ring: &KeyRing) -> TokenIssuer {
    TokenIssuer::builder(ISSUER, ring.clone()).audience(AUDIENCE).build().expect("an issuer")
}

fn phases(ring: &KeyRing) -> Vec<(KeyPhase, Option<u64>)> {
    ring.keys().iter().map(|key| (key.phase, key.until.map(|until| until.as_secs()))).collect()
}

fn kind<T>(result: Result<T, BuildError>) -> Option<BuildErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_key_is_published_then_signs_then_retires_then_is_gone() {
    use KeyPhase::{Published, Retired, Signing};
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock);
    let first = ring.signing_kid();
    assert_eq!(phases(&ring), [(Signing, None)]);
    let second = ring.rotate(new_key()).expect("a new key");
    let (turn, gone) = (NOW + DAY, NOW + 31 * DAY + 300);
    for (at, signing, expected) in [
        (NOW, &first, vec![(Signing, Some(turn)), (Published, Some(turn))]),
        (turn - 1, &first, vec![(Signing, Some(turn)), (Published, Some(turn))]),
        (turn, &second, vec![(Retired, Some(gone)), (Signing, None)]),
        (gone - 1, &second, vec![(Retired, Some(gone)), (Signing, None)]),
        (gone, &second, vec![(Signing, None)]),
        // The clock is set back: no key was thrown away.
        (NOW, &first, vec![(Signing, Some(turn)), (Published, Some(turn))]),
    ] {
        clock.set(Duration::from_secs(at));
        assert_eq!((&ring.signing_kid(), phases(&ring)), (signing, expected), "{at}");
    }
    clock.set(Duration::from_secs(gone));
    assert_eq!(ring.remove_expired(), [first]);
    assert_eq!(ring.remove_expired(), Vec::<Arc<str>>::new());
    clock.set(Duration::from_secs(NOW));
    assert_eq!(ring.signing_kid(), second, "the only key signs, whatever the time");
}

#[test]
fn the_age_of_the_newest_key_shows_when_to_rotate() {
    let clock = ManualClock::at(NOW);
    let ring = KeyRing::builder().key_at(new_key(), Duration::from_secs(NOW - 100)).clock(clock.clone());
    let ring = ring.build().expect("a ring");
    assert_eq!(ring.newest_age().as_secs(), 100);
    ring.rotate(new_key()).expect("a new key");
    assert_eq!(ring.newest_age(), Duration::ZERO);
    clock.advance(Duration::from_secs(DAY + 5));
    assert_eq!(ring.newest_age().as_secs(), 5);
}

#[test]
fn processes_with_the_same_keys_and_times_change_keys_together() {
    let clock = ManualClock::at(NOW);
    let keys = [new_key(), new_key(), new_key()];
    let process = |order: [usize; 3]| {
        let moments = [0, NOW - 10, NOW + 10];
        let builder = KeyRing::builder().clock(clock.clone());
        let builder = order
            .into_iter()
            .fold(builder, |builder, index| builder.key_at(keys[index].clone(), Duration::from_secs(moments[index])));
        builder.build().expect("a ring")
    };
    let (one, other) = (process([0, 1, 2]), process([2, 0, 1]));
    let before = one.signing_kid();
    assert_eq!(before, other.signing_kid());
    clock.advance(Duration::from_secs(10));
    assert_eq!(one.signing_kid(), other.signing_kid());
    assert_ne!(one.signing_kid(), before);
}

#[tokio::test]
async fn a_withdrawn_or_replaced_key_is_refused_at_once() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock);
    let tokens = issuer(&ring);
    let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).build().expect("a verifier");
    let token = || tokens.access("joe").issue().expect("a token").token;
    let first = token();
    assert!(verifier.verify(&first).await.is_ok());

    let second_kid = ring.rotate(new_key()).expect("a new key");
    clock.advance(Duration::from_secs(DAY));
    clock.set(Duration::from_secs(NOW + 10));
    ring.withdraw(&second_kid).expect("the key exists");
    assert_eq!(kind(ring.withdraw(&second_kid)), Some(BuildErrorKind::Missing));
    assert_eq!(kind(ring.withdraw(&ring.signing_kid())), Some(BuildErrorKind::Missing), "the last one");
    assert!(verifier.verify(&first).await.is_ok());

    // The signing key is withdrawn, so the next one signs early.
    let third = ring.rotate(new_key()).expect("a new key");
    ring.withdraw(&ring.signing_kid()).expect("there is another key");
    assert_eq!(ring.signing_kid(), third);
    assert_eq!(verifier.verify(&first).await.expect_err("withdrawn").kind(), ErrorKind::UnknownKey);
    let by_third = token();
    assert!(verifier.verify(&by_third).await.is_ok());

    let fourth = ring.replace(new_key()).expect("a new key");
    assert_eq!((ring.signing_kid(), ring.keys().len()), (fourth, 1));
    assert_eq!(verifier.verify(&by_third).await.expect_err("replaced").kind(), ErrorKind::UnknownKey);
    assert!(verifier.verify(&token()).await.is_ok());
}

#[test]
fn the_generation_of_a_ring_changes_with_its_current_keys() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock);
    let mut seen = vec![ring.generation(Duration::ZERO).expect("a generation")];
    let mut is_new = |ring: &KeyRing| {
        let generation = ring.generation(Duration::ZERO).expect("a generation");
        assert_eq!(ring.generation(Duration::ZERO), Some(generation), "nothing has changed");
        let new = !seen.contains(&generation);
        seen.push(generation);
        new
    };
    let second = ring.rotate(new_key()).expect("a new key");
    assert!(is_new(&ring), "a key was added");
    ring.rotate(new_key()).expect("a new key");
    assert!(is_new(&ring), "another key was added");
    let gone = NOW + 31 * DAY + 300;
    for (at, expected) in [(NOW + DAY, false), (gone - 1, false), (gone, true), (gone + 1, false)] {
        clock.set(Duration::from_secs(at));
        assert_eq!(is_new(&ring), expected, "keys have ended: {at}");
    }
    ring.remove_expired();
    assert!(is_new(&ring), "dropped keys do not come back");
    clock.set(Duration::from_secs(NOW));
    ring.rotate(new_key()).expect("a new key");
    assert!(is_new(&ring), "a key was added");
    ring.withdraw(&second).map_or_else(|error| assert_eq!(error.kind(), BuildErrorKind::Missing), drop);
    ring.withdraw(&ring.signing_kid()).expect("there is another key");
    assert!(is_new(&ring), "a key was withdrawn");
    ring.replace(new_key()).expect("a new key");
    assert!(is_new(&ring), "all keys were replaced");
    let other = self::ring(&clock);
    assert_ne!(ring.generation(Duration::ZERO), other.generation(Duration::ZERO));
}

#[tokio::test]
async fn a_cached_token_ends_with_its_key() {
    type End<'e> = &'e dyn Fn(&KeyRing, &ManualClock);
    let gone = Duration::from_secs(31 * DAY + 300);
    let ends: [(&str, End<'_>); 4] = [
        ("withdrawn", &|ring, _| ring.withdraw(&ring.signing_kid()).expect("there is another key")),
        ("replaced", &|ring, _| drop(ring.replace(new_key()).expect("a new key"))),
        ("retired and gone", &|_, clock| clock.advance(gone)),
        ("gone and thrown away", &|ring, clock| {
            clock.advance(gone);
            assert_eq!(ring.remove_expired().len(), 1);
        }),
    ];
    for (how, end) in ends {
        let clock = ManualClock::at(NOW);
        let ring = ring(&clock);
        ring.rotate(new_key()).expect("a new key");
        let tokens = issuer(&ring);
        // The verifier's clock stands still, so that the token does not expire.
        let builder = Verifier::builder().issuer(tokens.trusted()).clock(ManualClock::at(NOW));
        let verifier = builder.build().expect("a verifier");
        let token = tokens.access("joe").issue().expect("a token").token;
        for _ in 0..8 {
            assert!(verifier.verify(&token).await.is_ok(), "{how}");
        }
        assert_eq!(verifier.token_cache_status().expect("a cache").entries, 1, "{how}");
        end(&ring, &clock);
        assert_eq!(verifier.verify(&token).await.expect_err(how).kind(), ErrorKind::UnknownKey);
        assert_eq!(verifier.token_cache_status().expect("a cache").entries, 0, "{how}");
    }
}

#[test]
fn a_key_that_is_gone_does_not_come_back_when_another_is_withdrawn() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock);
    let first = ring.signing_kid();
    let second = ring.rotate(new_key()).expect("a new key");
    clock.advance(Duration::from_secs(40 * DAY));
    assert_eq!(ring.keys().len(), 1, "the first key is gone");
    assert_eq!(kind(ring.withdraw(&second)), Some(BuildErrorKind::Missing), "there is no other key");
    assert_eq!(ring.signing_kid(), second);
    let third = ring.rotate(new_key()).expect("a new key");
    ring.withdraw(&second).expect("there is another key");
    assert_eq!(ring.signing_kid(), third);
    assert_eq!(kind(ring.withdraw(&first)), Some(BuildErrorKind::Missing));
}

#[tokio::test]
async fn a_token_without_a_kid_or_with_another_is_refused() {
    let clock = ManualClock::at(NOW);
    let key = new_key();
    let ring = KeyRing::builder().key(key.clone()).clock(clock.clone()).build().expect("a ring");
    let verifier = Verifier::builder().issuer(issuer(&ring).trusted()).clock(clock).build().expect("a verifier");
    let forge = jwt_tests::forge::Forge::new(&key).claim("token_use", "access");
    let named = forge.clone().header("kid", &*ring.signing_kid());
    assert!(verifier.verify(&named.sign()).await.is_ok());
    for token in [forge.clone(), forge.header("kid", "other")] {
        assert_eq!(verifier.verify(&token.sign()).await.expect_err("no name").kind(), ErrorKind::UnknownKey);
    }
}

#[test]
fn a_key_without_a_name_gets_one() {
    let ring_of = |key: SigningKey| KeyRing::new(key).expect("a ring");
    let key = new_key();
    let backend = Backend::compiled_in().expect("a back end");
    let thumbprint = backend.thumbprint(&key.verification_key()).expect("a public key");
    assert_eq!(*ring_of(key.clone()).signing_kid(), *thumbprint);
    assert_eq!(*ring_of(key.with_kid("mine")).signing_kid(), *"mine");
    // A secret has the same name in every process, and different secrets have different names.
    let secret = |fill: u8| SigningKey::from_secret(Algorithm::HS256, [fill; 32]).expect("long enough");
    let name = |fill: u8| ring_of(secret(fill)).signing_kid();
    assert_eq!(name(7), name(7));
    assert_ne!(name(7), name(8));
    assert_eq!(name(7).len(), 16);
}

#[test]
fn each_wrong_setting_of_a_ring_is_named() {
    use BuildErrorKind::{Contradiction, Duplicate, Missing, OutOfRange};
    let secret = || stranger(Algorithm::HS256);
    for (builder, expected) in [
        (KeyRing::builder(), Some(Missing)),
        (KeyRing::builder().key(new_key()), None),
        (KeyRing::builder().key(new_key()).key(secret()), Some(Contradiction)),
        (KeyRing::builder().key(new_key().with_kid("a")).key(new_key().with_kid("a")), Some(Duplicate)),
        (KeyRing::builder().key(new_key().with_kid("")), Some(OutOfRange)),
        (KeyRing::builder().key(new_key().with_kid("k".repeat(257))), Some(OutOfRange)),
        (KeyRing::builder().key(new_key()).longest_lifetime(Duration::ZERO), Some(OutOfRange)),
    ] {
        assert_eq!(kind(builder.build()), expected);
    }
    let ring = KeyRing::new(new_key().with_kid("a")).expect("a ring");
    assert_eq!(kind(ring.rotate(new_key().with_kid("a"))), Some(Duplicate));
    assert_eq!(kind(ring.rotate(secret())), Some(Contradiction));
    assert_eq!(kind(ring.replace(secret())), Some(Contradiction));
    assert_eq!(ring.keys().len(), 1, "unchanged");
    assert_eq!(kind(KeyRing::new(secret()).expect("a ring").jwks()), Some(BuildErrorKind::NoUsableKey));
    let secrets = issuer(&KeyRing::new(secret()).expect("a ring"));
    assert_eq!(kind(secrets.metadata_endpoint("https://id.example/jwks", [])), Some(BuildErrorKind::NoUsableKey));
}

#[test]
fn a_second_set_has_the_keys_of_some_algorithms_only() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock);
    let classic = ring.jwks_of([Algorithm::ES256, Algorithm::Ed25519]).expect("a set");
    let post_quantum = || ring.jwks_of([Algorithm::MlDsa44]);
    assert_eq!(kind(post_quantum()), Some(BuildErrorKind::NoUsableKey));
    assert_eq!(kind(ring.jwks_of([])), Some(BuildErrorKind::NoUsableKey));
    let secrets = KeyRing::new(stranger(Algorithm::HS256)).expect("a ring");
    assert_eq!(kind(secrets.jwks_of([Algorithm::HS256])), Some(BuildErrorKind::NoUsableKey));

    ring.rotate(stranger(Algorithm::MlDsa44)).expect("a new key");
    let types = |endpoint: &Endpoint| {
        let request = BareRequest::new("GET", "/");
        let answer = jwt_tests::gate::enter(endpoint, &request).expect_err("an endpoint answers");
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let keys = body["keys"].as_array().expect("a list").iter();
        keys.map(|key| key["kty"].as_str().expect("a type").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(types(&ring.jwks().expect("a set")), ["EC", "AKP"]);
    assert_eq!(types(&classic), ["EC"]);
    assert_eq!(types(&post_quantum().expect("a set")), ["AKP"]);
    clock.advance(Duration::from_secs(32 * DAY));
    assert_eq!(types(&classic), Vec::<String>::new(), "its last key is gone");
}

#[tokio::test]
async fn a_ring_of_shared_secrets_signs_and_verifies() {
    let clock = ManualClock::at(NOW);
    let ring = KeyRing::builder().key(stranger(Algorithm::HS512)).clock(clock.clone()).build().expect("a ring");
    let tokens = issuer(&ring);
    let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock).build().expect("a verifier");
    ring.rotate(stranger(Algorithm::HS256)).expect("another secret");
    assert!(verifier.verify(&tokens.access("joe").issue().expect("a token").token).await.is_ok());
}

/// Several threads issue and verify tokens while another changes keys and turns the clock. Every token is valid when
/// it's issued.
#[test]
fn no_token_is_rejected_while_keys_change() {
    let clock = ManualClock::at(NOW);
    let ring = KeyRing::builder()
        .key(new_key())
        .publish_ahead(Duration::from_secs(60))
        .longest_lifetime(Duration::from_secs(900))
        .clock(clock.clone())
        .build()
        .expect("a ring");
    let tokens = issuer(&ring);
    let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).build().expect("a verifier");
    let (done, issued) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                    let mut kids = std::collections::BTreeSet::new();
                    while !done.load(Ordering::Relaxed) {
                        let token = tokens.access("joe").issue().expect("a token").token;
                        let verified = runtime.block_on(verifier.verify(&token)).expect("good");
                        kids.insert(verified.key_id().unwrap_or_default().to_owned());
                        issued.fetch_add(1, Ordering::Relaxed);
                    }
                    kids.len()
                })
            })
            .collect();
        for _ in 0..40 {
            let before = issued.load(Ordering::Relaxed);
            ring.rotate(new_key()).expect("a new key");
            // Every token is verified before the clock has advanced by its lifetime.
            for _ in 0..4 {
                clock.advance(Duration::from_secs(20));
                let turned = issued.load(Ordering::Relaxed);
                while issued.load(Ordering::Relaxed) < turned + 3 {
                    std::thread::yield_now();
                }
            }
            assert!(issued.load(Ordering::Relaxed) > before);
        }
        done.store(true, Ordering::Relaxed);
        let kids: usize =
            workers.into_iter().map(|worker| worker.join().expect("no token was refused")).max().unwrap_or(0);
        assert!(kids > 20, "the tokens were signed with {kids} keys");
    });
    // Retired keys stay for 1,200 seconds, and each key signs for 80 seconds.
    assert!(ring.keys().len() <= 18, "{} keys", ring.keys().len());
}

#[test]
fn a_ring_can_be_shared_between_threads_and_its_debug_output_shows_no_key() {
    fn assert<T: Send + Sync + Clone>() {}
    assert::<KeyRing>();
    assert::<TokenIssuer>();
    let ring = KeyRing::new(stranger(Algorithm::HS256)).expect("a ring");
    assert_eq!(format!("{ring:?}"), "KeyRing { keys: 1, .. }");
}
