//! better-auth: "JWT".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::better_auth;

const ISSUER: &str = "https://shop.example";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "better-auth",
        recipe: || Verifier::builder().issuer(better_auth()),
        documents: vec![(
            "https://shop.example/api/auth/jwks",
            json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
        )],
        header: json!({"alg": "RS256", "kid": "k-1"}),
        claims: json!({"iat": NOW, "name": "Ada", "email": "ada@shop.example", "emailVerified": true, "id": "u-1", "sub": "u-1", "exp": NOW + 900, "iss": ISSUER, "aud": ISSUER}),
        refused: vec![
            refused("a token for another service", json!({"aud": "https://other.example"}), ErrorKind::WrongAudience),
            refused("another deployment", json!({"iss": "https://test.shop.example"}), ErrorKind::UnknownIssuer),
            refused("a token without an end", json!({"exp": null}), ErrorKind::MissingClaim),
        ],
    }
}
