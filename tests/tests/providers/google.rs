//! Google: "Verify the Google ID token on your server side", "OpenID Connect".

use jwt_core::ErrorKind;
use jwt_tests::forge::NOW;
use serde::Deserialize;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, changed, jwk, refused};
use super::recipes::google;

const CLIENT: &str = "1815-web.apps.googleusercontent.com";

#[derive(Deserialize)]
struct GoogleClaims {
    sub: String,
    email: String,
    email_verified: bool,
}

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Google",
        recipe: google,
        documents: vec![(
            "https://www.googleapis.com/oauth2/v3/certs",
            json!({"keys": [jwk(CURRENT, "g-1", json!({})), jwk(NEXT, "g-2", json!({}))]}),
        )],
        header: json!({"alg": "RS256", "kid": "g-1", "typ": "JWT"}),
        claims: json!({
            "iss": "https://accounts.google.com", "azp": CLIENT, "aud": CLIENT, "sub": "181500000000000000001",
            "hd": "shop.example", "email": "ada@shop.example", "email_verified": true, "nbf": NOW - 300, "name": "Ada",
            "picture": "https://lh3.example/a", "given_name": "Ada", "iat": NOW, "exp": NOW + 3_600, "jti": "6a2d",
            "nonce": "n-1", "at_hash": "aGFzaA",
        }),
        refused: vec![
            refused(
                "an ID token of another client",
                json!({"aud": "1842-web.apps.googleusercontent.com"}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "an ID token that another client asked for in this one's name",
                json!({"aud": "1842-web.apps.googleusercontent.com", "azp": CLIENT}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "an ID token of a service account",
                json!({"aud": "https://reports.example", "hd": null}),
                ErrorKind::WrongAudience,
            ),
            refused("a user of another organization", json!({"hd": "other.example"}), ErrorKind::WrongClaim),
            refused("a user of no organization", json!({"hd": null}), ErrorKind::WrongClaim),
            refused("an issuer with a slash", json!({"iss": "https://accounts.google.com/"}), ErrorKind::UnknownIssuer),
            refused(
                "a Firebase token",
                json!({"iss": "https://securetoken.google.com/shop"}),
                ErrorKind::UnknownIssuer,
            ),
        ],
    }
}

/// The same token, under the other of the issuer's names.
pub(crate) fn short_name() -> Provider {
    let base = provider();
    let claims = changed(base.claims.clone(), json!({"iss": "accounts.google.com"}));
    Provider { name: "Google, without https", claims, refused: Vec::new(), ..base }
}

#[tokio::test]
async fn googles_access_tokens_are_no_tokens_for_others_to_read() {
    let outcome = provider().verify("ya29.a0ExampleOpaqueToken").await;
    assert_eq!(outcome.err(), Some(ErrorKind::MalformedToken));
}

#[tokio::test]
async fn googles_claims_fit_a_type() {
    let claims: GoogleClaims = provider().verified(json!({})).await.claims().expect("they fit");
    assert_eq!((&*claims.sub, &*claims.email), ("181500000000000000001", "ada@shop.example"));
    assert!(claims.email_verified);
}
