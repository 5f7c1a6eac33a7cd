//! The recipes in `jwt-core/doc/providers.md`. A test compares each item here with the page.

use std::collections::HashSet;

use jwt_core::authorize::{Requirement, all, any, any_role, check, claim, not, roles, scopes};
use jwt_core::claims::NumericDate;
use jwt_core::verify::IssuerResolver;
use jwt_core::{Algorithm, TrustedIssuer, Verifier, VerifierBuilder};
use serde::Deserialize;

pub(crate) fn keycloak() -> TrustedIssuer {
    TrustedIssuer::discover("https://id.example/realms/shop").audience("reports-api").claim("typ", "Bearer")
}

pub(crate) fn keycloak_admin() -> impl Requirement {
    roles("/realm_access/roles", ["reports-admin"])
}

/// The path contains the name of the client that the roles belong to.
pub(crate) fn keycloak_reader() -> impl Requirement {
    roles("/resource_access/reports-api/roles", ["reader"])
}

pub(crate) fn entra(tenant: &str) -> TrustedIssuer {
    TrustedIssuer::discover(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
        .algorithms([Algorithm::RS256])
        .audience("11111111-2222-3333-4444-555555555555")
}

pub(crate) fn entra_v1(tenant: &str) -> TrustedIssuer {
    TrustedIssuer::discover(format!("https://sts.windows.net/{tenant}/"))
        .metadata_url(format!("https://login.microsoftonline.com/{tenant}"))
        .algorithms([Algorithm::RS256])
        .audience("api://reports")
        .audience("11111111-2222-3333-4444-555555555555")
}

pub(crate) fn entra_tenants(tenants: HashSet<String>) -> VerifierBuilder {
    Verifier::builder().issuer_resolver(IssuerResolver::new(
        move |issuer| tenant_of(issuer).is_some_and(|tenant| tenants.contains(tenant)),
        |issuer| async move { Ok(tenant_of(&issuer).map(entra)) },
    ))
}

pub(crate) fn tenant_of(issuer: &str) -> Option<&str> {
    issuer.strip_prefix("https://login.microsoftonline.com/")?.strip_suffix("/v2.0")
}

#[derive(Deserialize)]
pub(crate) struct EntraClaims {
    /// The user or the application, the same for every API of the tenant.
    pub(crate) oid: String,
}

/// Users need the scope, applications need the role.
pub(crate) fn entra_reader() -> impl Requirement {
    any((scopes(["Reports.Read"]), roles("/roles", ["Reports.Read.All"])))
}

pub(crate) fn auth0() -> TrustedIssuer {
    TrustedIssuer::discover("https://shop.eu.auth0.com/").audience("https://reports.example")
}

pub(crate) fn auth0_delete() -> impl Requirement {
    roles("/permissions", ["reports:delete"])
}

pub(crate) fn okta() -> TrustedIssuer {
    TrustedIssuer::discover("https://shop.okta.com/oauth2/default").audience("api://default")
}

pub(crate) fn cognito() -> TrustedIssuer {
    TrustedIssuer::discover("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE")
        .audience("3example9client8id7")
        .audience_claim("client_id")
        .claim("token_use", "access")
}

pub(crate) fn cognito_admin() -> impl Requirement {
    all((scopes(["reports-api/reports.read"]), any_role("/cognito:groups", ["reports-admins", "owners"])))
}

pub(crate) fn google() -> VerifierBuilder {
    const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
    let issuer = |name: &str| {
        TrustedIssuer::jwks(name, KEYS)
            .audience("1815-web.apps.googleusercontent.com")
            .claim("hd", "shop.example")
            .dangerous_accept_id_tokens()
    };
    Verifier::builder().issuer(issuer("https://accounts.google.com")).issuer(issuer("accounts.google.com"))
}

pub(crate) fn firebase(project: &str) -> VerifierBuilder {
    const KEYS: &str = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
    let issuer = TrustedIssuer::jwks(format!("https://securetoken.google.com/{project}"), KEYS)
        .audience(project)
        .require_claims(["sub", "iat", "auth_time"]);
    // The verifier refuses an `iat` in the future, so an `auth_time` up to `iat` is in the past.
    Verifier::builder().issuer(issuer).require_token(check("auth_time", |verified| {
        let issued_at = verified.registered().issued_at().map(NumericDate::seconds);
        verified.claims::<FirebaseClaims>().is_ok_and(|claims| Some(claims.auth_time) <= issued_at)
    }))
}

#[derive(Deserialize)]
pub(crate) struct FirebaseClaims {
    pub(crate) auth_time: i64,
    /// A custom claim, set with the Admin SDK.
    #[serde(default)]
    pub(crate) admin: bool,
}

pub(crate) fn github() -> TrustedIssuer {
    TrustedIssuer::github_actions()
        .audience("https://deploy.example")
        .claim("repository_id", "20261815")
        .claim("ref", "refs/heads/main")
}

#[derive(Deserialize)]
pub(crate) struct GithubClaims {
    pub(crate) repository: String,
    pub(crate) job_workflow_ref: String,
    pub(crate) sha: String,
}

pub(crate) fn kubernetes() -> TrustedIssuer {
    TrustedIssuer::kubernetes("https://kubernetes.default.svc.cluster.local").audience("reports")
}

pub(crate) fn spiffe() -> TrustedIssuer {
    TrustedIssuer::spiffe("shop.example")
        .jwks_url("https://spire.shop.example/bundle")
        .audience("spiffe://shop.example/reports")
}

pub(crate) fn only_the_billing_workloads() -> impl Requirement {
    check("billing", |verified| {
        verified.registered().subject().is_some_and(|id| id.starts_with("spiffe://shop.example/billing/"))
    })
}

pub(crate) fn transaction_tokens() -> TrustedIssuer {
    TrustedIssuer::transaction_tokens("shop.internal")
        .jwks_url("https://tts.shop.internal/jwks")
        .require_claims(["scope", "req_wl"])
}

#[derive(Deserialize)]
pub(crate) struct TransactionClaims {
    pub(crate) txn: String,
    pub(crate) req_wl: String,
}

#[derive(Deserialize)]
pub(crate) struct KubernetesClaims {
    #[serde(rename = "kubernetes.io")]
    pub(crate) cluster: Workload,
}

#[derive(Deserialize)]
pub(crate) struct Workload {
    pub(crate) namespace: String,
    pub(crate) serviceaccount: Named,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

pub(crate) fn authentik() -> TrustedIssuer {
    TrustedIssuer::discover("https://id.example/application/o/reports/")
        .audience("Ce1sH9client8id7EXAMPLE")
        .require_claims(["uid"])
        .dangerous_accept_id_tokens()
}

pub(crate) fn better_auth() -> TrustedIssuer {
    TrustedIssuer::jwks("https://shop.example", "https://shop.example/api/auth/jwks").audience("https://shop.example")
}

pub(crate) fn clerk() -> TrustedIssuer {
    TrustedIssuer::jwks("https://clerk.shop.example", "https://clerk.shop.example/.well-known/jwks.json")
        .audience("https://shop.example")
        .audience_claim("azp")
        .require_claims(["sub", "sid"])
}

pub(crate) fn glewlwyd() -> TrustedIssuer {
    TrustedIssuer::discover("https://id.example/").audience("https://reports.example").claim("type", "access_token")
}

pub(crate) fn lemonldap() -> TrustedIssuer {
    TrustedIssuer::discover("https://auth.shop.example/").audience("https://reports.example").access_token_profile()
}

pub(crate) fn logto() -> TrustedIssuer {
    TrustedIssuer::discover("https://shop.logto.app/oidc").audience("https://reports.example").access_token_profile()
}

pub(crate) fn supabase() -> TrustedIssuer {
    const AUTH: &str = "https://abcdefghijklmnopqrst.supabase.co/auth/v1";
    TrustedIssuer::jwks(AUTH, format!("{AUTH}/.well-known/jwks.json"))
        .audience("authenticated")
        .claim("role", "authenticated")
}

/// Without this, everyone who opens the page is a user, if the project allows anonymous sign-ins.
pub(crate) fn supabase_person() -> impl Requirement {
    not(claim("/is_anonymous").equals(true))
}

pub(crate) fn zitadel() -> TrustedIssuer {
    TrustedIssuer::discover("https://shop-1815.zitadel.cloud").audience("276815181500000001").require_claims(["jti"])
}

pub(crate) fn zitadel_reader() -> impl Requirement {
    claim("/urn:zitadel:iam:org:project:roles/reader").is_present()
}
