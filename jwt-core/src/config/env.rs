use crate::error::{BuildError, BuildErrorKind};

use super::fields::{IssuerConfig, VerifierConfig};
use super::names::{Names, malformed_name, refused, variable};
use super::nearest::nearest;
use super::variables::{FIELDS, Found, Set, is_of_issuer};

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
        // Spaces and quotes may be part of a secret, and don't matter in a PEM.
        let is_literal = matches!(self.field, "pem" | "secret" | "previous_secret");
        let outcome = if self.value.is_empty() {
            Err("is empty: set it or remove it")
        } else if let Some(problem) = malformed_name(&self.value).filter(|_| !is_literal) {
            Err(problem)
        } else {
            (self.set)(found, self.value)
        };
        outcome.map_err(|problem| refused(BuildErrorKind::Invalid, self.name, problem))
    }
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
            let problem = match nearest(FIELDS.iter().map(|(field, _)| *field), rest) {
                Some(field) => {
                    format!("is not a setting: correct its name to `{prefix}_{}`, or remove it", variable(field))
                }
                None => "is not a setting: correct its name or remove it".to_owned(),
            };
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
    fn the_error_for_an_unknown_variable_names_the_nearest_one() {
        for (name, expected) in [
            ("AUDEINCE", "`X_AUDIENCE`"),
            ("JWKS_URI", "`X_JWKS_URL`"),
            ("REQUIRED_CLAIMS", "`X_REQUIRE_CLAIMS`"),
            ("ISSUERS", "`X_ISSUER`"),
            ("_LEEWAY", "`X_LEEWAY`"),
            ("MAX_TOKEN_BYTE", "`X_MAX_TOKEN_BYTES`"),
            ("PUBLIC_KEY", "`X_PEM`"),
            ("CLOCK_SKEW", "`X_LEEWAY`"),
            ("DATABASE_PASSWORD", "its name or remove it"),
            ("A", "its name or remove it"),
        ] {
            let error = read(&[(name, "a")]).expect_err(name);
            assert_eq!(error.kind(), BuildErrorKind::Unknown);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn stray_white_space_quotes_and_brackets_are_refused() {
        for (name, value, part) in [
            ("ISSUER", "https://id.example\n", "white space"),
            ("ISSUER", " https://id.example", "white space"),
            ("ISSUER", "\"https://id.example\"", "quotes"),
            ("AUDIENCE", "'a'", "quotes"),
            ("AUDIENCE", "[\"a\",\"b\"]", "brackets"),
            ("AUDIENCE", "${AUDIENCE}", "placeholder"),
            ("LEEWAY", " 60s ", "white space"),
            ("DISCOVER", "\"true\"", "quotes"),
        ] {
            let error = read(&[(name, value)]).expect_err(name);
            assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Invalid, &*format!("X_{name}")));
            assert!(error.to_string().contains(part), "{error}");
        }
        for value in [" a secret with spaces ", "\"quoted\"", "[x]"] {
            assert!(read(&[("SECRET", value)]).is_ok(), "{value}");
        }
    }

    #[test]
    fn an_error_names_the_wrong_variable() {
        for (variables, message) in [
            (&[("SECERT", "hush")][..], "X_SECERT is not a setting: correct its name to `X_SECRET`, or remove it"),
            (&[("", "a")], "X_ is not a setting: correct its name or remove it"),
            (&[("issuer", "a")], "X_issuer is not a setting: correct its name to `X_ISSUER`, or remove it"),
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
            (one, &[("AUDEINCE", "a")], "X_AUDEINCE is not a setting: correct its name to `X_AUDIENCE`, or remove it"),
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
