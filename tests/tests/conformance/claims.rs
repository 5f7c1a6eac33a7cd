//! Claims and types that real issuers write in their own ways.

use jwt_core::revocation::MemoryRevocations;
use jwt_core::{ErrorKind, TrustedIssuer};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::setup::{application, behind, builder, good, issuer, trusting};
use serde_json::{Value, json};

/// Asserts the answer of an application that trusts this issuer to a token.
async fn check(issuer: TrustedIssuer, token: &Forge, refused: Option<ErrorKind>) {
    let answer = behind(trusting(issuer)).send(&Ask::get("/user").bearer(&token.sign())).await;
    assert_eq!(answer, refused.map_or_else(|| Answer::text("Ada"), Answer::refused), "{:?}", token.claims);
}

#[actix_web::test]
async fn a_missing_type_can_be_accepted_beside_named_ones() {
    let typed = |typ: Option<&str>| match typ {
        Some(typ) => good().header("typ", typ),
        None => good().without_header("typ"),
    };
    for (typ, named, optional) in
        [(Some("JOSE"), true, true), (Some("jwt"), true, true), (None, false, true), (Some("at+jwt"), false, false)]
    {
        let refused = |accepted: bool| (!accepted).then_some(ErrorKind::WrongType);
        let issuer = || issuer().token_types(["JWT", "JOSE"]);
        check(issuer(), &typed(typ), refused(named)).await;
        check(issuer().allow_missing_type(), &typed(typ), refused(optional)).await;
    }
}

#[actix_web::test]
async fn a_numeric_subject_or_token_id_is_accepted_only_on_request() {
    for (name, number) in [("sub", json!(1815)), ("jti", json!(1815)), ("sub", json!(u64::MAX))] {
        let token = good().claim(name, number);
        check(issuer(), &token, Some(ErrorKind::MalformedClaims)).await;
        check(issuer().numeric_identifiers(), &token, None).await;
    }
    for number in [json!(-1), json!(1.5), json!(true), json!([1]), Value::Null] {
        let token = good().claim("sub", number);
        check(issuer().numeric_identifiers(), &token, Some(ErrorKind::MalformedClaims)).await;
    }
    let token = good().claim("sub", 1815).sign();
    let answer = behind(trusting(issuer().numeric_identifiers())).send(&Ask::get("/verified").bearer(&token)).await;
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(body["subject"], json!("1815"));
    check(issuer().numeric_identifiers().subject("1815"), &good().claim("sub", 1815), None).await;
    check(issuer().numeric_identifiers().subject("1815"), &good().claim("sub", 1816), Some(ErrorKind::WrongSubject))
        .await;
}

#[actix_web::test]
async fn a_client_or_session_of_another_type_refuses_a_token_only_if_it_is_needed() {
    let profile = || issuer().access_token_profile();
    for value in [json!(5), json!(["a"]), json!({"a": 1}), json!(false), Value::Null] {
        let (client, session) = (good().claim("client_id", value.clone()), good().claim("sid", value.clone()));
        check(issuer(), &client, None).await;
        check(issuer(), &session, None).await;
        check(profile(), &session, None).await;
        let kind = if value.is_null() { ErrorKind::MissingClaim } else { ErrorKind::MalformedClaims };
        check(profile(), &client, Some(kind)).await;
        check(issuer().require_claims(["client_id"]), &client, Some(kind)).await;
        check(issuer().require_claims(["sid"]), &session, Some(kind)).await;
        // A revocation of the session could not be recognized.
        let revoking = behind(builder().revocations(MemoryRevocations::new()));
        let answer = revoking.send(&Ask::get("/user").bearer(&session.sign())).await;
        let refused = !value.is_null();
        let expected = if refused { Answer::refused(ErrorKind::MalformedClaims) } else { Answer::text("Ada") };
        assert_eq!(answer, expected, "{value}");
    }
    let answer = application().send(&Ask::get("/verified").bearer(&good().claim("client_id", 5).sign())).await;
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(body["client_id"], Value::Null);
}

#[actix_web::test]
async fn an_id_token_for_this_audience_is_refused_unless_it_is_wanted() {
    for claim in ["nonce", "at_hash", "c_hash"] {
        for token in [good().header("typ", "JWT"), good().without_header("typ")] {
            let id_token = token.clone().claim(claim, "x");
            check(issuer(), &token, None).await;
            check(issuer(), &id_token, Some(ErrorKind::WrongType)).await;
            check(issuer().dangerous_accept_id_tokens(), &id_token, None).await;
        }
        check(issuer(), &good().claim(claim, "x"), None).await;
        check(issuer().access_token_profile(), &good().claim(claim, "x"), None).await;
        let only_jwt = issuer().token_types(["JWT"]);
        check(only_jwt, &good().header("typ", "JWT").claim(claim, "x"), None).await;
    }
}
