//! An error names the check that failed, so tools can show how far a token came.

use jwt_core::authorize::check;
use jwt_core::revocation::Standing;
use jwt_core::testing::ScriptedRevocations;
use jwt_core::{Algorithm, ErrorKind, Verifier};
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::setup::{issuer, key, key_of, stranger, trusting};
use serde_json::json;

/// Breaks one thing.
type Break = fn(Forge) -> Forge;

/// Breaks a token at each check from this one on, so that it has every fault that a later check would find.
fn broken_from(first: usize) -> String {
    let reached = |name: &str| Verifier::CHECKS.iter().position(|check| *check == name).expect("a check") >= first;
    // With the `typ` `at+jwt`, a token is never taken for an ID token.
    let signer = if reached("signature") { stranger(Algorithm::ES256).with_kid("k-1") } else { key() };
    let forge = Forge::new(&signer).header("typ", "JWT").claim("tenant", "t");
    let breaks: [(&str, Break); 15] = [
        ("header", |forge| forge.header("crit", json!(["x"]))),
        ("claims", |forge| forge.claim("iat", "now")),
        ("issuer", |forge| forge.claim("iss", "https://other.example")),
        ("algorithm", |forge| forge.header("alg", "EdDSA")),
        ("type", |forge| forge.header("typ", "dpop+jwt")),
        ("identifiers", |forge| forge.claim("jti", 5)),
        ("key", |forge| forge.header("kid", "k-9")),
        ("logout", |forge| forge.claim("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}))),
        ("audience", |forge| forge.claim("aud", "spa")),
        ("times", |forge| forge.claim("exp", NOW - 100)),
        ("subject", |forge| forge.claim("sub", "joe")),
        ("required_claims", |forge| forge.without("tenant")),
        ("confirmation", |forge| forge.claim("cnf", json!({"jkt": "x"}))),
        ("id_token", |forge| forge.claim("nonce", "n")),
        // Only the verifier can fail these.
        ("requirements", |forge| forge),
    ];
    let forge = breaks.iter().fold(forge, |forge, (name, change)| if reached(name) { change(forge) } else { forge });
    let token = forge.sign();
    if reached("form") { token + ".x" } else { token }
}

#[tokio::test]
async fn a_token_that_is_mended_step_by_step_fails_at_each_check_in_turn() {
    for (index, &name) in Verifier::CHECKS.iter().enumerate() {
        let revocations = ScriptedRevocations::default();
        let standing = if name == "requirements" { Standing::Good } else { Standing::Revoked };
        revocations.answer(standing);
        let issuer = issuer().algorithms([Algorithm::ES256]).subject("user-1815").require_claims(["tenant"]);
        let builder = trusting(issuer).revocations(revocations).require_token(check("paid", |_| false));
        let verifier = builder.build().expect("a verifier");
        let error = verifier.verify(&broken_from(index)).await.expect_err(name);
        assert_eq!(error.check(), Some(name), "{error}");
    }
}

#[tokio::test]
async fn a_token_from_the_cache_fails_at_the_same_check() {
    let clock = jwt_core::testing::ManualClock::at(NOW);
    let revocations = ScriptedRevocations::default();
    let builder = Verifier::builder().issuer(issuer()).clock(clock.clone()).revocations(revocations.clone());
    let verifier = builder.build().expect("a verifier");
    let token = Forge::new(&key_of(Algorithm::ES256)).sign();
    verifier.verify(&token).await.expect("it's valid");
    revocations.answer_later(Standing::Revoked);
    assert_eq!(verifier.verify(&token).await.expect_err("revoked").check(), Some("revocation"));
    clock.advance(std::time::Duration::from_secs(400));
    assert_eq!(verifier.verify(&token).await.expect_err("expired").check(), Some("times"));
}

#[test]
fn an_error_that_is_not_a_verifiers_has_no_check() {
    assert_eq!(jwt_core::Error::from(ErrorKind::NoCredentials).check(), None);
}
