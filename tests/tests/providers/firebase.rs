//! Firebase Authentication: "Verify ID Tokens", "Control Access with Custom Claims and Security Rules".

use jwt_core::ErrorKind;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::{FirebaseClaims, firebase};

const ISSUER: &str = "https://securetoken.google.com/shop-1815";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Firebase",
        recipe: || firebase("shop-1815"),
        documents: vec![(
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            json!({"keys": [jwk(NEXT, "f-2", json!({})), jwk(CURRENT, "f-1", json!({}))]}),
        )],
        header: json!({"alg": "RS256", "kid": "f-1", "typ": "JWT"}),
        claims: json!({
            "iss": ISSUER, "aud": "shop-1815", "auth_time": NOW - 20, "user_id": "uid1", "sub": "uid1", "iat": NOW,
            "exp": NOW + 3_600, "email": "ada@shop.example", "email_verified": true, "admin": true,
            "firebase": {"identities": {"email": ["ada@shop.example"]}, "sign_in_provider": "password"},
        }),
        refused: vec![
            refused(
                // Its key is the same: projects share them.
                "a token of another project",
                json!({"iss": "https://securetoken.google.com/other-1842", "aud": "other-1842"}),
                ErrorKind::UnknownIssuer,
            ),
            refused("a token for another project", json!({"aud": "other-1842"}), ErrorKind::WrongAudience),
            refused(
                "a session cookie",
                json!({"iss": "https://session.firebase.google.com/shop-1815"}),
                ErrorKind::UnknownIssuer,
            ),
            refused(
                "an ID token of Google Sign-In",
                json!({"iss": "https://accounts.google.com", "aud": "1815-web.apps.googleusercontent.com"}),
                ErrorKind::UnknownIssuer,
            ),
            refused("nobody", json!({"sub": ""}), ErrorKind::MissingClaim),
            refused("no time of sign-in", json!({"auth_time": null}), ErrorKind::MissingClaim),
            refused("a sign-in that is yet to come", json!({"auth_time": NOW + 1}), ErrorKind::RuleRefused),
            refused("a sign-in at no time", json!({"auth_time": "now"}), ErrorKind::RuleRefused),
        ],
    }
}

#[tokio::test]
async fn firebases_custom_claims_are_claims_like_others() {
    for (claims, admin) in [(json!({}), true), (json!({"admin": null}), false)] {
        let claims: FirebaseClaims = provider().verified(claims).await.claims().expect("they fit");
        assert_eq!((claims.admin, claims.auth_time), (admin, i64::try_from(NOW - 20).expect("a date")));
    }
}
