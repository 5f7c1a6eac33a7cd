//! Issuers, audiences, subjects and clients.

use jwt_core::BuildErrorKind;
use jwt_core::keys::fetch_fn;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::remote::Remote;
use jwt_tests::setup::{KID, behind, good, issuer, key, stranger, trusting};
use serde_json::{Value, json};

use crate::target::Target;

#[actix_web::test]
async fn e12_a_token_without_an_audience_is_refused() {
    Target::usual().refuses(&good().without("aud").sign(), ErrorKind::WrongAudience, "none").await;
}

#[actix_web::test]
async fn e13_an_audience_of_the_wrong_type_is_refused() {
    for aud in [
        json!(5),
        json!(true),
        json!({}),
        Value::Null,
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!([AUDIENCE, null]),
        json!({"0": AUDIENCE}),
    ] {
        Target::usual()
            .refuses(&good().claim("aud", aud.clone()).sign(), ErrorKind::MalformedClaims, &aud.to_string())
            .await;
    }
}

#[actix_web::test]
async fn e14_an_audience_that_almost_matches_is_refused() {
    for aud in [
        json!([]),
        json!(""),
        json!([""]),
        json!("https://api"),
        json!("https://api.example/"),
        json!("https://API.example"),
        json!("https://api.example https://other.example"),
        json!("https://api.example,"),
        json!("api.example"),
        json!("https://api.example.evil.example"),
        json!("*"),
        json!(["https://other.example"]),
        json!("https://api.example\u{0}"),
    ] {
        Target::usual()
            .refuses(&good().claim("aud", aud.clone()).sign(), ErrorKind::WrongAudience, &aud.to_string())
            .await;
    }
}

#[actix_web::test]
async fn e15_one_matching_audience_is_enough_unless_all_are_required() {
    let both = json!(["https://other.example", AUDIENCE]);
    Target::usual().accepts(&good().claim("aud", both.clone()).sign(), "ours and another").await;
    let all =
        TrustedIssuer::new(ISSUER).key(key().verification_key()).all_audiences([AUDIENCE, "https://other.example"]);
    let all = Target::trusting(all);
    all.accepts(&good().claim("aud", both).sign(), "both").await;
    all.refuses(&good().sign(), ErrorKind::WrongAudience, "one").await;
}

#[test]
fn e16_a_verifier_without_an_audience_decision_does_not_build() {
    let error = Verifier::builder().issuer(TrustedIssuer::new(ISSUER).key(key().verification_key())).build();
    let error = error.expect_err("undecided");
    assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Undecided, "audience"));
}

#[actix_web::test]
async fn e17_a_token_without_an_issuer_is_refused() {
    Target::usual().refuses(&good().without("iss").sign(), ErrorKind::UnknownIssuer, "missing").await;
    for iss in [json!(5), Value::Null, json!({}), json!(true)] {
        Target::usual()
            .refuses(&good().claim("iss", iss.clone()).sign(), ErrorKind::MalformedClaims, &iss.to_string())
            .await;
    }
}

#[actix_web::test]
async fn e18_a_list_of_issuers_is_refused() {
    for iss in [json!([ISSUER]), json!(["https://evil.example", ISSUER]), json!([])] {
        Target::usual()
            .refuses(&good().claim("iss", iss.clone()).sign(), ErrorKind::MalformedClaims, &iss.to_string())
            .await;
    }
}

#[actix_web::test]
async fn e19_an_issuer_that_almost_matches_is_refused() {
    for iss in [
        "https://id.example/",
        "https://id.example.evil.example",
        "https://id.exampl",
        "https://ID.example",
        "http",
        "",
        "HTTPS://id.example",
        "http://id.example",
        "https://id.example@evil.example",
        "https://evil.example/https://id.example",
        "https://id.example\u{0}",
        " https://id.example",
        "https://id.example:443",
        "https://id.example/.",
    ] {
        Target::usual().refuses(&good().claim("iss", iss).sign(), ErrorKind::UnknownIssuer, iss).await;
    }
}

/// Two issuers whose keys have the same `kid`.
const B: &str = "https://b.example";

#[actix_web::test]
async fn e20_the_key_of_one_issuer_does_not_verify_tokens_of_another() {
    let b = stranger(Algorithm::ES256).with_kid(KID);
    let fixed = trusting(issuer()).issuer(TrustedIssuer::new(B).key(b.verification_key()).audience(AUDIENCE));
    let (remote_a, remote_b) = (Remote::serving(&[&key()]), Remote::serving(&[&b]));
    let route = fetch_fn(move |url: String| {
        let served = if url.starts_with(B) { remote_b.document() } else { remote_a.document() };
        async move { served }
    });
    let remote = trusting(TrustedIssuer::jwks(ISSUER, "https://id.example/jwks").audience(AUDIENCE))
        .issuer(TrustedIssuer::jwks(B, "https://b.example/jwks").audience(AUDIENCE))
        .fetch(route);
    for target in [Target(behind(fixed)), Target(behind(remote))] {
        target.accepts(&good().sign(), "A signs for A").await;
        target.accepts(&Forge::new(&b).claim("iss", B).sign(), "B signs for B").await;
        target.refuses(&good().claim("iss", B).sign(), ErrorKind::BadSignature, "A signs for B").await;
        target.refuses(&Forge::new(&b).sign(), ErrorKind::BadSignature, "B signs for A").await;
        let neither = Forge::new(&b).claim("iss", "https://c.example").sign();
        target.refuses(&neither, ErrorKind::UnknownIssuer, "B signs for nobody").await;
    }
}

#[actix_web::test]
async fn e21_an_untrusted_issuer_is_never_contacted() {
    let remote = Remote::serving(&[&key()]);
    for issuer in [
        TrustedIssuer::discover(ISSUER).audience(AUDIENCE),
        TrustedIssuer::jwks(ISSUER, "https://id.example/jwks").audience(AUDIENCE),
    ] {
        let target = Target(behind(trusting(issuer).fetch(remote.fetch())));
        for iss in [
            "https://evil.example",
            "http://169.254.169.254",
            "http://127.0.0.1:1",
            "file:///etc/passwd",
            "https://id.example/x",
        ] {
            target.refuses(&good().claim("iss", iss).sign(), ErrorKind::UnknownIssuer, iss).await;
        }
        target.refuses(&good().header("typ", "logout+jwt").sign(), ErrorKind::WrongType, "another type").await;
        target
            .refuses(&good().header("alg", "HS256").sign(), ErrorKind::AlgorithmNotAllowed, "another algorithm")
            .await;
    }
    assert!(remote.asked().is_empty());
}

#[actix_web::test]
async fn e22_a_subject_is_a_string_and_present_if_it_is_required() {
    for sub in [json!(5), json!(["root"]), json!({}), Value::Null] {
        Target::usual()
            .refuses(&good().claim("sub", sub.clone()).sign(), ErrorKind::MalformedClaims, &sub.to_string())
            .await;
    }
    Target::usual().accepts(&good().without("sub").sign(), "not required").await;
    let target = Target::trusting(issuer().require_claims(["sub"]));
    target.refuses(&good().without("sub").sign(), ErrorKind::MissingClaim, "missing").await;
    target.refuses(&good().claim("sub", "").sign(), ErrorKind::MissingClaim, "empty").await;
}

#[actix_web::test]
async fn e23_client_and_subject_are_told_apart() {
    let token = good().claim("sub", "reports-service").claim("client_id", "reports-service").sign();
    let answer = Target::usual().0.send(&Ask::get("/verified").bearer(&token)).await;
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((&body["subject"], &body["client_id"]), (&json!("reports-service"), &json!("reports-service")));
    let person = Target::usual().0.send(&Ask::get("/verified").bearer(&good().without("client_id").sign())).await;
    let body: Value = serde_json::from_slice(&person.body).expect("JSON");
    assert_eq!((&body["subject"], &body["client_id"]), (&json!("user-1815"), &Value::Null));
}

#[actix_web::test]
async fn e24_the_access_token_profile_requires_its_claims() {
    let target = Target::trusting(issuer().access_token_profile());
    for name in ["client_id", "jti", "iat", "sub", "exp"] {
        target.refuses(&good().without(name).sign(), ErrorKind::MissingClaim, name).await;
        Target::usual()
            .accepts(&good().claim("exp", NOW + 1).without(if name == "exp" { "x" } else { name }).sign(), name)
            .await;
    }
    for name in ["client_id", "jti", "sub"] {
        target.refuses(&good().claim(name, "").sign(), ErrorKind::MissingClaim, name).await;
        target.refuses(&good().claim(name, 5).sign(), ErrorKind::MalformedClaims, name).await;
    }
    target.refuses(&good().without("aud").sign(), ErrorKind::WrongAudience, "aud").await;
    target.refuses(&good().without("iss").sign(), ErrorKind::UnknownIssuer, "iss").await;
}
