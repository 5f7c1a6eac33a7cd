//! The responses of both adapters for an application that issues its own tokens.

use std::time::Duration;

use jwt_core::crypto::SigningKey;
use jwt_core::keys::KeySet;
use jwt_core::testing::ScriptedSessions;
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::issuing::Shop;
use jwt_tests::setup::{key, stranger};
use serde_json::{Value, json};

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// The two tokens of a response.
fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = body(answer);
    let text = |name: &str| body[name].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn login(shop: &Shop) -> (String, String) {
    tokens(&shop.send_axum(&Ask::post("/login").body("joe")).await)
}

#[actix_web::test]
async fn the_keys_are_published_with_a_tag_and_a_lifetime() {
    let shop = Shop::usual();
    let answer = shop.send(&Ask::get("/jwks")).await;
    assert_eq!(body(&answer), json!({"keys": [key().public_jwk()]}));
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    let tag = answer.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 45, "{tag}");
    let text = String::from_utf8(answer.body).expect("text");
    assert_eq!(KeySet::from_jwks(&text).expect("a set").keys().len(), 1);

    for (named, fits) in [
        (tag.clone(), true),
        (format!("W/{tag}"), true),
        (format!("\"other\", {tag}"), true),
        ("*".to_owned(), true),
        ("\"other\"".to_owned(), false),
        (tag.trim_matches('"').to_owned(), false),
        (String::new(), false),
    ] {
        let answer = shop.send(&Ask::get("/jwks").header("if-none-match", &named)).await;
        assert_eq!((answer.status, answer.body.is_empty()), if fits { (304, true) } else { (200, false) }, "{named}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    }

    // A key is published before it signs. Once it signs, the tag of the first set no longer matches.
    shop.ring.rotate(stranger(Algorithm::Ed25519)).expect("a new key");
    let answer = shop.send(&Ask::get("/jwks").header("if-none-match", &tag)).await;
    assert_eq!((answer.status, body(&answer)["keys"].as_array().map(Vec::len)), (200, Some(2)));
    shop.wait(32 * 86_400);
    let answer = shop.send(&Ask::get("/jwks")).await;
    assert_eq!(body(&answer)["keys"][0]["kty"], "OKP", "the first is gone");
}

#[actix_web::test]
async fn only_the_public_half_of_a_key_is_published() {
    for algorithm in [Algorithm::RS256, Algorithm::ES512, Algorithm::Ed25519, Algorithm::MlDsa44] {
        let store = jwt_core::issue::MemorySessions::new();
        let shop = Shop::signing_with(stranger(algorithm), store, |sessions| sessions);
        let answer = shop.send(&Ask::get("/jwks")).await;
        let key = body(&answer)["keys"][0].clone();
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            assert!(key.get(private).is_none(), "{algorithm}");
        }
        assert_eq!(key["use"], "sig");
    }
}

#[actix_web::test]
async fn a_key_set_is_cached_for_less_time_than_a_key_is_published_before_it_signs() {
    for (ahead, expected) in [(86_400, 600), (2_400, 600), (2_399, 599), (60, 15), (0, 0)] {
        let ring = jwt_core::issue::KeyRing::builder().key(key()).publish_ahead(Duration::from_secs(ahead));
        let endpoint = ring.build().expect("a ring").jwks().expect("public keys");
        let request = jwt_core::testing::BareRequest::new("GET", "/");
        let answer = jwt_tests::gate::enter(&endpoint, &request).expect_err("an endpoint answers");
        let expected = format!("public, max-age={expected}");
        assert!(answer.headers.contains(&("cache-control", expected)), "{ahead}: {:?}", answer.headers);
    }
}

#[actix_web::test]
async fn the_metadata_contains_the_address_of_the_keys() {
    let shop = Shop::usual();
    let answer = shop.send(&Ask::get("/metadata")).await;
    assert_eq!(body(&answer), json!({"issuer": ISSUER, "jwks_uri": "https://id.example/jwks"}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    assert!(answer.header("etag").is_some());
}

#[actix_web::test]
async fn an_endpoint_answers_only_its_own_methods() {
    let shop = Shop::usual();
    for (target, allow, methods) in [
        ("/jwks", "GET, HEAD", ["POST", "PUT", "DELETE", "OPTIONS"]),
        ("/metadata", "GET, HEAD", ["POST", "PUT", "DELETE", "OPTIONS"]),
        ("/refresh", "POST", ["GET", "PUT", "DELETE", "OPTIONS"]),
        ("/logout", "POST", ["GET", "PUT", "DELETE", "OPTIONS"]),
    ] {
        for method in methods {
            let answer = shop.send(&Ask::new(method, target)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {target}");
        }
    }
}

#[actix_web::test]
async fn a_login_is_answered_in_oauth_form_and_must_not_be_cached() {
    for adapter in [true, false] {
        let shop = Shop::usual();
        let ask = Ask::post("/login").body("joe");
        let answer = if adapter { shop.send_axum(&ask).await } else { shop.send_actix(&ask).await };
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = body(&answer);
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(900)));
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(4));
        let (access, _) = tokens(&answer);
        let claims = super::endpoints::body(&shop.send(&Ask::get("/fresh").bearer(&access)).await);
        assert_eq!((&claims["scope"], &claims["auth_time"]), (&json!("reports:read profile"), &json!(NOW)));
    }
}

#[actix_web::test]
async fn a_refresh_returns_the_next_pair_which_is_not_fresh() {
    for target in ["/refresh", "/my-refresh"] {
        let shop = Shop::usual();
        let (_, mut refresh) = login(&shop).await;
        for turn in 0..6 {
            shop.wait(600);
            let ask = Ask::post(target).bearer(&refresh);
            let answer = if turn % 2 == 0 { shop.send_axum(&ask).await } else { shop.send_actix(&ask).await };
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let (access, next) = tokens(&answer);
            let me = shop.send(&Ask::get("/me").bearer(&access)).await;
            assert_eq!((&body(&me)["sub"], &body(&me)["auth_time"]), (&json!("joe"), &json!(NOW)));
            assert_eq!(body(&me)["scope"], "reports:read profile");
            assert_eq!(shop.send(&Ask::get("/fresh").bearer(&access)).await, Answer::login(r#"max_age="0""#));
            refresh = next;
        }
    }
}

#[actix_web::test]
async fn a_token_of_one_kind_is_refused_in_place_of_another() {
    let shop = Shop::usual();
    let (access, refresh) = login(&shop).await;
    for (target, token) in [("/refresh", &access), ("/my-refresh", &access), ("/wrong-refresh", &access)] {
        let answer = shop.send(&Ask::post(target).bearer(token)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::WrongType), "{target}");
    }
    for ask in [Ask::get("/me"), Ask::get("/fresh"), Ask::post("/logout"), Ask::post("/wrong-refresh")] {
        assert_eq!(shop.send(&ask.bearer(&refresh)).await, Answer::refused(ErrorKind::WrongType));
    }
}

#[actix_web::test]
async fn a_refresh_without_a_token_or_a_layer_is_answered_like_any_request() {
    let shop = Shop::usual();
    for target in ["/refresh", "/my-refresh", "/logout"] {
        assert_eq!(shop.send(&Ask::post(target)).await, Answer::missing(), "{target}");
        let twice = Ask::post(target).bearer("a").bearer("b");
        assert_eq!(shop.send(&twice).await, Answer::malformed(ErrorKind::MultipleCredentials), "{target}");
    }
    assert_eq!(shop.send(&Ask::post("/bare-refresh")).await, Answer::misuse());
    assert_eq!(shop.send(&Ask::get("/bare-fresh")).await, Answer::misuse());
}

#[actix_web::test]
async fn a_logout_ends_the_session() {
    let shop = Shop::usual();
    let (access, refresh) = login(&shop).await;
    let answer = shop.send(&Ask::post("/logout").bearer(&access)).await;
    assert_eq!((answer.status, answer.header("cache-control"), answer.body.len()), (204, Some("no-store"), 0));
    for target in ["/refresh", "/my-refresh"] {
        let answer = shop.send(&Ask::post(target).bearer(&refresh)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::SessionEnded), "{target}");
    }
}

#[actix_web::test]
async fn a_reused_token_ends_the_session_on_both_adapters() {
    for (first, second) in [(true, false), (false, true)] {
        let shop = Shop::usual();
        let (_, refresh) = login(&shop).await;
        let ask = Ask::post("/refresh").bearer(&refresh);
        let send = async |axum: bool| if axum { shop.send_axum(&ask).await } else { shop.send_actix(&ask).await };
        let (_, next) = tokens(&send(first).await);
        let (_, next) = tokens(&shop.send_axum(&Ask::post("/refresh").bearer(&next)).await);
        assert_eq!(send(second).await, Answer::refused(ErrorKind::RefreshReused));
        assert_eq!(send(first).await, Answer::refused(ErrorKind::SessionEnded));
        let answer = shop.send(&Ask::post("/refresh").bearer(&next)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::SessionEnded));
    }
}

#[actix_web::test]
async fn an_unavailable_store_fails_requests_and_ends_no_session() {
    let store = ScriptedSessions::default();
    let shop = Shop::with(store.clone(), |sessions| sessions);
    let (access, refresh) = login(&shop).await;
    store.fail(&ScriptedSessions::ALL);
    let down = || Answer::unavailable(ErrorKind::SessionsUnavailable, 5);
    assert_eq!(shop.send(&Ask::post("/login").body("joe")).await, down());
    for target in ["/refresh", "/my-refresh"] {
        assert_eq!(shop.send(&Ask::post(target).bearer(&refresh)).await, down(), "{target}");
    }
    // Access tokens need no store.
    assert_eq!(shop.send(&Ask::get("/me").bearer(&access)).await.status, 200);
    store.recover();
    let (access, refresh) = tokens(&shop.send_actix(&Ask::post("/refresh").bearer(&refresh)).await);
    // A logout ends the session in any case, and says that it isn't done yet.
    store.fail(&ScriptedSessions::ALL);
    assert_eq!(shop.send(&Ask::post("/logout").bearer(&access)).await, down());
    store.recover();
    let answer = shop.send(&Ask::post("/refresh").bearer(&refresh)).await;
    assert_eq!(answer, Answer::refused(ErrorKind::SessionEnded));
}

/// The store has exchanged the token, but its answer does not arrive.
#[actix_web::test]
async fn a_store_that_breaks_off_in_the_middle_of_a_refresh_costs_no_session() {
    let down = || Answer::unavailable(ErrorKind::SessionsUnavailable, 5);
    for target in ["/refresh", "/my-refresh"] {
        let store = ScriptedSessions::default();
        let shop = Shop::with(store.clone(), |sessions| sessions);
        let (access, refresh) = login(&shop).await;
        store.lose_answers(&["rotate"]);
        assert_eq!(shop.send(&Ask::post(target).bearer(&refresh)).await, down(), "{target}");
        assert_eq!(shop.send(&Ask::get("/me").bearer(&access)).await.status, 200);
        store.recover();
        let (access, next) = tokens(&shop.send_axum(&Ask::post(target).bearer(&refresh)).await);
        assert_eq!(shop.send(&Ask::get("/me").bearer(&access)).await.status, 200);
        tokens(&shop.send_actix(&Ask::post(target).bearer(&next)).await);
        // A failover that loses the exchanges does not make the client's newest token an old one.
        store.lose_writes();
        let (_, last) = tokens(&shop.send_axum(&Ask::post(target).bearer(&next)).await);
        store.recover();
        tokens(&shop.send_actix(&Ask::post(target).bearer(&last)).await);
    }
}

#[actix_web::test]
async fn an_invalid_subject_is_an_error_of_the_program() {
    let shop = Shop::usual();
    assert_eq!(shop.send(&Ask::post("/login").body("")).await, Answer::fault(ErrorKind::IssuingFailed));
}

#[actix_web::test]
async fn a_token_signed_with_a_retired_key_is_valid_until_the_key_is_gone() {
    let shop = Shop::usual();
    let (access, refresh) = login(&shop).await;
    let other: SigningKey = stranger(Algorithm::ES256);
    shop.ring.replace(other).expect("a new key");
    assert_eq!(shop.send(&Ask::get("/me").bearer(&access)).await, Answer::refused(ErrorKind::UnknownKey));
    let answer = shop.send(&Ask::post("/refresh").bearer(&refresh)).await;
    assert_eq!(answer, Answer::refused(ErrorKind::UnknownKey));
}
