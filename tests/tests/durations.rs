//! Every setting that takes a duration gets the longest one there is. Either a typed error rejects it, or it's used
//! without an overflow.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jwt_core::BuildErrorKind;
use jwt_core::Clock as _;
use jwt_core::Step;
use jwt_core::authorize::{RequiredLogin, Requirement, acr, max_auth_age};
use jwt_core::http::Cookies;
use jwt_core::http::Location;
use jwt_core::issue::{ImplicitRefresh, KeyRing, TokenIssuer, TokenIssuerBuilder};
use jwt_core::issue::{MemorySessions, Sessions, SessionsBuilder};
use jwt_core::keys::{Fetched, KeyRefreshSettings, KeySource, Lookup, Wanted, fetch_fn};
use jwt_core::proof::Dpop;
use jwt_core::revocation::{
    MemoryRevocations, Revocation, RevocationList, RevocationSettings, Standing, TokenIdentity, with_time_limit,
};
use jwt_core::store::{PostgresRevocations, PostgresSettings, tokio_postgres};
use jwt_core::store::{RedisRevocations, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_core::testing::ScriptedIssuer;
use jwt_core::verify::IssuerResolver;
use jwt_core::{ErrorKind, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::proof::{BASE, Device};
use jwt_tests::remote::JWKS;
use jwt_tests::setup::{self, key};
use serde_json::json;

const MOST: Duration = Duration::MAX;

/// The names of the setters that take a duration. Each is called by a test below.
const SETTERS: &[&str] = &[
    "absolute",
    "absolute",
    "advance",
    "before_expiry",
    "connect_timeout",
    "fresh_for",
    "fresh_for",
    "grace",
    "idle",
    "key_at",
    "leeway",
    "leeway",
    "leeway",
    "lifetime",
    "lifetime",
    "lifetime",
    "lifetime",
    "lifetime",
    "lifetime_between",
    "longest_lifetime",
    "longest_lifetime",
    "max_age",
    "max_age",
    "max_age",
    "max_auth_age",
    "max_auth_age",
    "max_lifetime",
    "nonce_period",
    "publish_ahead",
    "recovery_time",
    "refresh_lifetime",
    "reload_every",
    "rotate_at",
    "set",
    "set_access",
    "set_csrf",
    "set_keys",
    "set_refresh",
    "stale_if_error",
    "stale_if_error",
    "staleness",
    "timeout",
    "timeout",
    "timeout",
    "unknown_lifetime",
    "valid_after",
    "valid_from",
    "with_feed",
    "with_time_limit",
];

/// Collects the public functions below `folder` that take a [`Duration`].
fn setters(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            setters(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).expect("text");
        for (start, _) in source.match_indices("pub ") {
            let declaration = &source[start..];
            let declaration = &declaration[..declaration.find(['{', ';']).unwrap_or(declaration.len())];
            let signature =
                ["pub fn ", "pub const fn ", "pub async fn "].iter().find_map(|kind| declaration.strip_prefix(kind));
            let Some((name, arguments)) = signature.and_then(|signature| signature.split_once('(')) else { continue };
            let arguments = arguments.split("->").next().unwrap_or_default();
            if arguments.contains("Duration") {
                found.push(name.split('<').next().unwrap_or_default().to_owned());
            }
        }
    }
}

#[test]
fn every_setter_is_in_the_table() {
    for (adapter, expected) in [("jwt-core", SETTERS), ("jwt-tower", &[][..]), ("jwt-actix", &[][..])] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join(adapter).join("src");
        let mut found = Vec::new();
        setters(&root, &mut found);
        found.sort_unstable();
        assert_eq!(found, expected, "a setter that takes a time is called with the longest one below");
    }
}

fn remote(policy: KeyRefreshSettings, clock: &ManualClock) -> Result<Verifier, BuildErrorKind> {
    let set = json!({ "keys": [key().public_jwk()] }).to_string();
    let fetch = fetch_fn(move |_| {
        let set = set.clone();
        async { Ok(Fetched::new(set).max_age(MOST)) }
    });
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE).key_refresh(policy);
    let built = Verifier::builder().issuer(issuer).clock(clock.clone()).fetch(fetch).build();
    built.map_err(|error| error.kind())
}

#[tokio::test]
async fn resolved_issuers_may_live_forever() {
    let resolver = IssuerResolver::new(
        |name| name == ISSUER,
        |_| async { Ok(Some(TrustedIssuer::new(ISSUER).audience(AUDIENCE).key(key().verification_key()))) },
    );
    let resolver = resolver.lifetime(MOST).stale_if_error(MOST).unknown_lifetime(MOST);
    let clock = ManualClock::at(NOW);
    let verifier = Verifier::builder().issuer_resolver(resolver).clock(clock.clone()).build().expect("a verifier");
    let token = Forge::new(&key()).claim("exp", NOW + 1_000_000).sign();
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(Duration::from_secs(500_000));
    assert!(verifier.verify(&token).await.is_ok());
}

#[tokio::test]
async fn remote_keys_may_live_forever() {
    let new = KeyRefreshSettings::new;
    for (policy, unusable) in [
        (new(), true),
        (new().stale_if_error(MOST), false),
        (new().lifetime_between(Duration::from_secs(60), MOST), false),
        (new().lifetime(MOST).lifetime_between(MOST, MOST).stale_if_error(MOST), false),
    ] {
        let clock = ManualClock::at(NOW);
        let verifier = remote(policy.clone(), &clock).expect("a verifier");
        let token = Forge::new(&key()).claim("exp", NOW + 1_000_000).sign();
        assert!(verifier.verify(&token).await.is_ok(), "{policy:?}");
        assert!(verifier.is_ready() && verifier.fetch_keys().await.is_ok(), "{policy:?}");
        for (passed, unusable) in [(MOST / 2, unusable), (MOST, unusable)] {
            clock.advance(passed);
            assert_eq!(!verifier.key_set_status()[0].1.state.is_ready(), unusable, "{policy:?}");
            assert_eq!(verifier.verify(&token).await.expect_err("its key is gone").kind(), ErrorKind::Expired);
            assert_eq!(verifier.fetch_keys().await, Ok(()), "{policy:?}");
        }
    }
    for policy in [new().lifetime(MOST), new().timeout(MOST), new().lifetime_between(MOST, Duration::ZERO)] {
        assert_eq!(remote(policy, &ManualClock::at(NOW)).expect_err("out of range"), BuildErrorKind::OutOfRange);
    }
}

#[actix_web::test]
async fn proofs_have_limits_and_work_at_any_time() {
    let new = || Dpop::new(BASE).nonces([7; 32]);
    let build = |dpop: Dpop| setup::trusting(setup::issuer().dpop_required()).dpop(dpop).build();
    for dpop in [new().max_age(MOST), new().leeway(MOST), new().nonce_period(MOST)] {
        assert_eq!(build(dpop).expect_err("out of range").kind(), BuildErrorKind::OutOfRange);
    }
    for now in [0, NOW, u64::MAX] {
        let builder = Verifier::builder().issuer(setup::issuer().dpop_required().max_lifetime(MOST)).dpop(new());
        let verifier = builder.clock(ManualClock::at(now)).build().expect("a verifier");
        let (application, device) = (Application::new(verifier), Device::default());
        let token = device.good().claim("iat", 0).claim("nbf", 0).claim("exp", 253_402_300_799_u64).sign();
        let proof = device.proof("GET", "/user", &token).claim("iat", now.min(253_402_300_799)).sign();
        let answer = application.send(&Ask::get("/user").dpop(&token, &proof)).await;
        let expected = if now == u64::MAX { "expired" } else { "use_dpop_nonce" };
        assert_eq!(answer.code, Some(expected), "{now}");
    }
}

/// A source that is unavailable forever.
#[derive(Debug)]
struct OutOfReach(Duration);

impl KeySource for OutOfReach {
    fn find_key(&self, _: &Wanted<'_>) -> Lookup {
        Lookup::Unavailable(Some(self.0))
    }
}

#[actix_web::test]
async fn a_client_may_be_told_never_to_retry() {
    for (wait, header) in [(MOST, u64::MAX), (Duration::from_millis(1_001), 2), (Duration::ZERO, 1)] {
        let issuer = setup::keyless().key_source(OutOfReach(wait));
        let verifier = setup::trusting(issuer).build().expect("a verifier");
        let Step::Ready(Err(error)) = verifier.verify_step(&setup::good().sign(), None) else { panic!("no keys") };
        assert_eq!(error.retry_after(), Some(wait));
        for adapter in Adapter::ALL {
            let application = Application::new(verifier.clone());
            let answer = adapter.send(&application, &Ask::get("/me").bearer(&setup::good().sign())).await;
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some(&*header.to_string())), "{adapter:?}");
        }
    }
}

#[test]
fn the_longest_durations_accept_the_same_tokens_as_no_limit() {
    let at_once =
        |builder: VerifierBuilder, token: &str| match builder.build().expect("a verifier").verify_step(token, None) {
            Step::Ready(outcome) => outcome.map(drop).map_err(|error| error.kind()),
            _ => panic!("it waits"),
        };
    let token = setup::good().claim("iat", -1_000_000_000).sign();
    let issuer = || setup::issuer().max_age(MOST).max_lifetime(MOST);
    assert_eq!(at_once(setup::trusting(issuer()), &token), Ok(()));
    for now in [0, NOW, u64::MAX] {
        let clock = ManualClock::at(now);
        clock.advance(MOST);
        assert_eq!(clock.now(), MOST);
        let builder = Verifier::builder().issuer(issuer()).clock(clock);
        assert_eq!(at_once(builder, &token), Err(ErrorKind::Expired));
    }
    let clock = ManualClock::at(NOW);
    clock.set(MOST);
    assert_eq!(at_once(Verifier::builder().issuer(issuer()).clock(clock), &token), Err(ErrorKind::Expired));
    let error = setup::trusting(issuer()).leeway(MOST).build().expect_err("out of range");
    assert_eq!(error.kind(), BuildErrorKind::OutOfRange);
}

#[test]
fn a_login_may_be_of_any_age() {
    let required: [RequiredLogin; 2] = [max_auth_age(MOST), acr(["a"]).max_auth_age(MOST)];
    let token = setup::good().claim("auth_time", 0).claim("acr", "a").sign();
    let Step::Ready(Ok(verified)) =
        setup::trusting(setup::issuer()).build().expect("a verifier").verify_step(&token, None)
    else {
        panic!("a good token")
    };
    for required in required {
        assert!(required.check(&verified).is_ok());
    }
}

#[test]
fn cookies_may_live_forever() {
    let cookies = Cookies::new();
    for set in [cookies.set_access("a.b.c", MOST), cookies.set_refresh("a.b.c", MOST), cookies.set_csrf("abc", MOST)] {
        let set = set.expect("a cookie");
        assert!(set.values().all(|cookie| cookie.contains("Max-Age=9")), "{set:?}");
    }
}

fn ring(clock: &ManualClock) -> KeyRing {
    let builder = KeyRing::builder().key(key()).key_at(setup::stranger(key().algorithm()), MOST);
    builder.publish_ahead(MOST).longest_lifetime(MOST).clock(clock.clone()).build().expect("a ring")
}

fn issuer(ring: KeyRing) -> TokenIssuerBuilder {
    TokenIssuer::builder(ISSUER, ring).audience(AUDIENCE)
}

#[tokio::test]
async fn key_rings_and_issuers_accept_the_longest_durations() {
    let clock = ManualClock::at(NOW);
    let ring = ring(&clock);
    ring.rotate(setup::stranger(key().algorithm())).expect("a new key");
    assert_eq!(ring.keys().len(), 3);
    let far = ring.rotate_at(setup::stranger(key().algorithm()), MOST).expect("a key that never signs");
    ring.withdraw(&far).expect("the key");
    assert_eq!(ring.set_keys([(key(), Duration::ZERO), (setup::stranger(key().algorithm()), MOST)]), Ok(true));
    ring.rotate(setup::stranger(key().algorithm())).expect("a new key");
    assert_eq!(ring.keys().len(), 3);
    // It sleeps for as long as it's told, before it reads anything.
    let slept = std::sync::Mutex::new(Duration::ZERO);
    let reloading = ring.reload_every(MOST, |interval| {
        *slept.lock().expect("no panic") = interval;
        std::future::pending()
    });
    assert!(futures_util::FutureExt::now_or_never(reloading).is_none());
    assert_eq!(*slept.lock().expect("no panic"), MOST);
    let tokens = issuer(ring.clone()).lifetime(MOST).build().expect("an issuer");
    for access in [
        tokens.access("joe"),
        tokens.access("joe").lifetime(MOST),
        tokens.access("joe").lifetime(MOST).valid_after(MOST - Duration::from_secs(1)),
    ] {
        // A date that no token can hold.
        assert_eq!(access.issue().expect_err("no date").kind(), BuildErrorKind::Invalid);
    }
    let usual = issuer(ring.clone()).build().expect("an issuer");
    let error = usual.access("joe").valid_after(MOST).issue().expect_err("after its end");
    assert_eq!(error.kind(), BuildErrorKind::OutOfRange);
    let token = usual.access("joe").fresh_for(MOST).issue().expect("a token").token;
    let verifier = Verifier::builder().issuer(usual.trusted()).clock(clock.clone()).build().expect("a verifier");
    let Step::Ready(Ok(verified)) = verifier.verify_step(&token, Some(Location::Cookie)) else { panic!("good") };
    let renewed = ImplicitRefresh::new(usual.clone(), Cookies::new()).before_expiry(MOST).absolute(MOST);
    clock.advance(Duration::from_secs(10));
    assert!(renewed.renew(&verified).await.expect("no error").is_some());
    clock.advance(MOST);
    assert_eq!((ring.remove_expired().len(), ring.keys().len()), (2, 1));
}

#[tokio::test]
async fn sessions_may_last_forever() {
    let clock = ManualClock::at(NOW);
    let sessions = |with: fn(SessionsBuilder) -> SessionsBuilder| {
        let tokens = issuer(ring(&clock)).build().expect("an issuer");
        with(Sessions::builder(tokens, MemorySessions::new())).build()
    };
    let lasting = sessions(|builder| builder.absolute(MOST)).expect("sessions");
    let pair = lasting.login("joe").fresh_for(MOST).start().await.expect("a session");
    let token = lasting.verify(&pair.refresh.token).await.expect("a refresh token");
    assert!(lasting.refresh(&token).await.is_ok());
    let endless = sessions(|builder| builder.idle(MOST).absolute(MOST)).expect("sessions");
    let error = endless.login("joe").start().await.expect_err("a date that no token can hold");
    assert_eq!(error.kind(), ErrorKind::IssuingFailed);
    let usual = sessions(|builder| builder).expect("sessions");
    assert!(usual.login("joe").lifetime(MOST).start().await.is_ok(), "no longer than its session");
    for with in
        [(|builder| builder.grace(MOST)) as fn(SessionsBuilder) -> SessionsBuilder, |builder| builder.leeway(MOST)]
    {
        assert_eq!(sessions(with).expect_err("out of range").kind(), BuildErrorKind::OutOfRange);
    }
}

#[tokio::test]
async fn revocations_may_be_remembered_forever() {
    let clock = ManualClock::at(NOW);
    let settings =
        || RevocationSettings::new().longest_lifetime(MOST).refresh_lifetime(MOST).staleness(MOST).clock(clock.clone());
    let (fed, feed) = MemoryRevocations::with_feed(settings(), MOST);
    feed.caught_up();
    let limited = with_time_limit(Later, MOST);
    // The port is closed again.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let redis = RedisSettings::new().timeout(MOST).connect_timeout(MOST).recovery_time(MOST);
    let redis = redis.revocations(settings());
    let redis = RedisRevocations::connect(format!("redis://{gone}/"), redis).expect("an address");
    let revoked = Revocation::subject(ISSUER, "joe", Duration::from_secs(NOW));
    assert!(redis.revoke(&revoked).await.is_err(), "nobody confirms it");
    assert!(fed.revoke(&revoked).is_ok() && feed.revoke(&Revocation::session(ISSUER, "s")).is_ok());
    let token =
        Forge::new(&key()).claim("exp", NOW + 60).claim("sub", "joe").claim("jti", "t").claim("iat", NOW).sign();
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(gone.port()).user("nobody");
    let postgres = PostgresSettings::new().timeout(MOST).revocations(settings());
    let postgres = PostgresRevocations::connect(config, tokio_postgres::NoTls, postgres);
    assert!(postgres.revoke(&revoked).await.is_err(), "nobody confirms it");
    let lists: [(Arc<dyn RevocationList>, Result<(), ErrorKind>); 4] = [
        (Arc::new(fed), Err(ErrorKind::Revoked)),
        (Arc::new(redis), Err(ErrorKind::Revoked)),
        (Arc::new(postgres), Err(ErrorKind::Revoked)),
        (Arc::new(limited), Ok(())),
    ];
    for (list, expected) in lists {
        let verifier = setup::trusting(setup::issuer()).revocations(Shared(list)).build().expect("a verifier");
        assert_eq!(verifier.verify(&token).await.map(drop).map_err(|error| error.kind()), expected);
    }
}

#[derive(Debug)]
struct Shared(Arc<dyn RevocationList>);

impl RevocationList for Shared {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        self.0.look_up(token)
    }
}

/// A list that answers after a while.
#[derive(Debug)]
struct Later;

impl RevocationList for Later {
    fn look_up(&self, _: &TokenIdentity<'_>) -> Step<Standing> {
        Step::pending(async {
            tokio::task::yield_now().await;
            Standing::Good
        })
    }
}

#[tokio::test]
async fn a_forged_token_may_start_at_the_end_of_time() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.clock().set(MOST);
    for draft in [issuer.token().valid_from(MOST), issuer.token().expired(), issuer.token().not_yet_valid()] {
        assert!(!draft.sign().is_empty());
    }
}
