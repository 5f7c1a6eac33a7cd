//! The cache of verified tokens: it changes no decision and stays within its limits.

mod decisions;
mod decoded_claims;
mod reentrant_clock;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use jwt_core::authorize::check_async;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::http::Location;
use jwt_core::keys::{KeySource, KeyTable, Lookup, Wanted};
use jwt_core::revocation::{RevocationList, Standing, TokenIdentity};
use jwt_core::testing::ManualClock;
use jwt_core::verify::{IssuerResolver, TokenCacheSettings};
use jwt_core::{Algorithm, ErrorKind, Step, TrustedIssuer, Verified, Verifier, VerifierBuilder};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::observer::MemoryObserver;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{builder, good, key, stranger, trusting};

fn at_once(verifier: &Verifier, token: &str) -> Result<Verified, ErrorKind> {
    match verifier.verify_step(token, None) {
        Step::Ready(outcome) => outcome.map_err(|error| error.kind()),
        _ => panic!("a result without waiting"),
    }
}

/// Keys that are replaced as a whole. The verifier may or may not be told.
#[derive(Clone, Debug)]
struct Ring {
    table: Arc<Mutex<KeyTable>>,
    tells: bool,
}

impl Ring {
    fn of(keys: &[&SigningKey]) -> Self {
        let ring = Self { table: Arc::default(), tells: true };
        ring.set(keys);
        ring
    }

    fn set(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.verification_key()).collect();
        let table = KeyTable::prepare(Backend::aws_lc_rs(), &keys, &[Algorithm::HS256, Algorithm::ES256]);
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    fn table(&self) -> KeyTable {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn issuer(&self) -> TrustedIssuer {
        let issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE).key_source(self.clone());
        issuer.algorithms([Algorithm::HS256, Algorithm::ES256])
    }
}

impl KeySource for Ring {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        self.table().find_key(wanted)
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        self.tells.then(|| self.table().generation(now)).flatten()
    }
}

fn watched(builder: VerifierBuilder) -> (Verifier, MemoryObserver) {
    let observer = MemoryObserver::default();
    (builder.observer(observer.clone()).build().expect("a verifier"), observer)
}

fn secret(fill: u8) -> SigningKey {
    SigningKey::from_secret(Algorithm::HS256, [fill; 32]).expect("a secret").with_kid(format!("k-{fill}"))
}

#[test]
fn a_second_use_is_a_cache_hit_unless_the_cache_is_off() {
    let (verifier, observer) = watched(builder());
    let token = good().sign();
    for _ in 0..3 {
        at_once(&verifier, &token).expect("a good token");
    }
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit", "hit"]);
    assert_eq!(observer.take(), [None, None, None], "a token is accepted whether cached or not");
    let (verifier, observer) = watched(builder().without_token_cache());
    for _ in 0..3 {
        at_once(&verifier, &token).expect("a good token");
    }
    assert_eq!((observer.take_cache().len(), verifier.token_cache_status()), (0, None));
}

#[test]
fn in_digest_mode_only_the_validity_of_the_signature_is_cached() {
    let (clock, ring) = (ManualClock::at(NOW), Ring::of(&[&secret(1)]));
    let issuer = ring.issuer();
    let builder =
        Verifier::builder().issuer(issuer).clock(clock.clone()).token_cache(TokenCacheSettings::new().digests());
    let (verifier, observer) = watched(builder);
    let token = Forge::new(&secret(1)).claim("padding", "x".repeat(4_000)).sign();
    for _ in 0..3 {
        let verified = at_once(&verifier, &token).expect("a good token");
        assert!(verified.payload().contains(ISSUER));
    }
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit", "hit"]);
    let bytes = verifier.token_cache_status().expect("a cache").bytes;
    assert!(bytes < 400, "{bytes}");
    // After the keys change, no cached signature counts.
    for known in [3, 20] {
        for _ in 0..known {
            at_once(&verifier, &token).expect("a good token");
        }
        let _ = observer.take_cache();
        ring.set(&[&secret(1)]);
        for _ in 0..4 {
            at_once(&verifier, &token).expect("a good token");
        }
        assert_eq!(observer.take_cache(), ["miss", "stored", "hit", "hit", "hit"]);
    }
    ring.set(&[&secret(2)]);
    assert_eq!(at_once(&verifier, &token).err(), Some(ErrorKind::UnknownKey));
    ring.set(&[&secret(1)]);
    at_once(&verifier, &token).expect("a good token");
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(at_once(&verifier, &token).err(), Some(ErrorKind::Expired));
    assert_eq!(verifier.token_cache_status().expect("a cache").entries, 0, "expired entries are dropped");
}

#[test]
fn tokens_are_not_cached_if_the_key_source_does_not_report_changes() {
    let ring = Ring { tells: false, ..Ring::of(&[&key()]) };
    let (verifier, observer) = watched(trusting(ring.issuer()));
    let token = good().sign();
    for _ in 0..3 {
        at_once(&verifier, &token).expect("a good token");
    }
    assert_eq!(observer.take_cache(), ["miss", "miss", "miss"]);
}

#[test]
fn a_cached_token_reports_the_place_where_it_was_found_this_time() {
    let verifier = builder().build().expect("a verifier");
    let token = good().sign();
    for location in [Some(Location::Cookie), Some(Location::Query), None, Some(Location::Authorization)] {
        match verifier.verify_step(&token, location) {
            Step::Ready(Ok(verified)) => assert_eq!(verified.location(), location),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn clones_share_a_cache_and_so_do_verifiers_with_other_token_sources() {
    let (verifier, observer) = watched(builder());
    let token = good().sign();
    at_once(&verifier, &token).expect("a good token");
    at_once(&Verifier::clone(&verifier), &token).expect("a good token");
    at_once(&verifier.with_sources(jwt_core::http::TokenSources::none()), &token).expect("a good token");
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit", "hit"]);
}

#[test]
fn a_token_in_use_stays_cached_during_a_flood_of_others() {
    for hot in 1..4 {
        let (verifier, observer) = watched(builder().token_cache(TokenCacheSettings::new().max_entries(100)));
        let tokens: Vec<String> = (0..hot).map(|number| good().claim("jti", format!("hot-{number}")).sign()).collect();
        let mut hits = 0;
        for flood in 0..1_000 {
            at_once(&verifier, &good().claim("jti", format!("flood-{flood}")).sign()).expect("a good token");
            let _ = observer.take_cache();
            at_once(&verifier, &tokens[flood % hot]).expect("a good token");
            hits += usize::from(observer.take_cache() == ["hit"]);
        }
        assert_eq!(hits, 1_000 - hot, "each was verified once");
        assert_eq!(verifier.token_cache_status().expect("a cache").entries, 100);
    }
}

#[test]
fn the_size_of_the_cache_is_limited_in_bytes() {
    let (verifier, observer) = watched(builder().token_cache(TokenCacheSettings::new().max_bytes(1 << 20)));
    let mut full = 0;
    for number in 0..600 {
        let padding = "x".repeat(number % 20 * 400);
        at_once(&verifier, &good().claim("jti", format!("t-{number}")).claim("padding", padding).sign()).expect("good");
        full = full.max(verifier.token_cache_status().expect("a cache").bytes);
    }
    assert!((512 << 10..=1 << 20).contains(&full), "{full}");
    // A token that is larger than its share is verified each time.
    let (verifier, tiny) = watched(builder().token_cache(TokenCacheSettings::new().max_bytes(1_000)));
    let token = good().sign();
    at_once(&verifier, &token).expect("good");
    at_once(&verifier, &token).expect("good");
    assert_eq!(tiny.take_cache(), ["miss", "stored", "miss", "stored"]);
    assert_eq!(verifier.token_cache_status().expect("a cache").entries, 0);
    drop(observer);
}

#[test]
fn a_cache_without_capacity_is_a_build_error() {
    for settings in [TokenCacheSettings::new().max_entries(0), TokenCacheSettings::new().max_bytes(0)] {
        let error = builder().token_cache(settings).build().expect_err("a mistake");
        assert!(error.to_string().contains("token_cache"), "{error}");
    }
}

#[actix_web::test]
async fn only_tokens_that_passed_the_last_check_are_cached() {
    let (verifier, observer) = watched(builder().require_token(check_async("no", |_| async { Ok(false) })));
    let token = good().sign();
    for _ in 0..2 {
        assert_eq!(verifier.verify(&token).await.expect_err("refused").kind(), ErrorKind::RuleRefused);
    }
    assert_eq!(observer.take_cache(), ["miss", "miss"]);
    let (verifier, observer) = watched(builder().require_token(check_async("yes", |_| async { Ok(true) })));
    for _ in 0..2 {
        verifier.verify(&token).await.expect("accepted");
    }
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit"]);

    /// Accepts the first request and is unavailable afterwards.
    #[derive(Debug, Default)]
    struct Fading(AtomicUsize);

    impl RevocationList for Fading {
        fn look_up(&self, _: &TokenIdentity<'_>) -> Step<Standing> {
            let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
            Step::pending(async move { if first { Standing::Good } else { Standing::Unavailable } })
        }
    }
    let (verifier, observer) = watched(builder().revocations(Fading::default()));
    verifier.verify(&token).await.expect("accepted");
    let error = verifier.verify(&token).await.expect_err("an outage");
    assert_eq!(error.kind(), ErrorKind::RevocationUnavailable);
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit"]);
}

#[actix_web::test]
async fn a_cached_token_is_refused_once_its_keys_are_past_their_lifetime() {
    let (remote, clock) = (Remote::serving(&[&key()]), ManualClock::at(NOW));
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let (verifier, observer) = watched(trusting(issuer).fetch(remote.fetch()).clock(clock.clone()));
    let token = good().claim("exp", NOW + 100_000).sign();
    for _ in 0..2 {
        verifier.verify(&token).await.expect("accepted");
    }
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit"]);

    // The same set again: the token need not be verified again.
    verifier.fetch_keys().await.expect("fetched");
    for _ in 0..2 {
        verifier.verify(&token).await.expect("accepted");
    }
    assert_eq!(observer.take_cache(), ["hit", "hit"]);

    // First the keys are stale, then they've expired.
    remote.fail();
    clock.advance(Duration::from_secs(601));
    verifier.verify(&token).await.expect("stale keys are used");
    assert_eq!(observer.take_cache(), ["miss"], "tokens of stale keys are not cached");
    assert!(observer.take_keys().contains(&"stale"), "the stale keys are reported");
    clock.advance(Duration::from_secs(3600));
    let error = verifier.verify(&token).await.expect_err("an outage");
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);

    // The issuer is available again, with another key.
    remote.serve(&[&stranger(Algorithm::ES256).with_kid("k-2")]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(verifier.verify(&token).await.expect_err("withdrawn").kind(), ErrorKind::UnknownKey);
}

#[actix_web::test]
async fn cached_tokens_are_refused_once_the_resolver_rejects_their_issuer() {
    let issuer_named = |name: String| TrustedIssuer::new(name).audience(AUDIENCE).key(key().verification_key());
    let known = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&known);
    let builder = Verifier::builder().clock(ManualClock::at(NOW)).issuer_resolver(
        IssuerResolver::new(
            |name| name.starts_with("https://"),
            move |name| {
                let answer = asked.load(Ordering::Relaxed).then(|| issuer_named(name.to_string()));
                async move { Ok(answer) }
            },
        )
        .max_issuers(100),
    );
    let (verifier, observer) = watched(builder);
    let token = good().sign();
    for _ in 0..2 {
        verifier.verify(&token).await.expect("accepted");
    }
    assert_eq!(observer.take_cache(), ["miss", "stored", "hit"]);
    // Enough other issuers displace it in spite of its second chance, and now the resolver rejects it.
    for number in 0..200 {
        let token = good().claim("iss", format!("https://{number}.example")).sign();
        verifier.verify(&token).await.expect("accepted");
    }
    known.store(false, Ordering::Relaxed);
    let _ = observer.take_cache();
    assert_eq!(verifier.verify(&token).await.expect_err("gone").kind(), ErrorKind::UnknownIssuer);
    assert_eq!(observer.take_cache(), ["miss"]);
}

#[test]
fn threads_agree_on_cached_tokens_while_keys_change() {
    let (old, new) = (secret(1), secret(2));
    let ring = Ring::of(&[&old]);
    let verifier = trusting(ring.issuer()).build().expect("a verifier");
    let token = Forge::new(&old).sign();
    let withdrawn = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let was_withdrawn = withdrawn.load(Ordering::SeqCst);
                    let outcome = at_once(&verifier, &token);
                    assert!(!was_withdrawn || outcome.is_err(), "a withdrawn key was used");
                }
            });
        }
        for _ in 0..500 {
            ring.set(&[&old]);
            ring.set(&[&old, &new]);
        }
        ring.set(&[&new]);
        withdrawn.store(true, Ordering::SeqCst);
    });
    assert_eq!(at_once(&verifier, &token).expect_err("withdrawn"), ErrorKind::UnknownKey);
}
