//! Requests that need a token and lack it, or have a malformed one.

use jwt_core::ErrorKind;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, good};
use serde_json::Value;

/// The routes behind a layer that requires a token.
const REQUIRED: [&str; 7] = ["/me", "/user", "/both", "/number", "/verified", "/no-store", "/reports"];

#[actix_web::test]
async fn a_valid_token_reaches_the_handler_whatever_the_method() {
    let token = good().sign();
    assert_eq!(application().send(&Ask::get("/user").bearer(&token)).await, Answer::text("Ada"));
    let claims = Answer::json(&Value::from(good().claims));
    assert_eq!(application().send(&Ask::get("/me").bearer(&token)).await, claims);
    let echo = Ask::post("/echo").header("content-type", "text/plain").body("a body").bearer(&token);
    assert_eq!(application().send(&echo).await, Answer::text("a body"));
    let post = Ask::post("/me").header("content-type", "text/plain").body("body").bearer(&token);
    assert_eq!(application().send(&post).await, claims);
}

#[actix_web::test]
async fn every_route_behind_the_layer_requires_a_token() {
    for route in REQUIRED {
        assert_eq!(application().send(&Ask::get(route)).await, Answer::missing(), "{route}");
    }
}

#[actix_web::test]
async fn every_route_behind_the_layer_refuses_malformed_credentials() {
    let twice = ErrorKind::MultipleCredentials;
    for route in REQUIRED {
        let ask = Ask::get(route).bearer("");
        assert_eq!(application().send(&ask).await, Answer::malformed(ErrorKind::MalformedCredentials), "{route}");
        let ask = Ask::get(route).bearer("a").bearer("a");
        assert_eq!(application().send(&ask).await, Answer::malformed(twice), "{route}");
        let ask = Ask::get(route).bearer("a");
        assert_eq!(application().send(&ask).await, Answer::refused(ErrorKind::MalformedToken), "{route}");
    }
}

#[actix_web::test]
async fn routes_outside_of_the_layer_ignore_credentials() {
    for ask in [Ask::get("/public"), Ask::get("/public").bearer(""), Ask::get("/public").bearer("a").bearer("b")] {
        assert_eq!(application().send(&ask).await, Answer::text("everyone"));
    }
}

#[actix_web::test]
async fn the_order_of_the_header_lines_does_not_matter() {
    let token = good().sign();
    let around = |ask: Ask| ask.header("x-before", "1").bearer(&token).header("x-after", "2");
    assert_eq!(application().send(&around(Ask::get("/user"))).await, Answer::text("Ada"));
    let second = Ask::get("/user").header("authorization", "Basic eDp5").bearer(&token);
    assert_eq!(application().send(&second).await, Answer::malformed(ErrorKind::MultipleCredentials));
}
