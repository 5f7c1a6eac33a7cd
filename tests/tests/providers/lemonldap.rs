//! LemonLDAP::NG: "OpenID Connect Provider".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused, refused_header};
use super::recipes::lemonldap;

const ISSUER: &str = "https://auth.shop.example/";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "LemonLDAP::NG",
        recipe: || Verifier::builder().issuer(lemonldap()),
        documents: vec![
            (
                "https://auth.shop.example/.well-known/openid-configuration",
                json!({"issuer": ISSUER, "jwks_uri": "https://auth.shop.example/oauth2/jwks"}),
            ),
            (
                "https://auth.shop.example/oauth2/jwks",
                json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
            ),
        ],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "at+JWT"}),
        claims: json!({"iss": ISSUER, "sub": "ada", "aud": ["shop-web", "https://reports.example"], "client_id": "shop-web", "jti": "a1", "iat": NOW, "exp": NOW + 3_600, "scope": "openid reports:read", "sid": "4e1d"}),
        refused: vec![
            refused_header("the ID token, which has the same audiences", json!({"typ": "JWT"}), ErrorKind::WrongType),
            refused("a token without the additional audience", json!({"aud": "shop-web"}), ErrorKind::WrongAudience),
            refused_header(
                "a token that is signed with the client's secret",
                json!({"alg": "HS512"}),
                ErrorKind::AlgorithmNotAllowed,
            ),
            refused("a token without a client", json!({"client_id": null}), ErrorKind::MissingClaim),
        ],
    }
}
