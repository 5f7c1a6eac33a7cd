//! Tokens that are bound to their sender, of issuers that a resolver finds: each tenant has its own mode, in one verifier.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_core::proof::Dpop;
use jwt_core::testing::ManualClock;
use jwt_core::verify::IssuerResolver;
use jwt_core::{Algorithm, TrustedIssuer, Verifier};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, Forge, NOW, encode};
use jwt_tests::proof::{BASE, Device, sha256};
use jwt_tests::setup::{behind, good, key};
use serde_json::json;

const PROXY: [u8; 4] = [10, 0, 0, 7];
const CERTIFICATE: &[u8] = b"a certificate is any text here";

const OFF: &str = "https://off.example";
const ALLOWED: &str = "https://allowed.example";
const REQUIRED: &str = "https://required.example";
const CERTIFIED: &str = "https://certified.example";
const FAPI: &str = "https://fapi.example";
const TENANTS: [&str; 5] = [OFF, ALLOWED, REQUIRED, CERTIFIED, FAPI];

fn application() -> Application {
    let resolver = IssuerResolver::new(
        |name| TENANTS.contains(&name),
        |name| async move {
            let issuer = TrustedIssuer::new(&*name).audience(AUDIENCE).key(key().verification_key());
            Ok(Some(match &*name {
                ALLOWED => issuer.dpop_allowed(),
                REQUIRED => issuer.dpop_required(),
                CERTIFIED => issuer.mutual_tls_required(),
                FAPI => issuer.fapi2().dpop_required(),
                _ => issuer,
            }))
        },
    );
    let dpop = Dpop::new(BASE).algorithms([Algorithm::ES256]);
    behind(Verifier::builder().issuer_resolver(resolver).dpop(dpop).clock(ManualClock::at(NOW)))
}

fn challenges(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.iter().filter(|(name, _)| name == "www-authenticate");
    lines.map(|(_, value)| std::str::from_utf8(value).expect("text")).collect()
}

/// Each request is sent twice: the second time, issuer and token are known.
async fn outcome(application: &Application, ask: impl Fn() -> Ask) -> (u16, Option<&'static str>) {
    let first = application.send_new(&ask).await;
    let second = application.send_new(&ask).await;
    assert_eq!((first.status, first.code), (second.status, second.code), "the same for a known token");
    let challenges = challenges(&first);
    // Other tenants send bearer tokens, so both schemes are named.
    assert_eq!(challenges.len(), if first.status == 401 { 2 } else { 0 }, "{challenges:?}");
    for line in challenges.iter().filter(|line| line.starts_with("DPoP")) {
        assert!(line.contains(r#"algs="ES256""#), "{line}");
    }
    assert_eq!(challenges.iter().filter(|line| line.starts_with("DPoP ")).count(), challenges.len() / 2);
    (first.status, first.code)
}

#[actix_web::test]
async fn each_tenant_has_its_own_mode() {
    let (application, device, thief) = (application(), Device::default(), Device::default());
    for (tenant, free_bearer, bound_bearer, bound_with_proof) in [
        (OFF, None, Some("unsupported_confirmation"), Some("unsupported_confirmation")),
        (ALLOWED, None, Some("missing_proof"), None),
        (REQUIRED, Some("unbound_token"), Some("missing_proof"), None),
        (CERTIFIED, Some("unbound_token"), Some("unsupported_confirmation"), Some("unsupported_confirmation")),
        (FAPI, Some("unbound_token"), Some("missing_proof"), None),
    ] {
        let of = |token: Forge| token.claim("iss", tenant).sign();
        let (free, bound) = (of(good()), of(device.good()));
        let proof = |device: &Device, token: &str| device.proof("GET", "/user", token).sign();
        let expected = |code: Option<&'static str>| (if code.is_some() { 401 } else { 200 }, code);
        let answer = outcome(&application, || Ask::get("/user").bearer(&free)).await;
        assert_eq!(answer, expected(free_bearer), "{tenant}: not bound");
        let answer = outcome(&application, || Ask::get("/user").bearer(&bound)).await;
        assert_eq!(answer, expected(bound_bearer), "{tenant}: without a proof");
        let downgraded = || Ask::get("/user").bearer(&bound).header("dpop", proof(&device, &bound));
        assert_eq!(outcome(&application, downgraded).await, expected(bound_bearer), "{tenant}: as a bearer token");
        let good = || Ask::get("/user").dpop(&bound, &proof(&device, &bound));
        assert_eq!(outcome(&application, good).await, expected(bound_with_proof), "{tenant}: with its proof");
        let stolen = || Ask::get("/user").dpop(&bound, &proof(&thief, &bound));
        let refusal = bound_with_proof.or(Some("wrong_proof_key"));
        assert_eq!(outcome(&application, stolen).await, expected(refusal), "{tenant}: another key's proof");
    }
}

#[actix_web::test]
async fn a_tenants_tokens_may_be_bound_to_certificates() {
    // One that only knows certificates of connections, and one that also reads them from a header.
    let found = |name: std::sync::Arc<str>| async move {
        let issuer = TrustedIssuer::new(&*name).audience(AUDIENCE).key(key().verification_key());
        Ok(Some(issuer.mutual_tls_required()))
    };
    let builder = || {
        let resolver = IssuerResolver::new(|name| name == CERTIFIED, found);
        Verifier::builder().issuer_resolver(resolver).clock(ManualClock::at(NOW))
    };
    let bound = good().claim("iss", CERTIFIED).claim("cnf", json!({"x5t#S256": encode(sha256(CERTIFICATE))})).sign();
    let proxied = |certificate: &[u8]| {
        let value = format!(":{}:", STANDARD.encode(certificate));
        Ask::get("/user").bearer(&bound).header("client-cert", value).from(PROXY)
    };
    let connections = behind(builder());
    assert_eq!(connections.send(&Ask::get("/user").bearer(&bound)).await.code, Some("wrong_certificate"));
    assert_eq!(connections.send(&proxied(CERTIFICATE)).await.code, Some("wrong_certificate"), "no header is trusted");
    let application = behind(builder().certificate_header("Client-Cert", ["10.0.0.0/8"]));
    for _ in 0..2 {
        assert_eq!(application.send(&proxied(CERTIFICATE)).await, Answer::text("Ada"));
        assert_eq!(application.send(&proxied(b"another")).await.code, Some("wrong_certificate"));
        assert_eq!(application.send(&Ask::get("/user").bearer(&bound)).await.code, Some("wrong_certificate"));
        let free = good().claim("iss", CERTIFIED).sign();
        assert_eq!(application.send(&Ask::get("/user").bearer(&free)).await.code, Some("unbound_token"));
    }
}
