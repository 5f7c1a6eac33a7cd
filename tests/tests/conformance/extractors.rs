//! Extractors.

use jwt_core::ErrorKind;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, good};
use serde_json::json;

#[actix_web::test]
async fn one_handler_may_extract_claims_of_several_types() {
    let answer = application().send(&Ask::get("/both").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::json(&json!({"name": "Ada", "sub": "user-1815"})));
}

#[actix_web::test]
async fn shared_claims_are_shared_between_requests_of_one_token_only() {
    let application = application();
    let (ada, grace) = (good().sign(), good().claim("name", "Grace").sign());
    for _ in 0..5 {
        assert_eq!(application.send(&Ask::get("/shared").bearer(&ada)).await, Answer::text("Ada"));
        assert_eq!(application.send(&Ask::get("/shared").bearer(&grace)).await, Answer::text("Grace"));
        let wrong = application.send(&Ask::get("/shared-number").bearer(&ada)).await;
        assert_eq!(wrong, Answer::refused(ErrorKind::ClaimsMismatch));
    }
    assert_eq!(application.send(&Ask::get("/shared")).await, Answer::missing());
}

#[actix_web::test]
async fn the_verified_token_has_all_details() {
    let token = good().without_header("typ").without("client_id").sign();
    let answer = application().send(&Ask::get("/verified").bearer(&token)).await;
    let expected = json!({
        "algorithm": "ES256", "key_id": "k-1", "token_type": null, "location": "Authorization",
        "subject": "user-1815", "client_id": null, "scopes": ["reports:read", "profile"],
    });
    assert_eq!(answer, Answer::json(&expected));
}

#[actix_web::test]
async fn claims_arrive_as_they_were_signed() {
    let claims = json!({
        "text": "„quotes“ \" \\ \u{202e} \u{0}", "nested": {"a": [1, 2.5, null, true]}, "big": 9_007_199_254_740_993_u64,
    });
    let token = good().claim("data", claims.clone()).sign();
    let answer = application().send(&Ask::get("/me").bearer(&token)).await;
    assert_eq!(answer, Answer::json(&good().claim("data", claims).claims.into()));
}

#[actix_web::test]
async fn claims_of_the_wrong_type_are_refused_behind_every_layer() {
    let numbered = good().claim("name", 5).sign();
    for route in ["/user", "/both", "/optional", "/lenient", "/reports", "/optional-reports"] {
        let answer = application().send(&Ask::get(route).bearer(&numbered)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::ClaimsMismatch), "{route}");
    }
    assert_eq!(application().send(&Ask::get("/number").bearer(&numbered)).await, Answer::text("5"));
}
