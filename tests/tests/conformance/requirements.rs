//! Valid tokens that lack scopes.

use jwt_core::ErrorKind;
use jwt_core::authorize::any_scope;
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, good};
use serde_json::{Value, json};

#[actix_web::test]
async fn scopes_are_read_from_both_claims_in_both_forms() {
    for (claim, value) in [
        ("scope", json!("reports:read")),
        ("scope", json!("profile reports:read email")),
        ("scope", json!(["profile", "reports:read"])),
        ("scp", json!("reports:read")),
        ("scp", json!(["reports:read"])),
    ] {
        let token = good().without("scope").claim(claim, value.clone()).sign();
        let answer = application().send(&Ask::get("/reports").bearer(&token)).await;
        assert_eq!(answer, Answer::text("Ada"), "{claim} {value}");
    }
}

#[actix_web::test]
async fn a_missing_scope_is_named() {
    for value in [json!(""), json!("profile"), json!("reports:read:all"), json!([]), json!(5), Value::Null] {
        let token = good().claim("scope", value.clone()).sign();
        let answer = application().send(&Ask::get("/reports").bearer(&token)).await;
        assert_eq!(answer, Answer::forbidden("reports:read"), "{value}");
    }
    let answer = application().send(&Ask::get("/reports").bearer(&good().without("scope").sign())).await;
    assert_eq!(answer, Answer::forbidden("reports:read"));
}

#[actix_web::test]
async fn only_the_missing_scopes_are_named() {
    let application = application().scopes(["reports:read", "reports:write", "profile", "reports:delete"]);
    let answer = application.send(&Ask::get("/reports").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::forbidden("reports:write reports:delete"));
}

#[actix_web::test]
async fn an_empty_list_lets_no_request_pass_and_still_requires_a_token() {
    let application = application().scopes::<&str>([]);
    for token in [good().sign(), good().without("scope").sign()] {
        let answer = application.send(&Ask::get("/reports").bearer(&token)).await;
        assert_eq!(answer, Answer::fault(ErrorKind::Misconfigured));
    }
    assert_eq!(application.send(&Ask::get("/optional-reports")).await, Answer::missing());
    assert_eq!(application.send(&Ask::get("/bare-require")).await, Answer::misuse());
}

/// axum still adds the route's methods in `Allow`, outside of every layer of the route.
#[actix_web::test]
async fn a_method_without_a_handler_is_behind_the_requirement_too() {
    let application = application().requiring(any_scope(["admin", "owner"]));
    for adapter in Adapter::ALL {
        for route in ["/allowed", "/scoped/allowed", "/optional-allowed"] {
            for (ask, expected) in [
                (Ask::post(route).bearer(&good().sign()), Answer::forbidden("admin owner")),
                // The outer layer has answered before a requirement is known, unless it's optional.
                (
                    Ask::post(route),
                    if route == "/optional-allowed" { Answer::missing_for("admin owner") } else { Answer::missing() },
                ),
            ] {
                let mut answer = adapter.send(&application, &ask).await;
                answer.headers.retain(|(name, _)| name != "allow");
                assert_eq!(answer, expected, "{adapter:?} {route}");
            }
        }
    }
}
