//! Keys, headers, claims and routes that don't fit.

use std::time::Duration;

use jwt_core::authorize::{Routes, check, claim, max_auth_age, roles};
use jwt_core::proof::Dpop;
use jwt_core::revocation::{MemoryRevocations, RevocationSettings};
use jwt_core::{Algorithm, TrustedIssuer};
use jwt_tests::adapter::Adapter;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, NOW};
use jwt_tests::log::Log;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{application, behind, builder, good, issuer, key_of, keyless, stranger, trusting};
use serde_json::json;

use super::requests::{at, explain, sent, with};

#[actix_web::test]
async fn a_key_or_a_header_that_does_not_fit_is_explained() {
    let (es256, entra) = (key_of(Algorithm::ES256), "https://sts.windows.net/tenant/");
    let second = stranger(Algorithm::ES256).with_kid("k-2");
    let two = || trusting(keyless().key(es256.verification_key()).key(second.verification_key()));
    let rotated = jwt_tests::forge::Forge::new(&stranger(Algorithm::ES256).with_kid("k-1"));
    let secret =
        |text: &str| jwt_core::crypto::SigningKey::from_secret(Algorithm::HS256, text.as_bytes()).expect("long enough");
    let ours = secret("0123456789abcdef0123456789abcdef");
    let hs256 = jwt_tests::forge::Forge::new(&secret("0123456789abcdef0123456789abcdef\n"));
    let ed25519 = jwt_tests::forge::Forge::new(&key_of(Algorithm::Ed25519));
    let only_es256 = || trusting(issuer().algorithms([Algorithm::ES256]));
    explain(
        [
            sent(
                "an unknown kid",
                &good().header("kid", "k-9").sign(),
                "unknown_key",
                &["3 bytes", "another environment"],
            ),
            sent("no key for it", &ed25519.sign(), "unknown_key", &["no key for EdDSA", "`TrustedIssuer::algorithms`"]),
            with("no kid", two(), &good().without_header("kid").sign(), "ambiguous_key", &["no `kid`", "set a `kid`"]),
            sent("rotated without a new kid", &rotated.sign(), "bad_signature", &["same `kid`", "key set"]),
            with(
                "Graph",
                trusting(TrustedIssuer::new(entra).key(es256.verification_key()).audience(AUDIENCE)),
                &rotated.clone().claim("iss", entra).header("nonce", "n").sign(),
                "bad_signature",
                &["Microsoft Graph", "scope of your own API"],
            ),
            with(
                "another secret",
                trusting(keyless().key(ours.verification_key())),
                &hs256.sign(),
                "bad_signature",
                &["secret", "line break"],
            ),
            sent("symmetric", &hs256.sign(), "algorithm_not_allowed", &["symmetric", "private key"]),
            with(
                "not allowed",
                only_es256(),
                &ed25519.sign(),
                "algorithm_not_allowed",
                &["must be ES256", "`TrustedIssuer::algorithms`"],
            ),
            sent(
                "another typ",
                &good().header("typ", "dpop+jwt").sign(),
                "wrong_type",
                &["`JWT` or `at+jwt`", "token_types"],
            ),
            with(
                "typ of the profile",
                trusting(issuer().access_token_profile()),
                &good().header("typ", "JWT").sign(),
                "wrong_type",
                &["`at+jwt`"],
            ),
            with(
                "no typ",
                trusting(issuer().access_token_profile()),
                &good().without_header("typ").sign(),
                "wrong_type",
                &["`at+jwt`", "has none"],
            ),
            sent("crit", &good().header("crit", json!(["x"])).sign(), "critical_header", &["`crit`", "leave it out"]),
            sent("nested", &good().header("cty", "JWT").sign(), "nested_token", &["another token", "inner one"]),
            with(
                "too large",
                builder().max_token_bytes(100),
                &good().sign(),
                "token_too_large",
                &["`VerifierBuilder::max_token_bytes`"],
            ),
        ],
        14,
    )
    .await;
}

#[actix_web::test]
async fn claims_that_do_not_fit_are_explained() {
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let old = || trusting(issuer().max_age(Duration::from_secs(5)));
    let short = || trusting(issuer().max_lifetime(Duration::from_secs(5)));
    let early = good().claim("iat", NOW - 400).claim("nbf", NOW - 400);
    explain(
        [
            sent(
                "expired",
                &early.clone().claim("exp", NOW - 100).sign(),
                "expired",
                &["100 s ago", "leeway is 60 s", "clock"],
            ),
            sent("a clock behind", &good().claim("nbf", NOW + 90).sign(), "not_yet_valid", &["in 90 s", "clock"]),
            sent("a clock ahead", &good().claim("iat", NOW + 90).sign(), "issued_in_future", &["in 90 s", "clock"]),
            sent(
                "iat after exp",
                &good().claim("iat", NOW + 20).claim("exp", NOW + 10).sign(),
                "issued_in_future",
                &["after `exp`"],
            ),
            with("too old", old(), &early.sign(), "too_old", &["400 s ago", "`max_age` is 5 s"]),
            with("too long", short(), &good().sign(), "lifetime_too_long", &["300 s", "`max_lifetime` is 5 s"]),
            sent(
                "milliseconds",
                &good().claim("exp", NOW * 1000).sign(),
                "malformed_claims",
                &["`exp`", "milliseconds"],
            ),
            sent(
                "a date as text",
                &good().claim("iat", "now").sign(),
                "malformed_claims",
                &["`iat`", "number of seconds"],
            ),
            sent("a number as sub", &good().claim("sub", 1815).sign(), "malformed_claims", &["`sub`", "in quotes"]),
            sent("a number as aud", &good().claim("aud", 5).sign(), "malformed_claims", &["`aud`", "list of strings"]),
            sent("no object", &good().sign_payload("[1]"), "malformed_claims", &["isn't a JSON object"]),
            sent("no exp", &good().without("exp").sign(), "missing_claim", &["`exp`", "`dangerous_without_expiry`"]),
            with(
                "no tenant",
                trusting(issuer().require_claims(["tenant"])),
                &good().sign(),
                "missing_claim",
                &["`tenant`"],
            ),
            with(
                "another claim",
                trusting(issuer().claim("token_use", "access")),
                &good().sign(),
                "wrong_claim",
                &["`token_use`"],
            ),
            with(
                "another subject",
                trusting(issuer().subject("joe")),
                &good().sign(),
                "wrong_subject",
                &["`TrustedIssuer::subject`"],
            ),
            with(
                "a rule",
                builder().require_token(check("paid", |_| false)),
                &good().sign(),
                "rule_refused",
                &["`paid`"],
            ),
            sent(
                "bound",
                &good().claim("cnf", json!({"jkt": "x"})).sign(),
                "unsupported_confirmation",
                &["DPoP", "`TrustedIssuer::dpop_allowed`", "bearer tokens"],
            ),
            with(
                "bound to a certificate",
                trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)),
                &good().claim("cnf", json!({"x5t#S256": "A".repeat(43)})).sign(),
                "unsupported_confirmation",
                &["`x5t#S256`", "`TrustedIssuer::mutual_tls_allowed`"],
            ),
            with(
                "a hash that's none",
                trusting(issuer().dpop_allowed()).dpop(Dpop::new(BASE)),
                &good().claim("cnf", json!({"jkt": "x"})).sign(),
                "unsupported_confirmation",
                &["`jkt`", "issuer made a mistake"],
            ),
            with(
                "not bound",
                trusting(issuer().dpop_required()).dpop(Dpop::new(BASE)),
                &good().sign(),
                "unbound_token",
                &["`cnf`", "must be bound"],
            ),
            with(
                "a bound token as a bearer token",
                trusting(issuer().dpop_required()).dpop(Dpop::new(BASE)),
                &Device::default().good().sign(),
                "missing_proof",
                &["`Authorization: DPoP …`", "`DPoP`"],
            ),
            sent("a logout token", &good().claim("events", event).sign(), "wrong_type", &["logout token"]),
        ],
        22,
    )
    .await;
}

#[actix_web::test]
async fn routes_that_do_not_let_a_token_in_are_explained() {
    let ask = |path: &str| Ask::get(path).bearer(&good().sign());
    let requiring = |requirement: Box<dyn jwt_core::authorize::Requirement>| application().requiring(requirement);
    explain(
        [
            at(
                "a type of claims",
                application(),
                ask("/number"),
                "claims_mismatch",
                &["`/name`", "expected u64, found a string"],
            ),
            at("a shared type", application(), ask("/shared-number"), "claims_mismatch", &["`/name`", "expected u64"]),
            at(
                "no scope",
                application().scopes(["reports:write"]),
                ask("/reports"),
                "insufficient_scope",
                &["`reports:write`", "must request it"],
            ),
            at(
                "no role",
                requiring(Box::new(roles("/roles", ["admin"]))),
                ask("/allowed"),
                "insufficient_role",
                &["`/roles`", "compare the path"],
            ),
            at(
                "a claim",
                requiring(Box::new(claim("/tenant").is_present())),
                ask("/allowed"),
                "requirement_not_met",
                &["`/tenant`"],
            ),
            at(
                "an old login",
                requiring(Box::new(max_auth_age(Duration::from_secs(5)))),
                ask("/allowed"),
                "insufficient_user_authentication",
                &["log in again"],
            ),
            at(
                "no entry",
                application().guarded(Routes::new().require("/user", ())),
                ask("/forgotten"),
                "undecided_route",
                &["`Routes`"],
            ),
            at(
                "no layer",
                application(),
                ask("/bare"),
                "layer_missing",
                &["has not run on this route", "layers added later run first"],
            ),
            at("the wrong order", application(), ask("/bare-require"), "layer_missing", &["`Jwt", "add it after"]),
        ],
        9,
    )
    .await;
}

#[actix_web::test]
async fn a_misspelt_setting_is_a_warning_once_a_minute() {
    let application = application();
    let log = Log::start();
    for _ in 0..5 {
        for token in [good().claim("aud", "https://api.example/"), good().claim("iss", "https://id.example/")] {
            Adapter::Axum.send(&application, &Ask::get("/me").bearer(&token.sign())).await;
        }
    }
    let text = log.text();
    let warnings: Vec<&str> = text.lines().filter(|line| line.starts_with("WARN ")).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().all(|line| line.contains("differs only by a slash")), "{warnings:?}");
}

#[actix_web::test]
async fn a_token_that_outlives_the_revocation_list_is_a_warning_once_a_minute() {
    let settings = RevocationSettings::new().longest_lifetime(Duration::from_secs(60));
    let application = behind(builder().revocations(MemoryRevocations::with_settings(settings)));
    let log = Log::start();
    for _ in 0..5 {
        let ask = Ask::get("/me").bearer(&good().sign());
        assert_eq!(Adapter::Axum.send(&application, &ask).await.status, 401);
    }
    let text = log.text();
    let warnings: Vec<&str> = text.lines().filter(|line| line.starts_with("WARN ")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("raise `RevocationSettings::longest_lifetime` in every process"), "{warnings:?}");
}
