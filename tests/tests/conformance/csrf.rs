//! Protection against cross-site requests for tokens in cookies.

use jwt_core::authorize::check_async;
use jwt_core::http::{Csrf, TokenSources};
use jwt_core::verify::Authenticator;
use jwt_core::{ErrorKind, VerifierBuilder};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{behind, builder, good};

fn with(csrf: Csrf) -> Application {
    behind(builder().sources(TokenSources::new().cookie("session").csrf(csrf)))
}

/// A request that changes something, with the token in the cookie.
fn post(token: &str) -> Ask {
    Ask::post("/me").header("host", "api.example").header("cookie", format!("session={token}"))
}

async fn accepts(application: &Application, ask: &Ask) {
    let answer = application.send(ask).await;
    assert_eq!((answer.status, answer.code), (200, None), "{ask:?}");
}

async fn refuses(application: &Application, ask: &Ask) {
    assert_eq!(application.send(ask).await, Answer::csrf(), "{ask:?}");
}

#[actix_web::test]
async fn a_page_of_the_application_may_change_something() {
    let (application, token) = (with(Csrf::new()), good().sign());
    for ask in [
        post(&token).header("sec-fetch-site", "same-origin"),
        post(&token).header("sec-fetch-site", "none"),
        post(&token).header("origin", "https://api.example"),
    ] {
        accepts(&application, &ask).await;
    }
}

#[actix_web::test]
async fn a_closure_can_allow_the_pages_of_other_origins() {
    let csrf = Csrf::new().allow_origin_if(|origin| origin == "https://tenant-7.shop.example");
    let (application, token) = (with(csrf), good().sign());
    let from = |origin: &str| post(&token).header("sec-fetch-site", "cross-site").header("origin", origin);
    accepts(&application, &from("https://tenant-7.shop.example")).await;
    for origin in ["https://tenant-8.shop.example", "http://tenant-7.shop.example", "null", ""] {
        refuses(&application, &from(origin)).await;
    }
    refuses(&with(Csrf::new()), &from("https://tenant-7.shop.example")).await;
}

#[actix_web::test]
async fn a_star_stands_for_the_first_label_of_an_origin() {
    let csrf = Csrf::new().allow_origin("https://*.shop.example").allow_origin("https://*.test.example:8443");
    let application = behind(builder().sources(TokenSources::new().cookie("session").csrf(csrf)));
    let post = Ask::post("/me").header("cookie", format!("session={}", good().sign()));
    for (origin, status) in [
        ("https://tenant-7.shop.example", 200),
        ("https://tenant-8.shop.example", 200),
        ("https://a.test.example:8443", 200),
        ("https://shop.example", 403),
        ("https://a.b.shop.example", 403),
        ("https://evilshop.example", 403),
        ("https://tenant-7.shop.example.evil.example", 403),
        ("https://tenant-7.shop.example:8443", 403),
        ("http://tenant-7.shop.example", 403),
        ("https://a.test.example", 403),
        ("null", 403),
    ] {
        for site in [None, Some("cross-site"), Some("same-site")] {
            let ask = post.clone().header("origin", origin);
            let ask = site.into_iter().fold(ask, |ask, site| ask.header("sec-fetch-site", site));
            assert_eq!(application.send(&ask).await.status, status, "{origin} {site:?}");
        }
    }
    for origin in ["*", "https://*", "https://*.example", "https://shop.*.example", "https://a*.shop.example"] {
        let sources = TokenSources::new().cookie("session").csrf(Csrf::new().allow_origin(origin));
        let error = builder().sources(sources).build().expect_err(origin).to_string();
        assert!(error.contains("`allow_origin`") && error.contains("`Csrf::allow_origin_if`"), "{error}");
    }
}

#[actix_web::test]
async fn reading_needs_only_the_cookie() {
    let application = with(Csrf::new().require_claim());
    let get = Ask::get("/user").header("cookie", format!("session={}", good().claim("csrf", "s3cret").sign()));
    for ask in [get.clone(), get.header("sec-fetch-site", "cross-site").header("origin", "https://other.example")] {
        assert_eq!(application.send(&ask).await, Answer::text("Ada"));
    }
}

#[actix_web::test]
async fn a_token_from_another_place_needs_no_protection() {
    let (application, token) = (with(Csrf::new().require_claim()), good().sign());
    let cross = Ask::post("/me").bearer(&token).header("sec-fetch-site", "cross-site");
    accepts(&application, &cross.header("origin", "https://other.example").header("cookie", "other=x")).await;
    let none = Ask::post("/me").header("sec-fetch-site", "cross-site");
    assert_eq!(application.send(&none).await, Answer::missing());
}

#[actix_web::test]
async fn a_cross_site_request_is_refused_whatever_its_token() {
    let application = with(Csrf::new());
    for token in [good().sign(), good().claim("csrf", "s3cret").sign(), good().claim("exp", 1).sign(), "a".to_owned()] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://other.example"),
            ("origin", "null"),
        ] {
            refuses(&application, &post(&token).header(name, value).header("x-csrf-token", "s3cret")).await;
        }
    }
}

#[actix_web::test]
async fn a_page_of_an_allowed_origin_may_change_something() {
    let (application, token) = (with(Csrf::new().allow_origin("https://app.example")), good().sign());
    let from = |origin: &str| post(&token).header("sec-fetch-site", "cross-site").header("origin", origin);
    accepts(&application, &from("https://app.example")).await;
    refuses(&application, &from("https://app.example.evil.example")).await;
    refuses(&application, &from("http://app.example")).await;
}

#[actix_web::test]
async fn the_header_must_repeat_the_claim_of_the_token() {
    let (plain, bound) = (good().sign(), good().claim("csrf", "s3cret").sign());
    let own = |token: &str| post(token).header("sec-fetch-site", "same-origin");
    for application in [with(Csrf::new()), with(Csrf::new().require_claim())] {
        accepts(&application, &own(&bound).header("x-csrf-token", "s3cret")).await;
        accepts(&application, &post(&bound).header("x-csrf-token", "s3cret")).await;
        refuses(&application, &own(&bound)).await;
        refuses(&application, &own(&bound).header("x-csrf-token", "other")).await;
    }
    accepts(&with(Csrf::new()), &own(&plain)).await;
    refuses(&with(Csrf::new().require_claim()), &own(&plain)).await;
    refuses(&with(Csrf::new().header("x-xsrf-token")), &own(&bound).header("x-csrf-token", "s3cret")).await;
    accepts(&with(Csrf::new().header("X-XSRF-Token")), &own(&bound).header("x-xsrf-token", "s3cret")).await;
}

#[actix_web::test]
async fn a_bad_token_on_an_own_page_is_reported_as_a_bad_token() {
    let token = good().claim("exp", 1).claim("csrf", "s3cret").sign();
    let answer = with(Csrf::new()).send(&post(&token).header("sec-fetch-site", "same-origin")).await;
    assert_eq!(answer, Answer::refused(ErrorKind::Expired));
}

#[actix_web::test]
async fn the_check_still_applies_after_waiting_for_keys() {
    let waiting = |builder: VerifierBuilder| {
        builder.require_token(check_async("later", |_| async {
            tokio::task::yield_now().await;
            Ok(true)
        }))
    };
    let application = behind(waiting(builder().sources(TokenSources::new().cookie("session"))));
    let bound = post(&good().claim("csrf", "s3cret").sign());
    accepts(&application, &bound.clone().header("x-csrf-token", "s3cret")).await;
    refuses(&application, &bound.clone().header("x-csrf-token", "other")).await;
    refuses(&application, &bound.clone()).await;
    refuses(&application, &bound.header("origin", "https://other.example").header("x-csrf-token", "s3cret")).await;
}

#[actix_web::test]
async fn guests_need_no_proof_and_known_users_do() {
    let verifier = builder().sources(TokenSources::new().cookie("session")).build().expect("a verifier");
    let optional = Authenticator::from(verifier).optional();
    let request = |token: Option<&str>| {
        let request = jwt_core::testing::BareRequest::new("POST", "/").header("sec-fetch-site", "cross-site");
        match token {
            Some(token) => request.header("cookie", format!("session={token}")),
            None => request,
        }
    };
    let outcome = |token: Option<&str>| {
        let answer = jwt_tests::gate::enter(&optional, &request(token)).map(drop);
        answer.map_err(|answer| answer.error.map(|error| error.kind()))
    };
    assert_eq!(outcome(None), Ok(()));
    assert_eq!(outcome(Some(&good().sign())), Err(Some(ErrorKind::CsrfFailed)));
}

#[actix_web::test]
async fn a_page_of_the_application_may_open_a_socket() {
    let application = with(Csrf::new());
    let handshake = |origin: &str| {
        let ask =
            Ask::get("/user").header("cookie", format!("session={}", good().sign())).header("host", "api.example");
        ask.header("connection", "Upgrade").header("upgrade", "websocket").header("origin", origin)
    };
    assert_eq!(application.send(&handshake("https://api.example")).await, Answer::text("Ada"));
    refuses(&application, &handshake("https://other.example")).await;
}

#[actix_web::test]
async fn the_host_of_the_target_takes_precedence() {
    let token = good().sign();
    let ask = |origin: &str| {
        let ask = Ask::post("https://api.example/me").header("cookie", format!("session={token}"));
        ask.header("host", "evil.example").header("origin", origin)
    };
    accepts(&with(Csrf::new()), &ask("https://api.example")).await;
    refuses(&with(Csrf::new()), &ask("https://evil.example")).await;
}

#[actix_web::test]
async fn the_check_can_be_turned_off_explicitly() {
    let sources = TokenSources::new().cookie("session").dangerous_without_csrf_protection();
    accepts(&behind(builder().sources(sources)), &post(&good().sign()).header("sec-fetch-site", "cross-site")).await;
}
