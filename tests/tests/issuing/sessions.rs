//! The life of a session: login, refresh, reuse and logout.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::BuildErrorKind;
use jwt_core::ErrorKind;
use jwt_core::issue::{KeyRing, TokenIssuer};
use jwt_core::issue::{MemorySessions, RefreshToken, Session, Sessions, SessionsBuilder, TokenPair};
use jwt_core::testing::ScriptedSessions;
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::issuing::Shop;
use jwt_tests::log::Log;
use jwt_tests::setup::key;
use serde_json::{Value, json};

const DAY: u64 = 86_400;

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

async fn login(shop: &Shop) -> TokenPair {
    shop.sessions.login("joe").scope(["a", "b"]).start().await.expect("a session")
}

pub(crate) async fn refresh(shop: &Shop, token: &str) -> Result<TokenPair, ErrorKind> {
    let token = shop.sessions.verify(token).await.map_err(|error| error.kind())?;
    shop.sessions.refresh(&token).await.map_err(|error| error.kind())
}

pub(crate) fn outcome(result: Result<TokenPair, ErrorKind>) -> Result<(), ErrorKind> {
    result.map(|_| ())
}

#[tokio::test]
async fn a_refresh_token_is_marked_by_type_use_and_audience() {
    let shop = Shop::usual();
    let pair = login(&shop).await;
    let header: Value = {
        let header = pair.refresh.token.split('.').next().expect("a header");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON")
    };
    assert_eq!(header["typ"], "refresh+jwt");
    let expected = json!({
        "iss": ISSUER, "aud": format!("{ISSUER}#refresh"), "sub": "joe", "sid": pair.session_id, "token_use": "refresh",
        "iat": NOW, "exp": NOW + 7 * DAY, "jti": pair.refresh.jwt_id, "rotations": 0,
    });
    assert_eq!(claims(&pair.refresh.token), expected);
    assert_eq!(claims(&pair.access.token)["sid"], pair.session_id.as_str());
    assert_eq!(pair.refresh.lifetime.as_secs(), 7 * DAY);
    assert_eq!(URL_SAFE_NO_PAD.decode(&pair.session_id).expect("base64url").len(), 16);
}

#[tokio::test]
async fn a_hundred_concurrent_refreshes_get_copies_of_the_same_next_token() {
    let shop = Shop::usual();
    let pair = login(&shop).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (shop, token) = (shop.clone(), pair.refresh.token.clone());
            tokio::spawn(async move { refresh(&shop, &token).await })
        })
        .collect();
    let (mut next, mut copies) = (BTreeSet::new(), Vec::new());
    for task in tasks {
        let pair = task.await.expect("an end").expect("a pair");
        let refresh = claims(&pair.refresh.token);
        next.insert((refresh["rotations"].to_string(), refresh["exp"].to_string(), refresh["iat"].to_string()));
        let access = claims(&pair.access.token);
        assert_eq!((&access["sid"], &access["scope"]), (&json!(pair.session_id), &json!("a b")));
        copies.push(pair.refresh);
    }
    assert_eq!(next.len(), 1, "{next:?}");
    assert_eq!(copies.iter().map(|copy| &copy.jwt_id).collect::<BTreeSet<_>>().len(), 100);
    // Any of them can be exchanged, and within the grace period all of them. After it, a second copy is a second party.
    let after = refresh(&shop, &copies[0].token).await.expect("a pair");
    shop.wait(9);
    assert_eq!(outcome(refresh(&shop, &copies[1].token).await), Ok(()));
    shop.wait(1);
    assert_eq!(outcome(refresh(&shop, &copies[2].token).await), Err(ErrorKind::RefreshReused));
    assert_eq!(outcome(refresh(&shop, &after.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(shop.sessions.list("joe").await.expect("an answer"), []);
}

#[tokio::test]
async fn a_client_that_got_no_answer_may_repeat_itself_until_the_next_token_is_exchanged() {
    for grace in [0, 10] {
        let settings = |sessions: SessionsBuilder| sessions.grace(Duration::from_secs(grace));
        let shop = Shop::with(MemorySessions::new(), settings);
        let first = login(&shop).await.refresh.token;
        shop.wait(900);
        // The answers get lost, for longer than any grace period.
        for _ in 0..3 {
            refresh(&shop, &first).await.expect("a pair");
            shop.wait(DAY);
        }
        let second = refresh(&shop, &first).await.expect("a pair").refresh.token;
        shop.wait(DAY);
        let third = refresh(&shop, &second).await.expect("a pair").refresh.token;
        // From now on, the first token is one that only a thief would use.
        assert_eq!(outcome(refresh(&shop, &first).await), Err(ErrorKind::RefreshReused), "{grace}");
        assert_eq!(outcome(refresh(&shop, &third).await), Err(ErrorKind::SessionEnded), "{grace}");
    }
}

#[tokio::test]
async fn a_repeated_token_is_good_until_it_expires() {
    let shop = Shop::usual();
    let first = login(&shop).await.refresh.token;
    shop.wait(7 * DAY - 1);
    refresh(&shop, &first).await.expect("a pair");
    shop.wait(60);
    assert_eq!(outcome(refresh(&shop, &first).await), Ok(()), "within its leeway");
    shop.wait(1);
    assert_eq!(outcome(refresh(&shop, &first).await), Err(ErrorKind::Expired));
}

#[tokio::test]
async fn the_grace_period_is_as_long_as_configured() {
    for (grace, wait, expected) in [
        (10_000, 9, Ok(())),
        (10_000, 10, Err(ErrorKind::RefreshReused)),
        (0, 0, Err(ErrorKind::RefreshReused)),
        (1, 0, Ok(())),
        (1, 1, Err(ErrorKind::RefreshReused)),
        (60_000, 59, Ok(())),
    ] {
        let settings = |sessions: SessionsBuilder| sessions.grace(Duration::from_millis(grace));
        let shop = Shop::with(MemorySessions::new(), settings);
        let first = login(&shop).await.refresh.token;
        // Two tabs get a copy each.
        let one = refresh(&shop, &first).await.expect("a pair").refresh.token;
        let other = refresh(&shop, &first).await.expect("a pair").refresh.token;
        refresh(&shop, &one).await.expect("a pair");
        shop.wait(wait);
        assert_eq!(outcome(refresh(&shop, &other).await), expected, "{grace} {wait}");
    }
}

#[tokio::test]
async fn a_repeated_token_expires_with_the_first_copy() {
    let shop = Shop::usual();
    let first = login(&shop).await.refresh.token;
    shop.wait(100);
    let once = refresh(&shop, &first).await.expect("a pair").refresh;
    shop.wait(9);
    let again = refresh(&shop, &first).await.expect("a pair").refresh;
    assert_eq!(again.expires_at, once.expires_at);
    assert_ne!(again.jwt_id, once.jwt_id);
    assert_eq!(again.lifetime + Duration::from_secs(9), once.lifetime);
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_lasts_until_its_maximum_lifetime() {
    let shop = Shop::usual();
    let token = login(&shop).await.refresh.token;
    shop.wait(7 * DAY);
    assert_eq!(outcome(refresh(&shop, &token).await), Err(ErrorKind::SessionEnded), "within the token's leeway");
    shop.wait(60);
    assert_eq!(outcome(refresh(&shop, &token).await), Err(ErrorKind::Expired));

    let shop = Shop::usual();
    let mut pair = login(&shop).await;
    for _ in 0..4 {
        shop.wait(6 * DAY);
        pair = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    }
    assert_eq!(pair.refresh.expires_at.seconds(), (NOW + 30 * DAY) as i64);
    shop.wait(6 * DAY - 60);
    let last = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    assert_eq!(
        (last.refresh.lifetime.as_secs(), last.access.lifetime.as_secs()),
        (60, 60),
        "no token outlives the session"
    );
    assert_eq!(claims(&last.access.token)["auth_time"], NOW);
    shop.wait(60);
    assert_eq!(outcome(refresh(&shop, &last.refresh.token).await), Err(ErrorKind::SessionEnded));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_but_one() {
    let shop = Shop::usual();
    let sessions = &shop.sessions;
    let long = format!(" {} ", "x".repeat(300));
    let phone = sessions.login("joe").device("Phone").start().await.expect("a session");
    shop.wait(1);
    let laptop = sessions.login("joe").device(&long).start().await.expect("a session");
    shop.wait(1);
    let other = sessions.login("ann").device("  ").start().await.expect("a session");
    shop.wait(1);
    let phone = refresh(&shop, &phone.refresh.token).await.expect("a pair");

    let listed = sessions.list("joe").await.expect("an answer");
    let shown: Vec<_> = listed
        .iter()
        .map(|session| (session.id.as_str(), session.device.clone(), session.last_used_at.seconds() - NOW as i64))
        .collect();
    assert_eq!(
        shown,
        [
            (phone.session_id.as_str(), Some("Phone".to_owned()), 3),
            (laptop.session_id.as_str(), Some("x".repeat(200)), 1)
        ]
    );
    assert_eq!(listed[0].created_at.seconds(), NOW as i64);
    assert_eq!(sessions.list("ann").await.expect("an answer")[0].device, None);
    let printed = format!("{listed:?} {sessions:?} {phone:?}");
    for secret in ["Phone", phone.session_id.as_str(), &phone.refresh.token[..20], &phone.refresh.jwt_id] {
        assert!(!printed.contains(secret), "{printed}");
    }

    // A subject cannot end another subject's session.
    assert!(!sessions.end("ann", &phone.session_id).await.expect("an answer"));
    let verified = shop.verifier.verify(&laptop.access.token).await.expect("good");
    assert_eq!(sessions.end_others(&verified).await.expect("an answer"), 1);
    assert_eq!(outcome(refresh(&shop, &phone.refresh.token).await), Err(ErrorKind::SessionEnded));
    let laptop = refresh(&shop, &laptop.refresh.token).await.expect("a pair");
    assert!(sessions.end("joe", &laptop.session_id).await.expect("an answer"));
    assert!(!sessions.end("joe", &laptop.session_id).await.expect("an answer"));
    assert_eq!(outcome(refresh(&shop, &laptop.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(sessions.end_all("ann").await.expect("an answer"), 1);
    assert_eq!(outcome(refresh(&shop, &other.refresh.token).await), Err(ErrorKind::SessionEnded));
}

#[tokio::test]
async fn a_login_beyond_the_limit_ends_the_least_recently_used_session() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let shop = Shop::with(MemorySessions::new(), |sessions| recording(&ended)(sessions.max_per_subject(2)));
    let first = login(&shop).await;
    shop.wait(1);
    let second = login(&shop).await;
    shop.wait(1);
    let first = refresh(&shop, &first.refresh.token).await.expect("a pair");
    let third = login(&shop).await;
    assert_eq!(outcome(refresh(&shop, &second.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(*ended.lock().expect("not poisoned"), [second.session_id]);
    for pair in [first, third] {
        assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Ok(()));
    }
}

/// Records the sessions that end.
fn recording(ended: &Arc<Mutex<Vec<String>>>) -> impl FnOnce(SessionsBuilder) -> SessionsBuilder {
    let ended = Arc::clone(ended);
    move |sessions| {
        sessions.on_end(move |session| {
            let ended = Arc::clone(&ended);
            async move {
                assert_eq!(session.issuer, ISSUER);
                ended.lock().expect("not poisoned").push(session.id);
                Ok(())
            }
        })
    }
}

#[tokio::test]
async fn the_hook_that_revokes_access_tokens_is_called_for_each_session_that_ends() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let shop = Shop::with(MemorySessions::new(), recording(&ended));
    let told = |pair: &TokenPair| {
        let told = std::mem::take(&mut *ended.lock().expect("not poisoned"));
        assert_eq!(told, [pair.session_id.as_str()]);
    };
    let pair = login(&shop).await;
    let verified = shop.verifier.verify(&pair.access.token).await.expect("good");
    shop.sessions.logout(&verified).await.expect("an answer");
    told(&pair);
    // A repeated logout calls the hook again, because the first call may have failed halfway.
    shop.sessions.logout(&verified).await.expect("an answer");
    told(&pair);

    let pair = login(&shop).await;
    let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
    shop.sessions.logout(&token).await.expect("an answer");
    told(&pair);

    let pair = login(&shop).await;
    let next = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    refresh(&shop, &next.refresh.token).await.expect("a pair");
    assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Err(ErrorKind::RefreshReused));
    told(&pair);

    let pair = login(&shop).await;
    shop.sessions.end("joe", &pair.session_id).await.expect("an answer");
    told(&pair);
    let pair = login(&shop).await;
    shop.sessions.end_all("joe").await.expect("an answer");
    told(&pair);
}

#[tokio::test]
async fn the_application_is_asked_at_each_refresh() {
    let answer: Arc<Mutex<Result<Option<&str>, &str>>> = Arc::new(Mutex::new(Ok(Some("admin"))));
    let asked = Arc::clone(&answer);
    let shop = Shop::with(MemorySessions::new(), |sessions| {
        sessions.renew_with(move |session, access| {
            let answer = *asked.lock().expect("not poisoned");
            async move {
                assert_eq!((session.device.as_deref(), access.subject()), (Some("Phone"), "joe"));
                Ok(answer?.map(|role| access.claim("role", role)))
            }
        })
    });
    let login = shop.sessions.login("joe").claim("role", "user").scope(["a"]).device("Phone");
    let pair = login.start().await.expect("a session");
    assert_eq!(claims(&pair.access.token)["role"], "user");
    let pair = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    assert_eq!(
        (&claims(&pair.access.token)["role"], &claims(&pair.access.token)["scope"]),
        (&json!("admin"), &json!("a"))
    );
    // An outage ends no session.
    *answer.lock().expect("not poisoned") = Err("the directory is down");
    assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Err(ErrorKind::SessionsUnavailable));
    *answer.lock().expect("not poisoned") = Ok(Some("user"));
    let pair = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    // If the application refuses, the session ends.
    *answer.lock().expect("not poisoned") = Ok(None);
    assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(shop.sessions.list("joe").await.expect("an answer"), []);
}

#[tokio::test]
async fn a_refresh_that_fails_to_issue_tokens_does_not_use_up_the_token() {
    let is_wrong = Arc::new(AtomicBool::new(true));
    let wrong = Arc::clone(&is_wrong);
    let shop = Shop::with(MemorySessions::new(), |sessions| {
        sessions.renew_with(move |_, access| {
            let is_wrong = wrong.load(Ordering::SeqCst);
            async move { Ok(Some(if is_wrong { access.claim("sub", "root") } else { access })) }
        })
    });
    let token = login(&shop).await.refresh.token;
    assert_eq!(outcome(refresh(&shop, &token).await), Err(ErrorKind::IssuingFailed));
    shop.wait(10);
    is_wrong.store(false, Ordering::SeqCst);
    assert_eq!(outcome(refresh(&shop, &token).await), Ok(()));
}

#[tokio::test]
async fn a_refresh_may_ask_for_fewer_scopes_but_never_for_more() {
    let shop = Shop::usual();
    let pair = shop.sessions.login("joe").scope(["a", "b"]).client_id("web").start().await.expect("a session");
    let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
    let kind = |result: Result<TokenPair, jwt_core::Error>| result.map(|_| ()).map_err(|error| error.kind());
    let sessions = &shop.sessions;
    assert_eq!(kind(sessions.refresh(&token).scope(["a", "c"]).await), Err(ErrorKind::InsufficientScope));
    assert_eq!(kind(sessions.refresh(&token).scope([""]).await), Err(ErrorKind::InsufficientScope));
    assert_eq!(kind(sessions.refresh(&token).client_id("other").await), Err(ErrorKind::WrongClaim));
    // None of these has used up the token.
    let less = sessions.refresh(&token).scope(["b"]).client_id("web").await.expect("a pair");
    assert_eq!(
        (&claims(&less.access.token)["scope"], &claims(&less.refresh.token)["client_id"]),
        (&json!("b"), &json!("web"))
    );
    // Scopes that were not requested are not lost.
    let all = refresh(&shop, &less.refresh.token).await.expect("a pair");
    assert_eq!(claims(&all.access.token)["scope"], "a b");
}

#[tokio::test]
async fn the_settings_of_a_login_last_for_the_whole_session() {
    let shop = Shop::usual();
    let login = shop.sessions.login("joe").claims(&json!({"plan": "gold"})).audience("x").audience("y").csrf();
    let login = login.lifetime(Duration::from_secs(60)).fresh_for(Duration::from_secs(30));
    let pair = login.start().await.expect("a session");
    assert_eq!(claims(&pair.access.token)["fresh"], NOW + 30);
    let next = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    let access = claims(&next.access.token);
    assert_eq!(
        (&access["plan"], &access["aud"], &access["exp"]),
        (&json!("gold"), &json!(["x", "y"]), &json!(NOW + 60))
    );
    assert_eq!(access.get("fresh"), None);
    // All tokens of a session have the same CSRF value, so a page never sends an old one.
    let values: BTreeSet<Option<String>> =
        [&pair.access, &pair.refresh, &next.access, &next.refresh].map(|issued| issued.csrf.clone()).into();
    assert!(values.len() == 1 && !values.contains(&None));
    assert_eq!(claims(&next.refresh.token)["csrf"].as_str(), next.refresh.csrf.as_deref());
}

#[tokio::test]
async fn a_token_of_another_service_cannot_be_refreshed_or_logged_out() {
    let shop = Shop::usual();
    let ring = KeyRing::builder().key(key()).clock(shop.clock.clone()).build().expect("a ring");
    let tokens = TokenIssuer::builder("https://other.example", ring).audience(AUDIENCE).build().expect("an issuer");
    let other = Sessions::builder(tokens, MemorySessions::new()).build().expect("sessions");
    let pair = other.login("joe").start().await.expect("a session");
    let token = other.verify(&pair.refresh.token).await.expect("good there");
    assert_eq!(shop.sessions.verify(&pair.refresh.token).await.expect_err("another").kind(), ErrorKind::UnknownIssuer);
    assert_eq!(shop.sessions.refresh(&token).await.expect_err("another").kind(), ErrorKind::UnknownIssuer);
    assert_eq!(shop.sessions.logout(&token).await.expect_err("another").kind(), ErrorKind::UnknownIssuer);

    let pair = login(&shop).await;
    let access = shop.verifier.verify(&pair.access.token).await.expect("good");
    assert_eq!(RefreshToken::of(&access).expect_err("an access token").kind(), ErrorKind::WrongType);
    let alone = shop.tokens.access("joe").issue().expect("a token").token;
    let alone = shop.verifier.verify(&alone).await.expect("good");
    let error = shop.sessions.logout(&alone).await.expect_err("a token without a session");
    assert_eq!((error.kind(), error.unmet()), (ErrorKind::MissingClaim, Some("sid")));
}

#[tokio::test]
async fn each_wrong_setting_of_sessions_is_named() {
    let tokens = Shop::usual().tokens;
    let builder = || Sessions::builder(tokens.clone(), MemorySessions::new());
    for (builder, expected) in [
        (builder(), None),
        (builder().idle(Duration::ZERO), Some("idle")),
        (builder().idle(Duration::from_secs(31 * DAY)).absolute(Duration::from_secs(60 * DAY)), Some("idle")),
        (builder().idle(Duration::from_secs(30 * DAY)).absolute(Duration::from_secs(60 * DAY)), None),
        (builder().idle(Duration::from_secs(60 * DAY)).absolute(Duration::from_secs(30 * DAY)), None),
        (builder().absolute(Duration::from_millis(1)), Some("idle")),
        (builder().grace(Duration::from_secs(61)), Some("grace")),
        (builder().max_per_subject(0), Some("max_per_subject")),
        (builder().leeway(Duration::from_secs(301)), Some("leeway")),
        (builder().sources(jwt_core::http::TokenSources::none()), Some("sources")),
    ] {
        let error = builder.build().err();
        assert_eq!(
            error.as_ref().map(|error| (error.kind(), error.setting())),
            expected.map(|about| match about {
                "sources" => (BuildErrorKind::Empty, about),
                _ => (BuildErrorKind::OutOfRange, about),
            })
        );
    }
}

#[tokio::test]
async fn the_log_reports_reuse_and_outages_without_naming_the_user() {
    let store = ScriptedSessions::default();
    let shop = Shop::with(store.clone(), |sessions| sessions);
    let log = Log::start();
    let login = shop.sessions.login("joe@example.org").device("Phone").scope(["a"]);
    let pair = login.start().await.expect("a session");
    let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
    let next = shop.sessions.refresh(&token).await.expect("a pair");
    refresh(&shop, &next.refresh.token).await.expect("a pair");
    assert!(shop.sessions.refresh(&token).await.is_err());
    store.fail(&ScriptedSessions::ALL);
    assert!(shop.sessions.refresh(&token).await.is_err());
    let text = log.text();
    assert!(text.contains("WARN jwt_core::issue") && text.contains("used again"), "{text}");
    assert!(text.contains("ERROR jwt_core::issue") && text.contains("the store is down"), "{text}");
    for secret in ["joe", "Phone", pair.session_id.as_str(), &pair.refresh.jwt_id, &next.refresh.jwt_id] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// A store that loses writes is more than this: see `tests/session_model`.
#[tokio::test]
async fn a_session_whose_end_the_store_missed_is_ended_by_the_next_request_in_the_process() {
    let store = ScriptedSessions::default();
    let shop = Shop::with(store.clone(), |sessions| sessions);
    let (ended, other) = (login(&shop).await, login(&shop).await);
    store.fail(&ScriptedSessions::ALL);
    let token = shop.sessions.verify(&ended.refresh.token).await.expect("good");
    let kinds = [
        shop.sessions.logout(&token).await.expect_err("down").kind(),
        shop.sessions.end("joe", &other.session_id).await.expect_err("down").kind(),
    ];
    assert_eq!(kinds, [ErrorKind::SessionsUnavailable; 2]);
    store.recover();
    // The store isn't asked again for a second, but this process knows.
    assert_eq!(shop.sessions.heal().await.expect("nothing is due"), 0);
    assert_eq!(outcome(refresh(&shop, &ended.refresh.token).await), Err(ErrorKind::SessionEnded));
    let ids = |sessions: Vec<Session>| sessions.into_iter().map(|session| session.id).collect::<Vec<_>>();
    assert_eq!(ids(shop.sessions.list("joe").await.expect("an answer")), [other.session_id.as_str()]);
    shop.wait(1);
    login(&shop).await;
    assert_eq!(outcome(refresh(&shop, &other.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(shop.sessions.list("joe").await.expect("an answer").len(), 1);
    // A subject cannot end another subject's session like that.
    let mine = shop.sessions.login("ann").start().await.expect("a session");
    store.fail(&ScriptedSessions::ALL);
    assert!(shop.sessions.end("joe", &mine.session_id).await.is_err());
    store.recover();
    shop.wait(2);
    shop.sessions.heal().await.expect("an answer");
    assert_eq!(outcome(refresh(&shop, &mine.refresh.token).await), Ok(()));
}
