//! Auth0: "Access Token Profiles", "ID Token Structure", "Locate JSON Web Key Sets".

use jwt_core::authorize::scopes;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::NOW;
use serde_json::json;

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, certificate, changed, jwk, refused, refused_header};
use super::recipes::{Auth0Claims, Granted, auth0};

const CLIENT: &str = "K1exampleClientOfTheShop";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Auth0",
        recipe: || Verifier::builder().issuer(auth0()),
        documents: vec![
            (
                "https://shop.eu.auth0.com/.well-known/openid-configuration",
                json!({
                    "issuer": "https://shop.eu.auth0.com/",
                    "token_endpoint": "https://shop.eu.auth0.com/oauth/token",
                    "jwks_uri": "https://shop.eu.auth0.com/.well-known/jwks.json",
                    "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
                }),
            ),
            (
                "https://shop.eu.auth0.com/.well-known/jwks.json",
                json!({"keys": [
                    jwk(CURRENT, "a-1", certificate("a-1")),
                    jwk(NEXT, "a-2", certificate("a-2")),
                ]}),
            ),
        ],
        header: json!({"alg": "RS256", "typ": "JWT", "kid": "a-1"}),
        claims: json!({
            "iss": "https://shop.eu.auth0.com/", "sub": "auth0|0001", "iat": NOW, "exp": NOW + 86_400,
            "aud": ["https://reports.example", "https://shop.eu.auth0.com/userinfo"],
            "scope": "openid profile reports:read", "azp": CLIENT, "permissions": ["reports:read", "reports:delete"],
        }),
        refused: vec![
            refused(
                "the ID token of the client",
                json!({"aud": CLIENT, "azp": null, "scope": null, "permissions": null, "nonce": "n-1", "sid": "s-1"}),
                ErrorKind::WrongAudience,
            ),
            refused("another API", json!({"aud": "https://payments.example"}), ErrorKind::WrongAudience),
            refused("another tenant", json!({"iss": "https://test.eu.auth0.com/"}), ErrorKind::UnknownIssuer),
            refused(
                "the issuer without its slash",
                json!({"iss": "https://shop.eu.auth0.com"}),
                ErrorKind::UnknownIssuer,
            ),
            refused_header("a key under the name of another", json!({"kid": "a-2"}), ErrorKind::BadSignature),
            refused_header("a logout token", json!({"typ": "logout+jwt"}), ErrorKind::WrongType),
        ],
    }
}

/// The same API, with the token profile of RFC 9068 chosen for it.
pub(crate) fn profile() -> Provider {
    let base = provider();
    Provider {
        name: "Auth0, RFC 9068",
        recipe: || Verifier::builder().issuer(auth0().access_token_profile()),
        header: changed(base.header, json!({"typ": "at+jwt"})),
        claims: changed(base.claims, json!({"azp": null, "client_id": CLIENT, "jti": "73examplejti"})),
        refused: vec![
            refused_header(
                "the ID token, or a token of the other profile",
                json!({"typ": "JWT"}),
                ErrorKind::WrongType,
            ),
            refused("no client", json!({"client_id": null}), ErrorKind::MissingClaim),
            refused("another API", json!({"aud": "https://payments.example"}), ErrorKind::WrongAudience),
        ],
        documents: base.documents,
    }
}

#[tokio::test]
async fn auth0s_permissions_are_not_its_scopes() {
    let requirement = |needed| Granted { needed, names: |claims: &Auth0Claims| &claims.permissions };
    let denied = Err(ErrorKind::InsufficientScope);
    for (claims, by_permission, by_scope) in [
        (json!({}), Ok(()), denied),
        (json!({"permissions": null, "scope": "reports:delete"}), denied, Ok(())),
        (json!({"permissions": []}), denied, denied),
    ] {
        let verified = provider().verified(claims.clone()).await;
        assert_eq!(judge(&requirement("reports:delete"), &verified), by_permission, "{claims}");
        assert_eq!(judge(&scopes(["reports:delete"]), &verified), by_scope, "{claims}");
    }
}
