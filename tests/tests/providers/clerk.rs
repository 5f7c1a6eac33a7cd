//! Clerk: "Session tokens", "Manual JWT verification".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::clerk;

const ISSUER: &str = "https://clerk.shop.example";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Clerk",
        recipe: || Verifier::builder().issuer(clerk()),
        documents: vec![(
            "https://clerk.shop.example/.well-known/jwks.json",
            json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
        )],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "JWT"}),
        claims: json!({"azp": "https://shop.example", "exp": NOW + 60, "fva": [0, -1], "iat": NOW, "iss": ISSUER, "jti": "a1", "nbf": NOW - 10, "sid": "sess_1", "sub": "user_1", "v": 2}),
        refused: vec![
            refused("a page of another origin", json!({"azp": "https://evil.example"}), ErrorKind::WrongAudience),
            refused("a token that was asked for without an origin", json!({"azp": null}), ErrorKind::WrongAudience),
            refused("a token of a template", json!({"sid": null}), ErrorKind::MissingClaim),
            refused("another instance", json!({"iss": "https://clerk.other.example"}), ErrorKind::UnknownIssuer),
        ],
    }
}
