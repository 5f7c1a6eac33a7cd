//! Amazon Cognito user pools: "Understanding the access token", "Understanding the ID token", "Verifying JSON web tokens".

use jwt_core::authorize::scopes;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::NOW;
use serde_json::json;

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::{cognito, cognito_admin};

const POOL: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE";
const CLIENT: &str = "3example9client8id7";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Cognito",
        recipe: || Verifier::builder().issuer(cognito()),
        documents: vec![
            (
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE/.well-known/openid-configuration",
                json!({
                    "issuer": POOL, "jwks_uri": format!("{POOL}/.well-known/jwks.json"),
                    "id_token_signing_alg_values_supported": ["RS256"],
                }),
            ),
            (
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE/.well-known/jwks.json",
                // One key signs ID tokens, the other access tokens.
                json!({"keys": [jwk(NEXT, "aWRrZXk=", json!({})), jwk(CURRENT, "YWNjZXNza2V5=", json!({}))]}),
            ),
        ],
        header: json!({"kid": "YWNjZXNza2V5=", "alg": "RS256"}),
        claims: json!({
            "sub": "dddddddd-0000-4000-8000-000000000001", "cognito:groups": ["reports-admins"], "iss": POOL,
            "version": 2, "client_id": CLIENT, "origin_jti": "dddddddd-0000-4000-8000-000000000002",
            "event_id": "dddddddd-0000-4000-8000-000000000003", "token_use": "access",
            "scope": "openid reports-api/reports.read", "auth_time": NOW - 20, "exp": NOW + 3_600, "iat": NOW,
            "jti": "dddddddd-0000-4000-8000-000000000004", "username": "ada",
        }),
        refused: vec![
            refused(
                "the ID token of the client",
                json!({"aud": CLIENT, "token_use": "id", "client_id": null, "scope": null, "cognito:username": "ada"}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "a token that was asked for another API",
                json!({"aud": "https://payments.example"}),
                ErrorKind::WrongAudience,
            ),
            refused("a token that says it is an ID token", json!({"token_use": "id"}), ErrorKind::WrongClaim),
            refused("a token of no stated use", json!({"token_use": null}), ErrorKind::WrongClaim),
            refused("another client of the pool", json!({"client_id": "7other"}), ErrorKind::WrongAudience),
            refused(
                "the client as the audience",
                json!({"client_id": "7other", "aud": CLIENT}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "another pool",
                json!({"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_OTHER"}),
                ErrorKind::UnknownIssuer,
            ),
            refused(
                "the same pool in another region",
                json!({"iss": "https://cognito-idp.us-east-1.amazonaws.com/eu-west-1_EXAMPLE"}),
                ErrorKind::UnknownIssuer,
            ),
        ],
    }
}

#[tokio::test]
async fn cognitos_groups_and_scopes_are_read() {
    let verified = provider().verified(json!({})).await;
    assert_eq!(judge(&cognito_admin(), &verified), Ok(()));
    assert_eq!(judge(&scopes(["reports-api/reports.read"]), &verified), Ok(()));
    assert_eq!(judge(&scopes(["reports.read"]), &verified), Err(ErrorKind::InsufficientScope));
    for groups in [json!(null), json!(["payments-admins"])] {
        let ungrouped = provider().verified(json!({"cognito:groups": groups})).await;
        assert_eq!(judge(&cognito_admin(), &ungrouped), Err(ErrorKind::InsufficientRole));
    }
}

#[tokio::test]
async fn an_audience_that_was_asked_for_must_be_the_service() {
    let both = || Verifier::builder().issuer(cognito().audience("https://reports.example"));
    let with_both = Provider { recipe: both, ..provider() };
    with_both.verified(json!({"aud": "https://reports.example"})).await;
    with_both.verified(json!({})).await;
}
