//! Zitadel: "Claims", "Scopes", "Retrieve User Roles".

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_tests::forge::NOW;
use serde_json::json;

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, jwk, refused};
use super::recipes::{zitadel, zitadel_reader};

const ISSUER: &str = "https://shop-1815.zitadel.cloud";

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Zitadel",
        recipe: || Verifier::builder().issuer(zitadel()),
        documents: vec![
            (
                "https://shop-1815.zitadel.cloud/.well-known/openid-configuration",
                json!({"issuer": ISSUER, "jwks_uri": "https://shop-1815.zitadel.cloud/oauth/v2/keys"}),
            ),
            (
                "https://shop-1815.zitadel.cloud/oauth/v2/keys",
                json!({"keys": [jwk(CURRENT, "k-1", json!({})), jwk(NEXT, "k-2", json!({}))]}),
            ),
        ],
        header: json!({"alg": "RS256", "kid": "k-1", "typ": "JWT"}),
        claims: json!({"iss": ISSUER, "sub": "163840776835432705", "aud": ["276815181500000002", "276815181500000001"], "exp": NOW + 43_200, "iat": NOW, "nbf": NOW, "client_id": "276815181500000002", "jti": "V2_1", "urn:zitadel:iam:org:project:roles": {"reader": {"165": "shop.example"}}}),
        refused: vec![
            refused("the ID token, which has the same audiences", json!({"jti": null}), ErrorKind::MissingClaim),
            refused("another project", json!({"aud": ["276815181500000003"]}), ErrorKind::WrongAudience),
            refused("another instance", json!({"iss": "https://other-1815.zitadel.cloud"}), ErrorKind::UnknownIssuer),
        ],
    }
}

#[tokio::test]
async fn zitadels_roles_are_the_names_of_a_map() {
    for (claims, met) in [
        (json!({}), true),
        (json!({"urn:zitadel:iam:org:project:roles": {"writer": {"165": "shop.example"}}}), false),
        (json!({"urn:zitadel:iam:org:project:roles": "reader"}), false),
        (json!({"urn:zitadel:iam:org:project:roles": null}), false),
    ] {
        let verified = provider().verified(claims.clone()).await;
        assert_eq!(judge(&zitadel_reader(), &verified).is_ok(), met, "{claims}");
    }
}
