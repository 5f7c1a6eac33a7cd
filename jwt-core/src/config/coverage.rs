//! Checks that a configuration has every setting of the builders.

/// The sources of the builders, and the names of their fields in a configuration.
const BUILDERS: &[(&str, &str, &str)] = &[
    ("VerifierBuilder", "", include_str!("../verify/builder/settings.rs")),
    ("TrustedIssuer", "", include_str!("../verify/issuers/trusted_issuer.rs")),
    ("TrustedIssuer", "", include_str!("../verify/issuers/workloads.rs")),
    ("TrustedIssuer", "", include_str!("../verify/issuers/sender.rs")),
    ("KeyRefreshSettings", "refresh.", include_str!("../keys/refresh_settings.rs")),
    ("TokenCacheSettings", "token_cache.", include_str!("../verify/cache/settings.rs")),
    ("TokenSources", "sources.", include_str!("../http/token/sources.rs")),
    ("Csrf", "sources.csrf.", include_str!("../http/csrf/settings.rs")),
    ("ProtectedResource", "resources.", include_str!("../gate/metadata.rs")),
    ("Dpop", "dpop.", include_str!("../proof/dpop.rs")),
];

/// Methods whose field has another name.
const RENAMED: &[(&str, &str)] = &[
    ("VerifierBuilder::issuer", "issuers"),
    ("VerifierBuilder::resource", "resources"),
    ("VerifierBuilder::challenge", "challenges"),
    ("VerifierBuilder::without_token_cache", "token_cache.enabled"),
    ("VerifierBuilder::certificate_header", "certificate.header"),
    ("TrustedIssuer::new", "issuer"),
    ("TrustedIssuer::jwks", "jwks_url"),
    ("TrustedIssuer::key", "pem"),
    ("TrustedIssuer::keys", "jwks_file"),
    ("TrustedIssuer::key_refresh", "refresh"),
    ("TrustedIssuer::audiences", "audience"),
    ("TrustedIssuer::claim", "claims"),
    ("TrustedIssuer::dpop_allowed", "dpop"),
    ("TrustedIssuer::dpop_required", "dpop"),
    ("TrustedIssuer::mutual_tls_allowed", "mutual_tls"),
    ("TrustedIssuer::mutual_tls_required", "mutual_tls"),
    ("KeyRefreshSettings::lifetime_between", "refresh.least_lifetime"),
    ("TokenSources::cookie", "sources.cookies"),
    ("TokenSources::query", "sources.queries"),
    ("TokenSources::header", "sources.headers"),
    ("TokenSources::bearer_header", "sources.bearer_headers"),
    ("TokenSources::none", "sources.authorization"),
    ("ProtectedResource::new", "resources.resource"),
    ("Dpop::new", "dpop.url"),
    ("Dpop::behind_proxies", "dpop.proxies"),
    ("Dpop::nonces", "dpop.nonce_secret_file"),
];

/// Methods without a field, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("VerifierBuilder::revocations", "it takes a list, which only code can connect"),
    ("VerifierBuilder::dangerous_accept_during_revocation_outage", "it's about the list that only code can connect"),
    ("VerifierBuilder::renderer", "it takes code"),
    ("VerifierBuilder::require_token", "it takes code"),
    ("VerifierBuilder::clock", "it takes code"),
    ("VerifierBuilder::observer", "it takes code"),
    ("VerifierBuilder::crypto", "the features of the crate decide it"),
    ("VerifierBuilder::fetch", "it takes code"),
    ("VerifierBuilder::issuer_resolver", "it takes code"),
    ("TrustedIssuer::key_source", "it takes code"),
    ("TrustedIssuer::kubernetes", "`issuer`, `jwks_url` and `require_claims` say the same"),
    ("TrustedIssuer::github_actions", "`issuer` and `discover` say the same"),
    ("TokenSources::from_fn", "it takes code"),
    ("TokenSources::source", "it takes code"),
    ("Csrf::allow_origin_if", "it takes code; `allow_origin` takes one star"),
    ("Dpop::algorithms", "the default has every algorithm with a public key"),
    ("Dpop::replay_log", "it takes a store, which only code can connect"),
    ("Dpop::remembered_keys", "it changes only how fast proofs are checked"),
];

/// The names of public methods that set something.
fn setters(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut names = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("\n    pub ") {
        rest = &rest[at + "\n    pub ".len()..];
        let head = rest.strip_prefix("const ").unwrap_or(rest);
        let Some(head) = head.strip_prefix("fn ") else { continue };
        let signature = head.split('{').next().unwrap_or_default();
        let returns_builder = signature.contains("-> Self") || signature.contains("-> VerifierBuilder");
        let name = head.split(['(', '<']).next().unwrap_or_default();
        if returns_builder && !matches!(name, "builder") {
            names.push(name);
        }
    }
    names
}

#[test]
fn every_setting_of_a_builder_has_a_field_or_a_reason_not_to() {
    let guide = include_str!("../../doc/configuration.md");
    let (mut seen, mut used) = (Vec::new(), Vec::new());
    for (builder, table, source) in BUILDERS {
        for name in setters(source) {
            // The defaults, and not a setting.
            if name == "new" && !matches!(*builder, "TrustedIssuer" | "ProtectedResource" | "Dpop") {
                continue;
            }
            let method = format!("{builder}::{name}");
            let of = |list: &[(&'static str, &'static str)]| {
                list.iter().find(|(listed, _)| *listed == method).map(|(_, value)| *value)
            };
            if of(EXCEPTIONS).is_some() {
                used.push(method.clone());
            } else {
                let field = of(RENAMED).map_or_else(|| format!("{table}{name}"), str::to_owned);
                // Tables have a row for each of their fields.
                let is_documented = guide.contains(&format!("`{field}`")) || guide.contains(&format!("| `{field}."));
                assert!(is_documented, "`{method}` has no field `{field}` in the guide, and no reason in EXCEPTIONS");
            }
            seen.push(method);
        }
    }
    for (method, _) in RENAMED.iter().chain(EXCEPTIONS) {
        assert!(seen.iter().any(|seen| seen == method), "`{method}` isn't a method any more");
    }
    assert_eq!(used.len(), EXCEPTIONS.len());
    assert!(seen.len() > 80, "{seen:?}");
}
