//! Authentik: "OAuth2 provider".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::authentik;

const ISSUER: &str = "https://id.example/application/o/reports/";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Authentik",
        recipe: || Verifier::builder().issuer(authentik()),
        documents: vec![
            (
                "https://id.example/application/o/reports/.well-known/openid-configuration",
                json!({"issuer": ISSUER, "jwks_uri": "https://id.example/application/o/reports/jwks/"}),
            ),
            (
                "https://id.example/application/o/reports/jwks/",
                json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
            ),
        ],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "JWT"}),
        claims: json!({"iss": ISSUER, "sub": "9f2c", "aud": "Ce1sH9client8id7EXAMPLE", "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 20, "acr": "goauthentik.io/providers/oauth2/default", "amr": ["pwd"], "nonce": "n-1", "sid": "4e1d", "groups": ["reports"], "azp": "Ce1sH9client8id7EXAMPLE", "uid": "Zx81"}),
        refused: vec![
            refused("the ID token", json!({"uid": null, "azp": null}), ErrorKind::MissingClaim),
            refused(
                "another application of the same client",
                json!({"iss": "https://id.example/application/o/shop/"}),
                ErrorKind::UnknownIssuer,
            ),
            refused("another client", json!({"aud": "other"}), ErrorKind::WrongAudience),
        ],
    }
}
