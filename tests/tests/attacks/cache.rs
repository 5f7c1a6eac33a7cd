//! Section I: the cache of verified tokens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::authorize::check;
use jwt_core::crypto::Backend;
use jwt_core::keys::{KeySetStatus, KeySource, KeyTable, Lookup, Wanted};
use jwt_core::revocation::{RevocationList, Standing, TokenIdentity};
use jwt_core::testing::ManualClock;
use jwt_core::verify::TokenCacheSettings;
use jwt_core::{Algorithm, ErrorKind, Verifier};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::observer::MemoryObserver;
use jwt_tests::setup::{KID, behind, builder, good, issuer, key, stranger};
use serde_json::Value;

use crate::target::Target;

/// A target with an observer of its cache and a clock that can be turned.
struct Watched {
    target: Target,
    verifier: Verifier,
    observer: MemoryObserver,
    clock: ManualClock,
}

impl Watched {
    fn new(adjust: impl FnOnce(jwt_core::VerifierBuilder) -> jwt_core::VerifierBuilder) -> Self {
        let (observer, clock) = (MemoryObserver::default(), ManualClock::at(NOW));
        let builder = adjust(builder()).observer(observer.clone()).clock(clock.clone());
        let verifier = builder.build().expect("a verifier");
        let target = Target(jwt_tests::adapter::Application::new(verifier.clone()));
        Self { target, verifier, observer, clock }
    }

    /// Sends the token to both adapters, twice each. The second verification is a cache hit.
    async fn is_cached(&self, token: &str) {
        let _ = self.observer.take_cache();
        self.target.accepts(token, "the first time").await;
        self.target.accepts(token, "again").await;
        assert_eq!(self.observer.take_cache(), ["miss", "stored", "hit", "hit", "hit"]);
    }

    /// Asserts that both adapters reject the token without a cache hit.
    async fn refuses_uncached(&self, token: &str, kind: ErrorKind, case: &str) {
        let _ = self.observer.take_cache();
        self.target.refuses(token, kind, case).await;
        assert_eq!(self.observer.take_cache(), ["miss", "miss"], "{case}");
    }
}

/// The revoked subjects and token identifiers.
#[derive(Clone, Debug, Default)]
struct Revoked(Arc<Mutex<Vec<String>>>);

impl Revoked {
    fn add(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
    }
}

impl RevocationList for Revoked {
    fn look_up(&self, token: &TokenIdentity<'_>) -> jwt_core::Step<Standing> {
        let revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |id: Option<&str>| id.is_some_and(|id| revoked.iter().any(|revoked| revoked == id));
        let standing = if named(token.token_id) || named(token.subject) { Standing::Revoked } else { Standing::Good };
        standing.into()
    }
}

/// Keys that are replaced as a whole.
#[derive(Clone, Debug)]
struct Ring(Arc<Mutex<KeyTable>>);

impl Ring {
    fn of(keys: &[&jwt_core::crypto::SigningKey]) -> Self {
        Self(Arc::new(Mutex::new(table(keys))))
    }

    fn set(&self, keys: &[&jwt_core::crypto::SigningKey]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = table(keys);
    }

    fn table(&self) -> KeyTable {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn table(keys: &[&jwt_core::crypto::SigningKey]) -> KeyTable {
    let keys: Vec<_> = keys.iter().map(|key| key.verification_key()).collect();
    KeyTable::prepare(Backend::aws_lc_rs(), &keys, &[Algorithm::ES256])
}

impl KeySource for Ring {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        self.table().find_key(wanted)
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        self.table().generation(now)
    }

    fn status(&self) -> Option<KeySetStatus> {
        None
    }
}

fn ringed(ring: &Ring) -> jwt_core::TrustedIssuer {
    jwt_core::TrustedIssuer::new(ISSUER).audience(AUDIENCE).key_source(ring.clone())
}

#[actix_web::test]
async fn i01_a_cached_token_is_found_by_all_of_its_bytes() {
    for settings in [TokenCacheSettings::new(), TokenCacheSettings::new().digests()] {
        let watched = Watched::new(|builder| builder.token_cache(settings));
        let token = good().sign();
        watched.is_cached(&token).await;
        let _ = watched.observer.take_cache();
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(watched.verifier.verify(&changed).await.is_err(), "at {at}");
        }
        let told = watched.observer.take_cache();
        // In digest mode the look-up comes just before the signature check, and some changed tokens fail before that.
        let looked_up = if settings == TokenCacheSettings::new() { token.len() } else { token.len() / 4 };
        assert!(told.len() >= looked_up && told.iter().all(|told| *told == "miss"), "{told:?}");
        // The token ends with the same bytes, by which the cache looks it up, but has the claims of another one.
        let (_, signature) = token.rsplit_once('.').expect("three segments");
        let forged = good().claim("sub", "admin-1").sign();
        let (input, _) = forged.rsplit_once('.').expect("three segments");
        watched.refuses_uncached(&format!("{input}.{signature}"), ErrorKind::BadSignature, "another's signature").await;
        watched.refuses_uncached(&format!("{token}A"), ErrorKind::BadSignature, "longer").await;
    }
}

#[actix_web::test]
async fn i02_verifiers_do_not_share_their_caches() {
    let (lax, strict) =
        (Watched::new(|builder| builder), Watched::new(|builder| builder.require_token(check("nobody", |_| false))));
    let token = good().sign();
    lax.is_cached(&token).await;
    strict.refuses_uncached(&token, ErrorKind::RuleRefused, "another rule").await;
    let elsewhere = Target::trusting(
        jwt_core::TrustedIssuer::new(ISSUER).audience("https://other.example").key(key().verification_key()),
    );
    elsewhere.refuses(&token, ErrorKind::WrongAudience, "another audience").await;
    assert_eq!(lax.verifier.token_cache_status().expect("a cache").entries, 1);
    assert_eq!(strict.verifier.token_cache_status().expect("a cache").entries, 0);
}

#[actix_web::test]
async fn i03_a_cached_token_expires_by_the_current_clock() {
    let watched = Watched::new(|builder| builder);
    let token = good().sign();
    watched.is_cached(&token).await;
    watched.clock.advance(Duration::from_secs(359));
    watched.target.accepts(&token, "the last second of the leeway").await;
    watched.clock.advance(Duration::from_secs(1));
    watched.target.refuses(&token, ErrorKind::Expired, "expired").await;
    watched.clock.set(Duration::from_secs(NOW));
    watched.is_cached(&token).await;
    watched.clock.set(Duration::from_secs(NOW - 61));
    watched.target.refuses(&token, ErrorKind::NotYetValid, "the clock was set back").await;

    let clock = ManualClock::at(NOW);
    let young = jwt_tests::setup::trusting(issuer().max_age(Duration::from_secs(30)));
    let (target, token) = (Target(behind(young.clock(clock.clone()))), good().sign());
    target.accepts(&token, "young").await;
    clock.advance(Duration::from_secs(90));
    target.refuses(&token, ErrorKind::TooOld, "too old").await;
}

#[actix_web::test]
async fn i04_a_cached_token_ends_with_its_key() {
    let (old, new) = (key(), stranger(Algorithm::ES256).with_kid("k-2"));
    let ring = Ring::of(&[&old]);
    let watched = Watched::new(|_| jwt_tests::setup::trusting(ringed(&ring)));
    let token = good().sign();
    watched.is_cached(&token).await;
    ring.set(&[&old, &new]);
    watched.is_cached(&token).await;
    ring.set(&[&new]);
    watched.refuses_uncached(&token, ErrorKind::UnknownKey, "the key was withdrawn").await;
    ring.set(&[&stranger(Algorithm::ES256).with_kid(KID)]);
    watched.refuses_uncached(&token, ErrorKind::BadSignature, "the key was replaced under its name").await;
}

#[actix_web::test]
async fn i05_a_cached_token_ends_when_it_is_revoked() {
    for id in ["t-1", "user-1815"] {
        let revoked = Revoked::default();
        let watched = Watched::new(|builder| builder.revocations(revoked.clone()));
        let token = good().sign();
        watched.is_cached(&token).await;
        revoked.add(id);
        watched.target.refuses(&token, ErrorKind::Revoked, id).await;
        assert_eq!(watched.observer.take_cache(), ["hit", "hit"], "the list is asked about cached tokens");
    }
    let open = Arc::new(AtomicBool::new(true));
    let watched = Watched::new(|builder| {
        let open = Arc::clone(&open);
        builder.require_token(check("open", move |_| open.load(Ordering::Relaxed)))
    });
    let token = good().sign();
    watched.is_cached(&token).await;
    open.store(false, Ordering::Relaxed);
    watched.target.refuses(&token, ErrorKind::RuleRefused, "a rule that changed its mind").await;
    assert_eq!(watched.observer.take_cache(), ["hit", "hit"], "rules run for cached tokens");
}

#[actix_web::test]
async fn i06_rejections_are_not_cached() {
    let ring = Ring::of(&[&stranger(Algorithm::ES256).with_kid("k-0")]);
    let watched = Watched::new(|_| jwt_tests::setup::trusting(ringed(&ring)));
    let token = good().claim("nbf", NOW + 100).sign();
    watched.refuses_uncached(&token, ErrorKind::UnknownKey, "the key is not there yet").await;
    ring.set(&[&key()]);
    watched.refuses_uncached(&token, ErrorKind::NotYetValid, "its time has not come").await;
    assert_eq!(watched.verifier.token_cache_status().expect("a cache").entries, 0);
    watched.clock.advance(Duration::from_secs(100));
    watched.is_cached(&token).await;
}

#[actix_web::test]
async fn i07_only_accepted_tokens_are_cached_and_no_more_than_the_capacity() {
    let settings = TokenCacheSettings::new().max_entries(50).max_bytes(60_000);
    let watched = Watched::new(|builder| builder.token_cache(settings));
    let token = good().sign();
    for number in 0..500 {
        let forged = format!("{token}{number}");
        assert!(watched.verifier.verify(&forged).await.is_err());
        let foreign = Forge::new(&stranger(Algorithm::ES256)).sign();
        assert!(watched.verifier.verify(&foreign).await.is_err());
    }
    assert_eq!(watched.verifier.token_cache_status().expect("a cache").entries, 0);
    let mut most = (0, 0);
    for number in 0..500 {
        let token = good().claim("jti", format!("t-{number}")).sign();
        assert!(watched.verifier.verify(&token).await.is_ok());
        let status = watched.verifier.token_cache_status().expect("a cache");
        assert!(status.entries <= 50 && status.bytes <= 60_000, "{status:?}");
        most = (most.0.max(status.entries), most.1.max(status.bytes));
    }
    assert!(most.0 > 10 && most.1 > 30_000, "{most:?}");
}

#[actix_web::test]
async fn i08_a_handler_cannot_change_the_claims_of_other_requests() {
    let watched = Watched::new(|builder| builder);
    let token = good().sign();
    watched.is_cached(&token).await;
    let verified = watched.verifier.verify(&token).await.expect("a good token");
    let mut claims: Value = verified.claims().expect("claims");
    claims["sub"] = "admin-1".into();
    let again = watched.verifier.verify(&token).await.expect("a good token");
    assert_eq!(again.claims::<Value>().expect("claims")["sub"], "user-1815");
    assert_eq!(again.shared_claims::<Value>().expect("claims")["sub"], "user-1815");
}

#[actix_web::test]
async fn i09_a_revoked_token_with_another_valid_signature_is_refused() {
    let revoked = Revoked::default();
    let watched = Watched::new(|builder| builder.revocations(revoked.clone()));
    let token = good().sign();
    let copy = crate::signatures::twin(&token, crate::signatures::ORDERS[0].1);
    assert_ne!(token, copy);
    watched.is_cached(&token).await;
    watched.is_cached(&copy).await;
    revoked.add("t-1");
    watched.target.refuses(&token, ErrorKind::Revoked, "the token").await;
    watched.target.refuses(&copy, ErrorKind::Revoked, "its copy").await;
}
