//! GitHub Actions: "OpenID Connect reference".

use jwt_core::authorize::check;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, certificate, jwk, refused};
use super::recipes::{GithubClaims, github};

const ISSUER: &str = "https://token.actions.githubusercontent.com";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "GitHub Actions",
        recipe: || Verifier::builder().issuer(github()),
        documents: vec![
            (
                "https://token.actions.githubusercontent.com/.well-known/openid-configuration",
                json!({
                    "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/.well-known/jwks"),
                    "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid"],
                }),
            ),
            (
                "https://token.actions.githubusercontent.com/.well-known/jwks",
                json!({"keys": [
                    jwk(CURRENT, "gh-1", certificate("gh-1")),
                    jwk(NEXT, "gh-2", certificate("gh-2")),
                ]}),
            ),
        ],
        header: json!({"typ": "JWT", "alg": "RS256", "x5t": "gh-1", "kid": "gh-1"}),
        claims: json!({
            "jti": "ffffffff-0000-4000-8000-000000000001", "sub": "repo:shop/reports:ref:refs/heads/main",
            "aud": "https://deploy.example", "ref": "refs/heads/main", "sha": "0123456789abcdef0123456789abcdef01234567",
            "repository": "shop/reports", "repository_owner": "shop", "repository_owner_id": "1815",
            "repository_id": "20261815", "repository_visibility": "private", "run_id": "42", "run_number": "10",
            "run_attempt": "1", "actor": "ada", "actor_id": "12", "workflow": "deploy", "head_ref": "", "base_ref": "",
            "event_name": "push", "ref_type": "branch", "ref_protected": "true", "runner_environment": "github-hosted",
            "job_workflow_ref": "shop/workflows/.github/workflows/deploy.yml@refs/heads/main",
            "iss": ISSUER, "nbf": NOW - 300, "exp": NOW + 900, "iat": NOW,
        }),
        refused: vec![
            refused("another repository", json!({"repository_id": "20261842"}), ErrorKind::WrongClaim),
            refused(
                "another repository that has taken the name",
                json!({"repository": "shop/reports", "repository_id": "99999999"}),
                ErrorKind::WrongClaim,
            ),
            refused("a number for the text", json!({"repository_id": 20_261_815}), ErrorKind::WrongClaim),
            refused("another branch", json!({"ref": "refs/heads/main-2"}), ErrorKind::WrongClaim),
            refused("a pull request", json!({"ref": "refs/pull/7/merge"}), ErrorKind::WrongClaim),
            refused("a tag of the branch's name", json!({"ref": "refs/tags/main"}), ErrorKind::WrongClaim),
            refused(
                "the audience that is written by default",
                json!({"aud": "https://github.com/shop"}),
                ErrorKind::WrongAudience,
            ),
            refused("an enterprise's own issuer", json!({"iss": format!("{ISSUER}/shop")}), ErrorKind::UnknownIssuer),
        ],
    }
}

#[tokio::test]
async fn githubs_claims_fit_a_type() {
    let claims: GithubClaims = provider().verified(json!({})).await.claims().expect("they fit");
    assert_eq!((&*claims.repository, claims.sha.len()), ("shop/reports", 40));
    assert!(claims.job_workflow_ref.ends_with("@refs/heads/main"));
}

#[tokio::test]
async fn a_rule_may_ask_for_the_shared_workflow() {
    let builder = || {
        Verifier::builder().issuer(github()).require_token(check("workflow", |verified| {
            verified
                .claims::<GithubClaims>()
                .is_ok_and(|claims| claims.job_workflow_ref.starts_with("shop/workflows/.github/workflows/deploy.yml@"))
        }))
    };
    let provider = Provider { recipe: builder, ..provider() };
    for (workflow, expected) in [
        ("shop/workflows/.github/workflows/deploy.yml@refs/heads/main", None),
        ("shop/reports/.github/workflows/deploy.yml@refs/heads/main", Some(ErrorKind::RuleRefused)),
    ] {
        let token = provider.token(json!({}), json!({"job_workflow_ref": workflow}));
        assert_eq!(provider.verify(&token).await.err(), expected, "{workflow}");
    }
}

#[test]
fn trusting_every_workflow_is_a_build_error() {
    use jwt_core::config::VerifierConfig;
    use jwt_core::{BuildErrorKind, TrustedIssuer};
    let github = || TrustedIssuer::github_actions().audience("https://deploy.example");
    let build = |issuer| Verifier::builder().issuer(issuer).build().map(drop);
    for issuer in [github(), github().claim("ref", "refs/heads/main"), github().require_claims(["repository_id"])] {
        let error = build(issuer).expect_err("anyone's workflow");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Undecided, "github_actions"));
        assert!(error.to_string().contains("pin `repository_id`"), "{error}");
    }
    // So it is if the issuer is named as any other is, in code or in a configuration.
    let named =
        TrustedIssuer::discover("https://token.actions.githubusercontent.com").audience("https://deploy.example");
    assert!(build(named.clone()).expect_err("anyone's workflow").to_string().contains("pin `repository_id`"));
    assert_eq!(build(named.claim("repository_id", "1815")), Ok(()));
    let configured = |claims: Option<&str>| {
        let variables = [
            ("JWT_ISSUER", Some("https://token.actions.githubusercontent.com")),
            ("JWT_AUDIENCE", Some("https://deploy.example")),
            ("JWT_CLAIMS", claims),
        ];
        let variables = variables.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        VerifierConfig::from_vars("JWT", variables).and_then(VerifierConfig::into_builder).map(drop)
    };
    let error = configured(None).expect_err("anyone's workflow");
    assert!(error.setting() == "JWT_CLAIMS" && error.to_string().contains("pin `repository_id`"), "{error}");
    assert_eq!(configured(Some("repository_id=1815,ref=refs/heads/main")), Ok(()));
    for pinned in ["repository_id", "repository_owner_id", "repository", "repository_owner", "enterprise_id", "sub"] {
        assert_eq!(build(github().claim(pinned, "shop")), Ok(()), "{pinned}");
    }
    assert_eq!(build(github().subject("repo:shop/reports:ref:refs/heads/main")), Ok(()));
}
