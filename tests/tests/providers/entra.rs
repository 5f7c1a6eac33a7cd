//! Microsoft Entra ID: "Access tokens in the Microsoft identity platform", "Access token claims reference".

use std::collections::HashSet;

use jwt_core::authorize::scopes;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::NOW;
use serde_json::{Value, json};

use super::judge;
use super::provider::{CURRENT, NEXT, Provider, certificate, changed, jwk, refused, refused_header, verifier};
use super::recipes::{EntraClaims, Granted, entra, entra_tenants, entra_v1};

const TENANT: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const ISSUER: &str = "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/v2.0";
const OTHER_TENANT: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const OTHER_ISSUER: &str = "https://login.microsoftonline.com/bbbbbbbb-0000-4000-8000-000000000002/v2.0";
const STRANGE_ISSUER: &str = "https://login.microsoftonline.com/cccccccc-0000-4000-8000-000000000003/v2.0";
const API: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "99999999-2222-3333-4444-555555555555";

/// A key as it is published: without `alg`.
fn published(which: usize, kid: &str, issuer: &str) -> Value {
    let members = json!({"alg": null, "x5t": kid, "issuer": issuer, "cloud_instance_name": "microsoftonline.com"});
    changed(jwk(which, kid, certificate(kid)), members)
}

fn metadata(issuer: &str, keys: &str) -> Value {
    json!({
        "issuer": issuer, "jwks_uri": keys, "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"], "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    })
}

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Entra, version 2",
        recipe: || Verifier::builder().issuer(entra(TENANT)),
        documents: vec![
            (
                "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/v2.0/.well-known/openid-configuration",
                metadata(
                    ISSUER,
                    "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/discovery/v2.0/keys",
                ),
            ),
            (
                "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/discovery/v2.0/keys",
                json!({"keys": [published(NEXT, "e-2", ISSUER), published(CURRENT, "e-1", ISSUER)]}),
            ),
        ],
        header: json!({"typ": "JWT", "alg": "RS256", "kid": "e-1"}),
        claims: json!({
            "aud": API, "iss": ISSUER, "iat": NOW, "nbf": NOW, "exp": NOW + 4_500, "aio": "AXQAi/8TAAAA", "azp": CLIENT,
            "azpacr": "0", "name": "Ada", "oid": "eeeeeeee-0000-4000-8000-000000000001", "preferred_username": "ada@shop.example",
            "rh": "0.AX", "roles": ["Reports.Admin"], "scp": "Reports.Read Reports.Write", "sub": "pairwise-subject",
            "tid": TENANT, "uti": "dXRp", "ver": "2.0",
        }),
        refused: vec![
            refused(
                "the ID token of the client",
                json!({"aud": CLIENT, "azp": null, "azpacr": null, "scp": null, "nonce": "n-1"}),
                ErrorKind::WrongAudience,
            ),
            refused(
                "a token for Microsoft Graph",
                json!({"aud": "00000003-0000-0000-c000-000000000000"}),
                ErrorKind::WrongAudience,
            ),
            refused_header("RSA of another padding", json!({"alg": "PS256"}), ErrorKind::AlgorithmNotAllowed),
            refused("the application ID URI", json!({"aud": "api://reports"}), ErrorKind::WrongAudience),
            refused("another tenant", json!({"iss": OTHER_ISSUER, "tid": OTHER_TENANT}), ErrorKind::UnknownIssuer),
            refused(
                "version 1",
                json!({"iss": format!("https://sts.windows.net/{TENANT}/"), "ver": "1.0"}),
                ErrorKind::UnknownIssuer,
            ),
            refused(
                "the template of the metadata that is common to all tenants",
                json!({"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"}),
                ErrorKind::UnknownIssuer,
            ),
        ],
    }
}

/// The same tenant, for an API whose manifest asks for tokens of version 1.
pub(crate) fn first_version() -> Provider {
    let issuer = "https://sts.windows.net/aaaaaaaa-0000-4000-8000-000000000001/";
    Provider {
        name: "Entra, version 1",
        recipe: || Verifier::builder().issuer(entra_v1(TENANT)),
        documents: vec![
            (
                "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/.well-known/openid-configuration",
                metadata(
                    issuer,
                    "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/discovery/keys",
                ),
            ),
            (
                "https://login.microsoftonline.com/aaaaaaaa-0000-4000-8000-000000000001/discovery/keys",
                json!({"keys": [published(CURRENT, "e-1", issuer)]}),
            ),
        ],
        header: json!({"typ": "JWT", "alg": "RS256", "x5t": "e-1", "kid": "e-1"}),
        claims: json!({
            "aud": "api://reports", "iss": issuer, "iat": NOW, "nbf": NOW, "exp": NOW + 4_500, "acr": "1", "aio": "AXQAi",
            "amr": ["pwd"], "appid": CLIENT, "appidacr": "0", "ipaddr": "192.0.2.7", "name": "Ada",
            "oid": "eeeeeeee-0000-4000-8000-000000000001", "scp": "Reports.Read", "sub": "pairwise-subject",
            "tid": TENANT, "unique_name": "ada@shop.example", "uti": "dXRp", "ver": "1.0",
        }),
        refused: vec![
            refused("the ID token of the client", json!({"aud": CLIENT, "appid": null}), ErrorKind::WrongAudience),
            refused("another API", json!({"aud": "api://payments"}), ErrorKind::WrongAudience),
            refused("version 2", json!({"iss": ISSUER, "ver": "2.0"}), ErrorKind::UnknownIssuer),
            refused(
                "another tenant",
                json!({"iss": format!("https://sts.windows.net/{OTHER_TENANT}/")}),
                ErrorKind::UnknownIssuer,
            ),
        ],
    }
}

/// The same tenant as one of several that are looked up.
pub(crate) fn many_tenants() -> Provider {
    Provider {
        name: "Entra, many tenants",
        recipe: || entra_tenants(HashSet::from([TENANT.to_owned(), OTHER_TENANT.to_owned()])),
        refused: vec![
            refused("a tenant that is not admitted", json!({"iss": STRANGE_ISSUER}), ErrorKind::UnknownIssuer),
            refused("a longer name", json!({"iss": format!("{ISSUER}/")}), ErrorKind::UnknownIssuer),
            refused("no issuer", json!({"iss": null}), ErrorKind::UnknownIssuer),
            refused("the ID token of the client", json!({"aud": CLIENT, "scp": null}), ErrorKind::WrongAudience),
        ],
        ..provider()
    }
}

#[tokio::test]
async fn a_tenants_key_speaks_for_that_tenant_alone() {
    let provider = many_tenants();
    let mut documents = provider.documents.clone();
    documents.extend([
        (
            "https://login.microsoftonline.com/bbbbbbbb-0000-4000-8000-000000000002/v2.0/.well-known/openid-configuration",
            metadata(OTHER_ISSUER, "https://login.microsoftonline.com/bbbbbbbb-0000-4000-8000-000000000002/discovery/v2.0/keys"),
        ),
        (
            "https://login.microsoftonline.com/bbbbbbbb-0000-4000-8000-000000000002/discovery/v2.0/keys",
            json!({"keys": [published(CURRENT, "other-1", OTHER_ISSUER)]}),
        ),
    ]);
    let (verifier, _) = verifier((provider.recipe)(), documents, NOW);
    for (kid, issuer, expected) in [
        ("e-1", ISSUER, None),
        ("other-1", OTHER_ISSUER, None),
        ("other-1", ISSUER, Some(ErrorKind::UnknownKey)),
        ("e-1", OTHER_ISSUER, Some(ErrorKind::UnknownKey)),
    ] {
        let token = provider.token(json!({"kid": kid}), json!({"iss": issuer}));
        let outcome = verifier.verify(&token).await.map_err(|error| error.kind());
        assert_eq!(outcome.err(), expected, "{kid} {issuer}");
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_admitted_causes_no_request() {
    let provider = many_tenants();
    let token = provider.token(json!({}), json!({"iss": STRANGE_ISSUER}));
    let (outcome, asked) = provider.verify_at(NOW, &token).await;
    assert_eq!(outcome.err(), Some(ErrorKind::UnknownIssuer));
    assert!(asked.is_empty(), "{asked:?}");
}

#[tokio::test]
async fn metadata_that_is_common_to_all_tenants_is_not_used_for_one() {
    let mut provider = provider();
    provider.documents[0].1["issuer"] = json!("https://login.microsoftonline.com/{tenantid}/v2.0");
    assert_eq!(provider.verify(&provider.good()).await.err(), Some(ErrorKind::KeysUnavailable));
}

#[tokio::test]
async fn either_form_of_the_first_versions_audience_is_accepted() {
    let provider = first_version();
    for audience in ["api://reports", API] {
        assert!(provider.verify(&provider.token(json!({}), json!({"aud": audience}))).await.is_ok(), "{audience}");
    }
}

#[tokio::test]
async fn users_have_scopes_and_applications_have_roles() {
    let role = Granted { needed: "Reports.Admin", names: |claims: &EntraClaims| &claims.roles };
    let denied = Err(ErrorKind::InsufficientScope);
    for (what, claims, by_scope, by_role) in [
        ("a user with a role", json!({}), Ok(()), Ok(())),
        ("a user", json!({"roles": null}), Ok(()), denied),
        ("an application", json!({"scp": null, "idtyp": "app"}), denied, Ok(())),
        ("the ID token of an API that signs users in itself", json!({"scp": null, "roles": null}), denied, denied),
    ] {
        let verified = provider().verified(claims).await;
        assert_eq!(judge(&scopes(["Reports.Read"]), &verified), by_scope, "{what}");
        assert_eq!(judge(&role, &verified), by_role, "{what}");
    }
    let claims: EntraClaims = provider().verified(json!({})).await.claims().expect("they fit");
    assert_eq!(claims.oid, "eeeeeeee-0000-4000-8000-000000000001");
}
