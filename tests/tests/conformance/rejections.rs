//! The responses to rejected requests, and the parts that the application's own layers can read.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::authorize::{Requirement, check, check_async, claim, max_auth_age, named, roles, scopes};
use jwt_core::crypto::SigningKey;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::setup::{application, behind, builder, good, stranger};

pub(crate) fn refused_tokens() -> Vec<(String, ErrorKind)> {
    let other: SigningKey = stranger(jwt_core::Algorithm::ES256).with_kid(jwt_tests::setup::KID);
    vec![
        ("a.b".to_owned(), ErrorKind::MalformedToken),
        ("a".repeat(16 * 1024 + 1), ErrorKind::TokenTooLarge),
        (good().sign_payload("[]"), ErrorKind::MalformedClaims),
        (good().header("alg", "none").sign(), ErrorKind::AlgorithmNotAllowed),
        (good().header("crit", serde_json::json!(["x"])).sign(), ErrorKind::CriticalHeader),
        (good().header("cty", "JWT").sign(), ErrorKind::NestedToken),
        (good().header("typ", "logout+jwt").sign(), ErrorKind::WrongType),
        (good().claim("iss", "https://other.example").sign(), ErrorKind::UnknownIssuer),
        (good().header("kid", "k-2").sign(), ErrorKind::UnknownKey),
        (Forge::new(&other).sign(), ErrorKind::BadSignature),
        (good().claim("exp", NOW - 3600).sign(), ErrorKind::Expired),
        (good().claim("nbf", NOW + 3600).sign(), ErrorKind::NotYetValid),
        (good().claim("iat", NOW + 3600).sign(), ErrorKind::IssuedInFuture),
        (good().claim("aud", "https://other.example").sign(), ErrorKind::WrongAudience),
        (good().without("exp").sign(), ErrorKind::MissingClaim),
        (good().claim("cnf", serde_json::json!({"jkt": "x"})).sign(), ErrorKind::UnsupportedConfirmation),
    ]
}

#[actix_web::test]
async fn every_refused_token_gets_the_same_answer_and_its_own_code() {
    for (token, kind) in refused_tokens() {
        let answer = application().send(&Ask::get("/me").bearer(&token)).await;
        assert_eq!(answer, Answer::refused(kind));
    }
}

#[actix_web::test]
async fn claims_of_the_wrong_type_are_answered_like_a_refused_token() {
    let answer = application().send(&Ask::get("/number").bearer(&good().sign())).await;
    assert_eq!(answer, Answer::refused(ErrorKind::ClaimsMismatch));
}

#[actix_web::test]
async fn every_challenge_names_the_realm() {
    let application = behind(builder().realm("My API, v2"));
    let www = |answer: Answer| answer.header("www-authenticate").map(str::to_owned);
    for (ask, challenge) in [
        (Ask::get("/me"), r#"Bearer realm="My API, v2""#),
        (Ask::get("/me").bearer(""), r#"Bearer realm="My API, v2", error="invalid_request""#),
        (Ask::get("/me").bearer("a"), r#"Bearer realm="My API, v2", error="invalid_token""#),
        (Ask::get("/number").bearer(&good().sign()), r#"Bearer realm="My API, v2", error="invalid_token""#),
        (Ask::get("/optional-me"), r#"Bearer realm="My API, v2""#),
        (
            Ask::get("/reports").bearer(&good().without("scope").sign()),
            r#"Bearer realm="My API, v2", error="insufficient_scope", scope="reports:read""#,
        ),
    ] {
        assert_eq!(www(application.send(&ask).await).as_deref(), Some(challenge));
    }
}

#[actix_web::test]
async fn challenges_of_other_schemes_are_separate_header_lines() {
    let application = behind(builder().challenge("Basic realm=\"legacy\"").challenge("Negotiate"));
    let with = |answer: Answer| {
        answer.with_header("www-authenticate", "Basic realm=\"legacy\"").with_header("www-authenticate", "Negotiate")
    };
    for (ask, expected) in [
        (Ask::get("/me"), with(Answer::missing())),
        (Ask::get("/optional-me").header("authorization", "Basic eDp5"), with(Answer::missing())),
        (Ask::get("/me").bearer("a"), with(Answer::refused(ErrorKind::MalformedToken))),
        (Ask::get("/me").bearer(""), Answer::malformed(ErrorKind::MalformedCredentials)),
        (Ask::get("/reports").bearer(&good().without("scope").sign()), Answer::forbidden("reports:read")),
    ] {
        assert_eq!(application.send(&ask).await, expected, "{ask:?}");
    }
}

#[actix_web::test]
async fn a_check_on_every_token_refuses_like_the_checks_of_the_verifier() {
    let ada = |verified: &jwt_core::Verified| verified.registered().subject() == Some("user-1815");
    let application = behind(builder().require_token(check("subject", ada)));
    assert_eq!(application.send(&Ask::get("/user").bearer(&good().sign())).await, Answer::text("Ada"));
    let answer = application.send(&Ask::get("/user").bearer(&good().claim("sub", "other").sign())).await;
    assert_eq!(answer, Answer::refused(ErrorKind::RuleRefused));
}

#[actix_web::test]
async fn a_token_that_does_not_meet_the_requirement_on_every_token_is_not_valid() {
    let requirements: [(Box<dyn Requirement>, Answer); 5] = [
        (Box::new(claim("/sub").equals("user-1815")), Answer::text("Ada")),
        (Box::new(scopes(["admin"])), Answer::refused(ErrorKind::RuleRefused)),
        (Box::new(roles("/roles", ["admin"])), Answer::refused(ErrorKind::RuleRefused)),
        (Box::new(max_auth_age(Duration::from_secs(5))), Answer::refused(ErrorKind::RuleRefused)),
        (Box::new(roles("no path", ["admin"])), Answer::fault(ErrorKind::Misconfigured)),
    ];
    for (requirement, expected) in requirements {
        let shown = format!("{requirement:?}");
        let application = behind(builder().require_token(requirement));
        assert_eq!(application.send(&Ask::get("/user").bearer(&good().sign())).await, expected, "{shown}");
    }
    let verifier = builder().require_token(named("admins", scopes(["admin"]))).build().expect("a verifier");
    let error = verifier.verify(&good().sign()).await.expect_err("refused");
    assert_eq!((error.kind(), error.unmet(), error.scope()), (ErrorKind::RuleRefused, Some("admins"), None));
}

#[actix_web::test]
async fn an_asynchronous_check_on_every_token_accepts_refuses_or_fails() {
    let look_up = |verified: jwt_core::Verified| async move {
        match verified.registered().subject() {
            Some("user-1815") => Ok(true),
            Some("store-down") => Err("the store is down".into()),
            _ => Ok(false),
        }
    };
    let application = behind(builder().require_token(check_async("store", look_up)));
    for (subject, expected) in [
        ("user-1815", Answer::text("Ada")),
        ("other", Answer::refused(ErrorKind::RuleRefused)),
        ("store-down", Answer::unavailable(ErrorKind::RuleUnavailable, 5)),
    ] {
        let answer = application.send(&Ask::get("/user").bearer(&good().claim("sub", subject).sign())).await;
        assert_eq!(answer, expected, "{subject}");
    }
}

#[actix_web::test]
async fn outer_layers_of_the_application_can_read_the_error() {
    let application = application().telling();
    for (ask, expected) in [
        (Ask::get("/me"), Answer::missing().with_header("x-error-code", "no_credentials")),
        (
            Ask::get("/me").bearer(&good().claim("exp", NOW - 3600).sign()),
            Answer::refused(ErrorKind::Expired).with_header("x-error-code", "expired"),
        ),
        (
            Ask::get("/number").bearer(&good().sign()),
            Answer::refused(ErrorKind::ClaimsMismatch).with_header("x-error-code", "claims_mismatch"),
        ),
        (
            Ask::get("/reports").bearer(&good().claim("scope", "profile").sign()),
            Answer::forbidden("reports:read").with_header("x-error-code", "insufficient_scope"),
        ),
        (Ask::get("/bare"), Answer::misuse().with_header("x-error-code", "layer_missing")),
        (Ask::get("/public"), Answer::text("everyone")),
        (Ask::get("/user").bearer(&good().sign()), Answer::text("Ada")),
    ] {
        assert_eq!(application.send(&ask).await, expected);
    }
}
