//! Transaction tokens: draft-ietf-oauth-transaction-tokens-08.

use jwt_core::{BuildErrorKind, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, key, refused, refused_header, verifier};
use super::recipes::{TransactionClaims, transaction_tokens};

const KEYS: &str = "https://tts.shop.internal/jwks";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "transaction tokens",
        recipe: || Verifier::builder().issuer(transaction_tokens()),
        documents: vec![(KEYS, json!({"keys": [jwk(CURRENT, "t-1", json!({})), jwk(NEXT, "t-2", json!({}))]}))],
        header: json!({"typ": "txntoken+jwt", "alg": "RS256", "kid": "t-1"}),
        claims: json!({
            "iat": NOW, "aud": "shop.internal", "exp": NOW + 300, "txn": "dddddddd-0000-4000-8000-000000000001",
            "sub": "ada", "req_wl": "gateway.shop.internal", "scope": "reports.read",
            "rctx": {"req_ip": "192.0.2.7"}, "tctx": {"report": "42"},
        }),
        refused: vec![
            refused("another trust domain", json!({"aud": "bank.internal"}), ErrorKind::UnknownIssuer),
            refused("no trust domain", json!({"aud": null}), ErrorKind::UnknownIssuer),
            refused("no transaction", json!({"txn": null}), ErrorKind::MissingClaim),
            refused("an empty transaction", json!({"txn": ""}), ErrorKind::MissingClaim),
            refused("no subject", json!({"sub": null}), ErrorKind::MissingClaim),
            refused("no time of issue", json!({"iat": null}), ErrorKind::MissingClaim),
            refused("no end", json!({"exp": null}), ErrorKind::MissingClaim),
            refused("no requesting workload", json!({"req_wl": null}), ErrorKind::MissingClaim),
            refused_header("an access token", json!({"typ": "at+jwt"}), ErrorKind::UnknownIssuer),
            refused_header("a token without a type", json!({"typ": null}), ErrorKind::UnknownIssuer),
        ],
    }
}

#[tokio::test]
async fn the_claims_of_a_transaction_fit_a_type() {
    let claims: TransactionClaims = provider().verified(json!({})).await.claims().expect("they fit");
    assert_eq!((&*claims.req_wl, claims.txn.len()), ("gateway.shop.internal", 36));
}

#[tokio::test]
async fn a_service_may_name_itself_in_iss() {
    provider().verified(json!({"iss": "https://tts.shop.internal"})).await;
}

#[tokio::test]
async fn a_transaction_token_is_no_token_of_another_issuer() {
    let access = TrustedIssuer::new("https://id.example").key(key(NEXT).with_kid("t-1").verification_key());
    let builder = Verifier::builder().issuer(access.audience("shop.internal")).issuer(transaction_tokens());
    let (verifier, _) = verifier(builder, provider().documents, NOW);
    let named = provider().token(json!({}), json!({"iss": "https://id.example"}));
    for (token, expected) in [
        (provider().good(), None),
        (named, Some(ErrorKind::WrongType)),
        (provider().token_of(NEXT, json!({"kid": "t-1"}), json!({})), Some(ErrorKind::BadSignature)),
    ] {
        assert_eq!(verifier.verify(&token).await.err().map(|error| error.kind()), expected);
    }
}

#[test]
fn what_makes_a_transaction_token_cannot_be_turned_off() {
    use BuildErrorKind::{Contradiction, Duplicate, Empty};
    let unnamed = TrustedIssuer::transaction_tokens("").jwks_url(KEYS);
    for (builder, expected) in [
        (Verifier::builder().issuer(transaction_tokens().token_types(["JWT"])), (Contradiction, "transaction_tokens")),
        (
            Verifier::builder().issuer(transaction_tokens().dangerous_without_expiry()),
            (Contradiction, "transaction_tokens"),
        ),
        (
            Verifier::builder().issuer(transaction_tokens().dangerous_any_audience()),
            (Contradiction, "dangerous_any_audience"),
        ),
        (
            Verifier::builder().issuer(transaction_tokens()).issuer(transaction_tokens()),
            (Duplicate, "transaction_tokens"),
        ),
        (Verifier::builder().issuer(unnamed), (Empty, "transaction_tokens")),
    ] {
        let error = builder.build().expect_err("refused");
        assert_eq!((error.kind(), error.setting()), expected, "{error}");
    }
}
