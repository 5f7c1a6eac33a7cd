//! The CSRF value in a form field, for pages without scripts. The handler still gets the whole body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jwt_core::authorize::{Routes, check_async};
use jwt_core::http::{Csrf, TokenSources};
use jwt_core::{ErrorKind, VerifierBuilder};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{behind, builder, good};
use serde_json::{Value, json};

/// The bytes of a form that are read, as documented on `Csrf::form_field`.
const LIMIT: usize = 64 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

fn trusting(csrf: Csrf) -> VerifierBuilder {
    builder().sources(TokenSources::new().cookie("session").csrf(csrf))
}

fn application() -> Application {
    behind(trusting(Csrf::new().form_field("csrf_token")))
}

fn bound() -> String {
    good().claim("csrf", "s3cret").sign()
}

/// A request with the token in the cookie, from any site.
fn post(target: &str, body: impl Into<Vec<u8>>) -> Ask {
    let ask = Ask::post(target).header("host", "api.example").header("cookie", format!("session={}", bound()));
    ask.header("content-type", FORM).body(body)
}

/// A request from a page of the application.
fn own(target: &str, body: impl Into<Vec<u8>>) -> Ask {
    post(target, body).header("sec-fetch-site", "same-origin")
}

/// A form of this length, with a large field between two others.
fn form(first: &str, length: usize, last: &str) -> String {
    format!("{first}text={}{last}", "x".repeat(length - first.len() - last.len() - "text=".len()))
}

async fn refuses(application: &Application, ask: &Ask, case: &str) {
    assert_eq!(application.send(ask).await, Answer::csrf(), "{case}");
}

#[actix_web::test]
async fn the_field_is_a_proof_and_the_handler_gets_the_whole_form() {
    let body = "amount=3&csrf_token=s3%63ret&text=a+b%26c";
    let fields = json!([["amount", "3"], ["csrf_token", "s3cret"], ["text", "a b&c"]]);
    for ask in [own("/form", body), post("/form", body)] {
        assert_eq!(application().send(&ask).await, Answer::json(&fields), "at once");
        for size in [1, 2, 7, body.len() + 1] {
            let ask = ask.clone().in_chunks(size, &Arc::default());
            assert_eq!(application().send(&ask).await, Answer::json(&fields), "in chunks of {size}");
        }
    }
    for content_type in ["Application/X-WWW-Form-Urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"] {
        let ask =
            Ask::post("/echo").header("cookie", format!("session={}", bound())).header("content-type", content_type);
        let answer = application().send(&ask.header("sec-fetch-site", "same-origin").body(body)).await;
        assert_eq!(answer, Answer::text(body), "{content_type}");
    }
    let another = behind(trusting(Csrf::new().form_field("authenticity token")));
    let body = "authenticity+token=s3cret";
    assert_eq!(another.send(&own("/echo", body)).await, Answer::text(body));
    refuses(&another, &own("/echo", "csrf_token=s3cret"), "another name").await;
}

#[actix_web::test]
async fn a_missing_or_wrong_field_is_refused() {
    for body in [
        "",
        "amount=3",
        "csrf_token=",
        "csrf_token",
        "csrf_token=s3cre",
        "csrf_token=S3cret",
        "csrf_token=s3cret%20",
        "CSRF_token=s3cret",
        "x-csrf-token=s3cret",
        "csrf_token=s3cret&csrf_token=s3cret",
        "csrf_token=s3cret&csrf%5Ftoken=other",
        "csrf_token=other&csrf_token=s3cret",
        "{\"csrf_token\":\"s3cret\"}",
    ] {
        refuses(&application(), &own("/echo", body), body).await;
        refuses(&application(), &own("/echo", body).in_chunks(3, &Arc::default()), body).await;
    }
    refuses(&application(), &own("/echo?csrf_token=s3cret", "amount=3"), "in the address").await;
    let none = "csrf_token=s3cret";
    refuses(&behind(trusting(Csrf::new())), &own("/echo", none), "no field is configured").await;
    let planted = own("/echo", none).header("cookie", "csrf_token=guess");
    assert_eq!(application().send(&planted).await, Answer::text(none));
}

#[actix_web::test]
async fn a_body_that_is_not_needed_is_not_read() {
    let cookie = format!("session={}", bound());
    let typed = |content_type: &str| {
        let ask = Ask::post("/echo").header("cookie", &cookie).header("content-type", content_type);
        ask.header("sec-fetch-site", "same-origin")
    };
    let cases = [
        (post("/echo", "").header("sec-fetch-site", "cross-site"), Answer::csrf(), "another site's page"),
        (post("/echo", "").header("sec-fetch-site", "same-site"), Answer::csrf(), "a sibling's page"),
        (post("/echo", "").header("origin", "https://evil.example"), Answer::csrf(), "an old browser"),
        (own("/echo", "").header("x-csrf-token", "other"), Answer::csrf(), "another header"),
        (own("/echo", "").header("x-csrf-token", ""), Answer::csrf(), "an empty header"),
        (
            own("/echo", "").header("x-csrf-token", "s3cret").header("x-csrf-token", "s3cret"),
            Answer::csrf(),
            "two headers",
        ),
        (typed("multipart/form-data; boundary=x"), Answer::csrf(), "a form with files"),
        (typed("text/plain"), Answer::csrf(), "text"),
        (typed(FORM).header("content-type", FORM), Answer::csrf(), "two types"),
        (own("/echo", "").bearer(&bound()), Answer::malformed(ErrorKind::MultipleCredentials), "two tokens"),
        (Ask::post("/echo").header("content-type", FORM), Answer::missing(), "no token"),
        (
            Ask::post("/echo").header("content-type", FORM).bearer("a"),
            Answer::refused(ErrorKind::MalformedToken),
            "a bad token",
        ),
        (
            Ask::get("/user").header("cookie", &cookie).header("content-type", FORM),
            Answer::text("Ada"),
            "a request that changes nothing",
        ),
    ];
    for (ask, expected, case) in cases {
        let read = Arc::new(AtomicUsize::new(0));
        let ask = ask.body("csrf_token=s3cret").in_chunks(4, &read);
        assert_eq!(application().send(&ask).await, expected, "{case}");
        assert_eq!(read.load(Ordering::Relaxed), 0, "{case}");
    }
    // The same form is read if it's needed; otherwise the count above would prove nothing.
    let read = Arc::new(AtomicUsize::new(0));
    refuses(&application(), &own("/echo", "csrf_token=other").in_chunks(4, &read), "another value").await;
    assert_eq!(read.load(Ordering::Relaxed), 2 * "csrf_token=other".len(), "by each adapter");
}

#[actix_web::test]
async fn a_public_route_needs_no_field() {
    let put = Ask::new("PUT", "/reports/7").header("cookie", format!("session={}", bound()));
    let put = put.header("sec-fetch-site", "same-origin").header("content-type", FORM).body("csrf_token=s3cret");
    for (routes, expected, read) in [
        // The request is anonymous, so the handler finds no claims.
        (Routes::new().public("/reports/{id}"), Answer::missing(), 0),
        (Routes::new().require("/reports/{id}", ()), Answer::text("Ada"), 2 * "csrf_token=s3cret".len()),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        assert_eq!(application().guarded(routes).send(&put.clone().in_chunks(4, &count)).await, expected);
        assert_eq!(count.load(Ordering::Relaxed), read);
    }
}

#[actix_web::test]
async fn the_header_takes_precedence_over_the_field() {
    for body in ["csrf_token=other", "csrf_token=s3cret", "amount=3"] {
        let ask = own("/echo", body).header("x-csrf-token", "s3cret");
        assert_eq!(application().send(&ask).await, Answer::text(body));
        refuses(&application(), &own("/echo", body).header("x-csrf-token", "other"), body).await;
    }
}

#[actix_web::test]
async fn a_long_form_reaches_the_handler_whole() {
    for length in [LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 200_000] {
        let body = form("csrf_token=s3cret&", length, "&last=1");
        for size in [100, 4096, LIMIT, LIMIT + 1, usize::MAX] {
            let read = Arc::new(AtomicUsize::new(0));
            let ask = own("/echo", body.clone()).in_chunks(size.min(length), &read);
            let answer = application().send(&ask).await;
            assert!(answer == Answer::text(&body), "{length} by {size}: {}", answer.status);
            assert_eq!(read.load(Ordering::Relaxed), 2 * length, "{length} by {size}");
        }
        let answer = application().send(&own("/form", body)).await;
        let fields: Value = serde_json::from_slice(&answer.body).expect("fields");
        assert_eq!((answer.status, &fields[0][1], &fields[2]), (200, &json!("s3cret"), &json!(["last", "1"])));
        assert_eq!(fields[1][1].as_str().map(str::len), Some(length - "csrf_token=s3cret&text=&last=1".len()));
    }
}

#[actix_web::test]
async fn a_field_beyond_the_limit_is_neither_read_nor_awaited() {
    for (length, accepted) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false), (3 * LIMIT, false)] {
        let body = form("", length, "&csrf_token=s3cret");
        for size in [1000, LIMIT, usize::MAX] {
            let read = Arc::new(AtomicUsize::new(0));
            let ask = own("/echo", body.clone()).in_chunks(size.min(length), &read);
            let answer = application().send(&ask).await;
            if accepted {
                assert!(answer == Answer::text(&body), "{length} by {size}: {}", answer.status);
            } else {
                assert_eq!(answer, Answer::csrf(), "{length} by {size}");
                let most = 2 * (LIMIT + size.min(length));
                assert!(read.load(Ordering::Relaxed) <= most, "{length} by {size}: {read:?}");
            }
        }
    }
}

#[actix_web::test]
async fn an_incomplete_form_is_refused() {
    refuses(&application(), &own("/echo", "csrf_token=s3cret").breaking_off(), "the value was there").await;
    // A token without the claim needs no field, and the handler gets the body's error.
    let ask = Ask::post("/echo").header("cookie", format!("session={}", good().sign())).header("content-type", FORM);
    let ask = ask.header("sec-fetch-site", "same-origin").body("amount=3");
    assert_eq!(application().send(&ask).await, Answer::text("amount=3"));
    for adapter in jwt_tests::adapter::Adapter::ALL {
        let answer = adapter.send(&application(), &ask.clone().breaking_off()).await;
        assert_eq!((answer.status, answer.code), (400, None), "{adapter:?}");
    }
}

#[actix_web::test]
async fn the_field_still_counts_after_waiting_for_keys() {
    let application =
        behind(trusting(Csrf::new().form_field("csrf_token")).require_token(check_async("later", |_| async {
            tokio::task::yield_now().await;
            Ok(true)
        })));
    for size in [1, 100] {
        let ask = |body: &str| own("/echo", body).in_chunks(size, &Arc::default());
        assert_eq!(application.send(&ask("csrf_token=s3cret")).await, Answer::text("csrf_token=s3cret"));
        refuses(&application, &ask("csrf_token=other"), "another value").await;
    }
}
