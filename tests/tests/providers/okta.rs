//! Okta: "Validate access tokens", "Authorization servers", "OpenID Connect & OAuth 2.0 API".

use jwt_core::authorize::scopes;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::NOW;
use serde::Deserialize;
use serde_json::json;

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, jwk, refused, refused_header};
use super::recipes::okta;

const SERVER: &str = "https://shop.okta.com/oauth2/default";
const CLIENT: &str = "0oa1example2client3";

#[derive(Deserialize)]
struct OktaClaims {
    uid: String,
    cid: String,
    scp: Vec<String>,
}

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Okta",
        recipe: || Verifier::builder().issuer(okta()),
        documents: vec![
            (
                "https://shop.okta.com/oauth2/default/.well-known/openid-configuration",
                json!({
                    "issuer": SERVER, "token_endpoint": format!("{SERVER}/v1/token"),
                    "jwks_uri": format!("{SERVER}/v1/keys"), "id_token_signing_alg_values_supported": ["RS256"],
                }),
            ),
            (
                "https://shop.okta.com/oauth2/default/v1/keys",
                json!({"keys": [jwk(CURRENT, "o-1", json!({})), jwk(NEXT, "o-2", json!({}))]}),
            ),
        ],
        header: json!({"kid": "o-1", "alg": "RS256"}),
        claims: json!({
            "ver": 1, "jti": "AT.0001example", "iss": SERVER, "aud": "api://default", "iat": NOW, "exp": NOW + 3_600,
            "cid": CLIENT, "uid": "00u1example", "scp": ["openid", "profile", "reports.read"], "auth_time": NOW - 20,
            "sub": "ada@shop.example",
        }),
        refused: vec![
            refused(
                "the ID token of the client",
                json!({"jti": "ID.0001example", "aud": CLIENT, "scp": null, "cid": null, "amr": ["pwd"]}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "an access token of the organization's own server",
                json!({"iss": "https://shop.okta.com", "aud": "https://shop.okta.com"}),
                ErrorKind::UnknownIssuer,
            ),
            refused_header(
                "the type of the organization's own server",
                json!({"typ": "application/okta-internal-at+jwt"}),
                ErrorKind::WrongType,
            ),
            refused(
                "another authorization server",
                json!({"iss": "https://shop.okta.com/oauth2/aus1example"}),
                ErrorKind::UnknownIssuer,
            ),
            refused("another API", json!({"aud": "api://payments"}), ErrorKind::WrongAudience),
        ],
    }
}

#[tokio::test]
async fn oktas_scopes_are_an_array() {
    let verified = provider().verified(json!({})).await;
    assert_eq!(judge(&scopes(["reports.read"]), &verified), Ok(()));
    assert_eq!(judge(&scopes(["reports.write"]), &verified), Err(ErrorKind::InsufficientScope));
    // Each entry is one scope.
    assert_eq!(judge(&scopes(["openid", "profile"]), &verified), Ok(()));
}

#[tokio::test]
async fn oktas_claims_fit_a_type() {
    let claims: OktaClaims = provider().verified(json!({})).await.claims().expect("they fit");
    assert_eq!((&*claims.uid, &*claims.cid, claims.scp.len()), ("00u1example", CLIENT, 3));
}
