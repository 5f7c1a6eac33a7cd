//! The environment variables: which fields have one, and how its value is read.

use super::fields::{
    CacheConfig, CertificateConfig, CsrfConfig, DpopConfig, HiddenString, IssuerConfig, RefreshConfig, ResourceConfig,
    StringList, VerifierConfig,
};

/// The settings found in the environment so far: those of the verifier, and those of its one issuer.
#[derive(Default)]
pub(super) struct Found {
    pub(super) verifier: VerifierConfig,
    pub(super) issuer: IssuerConfig,
}

impl Found {
    fn refresh(&mut self) -> &mut RefreshConfig {
        self.issuer.refresh.get_or_insert_default()
    }

    fn dpop(&mut self) -> &mut DpopConfig {
        self.verifier.dpop.get_or_insert_default()
    }

    fn csrf(&mut self) -> &mut CsrfConfig {
        self.verifier.sources.csrf.get_or_insert_default()
    }

    fn token_cache(&mut self) -> &mut CacheConfig {
        self.verifier.token_cache.get_or_insert_default()
    }

    fn certificate(&mut self) -> &mut CertificateConfig {
        self.verifier.certificate.get_or_insert_default()
    }
}

/// Parses the value of a variable and stores it.
pub(super) type Set = fn(&mut Found, String) -> Result<(), &'static str>;

/// The fields that have a variable. Its name follows from the field's.
pub(super) const FIELDS: &[(&str, Set)] = &[
    ("issuer", |to, value| put(&mut to.issuer.issuer, Ok(value))),
    ("dangerous_any_issuer", |to, value| flag(&value).map(|flag| to.issuer.dangerous_any_issuer = flag)),
    ("spiffe", |to, value| put(&mut to.issuer.spiffe, Ok(value))),
    ("transaction_tokens", |to, value| put(&mut to.issuer.transaction_tokens, Ok(value))),
    ("discover", |to, value| put(&mut to.issuer.discover, flag(&value))),
    ("metadata_url", |to, value| put(&mut to.issuer.metadata_url, Ok(value))),
    ("dangerous_http_hosts", |to, value| put(&mut to.issuer.dangerous_http_hosts, list(&value))),
    ("jwks_url", |to, value| put(&mut to.issuer.jwks_url, Ok(value))),
    ("jwks_file", |to, value| put(&mut to.issuer.jwks_file, Ok(value.into()))),
    ("pem_file", |to, value| put(&mut to.issuer.pem_file, Ok(value.into()))),
    ("pem", |to, value| put(&mut to.issuer.pem, Ok(HiddenString::from(value)))),
    ("secret_file", |to, value| put(&mut to.issuer.secret_file, Ok(value.into()))),
    ("secret", |to, value| put(&mut to.issuer.given_secret, Ok(HiddenString::from(value)))),
    ("previous_secret_file", |to, value| put(&mut to.issuer.previous_secret_file, Ok(value.into()))),
    ("previous_secret", |to, value| put(&mut to.issuer.given_previous_secret, Ok(HiddenString::from(value)))),
    ("try_keys_in_turn", |to, value| flag(&value).map(|flag| to.issuer.try_keys_in_turn = flag)),
    ("algorithm", |to, value| put(&mut to.issuer.algorithm, Ok(value))),
    ("algorithms", |to, value| put(&mut to.issuer.algorithms, list(&value))),
    ("audience", |to, value| put(&mut to.issuer.audience, list(&value))),
    ("all_audiences", |to, value| put(&mut to.issuer.all_audiences, list(&value))),
    ("dangerous_any_audience", |to, value| flag(&value).map(|flag| to.issuer.dangerous_any_audience = flag)),
    ("audience_claim", |to, value| put(&mut to.issuer.audience_claim, Ok(value))),
    ("claims", |to, value| pairs(&value).map(|claims| to.issuer.claims = claims.into_iter().collect())),
    ("dangerous_without_expiry", |to, value| flag(&value).map(|flag| to.issuer.dangerous_without_expiry = flag)),
    ("access_token_profile", |to, value| flag(&value).map(|flag| to.issuer.access_token_profile = flag)),
    ("token_types", |to, value| put(&mut to.issuer.token_types, list(&value))),
    ("allow_missing_type", |to, value| flag(&value).map(|flag| to.issuer.allow_missing_type = flag)),
    ("dangerous_accept_id_tokens", |to, value| flag(&value).map(|flag| to.issuer.dangerous_accept_id_tokens = flag)),
    ("numeric_identifiers", |to, value| flag(&value).map(|flag| to.issuer.numeric_identifiers = flag)),
    ("require_claims", |to, value| put(&mut to.issuer.require_claims, list(&value))),
    ("subject", |to, value| put(&mut to.issuer.subject, Ok(value))),
    ("max_age", |to, value| put(&mut to.issuer.max_age, value.parse())),
    ("max_lifetime", |to, value| put(&mut to.issuer.max_lifetime, value.parse())),
    ("dpop", |to, value| put(&mut to.issuer.dpop, Ok(value))),
    ("mutual_tls", |to, value| put(&mut to.issuer.mutual_tls, Ok(value))),
    ("fapi2", |to, value| flag(&value).map(|flag| to.issuer.fapi2 = flag)),
    ("dpop.url", |to, value| put(&mut to.dpop().url, Ok(value))),
    ("dpop.proxies", |to, value| put(&mut to.dpop().proxies, list(&value))),
    ("dpop.nonce_secret_file", |to, value| put(&mut to.dpop().nonce_secret_file, Ok(value.into()))),
    ("dpop.nonce_period", |to, value| put(&mut to.dpop().nonce_period, value.parse())),
    ("dpop.max_age", |to, value| put(&mut to.dpop().max_age, value.parse())),
    ("dpop.leeway", |to, value| put(&mut to.dpop().leeway, value.parse())),
    ("certificate.header", |to, value| put(&mut to.certificate().header, Ok(value))),
    ("certificate.proxies", |to, value| put(&mut to.certificate().proxies, list(&value))),
    ("refresh.lifetime", |to, value| put(&mut to.refresh().lifetime, value.parse())),
    ("refresh.least_lifetime", |to, value| put(&mut to.refresh().least_lifetime, value.parse())),
    ("refresh.most_lifetime", |to, value| put(&mut to.refresh().most_lifetime, value.parse())),
    ("refresh.stale_if_error", |to, value| put(&mut to.refresh().stale_if_error, value.parse())),
    ("refresh.timeout", |to, value| put(&mut to.refresh().timeout, value.parse())),
    ("refresh.max_bytes", |to, value| put(&mut to.refresh().max_bytes, value.parse())),
    ("refresh.max_keys", |to, value| put(&mut to.refresh().max_keys, number(&value))),
    ("leeway", |to, value| put(&mut to.verifier.leeway, value.parse())),
    ("max_token_bytes", |to, value| put(&mut to.verifier.max_token_bytes, value.parse())),
    ("realm", |to, value| put(&mut to.verifier.realm, Ok(value))),
    ("scope_implies", |to, value| {
        pairs(&value).map(|scopes| {
            let implied = |names: String| StringList(names.split_whitespace().map(str::to_owned).collect());
            to.verifier.scope_implies = scopes.into_iter().map(|(scope, names)| (scope, implied(names))).collect();
        })
    }),
    ("resources", |to, value| {
        let resource = |resource| ResourceConfig { resource, ..ResourceConfig::default() };
        list(&value).map(|names| to.verifier.resources = names.0.into_iter().map(resource).collect())
    }),
    ("ready_with_any_issuer", |to, value| flag(&value).map(|flag| to.verifier.ready_with_any_issuer = flag)),
    ("token_cache.enabled", |to, value| put(&mut to.token_cache().enabled, flag(&value))),
    ("token_cache.max_entries", |to, value| put(&mut to.token_cache().max_entries, number(&value))),
    ("token_cache.max_bytes", |to, value| put(&mut to.token_cache().max_bytes, value.parse())),
    ("token_cache.digests", |to, value| flag(&value).map(|flag| to.token_cache().digests = flag)),
    ("sources.authorization", |to, value| put(&mut to.verifier.sources.authorization, flag(&value))),
    ("sources.cookies", |to, value| put(&mut to.verifier.sources.cookies, list(&value))),
    ("sources.queries", |to, value| put(&mut to.verifier.sources.queries, list(&value))),
    ("sources.headers", |to, value| put(&mut to.verifier.sources.headers, list(&value))),
    ("sources.bearer_headers", |to, value| put(&mut to.verifier.sources.bearer_headers, list(&value))),
    ("sources.websocket_protocol", |to, value| flag(&value).map(|flag| to.verifier.sources.websocket_protocol = flag)),
    ("sources.dangerous_first_source_wins", |to, value| {
        flag(&value).map(|flag| to.verifier.sources.dangerous_first_source_wins = flag)
    }),
    ("sources.dangerous_without_csrf_protection", |to, value| {
        flag(&value).map(|flag| to.verifier.sources.dangerous_without_csrf_protection = flag)
    }),
    ("sources.csrf.allow_origin", |to, value| put(&mut to.csrf().allow_origin, list(&value))),
    ("sources.csrf.header", |to, value| put(&mut to.csrf().header, Ok(value))),
    ("sources.csrf.form_field", |to, value| put(&mut to.csrf().form_field, Ok(value))),
    ("sources.csrf.safe_methods", |to, value| put(&mut to.csrf().safe_methods, list(&value))),
    ("sources.csrf.dangerous_safe_methods", |to, value| put(&mut to.csrf().dangerous_safe_methods, list(&value))),
    ("sources.csrf.require_claim", |to, value| flag(&value).map(|flag| to.csrf().require_claim = flag)),
];

/// Whether a field is one of an issuer. The others are of the whole verifier.
pub(super) fn is_of_issuer(field: &str) -> bool {
    let of_verifier =
        ["sources.", "dpop.", "certificate.", "token_cache."].iter().any(|table| field.starts_with(table));
    let fields = ["leeway", "max_token_bytes", "realm", "scope_implies", "resources", "ready_with_any_issuer"];
    !of_verifier && !fields.contains(&field)
}

fn put<T>(slot: &mut Option<T>, value: Result<T, &'static str>) -> Result<(), &'static str> {
    *slot = Some(value?);
    Ok(())
}

fn flag(value: &str) -> Result<bool, &'static str> {
    value.parse().map_err(|_| "must be true or false")
}

fn list(value: &str) -> Result<StringList, &'static str> {
    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) { Err("contains an empty name") } else { Ok(StringList(names)) }
}

fn number(value: &str) -> Result<usize, &'static str> {
    value.parse().map_err(|_| "must be a whole number")
}

/// Reads `a=b,c=d`.
fn pairs(value: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut pairs = Vec::new();
    for pair in list(value)?.0 {
        let (name, value) = pair.split_once('=').ok_or("must be pairs such as a=b, separated by commas")?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || value.is_empty() {
            return Err("contains a pair without a name or a value");
        }
        if pairs.iter().any(|(other, _)| other == name) {
            return Err("contains a name twice");
        }
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::names::{Names, variable};
    use super::*;

    fn read(variables: &[(&str, &str)]) -> VerifierConfig {
        let variables = variables.iter().map(|(name, value)| (format!("X_{name}"), (*value).to_owned()));
        VerifierConfig::from_vars("X", variables).unwrap()
    }

    #[test]
    fn every_variable_sets_its_field() {
        let issuer = |line: &str| format!("[[issuers]]\n{line}\n");
        let refresh = |line: &str| format!("[[issuers]]\n[issuers.refresh]\n{line}\n");
        let top = |line: &str| format!("{line}\n[[issuers]]\n");
        let sources = |line: &str| format!("[[issuers]]\n[sources]\n{line}\n");
        let dpop = |line: &str| format!("[[issuers]]\n[dpop]\n{line}\n");
        let certificate = |line: &str| format!("[[issuers]]\n[certificate]\n{line}\n");
        let cases = [
            ("ISSUER", "a", issuer("issuer = 'a'\ndiscover = true")),
            ("DANGEROUS_ANY_ISSUER", "true", issuer("dangerous_any_issuer = true")),
            ("SPIFFE", "a", issuer("spiffe = 'a'")),
            ("TRANSACTION_TOKENS", "a", issuer("transaction_tokens = 'a'")),
            ("SOURCES_BEARER_HEADERS", "a,b", sources("bearer_headers = ['a', 'b']")),
            ("SOURCES_WEBSOCKET_PROTOCOL", "true", sources("websocket_protocol = true")),
            ("DISCOVER", "false", issuer("discover = false")),
            ("METADATA_URL", "a", issuer("metadata_url = 'a'")),
            ("DANGEROUS_HTTP_HOSTS", "a,b", issuer("dangerous_http_hosts = ['a', 'b']")),
            ("JWKS_URL", "a", issuer("jwks_url = 'a'")),
            ("JWKS_FILE", "a", issuer("jwks_file = 'a'")),
            ("PEM_FILE", "a", issuer("pem_file = 'a'")),
            ("PEM", "a", issuer("pem = 'a'")),
            ("SECRET_FILE", "a", issuer("secret_file = 'a'")),
            ("PREVIOUS_SECRET_FILE", "a", issuer("previous_secret_file = 'a'")),
            ("TRY_KEYS_IN_TURN", "true", issuer("try_keys_in_turn = true")),
            ("ALGORITHM", "a", issuer("algorithm = 'a'")),
            ("ALGORITHMS", "a, b", issuer("algorithms = ['a', 'b']")),
            ("AUDIENCE", "a,b", issuer("audience = ['a', 'b']")),
            ("ALL_AUDIENCES", "a", issuer("all_audiences = 'a'")),
            ("DANGEROUS_ANY_AUDIENCE", "true", issuer("dangerous_any_audience = true")),
            ("ACCESS_TOKEN_PROFILE", "true", issuer("access_token_profile = true")),
            ("TOKEN_TYPES", "a", issuer("token_types = 'a'")),
            ("ALLOW_MISSING_TYPE", "true", issuer("allow_missing_type = true")),
            ("DANGEROUS_ACCEPT_ID_TOKENS", "true", issuer("dangerous_accept_id_tokens = true")),
            ("NUMERIC_IDENTIFIERS", "true", issuer("numeric_identifiers = true")),
            ("REQUIRE_CLAIMS", "a ,b", issuer("require_claims = ['a', 'b']")),
            ("SUBJECT", "a, b", issuer("subject = 'a, b'")),
            ("MAX_AGE", "1h", issuer("max_age = 3600")),
            ("MAX_LIFETIME", "1m", issuer("max_lifetime = 60")),
            ("REFRESH_LIFETIME", "1m", refresh("lifetime = 60")),
            ("REFRESH_LEAST_LIFETIME", "1m", refresh("least_lifetime = 60")),
            ("REFRESH_MOST_LIFETIME", "1m", refresh("most_lifetime = 60")),
            ("REFRESH_STALE_IF_ERROR", "1m", refresh("stale_if_error = 60")),
            ("REFRESH_TIMEOUT", "1m", refresh("timeout = 60")),
            ("REFRESH_MAX_BYTES", "1KiB", refresh("max_bytes = 1024")),
            ("REFRESH_MAX_KEYS", "200", refresh("max_keys = 200")),
            ("DPOP", "required", issuer("dpop = 'required'")),
            ("MUTUAL_TLS", "allowed", issuer("mutual_tls = 'allowed'")),
            ("FAPI2", "true", issuer("fapi2 = true")),
            ("DPOP_URL", "a", dpop("url = 'a'")),
            ("DPOP_PROXIES", "a,b", dpop("proxies = ['a', 'b']")),
            ("DPOP_NONCE_SECRET_FILE", "a", dpop("nonce_secret_file = 'a'")),
            ("DPOP_NONCE_PERIOD", "1m", dpop("nonce_period = 60")),
            ("DPOP_MAX_AGE", "30s", dpop("max_age = 30")),
            ("DPOP_LEEWAY", "5s", dpop("leeway = 5")),
            ("CERTIFICATE_HEADER", "a", certificate("header = 'a'")),
            ("CERTIFICATE_PROXIES", "a", certificate("proxies = 'a'")),
            ("LEEWAY", "5s", top("leeway = 5")),
            ("MAX_TOKEN_BYTES", "2KB", top("max_token_bytes = 2000")),
            ("REALM", "a b", top("realm = 'a b'")),
            ("SOURCES_AUTHORIZATION", "false", sources("authorization = false")),
            ("SOURCES_COOKIES", "a,b", sources("cookies = ['a', 'b']")),
            ("SOURCES_QUERIES", "a", sources("queries = 'a'")),
            ("SOURCES_HEADERS", "a", sources("headers = 'a'")),
            ("SOURCES_DANGEROUS_FIRST_SOURCE_WINS", "true", sources("dangerous_first_source_wins = true")),
            ("SOURCES_DANGEROUS_WITHOUT_CSRF_PROTECTION", "true", sources("dangerous_without_csrf_protection = true")),
            (
                "SOURCES_CSRF_ALLOW_ORIGIN",
                "https://a, https://b",
                sources("csrf.allow_origin = ['https://a', 'https://b']"),
            ),
            ("SOURCES_CSRF_HEADER", "a", sources("csrf.header = 'a'")),
            ("SOURCES_CSRF_FORM_FIELD", "a", sources("csrf.form_field = 'a'")),
            ("SOURCES_CSRF_SAFE_METHODS", "GET,HEAD", sources("csrf.safe_methods = ['GET', 'HEAD']")),
            ("SOURCES_CSRF_DANGEROUS_SAFE_METHODS", "A", sources("csrf.dangerous_safe_methods = 'A'")),
            ("SOURCES_CSRF_REQUIRE_CLAIM", "true", sources("csrf.require_claim = true")),
            ("AUDIENCE_CLAIM", "a", issuer("audience_claim = 'a'")),
            ("CLAIMS", "a=b c, d = e=f", issuer("claims = { a = 'b c', d = 'e=f' }")),
            ("DANGEROUS_WITHOUT_EXPIRY", "true", issuer("dangerous_without_expiry = true")),
            ("SCOPE_IMPLIES", "a = b  c,d=e", top("scope_implies = { a = ['b', 'c'], d = 'e' }")),
            (
                "RESOURCES",
                "https://a/b,https://a/c",
                top("resources = [{ resource = 'https://a/b' }, { resource = 'https://a/c' }]"),
            ),
            ("READY_WITH_ANY_ISSUER", "true", top("ready_with_any_issuer = true")),
            ("TOKEN_CACHE_ENABLED", "false", top("token_cache.enabled = false")),
            ("TOKEN_CACHE_MAX_ENTRIES", "7", top("token_cache.max_entries = 7")),
            ("TOKEN_CACHE_MAX_BYTES", "1KiB", top("token_cache.max_bytes = 1024")),
            ("TOKEN_CACHE_DIGESTS", "true", top("token_cache.digests = true")),
        ];
        for (name, value, toml) in &cases {
            let mut config = read(&[(name, value)]);
            config.names = Names::Paths;
            let same: VerifierConfig = toml::from_str(toml).unwrap();
            assert_eq!(format!("{config:?}"), format!("{same:?}"), "{name}");
        }
        let secret = read(&[("SECRET", "a")]).issuers.remove(0).given_secret;
        assert_eq!(*secret.unwrap().0, "a");
        let secret = read(&[("PREVIOUS_SECRET", "b")]).issuers.remove(0).given_previous_secret;
        assert_eq!(*secret.unwrap().0, "b");
        let mut tested: Vec<&str> = cases.iter().map(|(name, ..)| *name).chain(["SECRET", "PREVIOUS_SECRET"]).collect();
        let mut known: Vec<String> = FIELDS.iter().map(|(field, _)| variable(field)).collect();
        tested.sort_unstable();
        known.sort_unstable();
        assert_eq!(tested, known);
        for name in known {
            assert!(include_str!("../../doc/configuration.md").contains(&format!("`JWT_{name}`")), "{name}");
        }
    }
}
