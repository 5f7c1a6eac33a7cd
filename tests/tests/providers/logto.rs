//! Logto: "How to validate access tokens in your API service or backend".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused, refused_header};
use super::recipes::logto;

const ISSUER: &str = "https://shop.logto.app/oidc";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Logto",
        recipe: || Verifier::builder().issuer(logto()),
        documents: vec![
            (
                "https://shop.logto.app/oidc/.well-known/openid-configuration",
                json!({"issuer": ISSUER, "jwks_uri": "https://shop.logto.app/oidc/jwks"}),
            ),
            (
                "https://shop.logto.app/oidc/jwks",
                json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
            ),
        ],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "at+jwt"}),
        claims: json!({"jti": "a1", "sub": "u-1", "iat": NOW, "exp": NOW + 3_600, "scope": "reports:read", "client_id": "shop-web", "iss": ISSUER, "aud": "https://reports.example"}),
        refused: vec![
            refused_header("an ID token", json!({"typ": "JWT"}), ErrorKind::WrongType),
            refused("another API", json!({"aud": "https://other.example"}), ErrorKind::WrongAudience),
            refused(
                "a token for an organization without an API",
                json!({"aud": "urn:logto:organization:o-1"}),
                ErrorKind::WrongAudience,
            ),
            refused("another tenant", json!({"iss": "https://other.logto.app/oidc"}), ErrorKind::UnknownIssuer),
        ],
    }
}
