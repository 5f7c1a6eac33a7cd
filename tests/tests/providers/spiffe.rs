//! SPIFFE: "JWT-SVID", "The SPIFFE Trust Domain and Bundle".

use jwt_core::keys::KeySet;
use jwt_core::verify::IssuerResolver;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::NOW;
use serde_json::{Value, json};

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, STRANGER, changed, jwk, key, refused, refused_header, verifier};
use super::recipes::{only_the_billing_workloads, spiffe};

const BUNDLE: &str = "https://spire.shop.example/bundle";
const AUDIENCE: &str = "spiffe://shop.example/reports";

/// A key of a bundle. SPIRE writes no `alg`.
fn signer(which: usize, kid: &str, changes: Value) -> Value {
    changed(jwk(which, kid, json!({"use": "jwt-svid", "alg": null})), changes)
}

fn bundle(keys: &[Value]) -> Value {
    json!({"keys": keys, "spiffe_sequence": 7, "spiffe_refresh_hint": 300})
}

pub(crate) fn provider() -> Provider {
    let x509 = jwk(STRANGER, "x", json!({"use": "x509-svid", "alg": null, "kid": null, "x5c": ["MIIC9zPLACEHOLDER"]}));
    Provider {
        name: "SPIFFE",
        recipe: || Verifier::builder().issuer(spiffe()),
        documents: vec![(BUNDLE, bundle(&[x509, signer(CURRENT, "s-1", json!({})), signer(NEXT, "s-2", json!({}))]))],
        header: json!({"alg": "RS256", "kid": "s-1", "typ": "JWT"}),
        claims: json!({
            "sub": "spiffe://shop.example/billing/worker", "aud": [AUDIENCE], "exp": NOW + 300, "iat": NOW,
        }),
        refused: vec![
            refused(
                "a foreign trust domain",
                json!({"sub": "spiffe://other.example/billing"}),
                ErrorKind::UnknownIssuer,
            ),
            refused("a longer domain", json!({"sub": "spiffe://shop.example.org/a"}), ErrorKind::UnknownIssuer),
            refused("the trust domain itself", json!({"sub": "spiffe://shop.example"}), ErrorKind::UnknownIssuer),
            refused("a path that climbs", json!({"sub": "spiffe://shop.example/a/../b"}), ErrorKind::UnknownIssuer),
            refused("another kind of subject", json!({"sub": "billing"}), ErrorKind::UnknownIssuer),
            refused("no subject", json!({"sub": null}), ErrorKind::UnknownIssuer),
            refused(
                "an SVID for another service",
                json!({"aud": ["spiffe://shop.example/x"]}),
                ErrorKind::WrongAudience,
            ),
            refused("an SVID for nobody", json!({"aud": null}), ErrorKind::WrongAudience),
            refused("an SVID without an end", json!({"exp": null}), ErrorKind::MissingClaim),
            refused_header("an access token", json!({"typ": "at+jwt"}), ErrorKind::WrongType),
            refused_header("EdDSA", json!({"alg": "EdDSA"}), ErrorKind::AlgorithmNotAllowed),
        ],
    }
}

#[tokio::test]
async fn type_key_id_and_issuer_are_optional() {
    let mut provider = provider();
    for header in [json!({"typ": null}), json!({"typ": "JOSE"}), json!({"typ": "JWT"})] {
        assert!(provider.verify(&provider.token(header.clone(), json!({}))).await.is_ok(), "{header}");
    }
    assert!(provider.verify(&provider.token(json!({}), json!({"iss": "https://spire.shop.example"}))).await.is_ok());
    provider.documents[0].1 = bundle(&[signer(CURRENT, "s-1", json!({}))]);
    assert!(provider.verify(&provider.token(json!({"kid": null}), json!({}))).await.is_ok());
}

#[tokio::test]
async fn only_keys_for_jwt_svids_are_used() {
    let mut provider = provider();
    for purpose in [json!("sig"), json!("x509-svid"), json!("JWT-SVID"), Value::Null] {
        let other = signer(CURRENT, "s-1", json!({"use": purpose}));
        provider.documents[0].1 = bundle(&[other, signer(NEXT, "s-2", json!({}))]);
        assert_eq!(provider.verify(&provider.good()).await.err(), Some(ErrorKind::UnknownKey), "{purpose}");
    }
}

#[tokio::test]
async fn a_requirement_may_ask_for_a_path() {
    for (id, expected) in [
        ("spiffe://shop.example/billing/worker", Ok(())),
        ("spiffe://shop.example/billing-2/worker", Err(ErrorKind::RequirementNotMet)),
    ] {
        let verified = provider().verified(json!({"sub": id})).await;
        assert_eq!(judge(&only_the_billing_workloads(), &verified), expected, "{id}");
    }
}

/// An SVID of this domain, signed with this key.
fn svid(which: usize, domain: &str, claims: Value) -> String {
    let claims = changed(json!({"sub": format!("spiffe://{domain}/a")}), claims);
    provider().token_of(which, json!({"kid": "s-1"}), claims)
}

/// A bundle that was read at start, with one key.
fn given(domain: &str, which: usize) -> TrustedIssuer {
    let keys = KeySet::from_spiffe_bundle(&bundle(&[signer(which, "s-1", json!({}))]).to_string()).expect("a bundle");
    TrustedIssuer::spiffe(domain).keys(&keys).audience(AUDIENCE)
}

#[tokio::test]
async fn two_trust_domains_are_each_verified_with_their_own_keys() {
    let both = Verifier::builder().issuer(given("shop.example", CURRENT)).issuer(given("spiffe://bank.example", NEXT));
    let (both, _) = verifier(both, Vec::new(), NOW);
    for (token, expected) in [
        (svid(CURRENT, "shop.example", json!({})), None),
        (svid(NEXT, "bank.example", json!({})), None),
        (svid(NEXT, "shop.example", json!({})), Some(ErrorKind::BadSignature)),
        (svid(CURRENT, "bank.example", json!({})), Some(ErrorKind::BadSignature)),
        (svid(CURRENT, "third.example", json!({})), Some(ErrorKind::UnknownIssuer)),
        (svid(NEXT, "bank.example", json!({"iss": "spiffe://shop.example"})), None),
        (svid(CURRENT, "bank.example", json!({"iss": "spiffe://shop.example"})), Some(ErrorKind::BadSignature)),
        (
            svid(CURRENT, "shop.example", json!({"sub": "a", "iss": "spiffe://shop.example"})),
            Some(ErrorKind::UnknownIssuer),
        ),
    ] {
        assert_eq!(both.verify(&token).await.err().map(|error| error.kind()), expected);
    }
}

#[tokio::test]
async fn an_svid_is_no_token_of_another_issuer_and_its_tokens_are_no_svids() {
    let issuer = || {
        let key = key(NEXT).with_kid("s-1").verification_key();
        TrustedIssuer::new("https://id.example").key(key).audience(AUDIENCE)
    };
    let (alone, _) = verifier(Verifier::builder().issuer(issuer()), Vec::new(), NOW);
    let beside = Verifier::builder().issuer(issuer()).issuer(given("shop.example", CURRENT));
    let (beside, _) = verifier(beside, Vec::new(), NOW);
    let named = json!({"iss": "https://id.example"});
    for (token, expected_alone, expected_beside) in [
        (svid(CURRENT, "shop.example", json!({})), Some(ErrorKind::UnknownIssuer), None),
        // If `iss` names an issuer, it decides whose token it is, and `sub` does not.
        (svid(CURRENT, "shop.example", named.clone()), Some(ErrorKind::BadSignature), Some(ErrorKind::BadSignature)),
        (svid(NEXT, "shop.example", named), None, None),
        (svid(NEXT, "shop.example", json!({})), Some(ErrorKind::UnknownIssuer), Some(ErrorKind::BadSignature)),
    ] {
        for (verifier, expected) in [(&alone, expected_alone), (&beside, expected_beside)] {
            assert_eq!(verifier.verify(&token).await.err().map(|error| error.kind()), expected);
        }
    }
}

#[tokio::test]
async fn keys_of_a_bundle_are_not_used_for_another_issuer() {
    let set = bundle(&[signer(CURRENT, "s-1", json!({}))]).to_string();
    let set = KeySet::from_jwks(&set).expect("a set");
    let issuer = TrustedIssuer::new("https://id.example").keys(&set).audience(AUDIENCE);
    let error = Verifier::builder().issuer(issuer).build().expect_err("no key");
    assert!(error.to_string().contains("`TrustedIssuer::spiffe`"), "{error}");
}

#[tokio::test]
async fn beside_a_resolver_an_svid_must_not_name_an_issuer() {
    let resolver = IssuerResolver::new(|_| false, |_| async { Ok(None) });
    let builder = Verifier::builder().issuer(given("shop.example", CURRENT)).issuer_resolver(resolver);
    let (verifier, _) = verifier(builder, Vec::new(), NOW);
    assert!(verifier.verify(&svid(CURRENT, "shop.example", json!({}))).await.is_ok());
    let named = svid(CURRENT, "shop.example", json!({"iss": "https://tenant.example"}));
    assert_eq!(verifier.verify(&named).await.expect_err("refused").kind(), ErrorKind::UnknownIssuer);
}

#[test]
fn what_makes_an_svid_cannot_be_turned_off() {
    use BuildErrorKind::{Contradiction, Duplicate, Empty, IllegalCharacters, Undecided};
    let bare = || TrustedIssuer::spiffe("shop.example").jwks_url(BUNDLE);
    let twice = Verifier::builder().issuer(spiffe()).issuer(spiffe());
    let any = TrustedIssuer::dangerous_any_issuer().jwks_url(BUNDLE).audience("a");
    for (builder, expected) in [
        (Verifier::builder().issuer(bare()), (Undecided, "audience")),
        (Verifier::builder().issuer(TrustedIssuer::spiffe("shop.example").audience("a")), (Undecided, "keys")),
        (Verifier::builder().issuer(bare().dangerous_any_audience()), (Contradiction, "spiffe")),
        (Verifier::builder().issuer(spiffe().audience_claim("x")), (Contradiction, "spiffe")),
        (Verifier::builder().issuer(spiffe().dangerous_without_expiry()), (Contradiction, "spiffe")),
        (Verifier::builder().issuer(spiffe().token_types(["x"])), (Contradiction, "spiffe")),
        (Verifier::builder().issuer(spiffe().access_token_profile()), (Contradiction, "access_token_profile")),
        (Verifier::builder().issuer(spiffe().jwks_url(BUNDLE)), (Contradiction, "jwks_url")),
        (Verifier::builder().issuer(spiffe().algorithms([Algorithm::HS256])), (Contradiction, "algorithms")),
        (
            Verifier::builder().issuer(TrustedIssuer::spiffe("Shop").jwks_url(BUNDLE).audience("a")),
            (IllegalCharacters, "spiffe"),
        ),
        (Verifier::builder().issuer(TrustedIssuer::spiffe("").jwks_url(BUNDLE).audience("a")), (Empty, "spiffe")),
        (twice, (Duplicate, "spiffe")),
        (Verifier::builder().issuer(spiffe()).issuer(any), (Contradiction, "dangerous_any_issuer")),
    ] {
        let error = builder.build().expect_err("refused");
        assert_eq!((error.kind(), error.setting()), expected, "{error}");
    }
}

#[tokio::test]
async fn the_refusal_says_which_tokens_are_expected() {
    let (verifier, _) = verifier(Verifier::builder().issuer(spiffe()), Vec::new(), NOW);
    let error = verifier.verify(&svid(CURRENT, "other.example", json!({}))).await.expect_err("refused");
    let told = format!("{error}");
    assert!(told.contains("`spiffe://shop.example/`") && !told.contains("other.example"), "{told}");
}
