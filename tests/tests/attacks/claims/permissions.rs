//! Scopes, token types and sender constraints.

use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::setup::{KID, behind, builder, good, issuer, key, stranger};
use serde_json::{Value, json};

use crate::target::Target;

#[actix_web::test]
async fn e25_scopes_are_split_only_at_spaces() {
    for (scope, accepted) in [
        (json!("reports:read"), true),
        (json!("  reports:read  x "), true),
        (json!(["reports:read"]), true),
        (json!("x\treports:read"), false),
        (json!("x\u{a0}reports:read"), false),
        (json!("x,reports:read"), false),
        (json!("x\nreports:read"), false),
        (json!(["x reports:read"]), false),
        (json!([["reports:read"]]), false),
        (json!({"reports:read": true}), false),
        (json!(5), false),
        (json!(true), false),
    ] {
        for claim in ["scope", "scp"] {
            let token = good().without("scope").claim(claim, scope.clone()).sign();
            let answer = Target::usual().0.send(&Ask::get("/reports").bearer(&token)).await;
            let expected = if accepted { Answer::text("Ada") } else { Answer::forbidden("reports:read") };
            assert_eq!(answer, expected, "{claim} {scope}");
        }
    }
}

#[actix_web::test]
async fn e26_a_scope_must_match_exactly() {
    for scope in ["admin:read", "notadmin", "admin ", "ADMIN", "administrator"] {
        for (required, has) in [("admin", scope == "admin "), ("admin:", false)] {
            let application = behind(builder()).scopes([required]);
            let answer = application.send(&Ask::get("/reports").bearer(&good().claim("scope", scope).sign())).await;
            let expected = if has { Answer::text("Ada") } else { Answer::forbidden(required) };
            assert_eq!(answer, expected, "{required} in {scope}");
        }
    }
}

#[actix_web::test]
async fn e27_other_tokens_of_the_same_issuer_are_not_accepted_as_access_tokens() {
    let profile = Target::trusting(issuer().access_token_profile());
    let id_token = good().header("typ", "JWT").claim("aud", "reports-client").claim("nonce", "n");
    let refresh = good().header("typ", "rt+jwt");
    let logout = good().header("typ", "logout+jwt").claim("events", json!({}));
    let proof = good().header("typ", "dpop+jwt").header("jwk", key().public_jwk().expect("a key")).claim("htm", "GET");
    let assertion = good().header("typ", "client-authentication+jwt").claim("iss", "reports-client");
    for (token, case) in [
        (&id_token, "ID token"),
        (&refresh, "refresh"),
        (&logout, "logout"),
        (&proof, "proof"),
        (&assertion, "assertion"),
    ] {
        let kind = if case == "assertion" { ErrorKind::UnknownIssuer } else { ErrorKind::WrongType };
        profile.refuses(&token.sign(), kind, case).await;
        let kind = match case {
            "ID token" => ErrorKind::WrongAudience,
            "assertion" => ErrorKind::UnknownIssuer,
            _ => ErrorKind::WrongType,
        };
        Target::usual().refuses(&token.sign(), kind, case).await;
    }
}

#[actix_web::test]
async fn e28_a_sender_constrained_token_is_not_accepted_as_a_bearer_token() {
    for cnf in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
    ] {
        let token = good().claim("cnf", cnf).sign();
        Target::usual().refuses(&token, ErrorKind::UnsupportedConfirmation, "bound").await;
        let answer = Target::usual().0.send(&Ask::get("/optional").bearer(&token)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::UnsupportedConfirmation));
    }
}

#[actix_web::test]
async fn e29_a_meaningless_confirmation_is_refused_too() {
    for cnf in [
        json!({}),
        json!({"x": 1}),
        Value::Null,
        json!("x"),
        json!([]),
        json!({"jwk": {}}),
        json!({"kid": "k"}),
        json!(false),
    ] {
        let token = good().claim("cnf", cnf.clone()).sign();
        Target::usual().refuses(&token, ErrorKind::UnsupportedConfirmation, &cnf.to_string()).await;
    }
}

#[actix_web::test]
async fn e30_a_token_with_two_flaws_gets_the_answer_to_one() {
    let foreign = Forge::new(&stranger(Algorithm::ES256)).header("kid", KID);
    let mut answers = Vec::new();
    for token in [
        good().claim("exp", 1).sign(),
        foreign.clone().claim("exp", 1).sign(),
        foreign.clone().claim("iss", "https://evil.example").sign(),
        foreign.claim("aud", "x").claim("exp", 1).claim("name", 5).sign(),
        good().claim("exp", 1).without("name").sign(),
    ] {
        let mut answer = Target::usual().0.send(&Ask::get("/user").bearer(&token)).await;
        answer.code = None;
        answers.push(answer);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}
