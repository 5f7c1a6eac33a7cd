//! Access tokens in cookies that are renewed while they are used.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::Step;
use jwt_core::http::Cookies;
use jwt_core::http::Location;
use jwt_core::issue::{AccessToken, ImplicitRefresh};
use jwt_core::{TrustedIssuer, Verified, Verifier};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::issuing::Shop;
use serde_json::{Map, Value, json};

fn claims(token: &str) -> Map<String, Value> {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("an object")
}

fn ask(target: &str, token: &str) -> Ask {
    Ask::get(target).header("cookie", format!("__Host-access={token}"))
}

/// The names and values of the cookies that a response sets.
fn set(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    lines
        .map(|(_, value)| {
            let text = String::from_utf8(value.clone()).expect("text");
            let (name, rest) = text.split_once('=').expect("a cookie");
            (name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned())
        })
        .collect()
}

fn fresh(shop: &Shop) -> AccessToken {
    shop.tokens.access("joe").scope(["a", "b"]).claim("plan", "gold").client_id("web").fresh()
}

fn verified(shop: &Shop, token: &str, location: Option<Location>) -> Verified {
    match shop.verifier.verify_step(token, location) {
        Step::Ready(outcome) => outcome.expect("good"),
        _ => panic!("at once"),
    }
}

#[actix_web::test]
async fn an_expiring_token_is_replaced_by_one_with_the_same_claims() {
    let shop = Shop::usual();
    let token = fresh(&shop).csrf().issue().expect("a token").token;
    for (waited, replaced) in [(0, false), (449, false), (450, true), (899, true), (959, true)] {
        shop.clock.set(Duration::from_secs(NOW + waited));
        for answer in [shop.send_axum(&ask("/page", &token)).await, shop.send_actix(&ask("/page", &token)).await] {
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"a page"[..]));
            let cookies = set(&answer);
            if !replaced {
                assert_eq!(cookies, [], "{waited}");
                continue;
            }
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let [(access, next), (csrf, value)] = cookies.as_slice() else { panic!("two cookies: {cookies:?}") };
            assert_eq!((access.as_str(), csrf.as_str()), ("__Host-access", "__Host-csrf"));
            let (old, mut next) = (claims(&token), claims(next));
            assert_eq!(next["csrf"], value.as_str());
            assert_eq!((&next["iat"], &next["exp"]), (&json!(NOW + waited), &json!(NOW + waited + 900)));
            assert_ne!(next["jti"], old["jti"]);
            assert_eq!(next["csrf"], old["csrf"], "an open page sends the value that it has");
            assert_eq!(next.get("fresh"), None, "no login took place");
            for name in ["iat", "exp", "jti"] {
                next[name] = old[name].clone();
            }
            next.insert("fresh".to_owned(), true.into());
            assert_eq!(next, old);
        }
    }
}

#[actix_web::test]
async fn renewals_end_a_fixed_time_after_the_login() {
    let shop = Shop::usual();
    let mut token = fresh(&shop).issue().expect("a token").token;
    let mut last = 0;
    for _ in 0..200 {
        shop.wait(600);
        let answer = shop.send_axum(&ask("/page", &token)).await;
        if answer.status != 200 {
            break;
        }
        if let Some((_, next)) = set(&answer).into_iter().next() {
            last = claims(&next)["exp"].as_u64().expect("a moment");
            assert_eq!(claims(&next)["auth_time"], NOW);
            token = next;
        }
    }
    assert_eq!(last, NOW + 12 * 60 * 60);
}

#[actix_web::test]
async fn a_response_that_sets_the_token_or_may_be_shared_is_not_changed() {
    let shop = Shop::usual();
    let token = fresh(&shop).issue().expect("a token").token;
    shop.wait(600);
    let answer = shop.send(&ask("/page-logout", &token)).await;
    assert!(set(&answer).iter().all(|(_, value)| value.is_empty()), "{answer:?}");
    assert_eq!((set(&answer).len(), answer.header("cache-control")), (3, Some("no-store")));
    let answer = shop.send(&ask("/shared-page", &token)).await;
    assert_eq!((answer.status, set(&answer)), (200, vec![]));
    assert_eq!(answer.header("cache-control"), Some("max-age=60, PUBLIC"));
    let answer = shop.send(&ask("/unnamed-page", &token)).await;
    assert_eq!((answer.header("cache-control"), set(&answer)), (Some("max-age=60"), vec![]));
    let answer = shop.send_axum(&ask("/my-page", &token)).await;
    assert_eq!((answer.header("cache-control"), set(&answer).len()), (Some("max-age=60, Private"), 1));
    let answer = shop.send_actix(&ask("/my-page", &token)).await;
    assert_eq!((answer.header("cache-control"), set(&answer).len()), (Some("max-age=60, Private"), 1));
    // Nothing is renewed for guests or for tokens in a header.
    assert_eq!(shop.send(&Ask::get("/page")).await, Answer::text("a page"));
    assert_eq!(shop.send(&Ask::get("/page").bearer(&token)).await, Answer::text("a page"));
}

#[actix_web::test]
async fn a_token_revoked_while_the_handler_runs_is_not_renewed() {
    for is_axum in [true, false] {
        let shop = Shop::usual();
        let token = fresh(&shop).issue().expect("a token").token;
        shop.wait(600);
        let send = async |target| {
            let ask = ask(target, &token);
            if is_axum { shop.send_axum(&ask).await } else { shop.send_actix(&ask).await }
        };
        assert_eq!(set(&send("/page").await).len(), 1, "while the token is valid");
        assert_eq!(send("/page-everywhere").await, Answer::text("a page"));
        assert_eq!(send("/page-everywhere").await.status, 401);
    }
}

#[actix_web::test]
async fn tokens_that_must_not_be_renewed_are_not() {
    let shop = Shop::usual();
    let refresh = || shop.implicit().before_expiry(Duration::from_secs(900));
    let renews = async |refresh: ImplicitRefresh, token: &str, location| {
        refresh.renew(&verified(&shop, token, location)).await.expect("an answer").is_some()
    };
    let cookie = Some(Location::Cookie);
    let token = |access: AccessToken| access.issue().expect("a token").token;
    let good = token(fresh(&shop));
    let of_session = shop.sessions.login("joe").start().await.expect("a session").access.token;
    let plain = token(shop.tokens.access("joe"));
    let stale = token(fresh(&shop).lifetime(Duration::from_secs(3600)));
    shop.wait(1);
    assert!(renews(refresh(), &good, cookie).await);
    for location in [None, Some(Location::Authorization), Some(Location::Header), Some(Location::Query)] {
        assert!(!renews(refresh(), &good, location).await, "{location:?}");
    }
    assert!(!renews(refresh(), &of_session, cookie).await, "a token of a session");
    assert!(!renews(refresh(), &plain, cookie).await, "a token without a login");
    assert!(
        !renews(refresh().before_expiry(Duration::from_secs(5000)), &stale, cookie).await,
        "the new token would end earlier"
    );
    assert!(!renews(refresh().before_expiry(Duration::from_secs(1)), &good, cookie).await, "too early");
    assert!(
        !renews(refresh().absolute(Duration::from_secs(900)), &good, cookie).await,
        "the new token would not end later"
    );
    assert!(
        renews(refresh().absolute(Duration::from_secs(901)), &good, cookie).await,
        "the new token ends a second later"
    );

    // Tokens of another issuer and of another kind.
    let forge = jwt_tests::setup::good().claim("auth_time", NOW).claim("exp", NOW + 100);
    let trusted = |name: &str| {
        let issuer = TrustedIssuer::new(name).key(jwt_tests::setup::key().verification_key()).audience(AUDIENCE);
        Verifier::builder().issuer(issuer).clock(shop.clock.clone()).build().expect("a verifier")
    };
    for (name, claim) in [("https://other.example", "access"), (ISSUER, "refresh")] {
        let token = forge.clone().claim("iss", name).claim("token_use", claim).sign();
        let Step::Ready(outcome) = trusted(name).verify_step(&token, cookie) else { panic!("at once") };
        assert!(refresh().renew(&outcome.expect("good")).await.expect("an answer").is_none(), "{name} {claim}");
    }
    let token = forge.claim("token_use", "access").sign();
    let Step::Ready(outcome) = trusted(ISSUER).verify_step(&token, cookie) else { panic!("at once") };
    assert!(refresh().renew(&outcome.expect("good")).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_short_lived_token_is_replaced_by_one_that_lives_no_longer() {
    let shop = Shop::usual();
    let token = fresh(&shop).lifetime(Duration::from_secs(60)).issue().expect("a token").token;
    let cookie = Some(Location::Cookie);
    for (waited, renewed) in [(29, false), (1, true)] {
        shop.wait(waited);
        let issued = shop.implicit().renew(&verified(&shop, &token, cookie)).await.expect("an answer");
        assert_eq!(issued.map(|issued| issued.lifetime.as_secs()), renewed.then_some(60), "{waited}");
    }
}

#[tokio::test]
async fn the_tokens_of_a_session_can_be_set_as_cookies() {
    let shop = Shop::usual();
    let names = |pair: &jwt_core::issue::TokenPair| -> Vec<String> {
        let cookies = pair.cookies(&Cookies::new()).expect("legal");
        cookies.values().map(|value| value.split('=').next().unwrap_or_default().to_owned()).collect()
    };
    let pair = shop.sessions.login("joe").start().await.expect("a session");
    assert_eq!(names(&pair), ["__Host-access", "__Host-refresh"]);
    let pair = shop.sessions.login("joe").csrf().start().await.expect("a session");
    assert_eq!(names(&pair), ["__Host-access", "__Host-refresh", "__Host-csrf"]);
    let value = pair.cookies(&Cookies::new()).expect("legal").into_iter().last().expect("three");
    assert!(value.starts_with(&format!("__Host-csrf={}; ", pair.access.csrf.expect("a value"))));
}
