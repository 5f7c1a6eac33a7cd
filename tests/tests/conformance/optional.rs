//! Requests that may come without a token.

use jwt_core::ErrorKind;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{application, good};

#[actix_web::test]
async fn an_optional_layer_accepts_absent_credentials_and_refuses_bad_ones() {
    for (ask, expected) in [
        (Ask::get("/optional"), Answer::text("nobody")),
        (Ask::get("/optional").header("authorization", "Basic eDp5"), Answer::text("nobody")),
        (Ask::get("/optional").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/optional").bearer(&good().claim("exp", 1).sign()), Answer::refused(ErrorKind::Expired)),
        (Ask::get("/optional").bearer("a"), Answer::refused(ErrorKind::MalformedToken)),
        (Ask::get("/optional").bearer(""), Answer::malformed(ErrorKind::MalformedCredentials)),
        (Ask::get("/optional").bearer("a").bearer("b"), Answer::malformed(ErrorKind::MultipleCredentials)),
        (Ask::get("/optional").header("authorization", "Bearer"), Answer::malformed(ErrorKind::MalformedCredentials)),
    ] {
        assert_eq!(application().send(&ask).await, expected);
    }
}

#[actix_web::test]
async fn a_handler_that_requires_a_token_refuses_a_request_without_one() {
    assert_eq!(application().send(&Ask::get("/optional-me")).await, Answer::missing());
    assert_eq!(application().send(&Ask::get("/optional-reports")).await, Answer::missing_for("reports:read"));
    let token = good().sign();
    assert_eq!(application().send(&Ask::get("/optional-reports").bearer(&token)).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn a_lenient_layer_lets_only_configured_errors_pass() {
    for (ask, expected) in [
        (Ask::get("/lenient"), Answer::text("nobody")),
        (Ask::get("/lenient").bearer(&good().sign()), Answer::text("Ada")),
        (Ask::get("/lenient").bearer(&good().claim("exp", NOW - 3600).sign()), Answer::text("nobody")),
        (Ask::get("/lenient").bearer(&good().claim("nbf", NOW + 3600).sign()), Answer::refused(ErrorKind::NotYetValid)),
        (Ask::get("/lenient").bearer("a"), Answer::refused(ErrorKind::MalformedToken)),
        (Ask::get("/lenient").bearer(""), Answer::malformed(ErrorKind::MalformedCredentials)),
    ] {
        assert_eq!(application().send(&ask).await, expected);
    }
    let nothing = application().lenient(|_| false);
    assert_eq!(nothing.send(&Ask::get("/lenient")).await, Answer::missing());
}
