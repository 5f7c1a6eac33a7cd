//! Tokens that are bound to a client's key: the modes, and the challenges (RFC 9449 section 7).

use jwt_core::authorize::{Routes, scopes};
use jwt_core::gate::ProtectedResource;
use jwt_core::http::TokenSources;
use jwt_core::proof::Dpop;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::AUDIENCE;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{application, behind, builder, good, issuer, key, trusting};
use serde_json::json;

/// The algorithms that challenges name, so that the tests don't depend on a list of them.
const ALGS: &str = "ES256 EdDSA Ed25519";

fn settings() -> Dpop {
    Dpop::new(BASE).algorithms([Algorithm::ES256, Algorithm::Ed25519])
}

fn allowed() -> VerifierBuilder {
    trusting(issuer().dpop_allowed()).dpop(settings())
}

fn required() -> VerifierBuilder {
    trusting(issuer().dpop_required()).dpop(settings())
}

/// A refusal with these challenges.
fn refused(status: u16, kind: ErrorKind, challenges: &[&str]) -> Answer {
    let headers = challenges.iter().map(|value| ("www-authenticate".to_owned(), value.replace("ALGS", ALGS).into()));
    Answer::new(status, headers, Vec::new(), Some(&kind.into()))
}

const BEARER: &str = r#"Bearer realm="api""#;
const BEARER_INVALID: &str = r#"Bearer realm="api", error="invalid_token""#;
const DPOP: &str = r#"DPoP realm="api", algs="ALGS""#;
const DPOP_INVALID: &str = r#"DPoP realm="api", error="invalid_token", algs="ALGS""#;
const DPOP_PROOF: &str = r#"DPoP realm="api", error="invalid_dpop_proof", algs="ALGS""#;

#[actix_web::test]
async fn a_bound_token_with_its_proof_is_accepted_and_known_tokens_need_a_proof_too() {
    for builder in [allowed(), required(), required().without_token_cache()] {
        let (application, device) = (behind(builder), Device::default());
        let token = device.good().sign();
        for _ in 0..3 {
            let answer = application
                .send_new(|| Ask::get("/user").dpop(&token, &device.proof("GET", "/user", &token).sign()))
                .await;
            assert_eq!(answer, Answer::text("Ada"));
        }
        let without = Ask::get("/user").header("authorization", format!("DPoP {token}"));
        assert_eq!(application.send(&without).await.code, Some("invalid_dpop_proof"));
        assert_eq!(application.send(&Ask::get("/user").bearer(&token)).await.code, Some("missing_proof"));
    }
}

#[actix_web::test]
async fn each_mode_has_its_answers() {
    use ErrorKind::{InvalidProof, MissingProof, NoCredentials, UnboundToken};
    let device = Device::default();
    let (bound, free) = (device.good().sign(), good().sign());
    let proof = |token: &str| device.proof("GET", "/user", token).sign();
    for (mode, builder, case, ask, expected) in [
        ("allowed", allowed(), "none", Ask::get("/user"), refused(401, NoCredentials, &[BEARER, DPOP])),
        ("allowed", allowed(), "free bearer", Ask::get("/user").bearer(&free), Answer::text("Ada")),
        (
            "allowed",
            allowed(),
            "bound bearer",
            Ask::get("/user").bearer(&bound),
            refused(401, MissingProof, &[BEARER_INVALID, DPOP]),
        ),
        (
            "allowed",
            allowed(),
            "bound bearer with a proof",
            Ask::get("/user").bearer(&bound).header("dpop", proof(&bound)),
            refused(401, MissingProof, &[BEARER_INVALID, DPOP]),
        ),
        (
            "allowed",
            allowed(),
            "free with a proof",
            Ask::get("/user").dpop(&free, &proof(&free)),
            refused(401, UnboundToken, &[DPOP_INVALID, BEARER]),
        ),
        (
            "allowed",
            allowed(),
            "bound without a proof",
            Ask::get("/user").header("authorization", format!("DPoP {bound}")),
            refused(401, InvalidProof, &[DPOP_PROOF, BEARER]),
        ),
        ("required", required(), "none", Ask::get("/user"), refused(401, NoCredentials, &[DPOP])),
        (
            "required",
            required(),
            "free bearer",
            Ask::get("/user").bearer(&free),
            refused(401, UnboundToken, &[DPOP_INVALID]),
        ),
        (
            "required",
            required(),
            "bound bearer",
            Ask::get("/user").bearer(&bound),
            refused(401, MissingProof, &[DPOP_INVALID]),
        ),
        (
            "required",
            required(),
            "free with a proof",
            Ask::get("/user").dpop(&free, &proof(&free)),
            refused(401, UnboundToken, &[DPOP_INVALID]),
        ),
    ] {
        assert_eq!(behind(builder).send(&ask).await, expected, "{mode}: {case}");
    }
    for ask in [Ask::get("/user").dpop(&bound, &proof(&bound)), Ask::get("/user").dpop(&free, &proof(&free))] {
        assert_eq!(application().send(&ask).await, Answer::missing(), "off: the scheme isn't known");
    }
    let bearer = Ask::get("/user").bearer(&bound);
    assert_eq!(application().send(&bearer).await, Answer::refused(ErrorKind::UnsupportedConfirmation), "off");
}

#[actix_web::test]
async fn an_issuer_without_dpop_refuses_bound_tokens_beside_one_with_it() {
    let other = TrustedIssuer::new("https://other.example").audience(AUDIENCE).key(key().verification_key());
    let (application, device) = (behind(required().issuer(other)), Device::default());
    let token = device.good().claim("iss", "https://other.example").sign();
    let ask = Ask::get("/user").dpop(&token, &device.proof("GET", "/user", &token).sign());
    assert_eq!(application.send(&ask).await.code, Some("unsupported_confirmation"));
    let free = good().claim("iss", "https://other.example").sign();
    assert_eq!(application.send(&Ask::get("/user").bearer(&free)).await, Answer::text("Ada"));
    let missing = refused(401, ErrorKind::NoCredentials, &[BEARER, DPOP]);
    assert_eq!(application.send(&Ask::get("/user")).await, missing, "bearer tokens of the other issuer are accepted");
}

#[actix_web::test]
async fn errors_about_the_token_go_to_the_scheme_that_the_client_used() {
    let (application, device) = (behind(allowed()).requiring(scopes(["admin"])), Device::default());
    let token = device.good().sign();
    let answer = application
        .send_new(|| Ask::get("/allowed").dpop(&token, &device.proof("GET", "/allowed", &token).sign()))
        .await;
    let expected = r#"DPoP realm="api", error="insufficient_scope", scope="admin", algs="ALGS""#;
    assert_eq!(answer, refused(403, ErrorKind::InsufficientScope, &[expected]), "by a layer further in");
    let expired = device.good().claim("exp", 1).sign();
    let ask = Ask::get("/user").dpop(&expired, &device.proof("GET", "/user", &expired).sign());
    assert_eq!(application.send(&ask).await, refused(401, ErrorKind::Expired, &[DPOP_INVALID, BEARER]));
    let empty = Ask::get("/user").header("authorization", "DPoP");
    let malformed = r#"DPoP realm="api", error="invalid_request", algs="ALGS""#;
    assert_eq!(application.send(&empty).await, refused(400, ErrorKind::MalformedCredentials, &[malformed]));
    let two = Ask::get("/user").bearer(&token).header("authorization", format!("DPoP {token}"));
    assert_eq!(application.send(&two).await.code, Some("multiple_credentials"));
}

#[actix_web::test]
async fn a_guest_needs_no_proof_and_the_scheme_is_read_in_any_case() {
    let (application, device) = (behind(required()), Device::default());
    assert_eq!(application.send(&Ask::get("/optional")).await, Answer::text("nobody"));
    let token = device.good().sign();
    for scheme in ["dpop", "DPOP", "DPoP"] {
        let answer = application
            .send_new(|| {
                let proof = device.proof("GET", "/optional", &token).sign();
                Ask::get("/optional").header("authorization", format!("{scheme} {token}")).header("dpop", proof)
            })
            .await;
        assert_eq!(answer, Answer::text("Ada"), "{scheme}");
    }
    assert_eq!(application.send(&Ask::get("/optional").bearer(&token)).await.code, Some("missing_proof"));
}

#[actix_web::test]
async fn a_bound_token_is_not_accepted_from_other_places_or_outside_of_requests() {
    let device = Device::default();
    let token = device.good().sign();
    let sources = TokenSources::new().cookie("t").header("x-token").query("t").bearer_header("x-authorization");
    let application = behind(allowed().sources(sources));
    let proof = || device.proof("GET", "/user", &token).sign();
    for ask in [
        Ask::get("/user").header("cookie", format!("t={token}")),
        Ask::get("/user").header("x-token", &token),
        Ask::get("/user").header("x-authorization", format!("Bearer {token}")),
        Ask::get(format!("/user?t={token}")),
    ] {
        assert_eq!(application.send(&ask.header("dpop", proof())).await.code, Some("missing_proof"));
    }
    let verifier = allowed().build().expect("a verifier");
    assert_eq!(verifier.verify(&token).await.expect_err("no request").kind(), ErrorKind::MissingProof);
    assert!(verifier.verify(&good().sign()).await.is_ok());
}

#[actix_web::test]
async fn other_sources_of_the_same_verifier_accept_proofs_too() {
    let (verifier, device) = (required().build().expect("a verifier"), Device::default());
    let application = Application::new(verifier.with_sources(TokenSources::new().cookie("t")));
    assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn a_proof_is_needed_behind_a_table_of_routes() {
    let routes = || Routes::new().require("/user", scopes(["profile"])).require("/admin", scopes(["admin"]));
    let (application, device) = (behind(required()).guarded(routes()), Device::default());
    assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"));
    assert_eq!(application.send_new(|| device.get("/admin")).await.status, 403);
    let missing = r#"DPoP realm="api", scope="admin", algs="ALGS""#;
    assert_eq!(application.send(&Ask::get("/admin")).await, refused(401, ErrorKind::NoCredentials, &[missing]));
}

#[actix_web::test]
async fn the_metadata_of_the_resource_says_what_is_needed() {
    let document = |builder: VerifierBuilder| {
        let verifier = builder.resource(ProtectedResource::new(BASE)).build().expect("a verifier");
        let json = verifier.resource_metadata().expect("metadata").json().to_owned();
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON")
    };
    let (allowed, required, off) = (document(allowed()), document(required()), document(builder()));
    assert_eq!(allowed["dpop_signing_alg_values_supported"], json!(["ES256", "EdDSA", "Ed25519"]));
    assert_eq!(allowed.get("dpop_bound_access_tokens_required"), None);
    assert_eq!(required["dpop_bound_access_tokens_required"], json!(true));
    for name in ["dpop_signing_alg_values_supported", "dpop_bound_access_tokens_required"] {
        assert_eq!(off.get(name), None);
    }
}

#[actix_web::test]
async fn a_gateway_forwards_neither_the_token_nor_the_proof() {
    let (application, device) = (behind(required()).forwarding(&[("/sub", "x-user")]), Device::default());
    let answer = application.send_new(|| device.get("/forwarded").header("x-other", "kept")).await;
    let seen = String::from_utf8(answer.body).expect("text");
    assert!(seen.contains("x-user: user-1815") && seen.contains("x-other: kept"), "{seen}");
    assert!(!seen.contains("dpop") && !seen.contains("authorization") && !seen.contains("eyJ"), "{seen}");
}

#[test]
fn settings_that_check_nothing_are_build_errors() {
    let error = |builder: VerifierBuilder| {
        let error = builder.build().expect_err("contradictory settings");
        (error.kind(), error.setting().to_owned())
    };
    let dpop = |kind| (kind, "dpop".to_owned());
    assert_eq!(error(trusting(issuer().dpop_required())), dpop(BuildErrorKind::Undecided));
    assert_eq!(error(trusting(issuer().dpop_allowed())), dpop(BuildErrorKind::Undecided));
    assert_eq!(error(builder().dpop(settings())), dpop(BuildErrorKind::Contradiction));
    let cookies = TokenSources::none().cookie("t");
    assert_eq!(error(required().sources(cookies)), dpop(BuildErrorKind::Contradiction));
    let insecure = trusting(issuer().dpop_required()).dpop(Dpop::new("http://api.example"));
    assert_eq!(error(insecure), dpop(BuildErrorKind::InsecureUrl));
    let _: Verifier = required().build().expect("a verifier");
}
