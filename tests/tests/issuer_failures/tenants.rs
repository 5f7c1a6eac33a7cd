//! Issuers that are looked up: how long they are trusted, and how outages and forged tokens affect them. The numbers are
//! in `jwt-core/doc/tenants.md`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Fetched, fetch_fn};
use jwt_core::testing::ManualClock;
use jwt_core::verify::{IssuerResolver, TokenCacheSettings};
use jwt_core::{Algorithm, BoxError, BuildErrorKind, Error, ErrorKind, Step, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_tests::forge::{AUDIENCE, Forge, NOW};
use jwt_tests::log::Log;
use jwt_tests::observer::MemoryObserver;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{good, key, stranger};

use super::lab::{seconds, within};

/// The answer of `look_up`.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Known,
    /// With settings that the issuer did not have before.
    Changed,
    Unknown,
    Other,
    Unusable,
    Failing,
}

/// A directory of tenants that all have the same key. It counts look-ups.
#[derive(Clone)]
pub(super) struct Tenants {
    pub(super) admits: Arc<AtomicBool>,
    pub(super) answer: Arc<Mutex<Answer>>,
    pub(super) looked_up: Arc<AtomicUsize>,
    pub(super) remote: Remote,
    pub(super) clock: ManualClock,
}

impl Tenants {
    pub(super) fn new() -> Self {
        Self {
            admits: Arc::new(AtomicBool::new(true)),
            answer: Arc::new(Mutex::new(Answer::Known)),
            looked_up: Arc::default(),
            remote: Remote::serving(&[&key()]),
            clock: ManualClock::at(NOW),
        }
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    pub(super) fn resolver(&self) -> IssuerResolver {
        let (admits, tenants) = (Arc::clone(&self.admits), self.clone());
        IssuerResolver::new(
            move |name| admits.load(Ordering::Relaxed) && name.starts_with("https://"),
            move |name: Arc<str>| {
                tenants.looked_up.fetch_add(1, Ordering::Relaxed);
                let answer = *tenants.answer.lock().unwrap_or_else(PoisonError::into_inner);
                async move {
                    let known = |audience| TrustedIssuer::jwks(&*name, format!("{name}/keys")).audience(audience);
                    match answer {
                        Answer::Known => Ok(Some(known(AUDIENCE))),
                        Answer::Changed => Ok(Some(known("another"))),
                        Answer::Unknown => Ok(None),
                        Answer::Other => Ok(Some(TrustedIssuer::jwks("https://other.example", JWKS))),
                        Answer::Unusable => Ok(Some(TrustedIssuer::new(name))),
                        Answer::Failing => Err("the directory is down".into()),
                    }
                }
            },
        )
    }

    pub(super) fn builder(&self, resolver: IssuerResolver) -> VerifierBuilder {
        let builder = Verifier::builder().clock(self.clock.clone()).fetch(self.remote.fetch());
        builder.issuer_resolver(resolver)
    }

    pub(super) fn verifier(&self, resolver: IssuerResolver) -> Verifier {
        self.builder(resolver).build().expect("a verifier")
    }

    /// The number of look-ups and of key fetches.
    pub(super) fn cost(&self) -> (usize, usize) {
        (self.looked_up.load(Ordering::Relaxed), self.remote.asked().len())
    }
}

/// A token that does not expire while a test turns the clock.
pub(super) fn of(name: &str, forge: Forge) -> String {
    forge.claim("iss", name).claim("exp", NOW + 1_000_000).sign()
}

pub(super) fn tenant(number: usize) -> String {
    format!("https://tenant-{number}.example")
}

pub(super) fn honest(number: usize) -> String {
    of(&tenant(number), good())
}

pub(super) fn forged(number: usize) -> String {
    of(&tenant(number), Forge::new(&thief()))
}

/// A key with the same name as the tenants' keys.
pub(super) fn thief() -> SigningKey {
    stranger(Algorithm::ES256).with_kid("k-1")
}

pub(super) async fn ask(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    refusal(verifier, token).await.map_err(|error| error.kind())
}

pub(super) async fn refusal(verifier: &Verifier, token: &str) -> Result<(), Error> {
    within(verifier.verify(token)).await.map(drop)
}

pub(super) fn at_once(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    match verifier.verify_step(token, None) {
        Step::Ready(outcome) => outcome.map(drop).map_err(|error| error.kind()),
        other => panic!("a request waits: {other:?}"),
    }
}

/// Lets all background work finish. None of it waits for anything real.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_tenant_that_is_no_longer_admitted_is_refused_at_once() {
    for cache in [Some(TokenCacheSettings::new()), Some(TokenCacheSettings::new().digests()), None] {
        let tenants = Tenants::new();
        let builder = tenants.builder(tenants.resolver());
        let verifier = match cache {
            Some(cache) => builder.token_cache(cache),
            None => builder.without_token_cache(),
        };
        let verifier = verifier.build().expect("a verifier");
        let (known, new) = (honest(1), of(&tenant(1), good().claim("jti", "new")));
        assert_eq!((ask(&verifier, &known).await, at_once(&verifier, &known)), (Ok(()), Ok(())));
        tenants.admits.store(false, Ordering::Relaxed);
        for token in [&known, &new] {
            assert_eq!(at_once(&verifier, token), Err(ErrorKind::UnknownIssuer), "{cache:?}");
        }
        tenants.admits.store(true, Ordering::Relaxed);
        assert_eq!((at_once(&verifier, &known), at_once(&verifier, &new)), (Ok(()), Ok(())));
        assert_eq!(tenants.cost(), (1, 1));
    }
}

#[tokio::test]
async fn a_deleted_tenant_is_noticed_in_the_background() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    let token = honest(1);
    assert_eq!(ask(&verifier, &token).await, Ok(()));
    tenants.answer(Answer::Unknown);
    tenants.clock.advance(seconds(269));
    assert_eq!(at_once(&verifier, &token), Ok(()));
    settle().await;
    assert_eq!(tenants.cost().0, 1, "not before nine tenths of its lifetime");
    tenants.clock.advance(seconds(31));
    assert_eq!(at_once(&verifier, &token), Ok(()), "the request does not wait");
    settle().await;
    assert_eq!(tenants.cost().0, 2);
    assert_eq!(at_once(&verifier, &token), Err(ErrorKind::UnknownIssuer), "cached or not");
    assert_eq!(tenants.cost().0, 2);
}

#[tokio::test]
async fn a_tenant_without_requests_for_two_lifetimes_is_looked_up_first() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    let token = honest(1);
    assert_eq!(ask(&verifier, &token).await, Ok(()));
    tenants.answer(Answer::Unknown);
    tenants.clock.advance(seconds(600));
    assert_eq!(ask(&verifier, &token).await, Err(ErrorKind::UnknownIssuer));
    assert_eq!(tenants.cost().0, 2);
}

#[tokio::test]
async fn tenants_keep_working_for_an_hour_while_the_directory_is_down() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    let token = honest(1);
    assert_eq!(ask(&verifier, &token).await, Ok(()));
    tenants.answer(Answer::Failing);
    tenants.clock.advance(seconds(300));
    for _ in 0..360 {
        assert_eq!(at_once(&verifier, &token), Ok(()));
        settle().await;
        tenants.clock.advance(seconds(10));
    }
    let looked_up = tenants.cost().0;
    assert!((100..=180).contains(&looked_up), "{looked_up} attempts, half a minute apart");
    assert_eq!(ask(&verifier, &token).await, Err(ErrorKind::KeysUnavailable));
    tenants.answer(Answer::Known);
    tenants.clock.advance(seconds(30));
    assert_eq!(ask(&verifier, &token).await, Ok(()), "it recovers without help");
}

#[tokio::test]
async fn without_a_stale_period_an_outage_of_the_directory_ends_with_the_lifetime() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver().stale_if_error(Duration::ZERO));
    assert_eq!(ask(&verifier, &honest(1)).await, Ok(()));
    tenants.answer(Answer::Failing);
    tenants.clock.advance(seconds(300));
    assert_eq!(at_once(&verifier, &honest(1)), Ok(()), "the directory is not known to be down");
    settle().await;
    let error = refusal(&verifier, &honest(1)).await.expect_err("down");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::KeysUnavailable, Some(seconds(1))));
}

#[tokio::test]
async fn settings_are_read_again_and_an_unchanged_tenant_keeps_its_keys() {
    let (tenants, observer) = (Tenants::new(), MemoryObserver::default());
    let resolver = tenants.resolver().lifetime(seconds(100));
    let verifier = tenants.builder(resolver).observer(observer.clone()).build().expect("a verifier");
    let token = honest(1);
    assert_eq!(ask(&verifier, &token).await, Ok(()));
    tenants.clock.advance(seconds(100));
    for _ in 0..2 {
        assert_eq!(at_once(&verifier, &token), Ok(()));
        settle().await;
    }
    assert_eq!((tenants.cost(), &observer.take_cache()[..]), ((2, 1), &["miss", "stored", "hit", "hit"][..]));
    // The tenant gets another audience.
    tenants.answer(Answer::Changed);
    tenants.clock.advance(seconds(100));
    assert_eq!(at_once(&verifier, &token), Ok(()));
    settle().await;
    assert_eq!(ask(&verifier, &token).await, Err(ErrorKind::WrongAudience));
    let other = of(&tenant(1), good().claim("aud", "another"));
    assert_eq!(at_once(&verifier, &other), Ok(()));
    assert_eq!(tenants.cost(), (3, 2));
}

#[tokio::test]
async fn a_forgotten_issuer_is_looked_up_again_and_its_tokens_are_forgotten_too() {
    let tenants = Tenants::new();
    let verifier = tenants.verifier(tenants.resolver());
    let (token, other) = (honest(1), honest(2));
    assert_eq!((ask(&verifier, &token).await, ask(&verifier, &other).await), (Ok(()), Ok(())));
    tenants.answer(Answer::Unknown);
    verifier.forget_issuer(&tenant(1));
    assert_eq!(ask(&verifier, &token).await, Err(ErrorKind::UnknownIssuer));
    assert_eq!(at_once(&verifier, &other), Ok(()), "other issuers keep their tokens");
    // The result of a look-up that was running when the name was forgotten is discarded.
    tenants.answer(Answer::Known);
    verifier.forget_issuer(&tenant(1));
    let (asking, token) = (verifier.clone(), honest(1));
    let Step::Pending(pending) = asking.verify_step(&token, None) else { panic!("a look-up") };
    tenants.answer(Answer::Unknown);
    verifier.forget_issuer(&tenant(1));
    assert_eq!(within(pending).await.expect_err("gone").kind(), ErrorKind::KeysUnavailable);
    assert_eq!(ask(&verifier, &token).await, Err(ErrorKind::UnknownIssuer));
}

#[tokio::test]
async fn a_look_up_that_panics_or_never_ends_counts_as_failed() {
    async fn panics(_: Arc<str>) -> Result<Option<TrustedIssuer>, BoxError> {
        panic!("a bug")
    }
    let (panicking, clock) = (IssuerResolver::new(|_| true, panics), ManualClock::at(NOW));
    let stuck = IssuerResolver::new(|_| true, |_| std::future::pending());
    let verifier = |resolver| Verifier::builder().clock(clock.clone()).issuer_resolver(resolver).build();
    let verifier_of = |resolver| verifier(resolver).expect("a verifier");
    let error = refusal(&verifier_of(panicking), &honest(1)).await.expect_err("a bug");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::KeysUnavailable, Some(seconds(1))));
    tokio::time::pause();
    let error = refusal(&verifier_of(stuck), &honest(1)).await.expect_err("no answer");
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::KeysUnavailable, Some(seconds(1))));
}

#[tokio::test]
async fn a_failing_look_up_is_logged_once_a_minute() {
    for (answer, expected, line) in [
        (Answer::Failing, ErrorKind::KeysUnavailable, "could not be looked up"),
        (Answer::Unusable, ErrorKind::KeysUnavailable, "cannot be used"),
        (Answer::Other, ErrorKind::UnknownIssuer, "another issuer"),
    ] {
        let (tenants, log) = (Tenants::new(), Log::start());
        tenants.answer(answer);
        let resolver = tenants.resolver().unknown_lifetime(Duration::ZERO);
        let verifier = tenants.verifier(resolver);
        for minute in 1..=3 {
            for _ in 0..60 {
                assert_eq!(ask(&verifier, &forged(1)).await, Err(expected));
                assert_eq!(ask(&verifier, &forged(1)).await, Err(expected));
                tenants.clock.advance(seconds(1));
            }
            let text = log.text();
            let lines = text.lines().filter(|text| text.starts_with("WARN") || text.starts_with("ERROR"));
            let lines: Vec<_> = lines.filter(|text| text.contains(line)).collect();
            assert!((1..=minute).contains(&lines.len()), "{lines:?}");
        }
        assert!(tenants.cost().0 >= 7, "each look-up failed");
    }
}

#[tokio::test]
async fn tenants_cannot_point_to_hosts_that_are_not_allowed() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let fetch = fetch_fn(move |url: String| {
        let name = url.split("/.well-known").next().unwrap_or_default().to_owned();
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(url);
        let keys = match name.as_str() {
            "https://inner.id.example" => "https://10.0.0.1/keys",
            "https://plain.id.example" => "http://127.0.0.1:9000/keys",
            _ => "https://keys.id.example/keys",
        };
        async move { Ok(Fetched::new(format!(r#"{{"issuer":"{name}","jwks_uri":"{keys}"}}"#))) }
    });
    let resolver =
        IssuerResolver::new(|_| true, |name| async move { Ok(Some(TrustedIssuer::discover(name).audience(AUDIENCE))) });
    let builder = Verifier::builder().clock(ManualClock::at(NOW)).fetch(fetch);
    let builder = builder.issuer_resolver(resolver.hosts(|host| host.ends_with(".id.example")));
    let verifier = builder.build().expect("a verifier");
    for (name, expected) in [
        ("https://well.id.example", &["https://well.id.example", "https://keys.id.example/keys"][..]),
        ("https://inner.id.example", &["https://inner.id.example"]),
        ("https://plain.id.example", &["https://plain.id.example"]),
        ("https://elsewhere.example", &[]),
        ("https://[::1]", &[]),
        ("http://localhost:9000", &[]),
    ] {
        assert_eq!(ask(&verifier, &of(name, good())).await, Err(ErrorKind::KeysUnavailable), "{name}");
        let asked = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
        let asked: Vec<_> = asked.iter().map(|url| url.split("/.well-known").next().unwrap_or_default()).collect();
        assert_eq!(asked, expected);
    }
}

#[tokio::test]
async fn the_service_is_ready_with_all_configured_issuers_or_with_any() {
    let (well, down) = (Remote::serving(&[&key()]), Remote::failing());
    let (first, second) = (tenant(1), tenant(2));
    let fetch = || {
        let (well, down, second) = (well.clone(), down.clone(), second.clone());
        fetch_fn(move |url: String| {
            let document = if url.starts_with(&second) { down.document() } else { well.document() };
            async move { document }
        })
    };
    let issuer = |name: &str| TrustedIssuer::jwks(name, format!("{name}/keys")).audience(AUDIENCE);
    let fixed = TrustedIssuer::new("https://fixed.example").key(key().verification_key()).audience(AUDIENCE);
    let base = || Verifier::builder().clock(ManualClock::at(NOW)).fetch(fetch());
    let given = || base().issuer(issuer(&first)).issuer(issuer(&second));
    for (builder, loaded, expected) in [
        (given(), true, false),
        (given().ready_with_any_issuer(), true, true),
        (given().ready_with_any_issuer(), false, false),
        (base().issuer(issuer(&second)).ready_with_any_issuer(), true, false),
        (base().issuer(issuer(&second)).issuer(fixed.clone()).ready_with_any_issuer(), false, true),
        (base().issuer(issuer(&second)).issuer(fixed.clone()), false, false),
        (base().issuer(fixed.clone()).ready_with_any_issuer(), false, true),
        (base().issuer_resolver(Tenants::new().resolver()).ready_with_any_issuer(), false, true),
    ] {
        let verifier = builder.build().expect("a verifier");
        if loaded {
            let _ = within(verifier.fetch_keys()).await;
        }
        let status = if expected { 200 } else { 503 };
        assert_eq!((verifier.is_ready(), verifier.readiness().status), (expected, status), "{verifier:?}");
    }
}

#[test]
fn impossible_settings_are_build_errors() {
    let built = |resolver: fn(IssuerResolver) -> IssuerResolver| {
        let tenants = Tenants::new();
        let built = tenants.builder(resolver(tenants.resolver())).build();
        built.err().map(|error| (error.kind(), error.setting().to_owned()))
    };
    assert_eq!(built(|resolver| resolver.lifetime(Duration::MAX).stale_if_error(Duration::MAX)), None);
    assert_eq!(built(|resolver| resolver.unknown_lifetime(Duration::ZERO).max_issuers(usize::MAX)), None);
    for (resolver, setting) in [
        ((|resolver| resolver.lifetime(Duration::ZERO)) as fn(IssuerResolver) -> IssuerResolver, "lifetime"),
        (|resolver| resolver.max_issuers(0), "max_issuers"),
        (|resolver| resolver.look_ups(0, 1), "look_ups"),
        (|resolver| resolver.look_ups(1, 0), "look_ups"),
        (|resolver| resolver.key_fetches(0, 1), "key_fetches"),
        (|resolver| resolver.key_fetches(1, 0), "key_fetches"),
    ] {
        assert_eq!(built(resolver), Some((BuildErrorKind::OutOfRange, setting.to_owned())));
    }
}
