//! Refresh and logout with the refresh token in a cookie.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::ErrorKind;
use jwt_core::http::Cookies;
use jwt_core::http::Csrf;
use jwt_core::issue::MemorySessions;
use jwt_core::testing::ScriptedSessions;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::issuing::Shop;
use serde_json::Value;

fn shop() -> Shop {
    Shop::with(MemorySessions::new(), |sessions| sessions.sources(Cookies::new().refresh_sources()))
}

async fn login(shop: &Shop) -> String {
    shop.sessions.login("joe").csrf().start().await.expect("a session").refresh.token
}

/// A request from a page, which repeats the token's claim `csrf`.
fn ask(target: &str, token: &str) -> Ask {
    let ask = Ask::post(target).header("sec-fetch-site", "same-origin");
    let ask = ask.header("cookie", format!("__Host-refresh={token}"));
    let payload = token.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let claims = payload.and_then(|payload| serde_json::from_slice::<Value>(&payload).ok());
    match claims.as_ref().and_then(|claims| claims["csrf"].as_str()) {
        Some(csrf) => ask.header("x-csrf-token", csrf),
        None => ask,
    }
}

async fn send(shop: &Shop, is_axum: bool, ask: &Ask) -> Answer {
    if is_axum { shop.send_axum(ask).await } else { shop.send_actix(ask).await }
}

/// The names and values of the cookies that a response sets.
fn set(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let mut cookies: Vec<_> = lines
        .map(|(_, value)| {
            let text = String::from_utf8(value.clone()).expect("text");
            let (name, rest) = text.split_once('=').expect("a cookie");
            (name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned())
        })
        .collect();
    cookies.sort();
    cookies
}

fn cleared() -> Vec<(String, String)> {
    ["__Host-access", "__Host-csrf", "__Host-refresh"].map(|name| (name.to_owned(), String::new())).to_vec()
}

#[actix_web::test]
async fn a_refresh_token_in_a_cookie_is_exchanged_for_cookies_that_no_script_can_read() {
    for is_axum in [true, false] {
        let shop = shop();
        let mut token = login(&shop).await;
        for _ in 0..3 {
            shop.wait(600);
            let answer = send(&shop, is_axum, &ask("/cookie-refresh", &token)).await;
            assert_eq!((answer.status, answer.body.as_slice()), (204, &b""[..]));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let cookies = set(&answer);
            let names: Vec<&str> = cookies.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["__Host-access", "__Host-csrf", "__Host-refresh"]);
            assert!(shop.verifier.verify(&cookies[0].1).await.is_ok());
            assert_ne!(cookies[2].1, token);
            token.clone_from(&cookies[2].1);
        }
    }
}

#[actix_web::test]
async fn a_session_that_has_ended_deletes_all_its_cookies() {
    for is_axum in [true, false] {
        let shop = shop();
        let token = login(&shop).await;
        let answer = send(&shop, is_axum, &ask("/cookie-refresh", &token)).await;
        let (_, next) = set(&answer).pop().expect("a refresh token");
        send(&shop, is_axum, &ask("/cookie-refresh", &next)).await;
        for code in [ErrorKind::RefreshReused, ErrorKind::SessionEnded] {
            let answer = send(&shop, is_axum, &ask("/cookie-refresh", &token)).await;
            assert_eq!((answer.status, answer.code), (401, Some(code.code())));
            assert_eq!(set(&answer), cleared());
        }
        // So does an invalid token.
        for target in ["/cookie-refresh", "/cookie-logout"] {
            let answer = send(&shop, is_axum, &ask(target, "a.b.c")).await;
            assert_eq!((answer.status, set(&answer)), (401, cleared()), "{target}");
        }
    }
}

/// Otherwise a second logout would find no refresh token, and the access token's cookie would stay.
#[actix_web::test]
async fn an_unreadable_or_repeated_refresh_token_deletes_all_cookies() {
    for is_axum in [true, false] {
        let shop = shop();
        let token = login(&shop).await;
        for target in ["/cookie-refresh", "/cookie-logout"] {
            for (value, kind) in [
                ("a b".to_owned(), ErrorKind::MalformedCredentials),
                ("\u{e9}".to_owned(), ErrorKind::MalformedCredentials),
                (format!("{token}; __Host-refresh=planted"), ErrorKind::MultipleCredentials),
            ] {
                let answer = send(&shop, is_axum, &ask(target, &value)).await;
                assert_eq!((answer.status, answer.code), (400, Some(kind.code())), "{target}");
                let mut removed = set(&answer);
                removed.dedup();
                assert_eq!(removed, cleared(), "{target} {kind:?}");
            }
        }
    }
}

#[actix_web::test]
async fn a_login_whose_tokens_do_not_fit_into_cookies_stores_no_session_and_ends_none() {
    let shop = Shop::with(MemorySessions::new(), |sessions| sessions.max_per_subject(1));
    let kept = shop.sessions.login("joe").start().await.expect("a session").session_id;
    let large = || shop.sessions.login("joe").claim("roles", "r".repeat(5_000));
    let refused = large().for_cookies(&Cookies::new()).start().await.err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::IssuingFailed));
    let ids = async || shop.sessions.list("joe").await.expect("an answer").into_iter().map(|session| session.id);
    assert_eq!(ids().await.collect::<Vec<_>>(), [kept]);
    // Without cookies, the size does not matter.
    let large = large().start().await.expect("a session").session_id;
    assert_eq!(ids().await.collect::<Vec<_>>(), [large]);
    assert!(shop.sessions.login("joe").for_cookies(&Cookies::new()).start().await.is_ok());
}

#[actix_web::test]
async fn a_logout_deletes_all_cookies() {
    for is_axum in [true, false] {
        let shop = shop();
        let token = login(&shop).await;
        let answer = send(&shop, is_axum, &ask("/cookie-logout", &token)).await;
        assert_eq!((answer.status, answer.header("cache-control"), set(&answer)), (204, Some("no-store"), cleared()));
        assert_eq!(shop.sessions.list("joe").await.expect("an answer"), []);
    }
}

/// The refresh token's cookie may have expired, or have had another name or path when it was set.
#[actix_web::test]
async fn a_logout_without_a_token_deletes_the_cookies_if_a_page_of_the_application_asks() {
    let shop = shop();
    let host = Ask::post("/cookie-logout").header("host", "shop.example");
    for (header, value, expected) in [
        ("sec-fetch-site", "same-origin", cleared()),
        ("origin", "https://shop.example", cleared()),
        ("sec-fetch-site", "same-site", vec![]),
        ("sec-fetch-site", "cross-site", vec![]),
        ("origin", "https://evil.example", vec![]),
        ("x-csrf-token", "guess", vec![]),
    ] {
        let answer = shop.send(&host.clone().header(header, value)).await;
        assert_eq!(
            (answer.status, answer.code, set(&answer)),
            (401, Some("no_credentials"), expected),
            "{header} {value}"
        );
    }
    let refresh = shop.send(&Ask::post("/cookie-refresh").header("sec-fetch-site", "same-origin")).await;
    assert_eq!((refresh.status, set(&refresh)), (401, vec![]));
}

#[actix_web::test]
async fn a_logout_that_fails_deletes_all_cookies_and_ends_the_session() {
    for is_axum in [true, false] {
        let store = ScriptedSessions::default();
        let shop = Shop::with(store.clone(), |sessions| sessions.sources(Cookies::new().refresh_sources()));
        let token = login(&shop).await;
        store.fail(&ScriptedSessions::ALL);
        let answer = send(&shop, is_axum, &ask("/cookie-logout", &token)).await;
        assert_eq!((answer.status, answer.code), (503, Some("sessions_unavailable")));
        assert_eq!((answer.header("retry-after"), set(&answer)), (Some("5"), cleared()));
        // A refresh that fails keeps them.
        let answer = send(&shop, is_axum, &ask("/cookie-refresh", &token)).await;
        assert_eq!((answer.status, set(&answer)), (503, vec![]));
        store.recover();
        let answer = send(&shop, is_axum, &ask("/cookie-refresh", &token)).await;
        assert_eq!((answer.status, answer.code), (401, Some("session_ended")));
    }
}

/// Roles that are added at a refresh may be too much for a cookie.
#[actix_web::test]
async fn tokens_that_do_not_fit_into_cookies_leave_the_refresh_token_valid() {
    for is_axum in [true, false] {
        let size = Arc::new(AtomicUsize::new(5_000));
        let current = Arc::clone(&size);
        let shop = Shop::with(MemorySessions::new(), |sessions| {
            let sessions = sessions.sources(Cookies::new().refresh_sources());
            sessions.renew_with(move |_, access| {
                let roles = "r".repeat(current.load(Ordering::SeqCst));
                async move { Ok(Some(access.claim("roles", roles))) }
            })
        });
        let token = login(&shop).await;
        for _ in 0..2 {
            let answer = send(&shop, is_axum, &ask("/cookie-refresh", &token)).await;
            assert_eq!((answer.status, answer.code, set(&answer)), (500, Some("issuing_failed"), vec![]));
            shop.wait(60);
        }
        let record = shop.sessions.list("joe").await.expect("an answer").remove(0);
        assert_eq!(record.last_used_at, record.created_at, "nothing was exchanged");
        size.store(50, Ordering::SeqCst);
        assert_eq!(send(&shop, is_axum, &ask("/cookie-refresh", &token)).await.status, 204);
        // Without cookies, the size does not matter.
        size.store(5_000, Ordering::SeqCst);
        let pair = shop.sessions.login("ann").start().await.expect("a session");
        let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
        assert!(shop.sessions.refresh(&token).for_cookies(&Cookies::new()).await.is_err());
        assert!(shop.sessions.refresh(&token).await.is_ok());
    }
}

#[actix_web::test]
async fn a_form_without_scripts_can_refresh_and_log_out() {
    for is_axum in [true, false] {
        let csrf = Csrf::new().require_claim().form_field("csrf_token");
        let sources = Cookies::new().refresh_sources().csrf(csrf);
        let shop = Shop::with(MemorySessions::new(), |sessions| sessions.sources(sources));
        let pair = shop.sessions.login("joe").csrf().start().await.expect("a session");
        // The page reads the value from the access token. It's the same in all tokens of a session.
        let value = pair.access.csrf.expect("asked for");
        let form = |target: &str, token: &str, field: &str| {
            let ask = Ask::post(target).header("cookie", format!("__Host-refresh={token}"));
            let ask = ask.header("sec-fetch-site", "same-origin").body(format!("csrf_token={field}"));
            ask.header("content-type", "application/x-www-form-urlencoded").in_chunks(5, &Arc::default())
        };
        let refused = send(&shop, is_axum, &form("/cookie-refresh", &pair.refresh.token, "guess")).await;
        assert_eq!(refused, Answer::csrf());
        let answer = send(&shop, is_axum, &form("/cookie-refresh", &pair.refresh.token, &value)).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let cookies = set(&answer);
        let (_, next) = cookies.last().expect("three");
        assert_eq!(send(&shop, is_axum, &form("/cookie-logout", next, "guess")).await, Answer::csrf());
        assert_eq!(shop.sessions.list("joe").await.expect("an answer").len(), 1);
        let answer = send(&shop, is_axum, &form("/cookie-logout", next, &value)).await;
        assert_eq!((answer.status, set(&answer)), (204, cleared()));
        assert_eq!(shop.sessions.list("joe").await.expect("an answer"), []);
    }
}

#[actix_web::test]
async fn another_site_cannot_delete_cookies() {
    let shop = shop();
    let token = login(&shop).await;
    for target in ["/cookie-refresh", "/cookie-logout"] {
        assert_eq!(shop.send(&Ask::post(target)).await, Answer::missing(), "{target}");
        let foreign = Ask::post(target).header("sec-fetch-site", "cross-site");
        let answer = shop.send(&foreign.header("cookie", format!("__Host-refresh={token}"))).await;
        assert_eq!((answer.status, set(&answer)), (403, vec![]), "{target}");
    }
    assert_eq!(shop.sessions.list("joe").await.expect("an answer").len(), 1);
}

#[actix_web::test]
async fn an_endpoint_without_cookies_does_not_use_up_a_refresh_token_in_a_cookie() {
    let shop = shop();
    let token = login(&shop).await;
    assert_eq!(shop.send(&ask("/refresh", &token)).await, Answer::fault(ErrorKind::IssuingFailed));
    shop.wait(60);
    assert_eq!(
        shop.send_axum(&ask("/cookie-refresh", &token)).await.status,
        204,
        "the token is valid at the right endpoint"
    );
}

#[actix_web::test]
async fn a_refresh_token_in_a_header_is_answered_without_cookies() {
    for is_axum in [true, false] {
        let shop = Shop::usual();
        let ask = Ask::post("/cookie-refresh").bearer(&login(&shop).await);
        let answer = send(&shop, is_axum, &ask).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(set(&answer), []);
        let next: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let next = next["refresh_token"].as_str().expect("a token");
        send(&shop, is_axum, &Ask::post("/cookie-refresh").bearer(next)).await;
        let answer = send(&shop, is_axum, &ask).await;
        assert_eq!(answer, Answer::refused(ErrorKind::RefreshReused));
    }
}
