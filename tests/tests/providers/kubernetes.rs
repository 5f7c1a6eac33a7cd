//! Kubernetes: "Configure Service Accounts for Pods", "Managing Service Accounts".

use jwt_core::authorize::check;
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, changed, jwk, refused};
use super::recipes::{KubernetesClaims, kubernetes};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const BILLING: &str = "system:serviceaccount:shop:billing";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Kubernetes",
        recipe: || Verifier::builder().issuer(kubernetes()),
        documents: vec![(
            "https://kubernetes.default.svc/openid/v1/jwks",
            json!({"keys": [jwk(CURRENT, "k8s-1", json!({})), jwk(NEXT, "k8s-2", json!({}))]}),
        )],
        header: json!({"alg": "RS256", "kid": "k8s-1"}),
        claims: json!({
            "aud": ["reports"], "exp": NOW + 3_600, "iat": NOW, "nbf": NOW, "iss": ISSUER,
            "jti": "bbbbbbbb-0000-4000-8000-000000000001", "sub": BILLING,
            "kubernetes.io": {
                "namespace": "shop",
                "node": {"name": "node-1", "uid": "bbbbbbbb-0000-4000-8000-000000000002"},
                "pod": {"name": "billing-0", "uid": "bbbbbbbb-0000-4000-8000-000000000003"},
                "serviceaccount": {"name": "billing", "uid": "bbbbbbbb-0000-4000-8000-000000000004"},
            },
        }),
        refused: vec![
            refused("the token that is mounted for the API server", json!({"aud": [ISSUER]}), ErrorKind::WrongAudience),
            refused("a token for another service", json!({"aud": ["vault"]}), ErrorKind::WrongAudience),
            refused(
                "another cluster",
                json!({"iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"}),
                ErrorKind::UnknownIssuer,
            ),
            refused(
                "a token of the older kind, which is in a secret and has no end",
                json!({"iss": "kubernetes/serviceaccount", "aud": null, "exp": null}),
                ErrorKind::UnknownIssuer,
            ),
            refused("a token without an end", json!({"exp": null}), ErrorKind::MissingClaim),
            refused("a token that names no workload", json!({"kubernetes.io": null}), ErrorKind::MissingClaim),
            refused("a token without an account", json!({"sub": null}), ErrorKind::MissingClaim),
        ],
    }
}

#[tokio::test]
async fn a_workload_is_known_by_its_nested_claim() {
    let claims: KubernetesClaims = provider().verified(json!({})).await.claims().expect("they fit");
    assert_eq!((&*claims.cluster.namespace, &*claims.cluster.serviceaccount.name), ("shop", "billing"));
}

#[tokio::test]
async fn one_service_account_may_be_the_only_one() {
    let recipe = || Verifier::builder().issuer(kubernetes().subject(BILLING));
    let provider = Provider { recipe, ..provider() };
    for (subject, expected) in [
        (BILLING, None),
        ("system:serviceaccount:test:billing", Some(ErrorKind::WrongSubject)),
        ("system:serviceaccount:shop:billing-2", Some(ErrorKind::WrongSubject)),
    ] {
        let token = provider.token(json!({}), json!({"sub": subject}));
        assert_eq!(provider.verify(&token).await.err(), expected, "{subject}");
    }
}

#[tokio::test]
async fn a_namespace_is_judged_by_a_rule() {
    let recipe = || {
        Verifier::builder().issuer(kubernetes()).require_token(check("namespace", |verified| {
            verified.claims::<KubernetesClaims>().is_ok_and(|claims| claims.cluster.namespace == "shop")
        }))
    };
    let provider = Provider { recipe, ..provider() };
    let workload =
        |namespace| json!({"kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": "billing"}}});
    for (claims, expected) in [
        (workload("shop"), None),
        (workload("test"), Some(ErrorKind::RuleRefused)),
        (json!({"kubernetes.io": {}}), Some(ErrorKind::RuleRefused)),
    ] {
        let outcome = provider.verify(&provider.token(json!({}), claims.clone())).await;
        assert_eq!(outcome.err(), expected, "{claims}");
    }
}

/// A provider whose keys are found by discovery.
fn discovered() -> Provider {
    let recipe = || {
        let issuer = TrustedIssuer::discover(ISSUER).metadata_url("https://kubernetes.default.svc").audience("reports");
        Verifier::builder().issuer(issuer)
    };
    let mut provider = Provider { recipe, ..provider() };
    let metadata = json!({
        "issuer": ISSUER, "jwks_uri": "https://kubernetes.default.svc/openid/v1/jwks",
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    provider.documents.insert(0, ("https://kubernetes.default.svc/.well-known/openid-configuration", metadata));
    provider
}

#[tokio::test]
async fn keys_may_be_found_by_discovery() {
    discovered().verified(json!({})).await;
}

#[tokio::test]
async fn metadata_of_another_cluster_at_the_same_address_is_not_used() {
    let mut provider = discovered();
    let metadata = provider.documents[0].1.clone();
    provider.documents[0].1 = changed(metadata, json!({"issuer": "https://kubernetes.default.svc"}));
    assert_eq!(provider.verify(&provider.good()).await.err(), Some(ErrorKind::KeysUnavailable));
}
