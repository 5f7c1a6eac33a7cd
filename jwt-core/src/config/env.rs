use super::error::{ConfigError, ConfigErrorKind};
use super::model::{Hidden, IssuerConfig, RefreshConfig, Texts, VerifierConfig};

/// How the settings of a configuration are called in its errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// By their path in the file.
    #[default]
    Fields,
    /// By their variable, which has this prefix.
    Variables(String),
}

impl Names {
    /// The name of a setting of the whole verifier.
    pub(super) fn top(&self, field: &str) -> String {
        match self {
            Self::Fields => field.to_owned(),
            Self::Variables(prefix) => variable(prefix, field),
        }
    }

    /// The name of a setting of one issuer.
    pub(super) fn issuer(&self, index: usize, field: &str) -> String {
        match self {
            Self::Fields => format!("issuers[{index}].{field}"),
            Self::Variables(prefix) => variable(prefix, field),
        }
    }
}

fn variable(prefix: &str, field: &str) -> String {
    let known = VARIABLES.iter().find(|variable| variable.field == field);
    format!("{prefix}_{}", known.map_or(field, |variable| variable.name))
}

/// What variables say so far: a verifier and its one issuer.
#[derive(Default)]
struct Draft {
    verifier: VerifierConfig,
    issuer: IssuerConfig,
}

impl Draft {
    fn refresh(&mut self) -> &mut RefreshConfig {
        self.issuer.refresh.get_or_insert_default()
    }
}

struct Variable {
    /// What follows the prefix.
    name: &'static str,
    /// The field that it stands for.
    field: &'static str,
    set: fn(&mut Draft, String) -> Result<(), &'static str>,
}

const fn of(
    name: &'static str,
    field: &'static str,
    set: fn(&mut Draft, String) -> Result<(), &'static str>,
) -> Variable {
    Variable { name, field, set }
}

const VARIABLES: &[Variable] = &[
    of("ISSUER", "issuer", |to, value| put(&mut to.issuer.issuer, Ok(value))),
    of("DANGEROUS_ANY_ISSUER", "dangerous_any_issuer", |to, value| {
        flag(&value).map(|flag| to.issuer.dangerous_any_issuer = flag)
    }),
    of("DISCOVER", "discover", |to, value| put(&mut to.issuer.discover, flag(&value))),
    of("DISCOVER_AT", "metadata_url", |to, value| put(&mut to.issuer.metadata_url, Ok(value))),
    of("JWKS_URL", "jwks_url", |to, value| put(&mut to.issuer.jwks_url, Ok(value))),
    of("JWKS_FILE", "jwks_file", |to, value| put(&mut to.issuer.jwks_file, Ok(value.into()))),
    of("PEM_FILE", "pem_file", |to, value| put(&mut to.issuer.pem_file, Ok(value.into()))),
    of("PEM", "pem", |to, value| put(&mut to.issuer.pem, Ok(Hidden::from(value)))),
    of("SECRET_FILE", "secret_file", |to, value| put(&mut to.issuer.secret_file, Ok(value.into()))),
    of("SECRET", "secret", |to, value| put(&mut to.issuer.given_secret, Ok(Hidden::from(value)))),
    of("ALGORITHM", "algorithm", |to, value| put(&mut to.issuer.algorithm, Ok(value))),
    of("ALGORITHMS", "algorithms", |to, value| put(&mut to.issuer.algorithms, list(&value))),
    of("AUDIENCE", "audience", |to, value| put(&mut to.issuer.audience, list(&value))),
    of("ALL_AUDIENCES", "all_audiences", |to, value| put(&mut to.issuer.all_audiences, list(&value))),
    of("DANGEROUS_ANY_AUDIENCE", "dangerous_any_audience", |to, value| {
        flag(&value).map(|flag| to.issuer.dangerous_any_audience = flag)
    }),
    of("ACCESS_TOKEN_PROFILE", "access_token_profile", |to, value| {
        flag(&value).map(|flag| to.issuer.access_token_profile = flag)
    }),
    of("TOKEN_TYPES", "token_types", |to, value| put(&mut to.issuer.token_types, list(&value))),
    of("REQUIRE_CLAIMS", "require_claims", |to, value| put(&mut to.issuer.require_claims, list(&value))),
    of("SUBJECT", "subject", |to, value| put(&mut to.issuer.subject, Ok(value))),
    of("MAX_AGE", "max_age", |to, value| put(&mut to.issuer.max_age, value.parse())),
    of("MAX_LIFETIME", "max_lifetime", |to, value| put(&mut to.issuer.max_lifetime, value.parse())),
    of("REFRESH_LIFETIME", "refresh.lifetime", |to, value| put(&mut to.refresh().lifetime, value.parse())),
    of("REFRESH_LEAST_LIFETIME", "refresh.least_lifetime", |to, value| {
        put(&mut to.refresh().least_lifetime, value.parse())
    }),
    of("REFRESH_MOST_LIFETIME", "refresh.most_lifetime", |to, value| {
        put(&mut to.refresh().most_lifetime, value.parse())
    }),
    of("STALE_IF_ERROR", "refresh.stale_if_error", |to, value| put(&mut to.refresh().stale_if_error, value.parse())),
    of("TIMEOUT", "refresh.timeout", |to, value| put(&mut to.refresh().timeout, value.parse())),
    of("MAX_BYTES", "refresh.max_bytes", |to, value| put(&mut to.refresh().max_bytes, value.parse())),
    of("LEEWAY", "leeway", |to, value| put(&mut to.verifier.leeway, value.parse())),
    of("MAX_TOKEN_SIZE", "max_token_bytes", |to, value| put(&mut to.verifier.max_token_bytes, value.parse())),
    of("REALM", "realm", |to, value| put(&mut to.verifier.realm, Ok(value))),
    of("AUTHORIZATION", "sources.authorization", |to, value| put(&mut to.verifier.sources.authorization, flag(&value))),
    of("COOKIE", "sources.cookies", |to, value| put(&mut to.verifier.sources.cookies, list(&value))),
    of("QUERY", "sources.queries", |to, value| put(&mut to.verifier.sources.queries, list(&value))),
    of("HEADER", "sources.headers", |to, value| put(&mut to.verifier.sources.headers, list(&value))),
];

fn put<T>(slot: &mut Option<T>, value: Result<T, &'static str>) -> Result<(), &'static str> {
    *slot = Some(value?);
    Ok(())
}

fn flag(value: &str) -> Result<bool, &'static str> {
    value.parse().map_err(|_| "is neither true nor false")
}

fn list(value: &str) -> Result<Texts, &'static str> {
    let texts: Vec<String> = value.split(',').map(|text| text.trim().to_owned()).collect();
    if texts.iter().any(String::is_empty) { Err("holds an empty name") } else { Ok(Texts(texts)) }
}

impl VerifierConfig {
    /// Takes the configuration of one issuer from the process's environment: from the variables that begin with `prefix`
    /// and an underscore. [The room's documentation](super#variables) lists them.
    ///
    /// `JWT_SECRET` may hold a secret itself, because platforms hand secrets out that way. Whoever may look at the
    /// process, and every process that it starts, can read it there: rather name a file with `JWT_SECRET_FILE`.
    ///
    /// No other variable may have the prefix, so one prefix must not be the beginning of another: rather `API` and `ADMIN`
    /// than `JWT` and `JWT_ADMIN`.
    ///
    /// # Errors
    ///
    /// The first variable that is unknown, empty or has no value of its kind, by its name.
    pub fn from_env(prefix: &str) -> Result<Self, ConfigError> {
        let ours = format!("{prefix}_");
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if !name.starts_with(&ours) {
                continue;
            }
            let Ok(value) = value.into_string() else {
                return Err(ConfigError::new(ConfigErrorKind::Invalid, name, "is not UTF-8"));
            };
            variables.push((name.into_owned(), value));
        }
        // The environment has no order; an error should not depend on chance.
        variables.sort_unstable();
        Self::from_vars(prefix, variables)
    }

    /// Takes the configuration from variables that were read elsewhere, as [`from_env`](Self::from_env) does.
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
    /// As [`from_env`](Self::from_env).
    pub fn from_vars(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut draft = Draft::default();
        let mut seen = Vec::new();
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { continue };
            let Some(variable) = VARIABLES.iter().find(|variable| variable.name == rest) else {
                return Err(ConfigError::new(ConfigErrorKind::Unknown, name, "is not a setting"));
            };
            if seen.contains(&variable.name) {
                return Err(ConfigError::new(ConfigErrorKind::Contradiction, name, "is given twice"));
            }
            seen.push(variable.name);
            let outcome = if value.is_empty() { Err("is empty") } else { (variable.set)(&mut draft, value) };
            outcome.map_err(|problem| ConfigError::new(ConfigErrorKind::Invalid, name, problem))?;
        }
        let Draft { mut verifier, mut issuer } = draft;
        if issuer.issuer.is_some() && issuer.keys().is_empty() {
            issuer.discover.get_or_insert(true);
        }
        verifier.issuers.push(issuer);
        verifier.names = Names::Variables(prefix.to_owned());
        Ok(verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<VerifierConfig, ConfigError> {
        VerifierConfig::from_vars("X", variables.iter().map(|(name, value)| (format!("X_{name}"), (*value).to_owned())))
    }

    #[test]
    fn every_variable_stands_for_its_field() {
        let issuer = |line: &str| format!("[[issuers]]\n{line}\n");
        let refresh = |line: &str| format!("[[issuers]]\n[issuers.refresh]\n{line}\n");
        let top = |line: &str| format!("{line}\n[[issuers]]\n");
        let sources = |line: &str| format!("[[issuers]]\n[sources]\n{line}\n");
        let cases = [
            ("ISSUER", "a", issuer("issuer = 'a'\ndiscover = true")),
            ("DANGEROUS_ANY_ISSUER", "true", issuer("dangerous_any_issuer = true")),
            ("DISCOVER", "false", issuer("discover = false")),
            ("DISCOVER_AT", "a", issuer("metadata_url = 'a'")),
            ("JWKS_URL", "a", issuer("jwks_url = 'a'")),
            ("JWKS_FILE", "a", issuer("jwks_file = 'a'")),
            ("PEM_FILE", "a", issuer("pem_file = 'a'")),
            ("PEM", "a", issuer("pem = 'a'")),
            ("SECRET_FILE", "a", issuer("secret_file = 'a'")),
            ("ALGORITHM", "a", issuer("algorithm = 'a'")),
            ("ALGORITHMS", "a, b", issuer("algorithms = ['a', 'b']")),
            ("AUDIENCE", "a,b", issuer("audience = ['a', 'b']")),
            ("ALL_AUDIENCES", "a", issuer("all_audiences = 'a'")),
            ("DANGEROUS_ANY_AUDIENCE", "true", issuer("dangerous_any_audience = true")),
            ("ACCESS_TOKEN_PROFILE", "true", issuer("access_token_profile = true")),
            ("TOKEN_TYPES", "a", issuer("token_types = 'a'")),
            ("REQUIRE_CLAIMS", "a ,b", issuer("require_claims = ['a', 'b']")),
            ("SUBJECT", "a, b", issuer("subject = 'a, b'")),
            ("MAX_AGE", "1h", issuer("max_age = 3600")),
            ("MAX_LIFETIME", "1m", issuer("max_lifetime = 60")),
            ("REFRESH_LIFETIME", "1m", refresh("lifetime = 60")),
            ("REFRESH_LEAST_LIFETIME", "1m", refresh("least_lifetime = 60")),
            ("REFRESH_MOST_LIFETIME", "1m", refresh("most_lifetime = 60")),
            ("STALE_IF_ERROR", "1m", refresh("stale_if_error = 60")),
            ("TIMEOUT", "1m", refresh("timeout = 60")),
            ("MAX_BYTES", "1KiB", refresh("max_bytes = 1024")),
            ("LEEWAY", "5s", top("leeway = 5")),
            ("MAX_TOKEN_SIZE", "2KB", top("max_token_bytes = 2000")),
            ("REALM", "a b", top("realm = 'a b'")),
            ("AUTHORIZATION", "false", sources("authorization = false")),
            ("COOKIE", "a,b", sources("cookies = ['a', 'b']")),
            ("QUERY", "a", sources("queries = 'a'")),
            ("HEADER", "a", sources("headers = 'a'")),
        ];
        for (name, value, toml) in &cases {
            let mut config = read(&[(name, value)]).unwrap();
            config.names = Names::Fields;
            let same: VerifierConfig = toml::from_str(toml).unwrap();
            assert_eq!(format!("{config:?}"), format!("{same:?}"), "{name}");
        }
        let secret = read(&[("SECRET", "a")]).unwrap().issuers.remove(0).given_secret;
        assert_eq!(*secret.unwrap().0, "a");
        let mut tested: Vec<&str> = cases.iter().map(|(name, ..)| *name).chain(["SECRET"]).collect();
        let mut known: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
        tested.sort_unstable();
        known.sort_unstable();
        assert_eq!(tested, known);
        for name in known {
            assert!(include_str!("../../doc/variables.md").contains(&format!("`JWT_{name}`")), "{name}");
        }
    }

    #[test]
    fn a_variable_that_is_wrong_is_refused_by_its_name() {
        for (variables, message) in [
            (&[("SECERT", "hush")][..], "X_SECERT is not a setting"),
            (&[("", "a")], "X_ is not a setting"),
            (&[("issuer", "a")], "X_issuer is not a setting"),
            (&[("ISSUER", "")], "X_ISSUER is empty"),
            (&[("ISSUER", "a"), ("ISSUER", "a")], "X_ISSUER is given twice"),
            (&[("AUDIENCE", "a,")], "X_AUDIENCE holds an empty name"),
            (&[("DISCOVER", "yes")], "X_DISCOVER is neither true nor false"),
            (&[("LEEWAY", "10")], "X_LEEWAY has no unit: add ms, s, m, h or d"),
            (&[("MAX_TOKEN_SIZE", "1GB")], "X_MAX_TOKEN_SIZE has an unknown unit: use B, KB, MB, KiB or MiB"),
        ] {
            assert_eq!(read(variables).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn variables_of_others_are_not_looked_at() {
        let variables = [("XY_ISSUER", "a"), ("X", "a"), ("ISSUER", "a"), ("x_ISSUER", "a")];
        let config =
            VerifierConfig::from_vars("X", variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        assert!(config.issuers[0].issuer.is_none());
        assert!(VerifierConfig::from_env("SURELY_NOBODY_HAS_THIS_PREFIX").is_ok());
    }
}
