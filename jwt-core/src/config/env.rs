use crate::error::{BuildError, BuildErrorKind};

use super::fields::{
    CacheConfig, CertificateConfig, CsrfConfig, DpopConfig, HiddenString, IssuerConfig, RefreshConfig, ResourceConfig,
    StringList, VerifierConfig,
};
use super::names::{Names, refused, variable};

/// The settings found in the environment so far: those of the verifier, and those of its one issuer.
#[derive(Default)]
struct Found {
    verifier: VerifierConfig,
    issuer: IssuerConfig,
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
type Set = fn(&mut Found, String) -> Result<(), &'static str>;

/// The fields that have a variable. Its name follows from the field's.
const FIELDS: &[(&str, Set)] = &[
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
    ("sources.csrf.require_token", |to, value| flag(&value).map(|flag| to.csrf().require_token = flag)),
];

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

impl VerifierConfig {
    /// Reads the configuration of one issuer from the environment variables that start with `prefix` and an underscore.
    /// The guide's page [configuration](crate::guide::configuration) lists them.
    ///
    /// `JWT_SECRET` may hold a secret itself, because many platforms hand out secrets that way. Everyone who can inspect the
    /// process, and every process it starts, can read it there; if you can, name a file with `JWT_SECRET_FILE` instead.
    ///
    /// No other variable may start with the prefix, so don't use a prefix that another one starts with: `API` and `ADMIN`
    /// work together, `JWT` and `JWT_ADMIN` don't.
    ///
    /// # Errors
    ///
    /// If a variable is unknown, empty or has an invalid value. The error names the first one.
    pub fn from_env(prefix: &str) -> Result<Self, BuildError> {
        Self::from_vars(prefix, environment(prefix)?)
    }

    /// Replaces settings of this configuration, usually a file's, by those of environment variables. The variables are those of
    /// [`from_env`](Self::from_env).
    ///
    /// The variables of an issuer change the only issuer of the configuration, or add one if it has none. If it has several, they
    /// are refused, because they don't say which. A variable that says where keys are replaces every other setting that does, and
    /// so do the variables for the audience, and those for the issuer's name.
    ///
    /// ```no_run
    /// use jwt_core::config::VerifierConfig;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config: VerifierConfig = toml::from_str(&std::fs::read_to_string("jwt.toml")?)?;
    /// let verifier = config.overlay_env("JWT")?.into_builder()?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as for [`from_env`](Self::from_env), and if there are several issuers and a variable for one.
    pub fn overlay_env(self, prefix: &str) -> Result<Self, BuildError> {
        self.overlay_vars(prefix, environment(prefix)?)
    }

    /// Replaces settings of this configuration by those of variables that you pass in, as [`overlay_env`](Self::overlay_env)
    /// does with those of the environment.
    ///
    /// # Errors
    ///
    /// The same as for [`overlay_env`](Self::overlay_env), and if a variable is given twice.
    pub fn overlay_vars(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BuildError> {
        let settings = settings(prefix, variables)?;
        let fields: Vec<&'static str> = settings.iter().map(|setting| setting.field).collect();
        let of_issuer = settings.iter().find(|setting| is_of_issuer(setting.field));
        if let (Some(setting), 2..) = (of_issuer, self.issuers.len()) {
            let problem =
                "doesn't say which of the configuration's issuers is meant: remove it, and change the configuration";
            return Err(refused(BuildErrorKind::Contradiction, setting.name.clone(), problem));
        }
        let given = if of_issuer.is_some() { self.issuers.pop() } else { None };
        let (has_variables, is_new) = (of_issuer.is_some(), given.is_none());
        let mut found = Found { verifier: self, issuer: given.unwrap_or_default() };
        found.issuer.clear_replaced(&fields);
        for setting in settings {
            setting.apply(&mut found)?;
        }
        let Found { mut verifier, mut issuer } = found;
        if has_variables {
            if is_new {
                issuer.discover_unless_said();
            }
            verifier.issuers.push(issuer);
        }
        verifier.names = Names::Overlaid(prefix.to_owned(), fields);
        Ok(verifier)
    }

    /// Reads the configuration from variables that you pass in, as [`from_env`](Self::from_env) does from the environment.
    ///
    /// ```
    /// use jwt_core::config::VerifierConfig;
    ///
    /// let variables = [("JWT_ISSUER", "https://id.example"), ("JWT_AUDIENCE", "https://api.example"), ("HOME", "/")];
    /// let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    /// assert!(VerifierConfig::from_vars("JWT", variables).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// The same as for [`from_env`](Self::from_env), and if a variable is given twice.
    pub fn from_vars(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, BuildError> {
        let mut found = Found::default();
        for setting in settings(prefix, variables)? {
            setting.apply(&mut found)?;
        }
        let Found { mut verifier, mut issuer } = found;
        issuer.discover_unless_said();
        verifier.issuers.push(issuer);
        verifier.names = Names::Variables(prefix.to_owned());
        Ok(verifier)
    }
}

/// A variable, and the field that it sets.
struct Setting {
    name: String,
    field: &'static str,
    set: Set,
    value: String,
}

impl Setting {
    fn apply(self, found: &mut Found) -> Result<(), BuildError> {
        let outcome =
            if self.value.is_empty() { Err("is empty: set it or remove it") } else { (self.set)(found, self.value) };
        outcome.map_err(|problem| refused(BuildErrorKind::Invalid, self.name, problem))
    }
}

fn is_of_issuer(field: &str) -> bool {
    let of_verifier =
        ["sources.", "dpop.", "certificate.", "token_cache."].iter().any(|table| field.starts_with(table));
    let fields = ["leeway", "max_token_bytes", "realm", "scope_implies", "resources", "ready_with_any_issuer"];
    !of_verifier && !fields.contains(&field)
}

/// Reads the process's variables that start with the prefix and an underscore.
fn environment(prefix: &str) -> Result<Vec<(String, String)>, BuildError> {
    let start = format!("{prefix}_");
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if !name.starts_with(&start) {
            continue;
        }
        let Ok(value) = value.into_string() else {
            return Err(refused(BuildErrorKind::Invalid, name.into_owned(), "is not valid UTF-8"));
        };
        variables.push((name.into_owned(), value));
    }
    // The environment has no order. Sorting makes the reported error the same each time.
    variables.sort_unstable();
    Ok(variables)
}

/// Finds the settings among variables.
fn settings(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Setting>, BuildError> {
    let mut settings = Vec::<Setting>::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { continue };
        let Some((field, set)) = FIELDS.iter().find(|(field, _)| variable(field) == rest) else {
            let problem = "is not a setting: correct its name or remove it";
            return Err(refused(BuildErrorKind::Unknown, name, problem));
        };
        if settings.iter().any(|other| other.field == *field) {
            return Err(refused(BuildErrorKind::Contradiction, name, "is given twice"));
        }
        settings.push(Setting { name, field, set: *set, value });
    }
    Ok(settings)
}

impl IssuerConfig {
    /// Finds the keys of an issuer by discovery if nothing else says where they are.
    fn discover_unless_said(&mut self) {
        if self.issuer.is_some() && self.key_settings().is_empty() {
            self.discover.get_or_insert(true);
        }
    }

    /// Removes the settings that one of these fields replaces: of each group, at most one may be set.
    fn clear_replaced(&mut self, fields: &[&str]) {
        let any = |group: &[&str]| group.iter().any(|field| fields.contains(field));
        let keys = ["discover", "metadata_url", "jwks_url", "jwks_file", "pem_file", "pem", "secret_file", "secret"];
        if any(&keys) {
            (self.discover, self.metadata_url, self.jwks_url, self.jwks_file) = (None, None, None, None);
            (self.pem_file, self.pem) = (None, None);
            (self.secret_file, self.secret_env, self.given_secret) = (None, None, None);
        }
        if any(&["previous_secret_file", "previous_secret"]) {
            (self.previous_secret_file, self.previous_secret_env, self.given_previous_secret) = (None, None, None);
        }
        if any(&["audience", "all_audiences", "dangerous_any_audience"]) {
            (self.audience, self.all_audiences, self.dangerous_any_audience) = (None, None, false);
        }
        if any(&["issuer", "dangerous_any_issuer", "spiffe", "transaction_tokens"]) {
            (self.issuer, self.dangerous_any_issuer) = (None, false);
            (self.spiffe, self.transaction_tokens) = (None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<VerifierConfig, BuildError> {
        VerifierConfig::from_vars("X", variables.iter().map(|(name, value)| (format!("X_{name}"), (*value).to_owned())))
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
            ("SOURCES_CSRF_REQUIRE_TOKEN", "true", sources("csrf.require_token = true")),
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
            let mut config = read(&[(name, value)]).unwrap();
            config.names = Names::Paths;
            let same: VerifierConfig = toml::from_str(toml).unwrap();
            assert_eq!(format!("{config:?}"), format!("{same:?}"), "{name}");
        }
        let secret = read(&[("SECRET", "a")]).unwrap().issuers.remove(0).given_secret;
        assert_eq!(*secret.unwrap().0, "a");
        let secret = read(&[("PREVIOUS_SECRET", "b")]).unwrap().issuers.remove(0).given_previous_secret;
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

    #[test]
    fn an_error_names_the_wrong_variable() {
        for (variables, message) in [
            (&[("SECERT", "hush")][..], "X_SECERT is not a setting: correct its name or remove it"),
            (&[("", "a")], "X_ is not a setting: correct its name or remove it"),
            (&[("issuer", "a")], "X_issuer is not a setting: correct its name or remove it"),
            (&[("ISSUER", "")], "X_ISSUER is empty: set it or remove it"),
            (&[("ISSUER", "a"), ("ISSUER", "a")], "X_ISSUER is given twice"),
            (&[("AUDIENCE", "a,")], "X_AUDIENCE contains an empty name"),
            (&[("CLAIMS", "a")], "X_CLAIMS must be pairs such as a=b, separated by commas"),
            (&[("CLAIMS", "a=,b=c")], "X_CLAIMS contains a pair without a name or a value"),
            (&[("SCOPE_IMPLIES", "=a")], "X_SCOPE_IMPLIES contains a pair without a name or a value"),
            (&[("SCOPE_IMPLIES", "a=b,a=c")], "X_SCOPE_IMPLIES contains a name twice"),
            (&[("TOKEN_CACHE_MAX_ENTRIES", "many")], "X_TOKEN_CACHE_MAX_ENTRIES must be a whole number"),
            (&[("DISCOVER", "yes")], "X_DISCOVER must be true or false"),
            (&[("LEEWAY", "10")], "X_LEEWAY has no unit: add ms, s, m, h or d"),
            (&[("MAX_TOKEN_BYTES", "1GB")], "X_MAX_TOKEN_BYTES has an unknown unit: use B, KB, MB, KiB or MiB"),
        ] {
            assert_eq!(super::super::names::plain(&read(variables).unwrap_err()), message);
        }
    }

    fn overlaid(toml: &str, variables: &[(&str, &str)]) -> Result<VerifierConfig, BuildError> {
        let config: VerifierConfig = toml::from_str(toml).unwrap();
        config.overlay_vars("X", variables.iter().map(|(name, value)| (format!("X_{name}"), (*value).to_owned())))
    }

    #[test]
    fn a_variable_replaces_the_setting_of_a_file_and_leaves_the_others() {
        const FILE: &str = "leeway = 5\nrealm = 'a'\n[[issuers]]\nissuer = 'i'\naudience = 'a'\ndiscover = true\n";
        for (variables, expected) in [
            (&[][..], FILE.to_owned()),
            (&[("LEEWAY", "9s")], FILE.replace("leeway = 5", "leeway = 9")),
            (&[("ISSUER", "j")], FILE.replace("issuer = 'i'", "issuer = 'j'")),
            (&[("AUDIENCE", "b,c")], FILE.replace("audience = 'a'", "audience = ['b', 'c']")),
            (&[("ALL_AUDIENCES", "b")], FILE.replace("audience = 'a'", "all_audiences = 'b'")),
            (&[("JWKS_URL", "u")], FILE.replace("discover = true", "jwks_url = 'u'")),
            (
                &[("SECRET_FILE", "f"), ("ALGORITHM", "HS256")],
                FILE.replace("discover = true", "secret_file = 'f'\nalgorithm = 'HS256'"),
            ),
            (
                &[("SPIFFE", "d"), ("JWKS_URL", "u")],
                FILE.replace("issuer = 'i'", "spiffe = 'd'").replace("discover = true", "jwks_url = 'u'"),
            ),
            (&[("REFRESH_TIMEOUT", "1s"), ("SUBJECT", "s")], format!("{FILE}subject = 's'\nrefresh.timeout = 1\n")),
            (&[("SOURCES_COOKIES", "t")], format!("{FILE}[sources]\ncookies = 't'\n")),
        ] {
            let mut config = overlaid(FILE, variables).unwrap();
            config.names = Names::Paths;
            let same: VerifierConfig = toml::from_str(&expected).unwrap();
            assert_eq!(format!("{config:?}"), format!("{same:?}"), "{variables:?}");
        }
        // A file without an issuer is completed by variables, as if there were no file.
        let config = overlaid("leeway = 5", &[("ISSUER", "i"), ("AUDIENCE", "a")]).unwrap();
        assert_eq!((config.issuers.len(), config.issuers[0].discover), (1, Some(true)));
        assert_eq!(overlaid("leeway = 5", &[("REALM", "r")]).unwrap().issuers.len(), 0);
    }

    #[test]
    fn an_error_of_an_overlaid_file_names_the_variable_or_the_path() {
        let two = "[[issuers]]\nissuer = 'i'\n[[issuers]]\nissuer = 'j'\n";
        let one = "[[issuers]]\nissuer = 'i'\naudience = 'a'\n";
        let plain = super::super::names::plain;
        for (file, variables, message) in [
            (
                two,
                &[("AUDIENCE", "a")][..],
                "X_AUDIENCE doesn't say which of the configuration's issuers is meant: remove it, and change the configuration",
            ),
            (one, &[("AUDEINCE", "a")], "X_AUDEINCE is not a setting: correct its name or remove it"),
            (one, &[("LEEWAY", "10")], "X_LEEWAY has no unit: add ms, s, m, h or d"),
        ] {
            assert_eq!(plain(&overlaid(file, variables).unwrap_err()), message);
        }
        assert!(overlaid(two, &[("REALM", "r")]).is_ok());
        for (file, variables, message) in [
            (
                one,
                &[("JWKS_FILE", "x"), ("DISCOVER", "true")][..],
                "X_JWKS_FILE conflicts with X_DISCOVER: remove one of them",
            ),
            (
                one,
                &[("REALM", "r")],
                "issuers[0].discover is missing: set it to true, or set another source of the issuer's keys",
            ),
            (one, &[("REALM", "\"")], "X_REALM contains characters that aren't allowed"),
            (
                "[[issuers]]\naudience = 'a'\n",
                &[("DISCOVER", "true")],
                "issuers[0].issuer is missing: set it to the `iss` of the tokens to accept",
            ),
        ] {
            assert_eq!(plain(&overlaid(file, variables).unwrap().into_builder().unwrap_err()), message);
        }
    }

    #[test]
    fn variables_without_the_prefix_are_ignored() {
        let variables = [("XY_ISSUER", "a"), ("X", "a"), ("ISSUER", "a"), ("x_ISSUER", "a")];
        let config =
            VerifierConfig::from_vars("X", variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        assert!(config.issuers[0].issuer.is_none());
        assert!(VerifierConfig::from_env("A_PREFIX_THAT_IS_NOT_IN_USE").is_ok());
    }
}
