//! Tokens of logins that are too weak or too old (RFC 9470).

use std::time::Duration;

use jwt_core::authorize::{Requirement, acr, all, any, max_auth_age, not, scopes};
use jwt_core::{Class, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::setup::{application, behind, builder, good};
use serde_json::{Value, json};

async fn allowed(requirement: impl Requirement + 'static, token: &Forge) -> Answer {
    application().requiring(requirement).send(&Ask::get("/allowed").bearer(&token.sign())).await
}

#[actix_web::test]
async fn a_login_that_is_too_weak_is_answered_with_the_required_level() {
    let refused = || Answer::login(r#"acr_values="phr phrh""#);
    for (value, expected) in [
        (json!("phr"), Answer::text("Ada")),
        (json!("phrh"), Answer::text("Ada")),
        (json!("pwd"), refused()),
        (json!("phr phrh"), refused()),
        (json!(["phr"]), refused()),
        (json!(1), refused()),
        (Value::Null, refused()),
    ] {
        let answer = allowed(acr(["phr", "phrh"]), &good().claim("acr", value.clone())).await;
        assert_eq!(answer, expected, "{value}");
    }
    assert_eq!(allowed(acr(["phr", "phrh"]), &good()).await, refused());
    assert_eq!(ErrorKind::InsufficientAuthentication.class(), Class::StepUp);
}

#[actix_web::test]
async fn a_login_that_is_too_old_is_answered_with_the_maximum_age() {
    let refused = || Answer::login(r#"max_age="300""#);
    for (value, expected) in [
        (json!(NOW), Answer::text("Ada")),
        (json!(NOW - 359), Answer::text("Ada")),
        (json!(NOW - 360), refused()),
        (json!(NOW + 60), Answer::text("Ada")),
        (json!(NOW + 61), refused()),
        (json!(NOW.to_string()), refused()),
        (Value::Null, refused()),
    ] {
        let token = good().claim("auth_time", value.clone());
        assert_eq!(allowed(max_auth_age(Duration::from_secs(300)), &token).await, expected, "{value}");
    }
    assert_eq!(allowed(max_auth_age(Duration::from_secs(300)), &good()).await, refused());
}

#[actix_web::test]
async fn the_leeway_of_the_verifier_applies() {
    let token = good().claim("auth_time", NOW - 300).sign();
    for (leeway, expected) in [(0, Answer::login(r#"max_age="300""#)), (1, Answer::text("Ada"))] {
        let application = behind(builder().leeway(Duration::from_secs(leeway)));
        let application = application.requiring(max_auth_age(Duration::from_secs(300)));
        assert_eq!(application.send(&Ask::get("/allowed").bearer(&token)).await, expected, "{leeway}");
    }
}

#[actix_web::test]
async fn one_challenge_names_both_level_and_age() {
    let requirement = || max_auth_age(Duration::from_secs(5)).acr(["urn:example:gold"]);
    let refused = || Answer::login(r#"acr_values="urn:example:gold", max_age="5""#);
    let gold = || good().claim("acr", "urn:example:gold");
    assert_eq!(allowed(requirement(), &gold()).await, refused());
    assert_eq!(allowed(requirement(), &good().claim("auth_time", NOW)).await, refused());
    assert_eq!(allowed(requirement(), &gold().claim("auth_time", NOW)).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn login_requirements_combine_with_others() {
    let weak = good().claim("acr", "pwd");
    assert_eq!(allowed(all((scopes(["admin"]), acr(["phr"]))), &weak).await, Answer::forbidden("admin"));
    assert_eq!(allowed(all((scopes(["profile"]), acr(["phr"]))), &weak).await, Answer::login(r#"acr_values="phr""#));
    let either = any((scopes(["admin"]), acr(["phr"])));
    assert_eq!(allowed(either, &weak).await, Answer::not_allowed(ErrorKind::RequirementNotMet));
    assert_eq!(allowed(not(acr(["phr"])), &weak).await, Answer::text("Ada"));
}
