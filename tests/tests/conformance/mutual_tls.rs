//! Tokens that are bound to a client's certificate (RFC 8705 section 3), and the profile FAPI 2.0.
//!
//! Here the certificate comes in a header from a proxy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_core::gate::ProtectedResource;
use jwt_core::http::TokenSources;
use jwt_core::proof::Dpop;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer, VerifierBuilder};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{Forge, NOW, encode};
use jwt_tests::proof::{BASE, Device, sha256};
use jwt_tests::setup::{behind, good, issuer, key_of, keyless, trusting};
use serde_json::json;

const PROXY: [u8; 4] = [10, 0, 0, 7];
const OWN: &[u8] = b"a certificate is any text here";
const OTHER: &[u8] = b"another certificate";

fn bound(certificate: &[u8]) -> Forge {
    good().claim("cnf", json!({"x5t#S256": encode(sha256(certificate))}))
}

fn behind_proxy(issuer: TrustedIssuer) -> VerifierBuilder {
    trusting(issuer).certificate_header("Client-Cert", ["10.0.0.0/8"])
}

/// A request through the proxy, with this certificate in RFC 9440's form.
fn ask(token: &str, certificate: &[u8]) -> Ask {
    Ask::get("/user").bearer(token).header("client-cert", format!(":{}:", STANDARD.encode(certificate))).from(PROXY)
}

#[actix_web::test]
async fn a_token_is_accepted_with_its_certificate_and_no_other() {
    let wrong = Answer::refused(ErrorKind::WrongCertificate);
    for issuer in [issuer().mutual_tls_allowed(), issuer().mutual_tls_required()] {
        let (application, token) = (behind(behind_proxy(issuer)), bound(OWN).sign());
        for _ in 0..2 {
            assert_eq!(application.send(&ask(&token, OWN)).await, Answer::text("Ada"));
            assert_eq!(application.send(&ask(&token, OTHER)).await, wrong, "another certificate");
            assert_eq!(application.send(&Ask::get("/user").bearer(&token)).await, wrong, "no certificate");
            assert_eq!(application.send(&Ask::get("/user").bearer(&token).from(PROXY)).await, wrong, "no header");
        }
        let twice = ask(&token, OWN).header("client-cert", format!(":{}:", STANDARD.encode(OWN)));
        assert_eq!(application.send(&twice).await, wrong, "two headers");
        assert_eq!(application.send(&ask(&token, b"")).await, wrong, "an empty header");
    }
}

#[actix_web::test]
async fn a_token_that_is_not_bound_needs_no_certificate_unless_that_is_required() {
    let (allowed, required) =
        (behind(behind_proxy(issuer().mutual_tls_allowed())), behind(behind_proxy(issuer().mutual_tls_required())));
    let token = good().sign();
    for ask in [Ask::get("/user").bearer(&token), ask(&token, OWN)] {
        assert_eq!(allowed.send(&ask).await, Answer::text("Ada"));
        assert_eq!(required.send(&ask).await, Answer::refused(ErrorKind::UnboundToken));
    }
}

#[actix_web::test]
async fn a_header_counts_only_if_it_is_configured_and_from_a_trusted_proxy() {
    let wrong = Answer::refused(ErrorKind::WrongCertificate);
    let token = bound(OWN).sign();
    let without = behind(trusting(issuer().mutual_tls_required()));
    assert_eq!(without.send(&ask(&token, OWN)).await, wrong, "no header is configured");
    let application = behind(behind_proxy(issuer().mutual_tls_required()));
    assert_eq!(application.send(&ask(&token, OWN).from([192, 0, 2, 1])).await, wrong, "another address");
    let other = Ask::get("/user").bearer(&token).header("x-ssl-cert", STANDARD.encode(OWN)).from(PROXY);
    assert_eq!(application.send(&other).await, wrong, "another header");
}

#[actix_web::test]
async fn a_token_may_be_bound_to_a_key_and_to_a_certificate() {
    let issuer = issuer().mutual_tls_required().dpop_required();
    let application = behind(behind_proxy(issuer).dpop(Dpop::new(BASE)));
    let device = Device::default();
    let cnf = json!({"jkt": device.thumbprint(), "x5t#S256": encode(sha256(OWN))});
    let token = good().claim("cnf", cnf).sign();
    for (certificate, expected) in [(OWN, None), (OTHER, Some("wrong_certificate"))] {
        let value = format!(":{}:", STANDARD.encode(certificate));
        let answer = application
            .send_new(|| {
                let proof = device.proof("GET", "/user", &token).sign();
                Ask::get("/user").dpop(&token, &proof).header("client-cert", &value).from(PROXY)
            })
            .await;
        assert_eq!(answer.code, expected);
    }
    assert_eq!(application.send(&ask(&token, OWN)).await.code, Some("missing_proof"));
}

#[actix_web::test]
async fn the_metadata_says_that_tokens_are_bound_to_certificates() {
    let builder = trusting(issuer().mutual_tls_allowed()).resource(ProtectedResource::new(BASE));
    let verifier = builder.build().expect("a verifier");
    let json = verifier.resource_metadata().expect("metadata").json();
    assert!(json.contains(r#""tls_client_certificate_bound_access_tokens":true"#), "{json}");
}

#[test]
fn a_wrong_header_is_a_build_error() {
    let build = |builder: VerifierBuilder| builder.build().err().map(|error| error.kind());
    let with = |name: &str, proxies: &[&str]| {
        let issuer = issuer().mutual_tls_required();
        build(trusting(issuer).certificate_header(name, proxies.iter().copied()))
    };
    assert_eq!(with("client-cert", &["10.0.0.0/8"]), None);
    assert_eq!(with("client-cert", &[]), Some(BuildErrorKind::Empty));
    assert_eq!(with("client-cert", &["proxy"]), Some(BuildErrorKind::Invalid));
    assert_eq!(with("client cert", &["::1"]), Some(BuildErrorKind::IllegalCharacters));
    assert_eq!(build(behind_proxy(issuer())), Some(BuildErrorKind::Contradiction));
}

/// An issuer with keys that FAPI 2.0 allows.
fn fapi() -> TrustedIssuer {
    issuer().fapi2().dpop_required()
}

#[actix_web::test]
async fn fapi_accepts_bound_tokens_within_its_clock_limits_and_nothing_else() {
    let application = behind(trusting(fapi()).dpop(Dpop::new(BASE)));
    let device = Device::default();
    for (case, token, expected) in [
        ("good", device.good(), None),
        ("ten seconds ahead", device.good().claim("iat", NOW + 10).claim("nbf", NOW + 10), None),
        ("over a minute ahead", device.good().claim("iat", NOW + 61), Some("issued_in_future")),
        ("not valid for over a minute", device.good().claim("nbf", NOW + 61), Some("not_yet_valid")),
        ("expired", device.good().claim("exp", NOW - 60), Some("expired")),
        ("no exp", device.good().without("exp"), Some("missing_claim")),
        ("another audience", device.good().claim("aud", "x"), Some("wrong_audience")),
        ("not bound", good(), Some("unbound_token")),
    ] {
        let token = token.sign();
        let answer =
            application.send_new(|| Ask::get("/user").dpop(&token, &device.proof("GET", "/user", &token).sign())).await;
        assert_eq!(answer.code, expected, "{case}");
    }
    let token = device.good().sign();
    assert_eq!(application.send(&Ask::get("/user").bearer(&token)).await.code, Some("missing_proof"));
    let verifier = trusting(fapi()).dpop(Dpop::new(BASE)).build().expect("a verifier");
    let cookies = Application::new(verifier.with_sources(TokenSources::new().cookie("t")));
    let ask = Ask::get("/user").header("cookie", format!("t={token}"));
    assert_eq!(cookies.send(&ask).await.code, Some("no_credentials"), "only in the header");
    // Only PS256, ES256 and EdDSA.
    for (algorithm, accepted) in [
        (Algorithm::PS256, true),
        (Algorithm::Ed25519, true),
        (Algorithm::RS256, false),
        (Algorithm::ES384, false),
        (Algorithm::PS512, false),
    ] {
        let own = keyless().key(key_of(algorithm).verification_key()).fapi2().dpop_required();
        let built = trusting(own).dpop(Dpop::new(BASE)).build();
        assert_eq!(built.is_ok(), accepted, "{algorithm}: no other key is usable");
    }
}

#[actix_web::test]
async fn fapi_with_either_binding_needs_one_of_them() {
    let issuer = issuer().fapi2().dpop_allowed().mutual_tls_allowed();
    let application = behind(behind_proxy(issuer).dpop(Dpop::new(BASE)));
    assert_eq!(application.send(&Ask::get("/user").bearer(&good().sign())).await.code, Some("unbound_token"));
    assert_eq!(application.send(&ask(&bound(OWN).sign(), OWN)).await, Answer::text("Ada"));
    let device = Device::default();
    assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"));
}

#[test]
fn settings_that_contradict_fapi_are_build_errors() {
    let build =
        |builder: VerifierBuilder| builder.build().err().map(|error| (error.kind(), error.setting().to_owned()));
    let with = |issuer| build(trusting(issuer).dpop(Dpop::new(BASE)));
    let error = |kind, setting: &str| Some((kind, setting.to_owned()));
    assert_eq!(with(fapi()), None);
    assert_eq!(build(trusting(issuer().fapi2())), error(BuildErrorKind::Undecided, "fapi2"));
    let contradiction = error(BuildErrorKind::Contradiction, "fapi2");
    assert_eq!(with(fapi().algorithms([Algorithm::RS256, Algorithm::ES256])), contradiction);
    assert_eq!(with(fapi().dangerous_without_expiry()), contradiction);
    let any = TrustedIssuer::new("https://id.example").key(key_of(Algorithm::ES256).verification_key());
    assert_eq!(with(any.dangerous_any_audience().fapi2().dpop_required()), contradiction);
    let settings = || trusting(fapi()).dpop(Dpop::new(BASE));
    let cookies = TokenSources::new().cookie("t");
    assert_eq!(build(settings().sources(cookies)), error(BuildErrorKind::Contradiction, "sources"));
    for (seconds, expected) in [
        (9, error(BuildErrorKind::OutOfRange, "leeway")),
        (10, None),
        (61, error(BuildErrorKind::OutOfRange, "leeway")),
    ] {
        assert_eq!(build(settings().leeway(std::time::Duration::from_secs(seconds))), expected, "{seconds}");
    }
}
