//! Keycloak: Server Administration Guide, "OIDC token and SAML assertion mappings", "Audience support".

use jwt_core::authorize::scopes;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::NOW;
use serde_json::json;

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, certificate, changed, jwk, refused, refused_header};
use super::recipes::{Granted, KeycloakClaims, keycloak};

const REALM: &str = "https://id.example/realms/shop";

pub(crate) fn provider() -> Provider {
    let signing = changed(certificate("sig-1"), json!({"x5t#S256": "c2lnLTE"}));
    let encrypting = changed(certificate("enc-1"), json!({"use": "enc", "alg": "RSA-OAEP"}));
    Provider {
        name: "Keycloak",
        recipe: || Verifier::builder().issuer(keycloak()),
        documents: vec![
            (
                "https://id.example/realms/shop/.well-known/openid-configuration",
                json!({
                    "issuer": REALM,
                    "authorization_endpoint": format!("{REALM}/protocol/openid-connect/auth"),
                    "token_endpoint": format!("{REALM}/protocol/openid-connect/token"),
                    "jwks_uri": format!("{REALM}/protocol/openid-connect/certs"),
                    "id_token_signing_alg_values_supported": ["PS384", "RS384", "EdDSA", "ES384", "HS256", "RS256"],
                }),
            ),
            (
                "https://id.example/realms/shop/protocol/openid-connect/certs",
                json!({"keys": [jwk(NEXT, "enc-1", encrypting), jwk(CURRENT, "sig-1", signing)]}),
            ),
        ],
        header: json!({"alg": "RS256", "typ": "JWT", "kid": "sig-1"}),
        claims: json!({
            "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 20, "jti": "onrtac:6d3b2c1a-0000-4000-8000-000000000001",
            "iss": REALM, "aud": ["reports-api", "account"], "sub": "6d3b2c1a-0000-4000-8000-000000000002",
            "typ": "Bearer", "azp": "shop-web", "sid": "6d3b2c1a-0000-4000-8000-000000000003", "acr": "1",
            "allowed-origins": ["https://shop.example"],
            "realm_access": {"roles": ["default-roles-shop", "reports-admin"]},
            "resource_access": {"reports-api": {"roles": ["reader"]}, "account": {"roles": ["view-profile"]}},
            "scope": "openid profile reports:read", "email_verified": true, "preferred_username": "ada",
        }),
        refused: vec![
            refused(
                "the ID token of the client",
                json!({"typ": "ID", "aud": "shop-web", "nonce": "n-1", "at_hash": "aGFzaA", "realm_access": null}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "the ID token of a client that has the API's name",
                json!({"typ": "ID", "aud": "reports-api", "azp": "reports-api"}),
                ErrorKind::WrongClaim,
            ),
            refused("an access token without an audience mapper", json!({"aud": "account"}), ErrorKind::WrongAudience),
            refused("an access token without any audience", json!({"aud": null}), ErrorKind::WrongAudience),
            refused("another realm", json!({"iss": "https://id.example/realms/test"}), ErrorKind::UnknownIssuer),
            refused("the issuer with a slash", json!({"iss": format!("{REALM}/")}), ErrorKind::UnknownIssuer),
            refused_header("a refresh token", json!({"alg": "HS512", "kid": "hmac"}), ErrorKind::AlgorithmNotAllowed),
            refused_header("a logout token", json!({"typ": "logout+jwt"}), ErrorKind::WrongType),
            refused_header("the encryption key", json!({"kid": "enc-1"}), ErrorKind::UnknownKey),
        ],
    }
}

#[tokio::test]
async fn keycloaks_header_type_for_access_tokens_is_accepted_too() {
    let provider = provider();
    let token = provider.token(json!({"typ": "at+jwt"}), json!({}));
    assert!(provider.verify(&token).await.is_ok());
}

#[tokio::test]
async fn keycloaks_roles_are_read_for_the_realm_and_for_each_client() {
    fn realm(claims: &KeycloakClaims) -> &[String] {
        &claims.realm_access.roles
    }
    fn client(claims: &KeycloakClaims) -> &[String] {
        claims.resource_access.get("reports-api").map_or(&[], |client| &client.roles)
    }
    let denied = Err(ErrorKind::InsufficientScope);
    for (claims, as_admin, as_reader) in [
        (json!({}), Ok(()), Ok(())),
        (json!({"realm_access": {"roles": ["reports"]}}), denied, Ok(())),
        (json!({"resource_access": {"other-api": {"roles": ["reader"]}}}), Ok(()), denied),
        (json!({"realm_access": {}, "resource_access": null}), denied, denied),
    ] {
        let verified = provider().verified(claims.clone()).await;
        assert_eq!(judge(&Granted { needed: "reports-admin", names: realm }, &verified), as_admin, "{claims}");
        assert_eq!(judge(&Granted { needed: "reader", names: client }, &verified), as_reader, "{claims}");
    }
}

#[tokio::test]
async fn keycloaks_scopes_are_a_text() {
    let verified = provider().verified(json!({})).await;
    assert_eq!(judge(&scopes(["reports:read"]), &verified), Ok(()));
    assert_eq!(judge(&scopes(["reports:write"]), &verified), Err(ErrorKind::InsufficientScope));
}

#[tokio::test]
async fn roles_of_another_form_are_no_roles() {
    let verified = provider().verified(json!({"realm_access": ["reports-admin"]})).await;
    let requirement = Granted { needed: "reports-admin", names: |claims: &KeycloakClaims| &claims.realm_access.roles };
    assert_eq!(judge(&requirement, &verified), Err(ErrorKind::ClaimsMismatch));
    assert_eq!(format!("{requirement:?}"), r#"Granted("reports-admin")"#);
}
