#![doc = include_str!("../doc/rustdoc-links.txt")]
#![doc = include_str!("../doc/index.md")]
//!
//! The pages are the files of `jwt-core/doc`, so they read the same in the repository. The search finds them by their subjects too:
//! try `keycloak`, `websocket` or `csrf`.

/// A page for each file of `doc`. In the pages, a link to another page is the file's name in brackets; here it leads to the page.
macro_rules! pages {
    ($($(#[$attribute:meta])* $page:ident = $file:literal;)+) => {$(
        $(#[$attribute])*
        #[doc = include_str!("../doc/rustdoc-links.txt")]
        #[doc = include_str!(concat!("../doc/", $file))]
        pub mod $page {}
    )+};
}

// The aliases are words that users search for, and that are no names of items. The document tests list the required ones.
pages! {
    #[doc(alias("axum", "quickstart", "tutorial", "hello world", "introduction"))]
    getting_started_axum = "getting_started_axum.md";
    #[doc(alias("actix", "actix-web", "quickstart", "tutorial", "hello world"))]
    getting_started_actix = "getting_started_actix.md";
    #[doc(alias("security", "hardening", "checklist"))]
    defaults = "defaults.md";
    #[cfg(feature = "remote")]
    #[doc(alias("jwks", "rotation", "outage", "docker", "compose", "certificate authority", "proxy"))]
    keys = "keys.md";
    #[cfg(all(feature = "aws-lc-rs", feature = "jwks"))]
    #[doc(alias("keycloak", "entra", "azure", "auth0", "okta", "cognito", "google", "firebase", "oidc", "oauth2", "openid"))]
    #[doc(alias("github actions", "gitlab", "kubernetes", "zitadel", "authentik", "clerk", "supabase", "spiffe"))]
    providers = "providers.md";
    #[cfg(feature = "remote")]
    #[doc(alias("multi-tenant", "multitenant", "multitenancy", "saas", "b2b"))]
    tenants = "tenants.md";
    #[cfg(feature = "config")]
    #[doc(alias("toml", "yaml", "json", "environment", "env", "dotenv", "settings"))]
    configuration = "configuration.md";
    #[doc(alias("scopes", "roles", "permissions", "groups", "rbac", "mfa", "authorization", "step-up"))]
    requirements = "requirements.md";
    #[doc(alias("rfc9728", "mcp", "metadata", "resource_metadata", "model context protocol"))]
    resources = "resources.md";
    #[doc(alias("www-authenticate", "401", "403", "500", "503", "unauthorized", "forbidden"))]
    rejections = "rejections.md";
    #[doc(alias("error codes"))]
    codes = "codes.md";
    #[doc(alias("401", "403", "debug", "debugging", "troubleshooting", "invalid_token", "unauthorized"))]
    why_401 = "why_401.md";
    #[doc(alias("cli", "command line", "debugger", "decode", "doctor"))]
    tools = "tools.md";
    #[doc(alias("forward auth", "auth_request", "nginx", "caddy", "traefik", "haproxy", "envoy", "ext_authz", "reverse proxy"))]
    gate = "gate.md";
    #[doc(alias("rfc9457", "problem+json", "error body"))]
    problem = "problem.md";
    #[doc(alias("dpop", "mtls", "mutual tls", "fapi", "sender constrained", "stolen token", "replay"))]
    proof = "proof.md";
    #[doc(alias("blocklist", "blacklist", "denylist", "revoke", "logout"))]
    revocation = "revocation.md";
    #[cfg(feature = "postgres")]
    #[doc(alias("postgresql", "database", "fleet"))]
    postgres = "postgres.md";
    #[cfg(feature = "redis")]
    #[doc(alias("valkey", "cluster", "sentinel", "fleet"))]
    redis = "redis.md";
    #[cfg(feature = "issue")]
    #[doc(alias("login", "logout", "password", "refresh", "refresh token", "devices", "remember me"))]
    sessions = "sessions.md";
    #[cfg(feature = "issue")]
    #[doc(alias("kms", "hsm", "pkcs11", "rotation", "pem", "vault"))]
    signing_keys = "signing_keys.md";
    #[doc(alias("cookie", "csrf", "xsrf", "cors", "spa", "localstorage", "samesite"))]
    browsers = "browsers.md";
    #[cfg(feature = "metrics")]
    #[doc(alias("prometheus", "grafana", "opentelemetry", "tracing", "observability", "monitoring", "alert"))]
    metrics = "metrics.md";
    #[cfg(all(feature = "testing", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[doc(alias("test", "mock", "fake", "unit test"))]
    testing = "testing.md";
    #[doc(alias("error body", "correlation id", "request id", "custom error", "renderer"))]
    errors = "errors.md";
    #[doc(alias("websocket", "websockets", "sse", "server-sent events", "grpc", "tonic", "streaming"))]
    streams = "streams.md";
    #[cfg(feature = "issue")]
    #[doc(alias("service to service", "m2m", "machine to machine", "client credentials", "api key", "apikey", "delegation"))]
    services = "services.md";
    #[cfg(feature = "remote")]
    #[doc(alias("docker", "kubernetes", "proxy", "nginx", "container", "production", "cors", "readiness", "shutdown", "tls"))]
    deployment = "deployment.md";
    #[doc(alias("security", "attack", "attacker", "stride"))]
    threat_model = "threat_model.md";
    #[doc(alias("limits", "api key", "apikey", "opaque token", "introspection", "jwe", "rate limit", "brute force"))]
    not_checked = "not_checked.md";
    #[doc(alias("saml", "ldap", "active directory", "sso", "social login", "identity broker", "kerberos"))]
    federation = "federation.md";
    #[doc(alias("benchmark", "latency", "speed"))]
    performance = "performance.md";
    #[doc(alias("benchmark"))]
    measured = "measured.md";
    #[doc(alias("migration", "spring", "asp.net", "express", "fastapi", "flask", "passport", "jwt-authorizer"))]
    migrating = "migrating.md";
    #[cfg(feature = "jsonwebtoken-12")]
    #[doc(alias("migration", "validation", "decodingkey"))]
    jsonwebtoken = "jsonwebtoken.md";
}
