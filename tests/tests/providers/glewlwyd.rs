//! Glewlwyd: "OpenID Connect Plugin documentation", "Access token format".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::glewlwyd;

const ISSUER: &str = "https://id.example/";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Glewlwyd",
        recipe: || Verifier::builder().issuer(glewlwyd()),
        documents: vec![
            (
                "https://id.example/.well-known/openid-configuration",
                json!({"issuer": ISSUER, "jwks_uri": "https://id.example/api/oidc/jwks"}),
            ),
            (
                "https://id.example/api/oidc/jwks",
                json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
            ),
        ],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "at+jwt"}),
        claims: json!({"iss": ISSUER, "sub": "4321zyxdcba", "aud": "https://reports.example", "client_id": "shop-web", "jti": "a1", "type": "access_token", "iat": NOW, "exp": NOW + 300, "nbf": NOW, "scope": "reports:read openid", "claims": {}}),
        refused: vec![
            refused("a token without a resource", json!({"aud": "reports:read openid"}), ErrorKind::WrongAudience),
            refused("a refresh token", json!({"type": "refresh_token"}), ErrorKind::WrongClaim),
            refused("an ID token", json!({"type": null}), ErrorKind::WrongClaim),
        ],
    }
}
