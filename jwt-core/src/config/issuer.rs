use crate::jose::{Algorithm, Key};
use crate::keys::KeySet;
use crate::verify::{BuildError, BuildErrorKind, TrustedIssuer};

use super::error::{ConfigError, ConfigErrorKind};
use super::keys::{KeySetting, VerifierContext};
use super::model::IssuerConfig;
use super::place::Place;

impl IssuerConfig {
    pub(super) fn build(&self, place: &Place<'_>, around: &dyn VerifierContext) -> Result<TrustedIssuer, ConfigError> {
        self.check_contradictions(place)?;
        let algorithms = match &self.algorithms {
            Some(names) => {
                Some(names.0.iter().map(|name| algorithm(name, "algorithms", place)).collect::<Result<Vec<_>, _>>()?)
            }
            None => None,
        };
        let setting = self.key_setting(place)?;
        let mut issuer = self.with_keys(&setting, algorithms.as_deref(), place, around)?;
        if let Some(algorithms) = algorithms {
            issuer = issuer.algorithms(algorithms);
        }
        for name in self.audience.iter().flat_map(|names| &names.0) {
            issuer = issuer.audience(name.as_str());
        }
        if let Some(names) = &self.all_audiences {
            issuer = issuer.all_audiences(names.0.iter().map(String::as_str));
        }
        if self.dangerous_any_audience {
            issuer = issuer.dangerous_any_audience();
        }
        if let Some(claim) = &self.audience_claim {
            issuer = issuer.audience_claim(claim.as_str());
        }
        if self.access_token_profile {
            issuer = issuer.access_token_profile();
        }
        if let Some(types) = &self.token_types {
            issuer = issuer.token_types(types.0.iter().map(String::as_str));
        }
        if let Some(names) = &self.require_claims {
            issuer = issuer.require_claims(names.0.iter().map(String::as_str));
        }
        if let Some(subject) = &self.subject {
            issuer = issuer.subject(subject.as_str());
        }
        for (name, text) in &self.claims {
            issuer = issuer.claim(name.as_str(), text.as_str());
        }
        if let Some(age) = self.max_age {
            issuer = issuer.max_age(age.0);
        }
        if let Some(lifetime) = self.max_lifetime {
            issuer = issuer.max_lifetime(lifetime.0);
        }
        if self.dangerous_without_expiry {
            issuer = issuer.dangerous_without_expiry();
        }
        Ok(issuer)
    }

    fn check_contradictions(&self, place: &Place<'_>) -> Result<(), ConfigError> {
        let audience = self.audience.is_some().then_some("audience");
        let all = self.all_audiences.is_some().then_some("all_audiences");
        let any = self.dangerous_any_audience.then_some("dangerous_any_audience");
        let mut decided = [audience, all, any].into_iter().flatten();
        let Some(first) = decided.next() else {
            return Err(place.undecided("audience", "give the name of this service"));
        };
        if let Some(second) = decided.next() {
            return Err(place.contradiction(second, first));
        }
        if self.audience.as_ref().is_some_and(|names| names.0.is_empty()) {
            return Err(ConfigError::new(ConfigErrorKind::Invalid, place.path("audience"), "is empty"));
        }
        if self.access_token_profile {
            // RFC 9068 section 4: issuer and audience are checked, always.
            for (there, other) in [
                (self.token_types.is_some(), "token_types"),
                (self.dangerous_any_issuer, "dangerous_any_issuer"),
                (self.dangerous_any_audience, "dangerous_any_audience"),
            ] {
                if there {
                    return Err(place.contradiction("access_token_profile", other));
                }
            }
        }
        Ok(())
    }

    /// The one setting that says where keys are.
    fn key_setting(&self, place: &Place<'_>) -> Result<KeySetting<'_>, ConfigError> {
        if self.secret.is_some() {
            let problem = "does not belong into a configuration: use secret_file or secret_env";
            return Err(ConfigError::new(ConfigErrorKind::Unknown, place.path("secret"), problem));
        }
        if self.metadata_url.is_some() && self.discover == Some(false) {
            return Err(place.contradiction("metadata_url", "discover"));
        }
        let mut settings = self.keys().into_iter();
        let Some(setting) = settings.next() else {
            return Err(place.undecided("discover", "say where the issuer's keys are"));
        };
        if let Some(second) = settings.next() {
            return Err(place.contradiction(second.field, setting.field));
        }
        if self.dangerous_any_issuer && setting.from.is_remote() {
            return Err(place.contradiction(setting.field, "dangerous_any_issuer"));
        }
        if let Some(refresh) = &self.refresh
            && !setting.from.is_remote()
        {
            return Err(place.contradiction(refresh.first_field(), setting.field));
        }
        if self.algorithm.is_some() && !setting.from.needs_algorithm() {
            return Err(place.contradiction("algorithm", setting.field));
        }
        Ok(setting)
    }

    fn with_keys(
        &self,
        setting: &KeySetting<'_>,
        allowed: Option<&[Algorithm]>,
        place: &Place<'_>,
        around: &dyn VerifierContext,
    ) -> Result<TrustedIssuer, ConfigError> {
        if setting.from.is_remote() {
            // A secret that can be fetched is none: RFC 7517 section 9.2.
            if allowed.is_some_and(|allowed| allowed.iter().any(|algorithm| algorithm.is_symmetric())) {
                return Err(place.contradiction("algorithms", setting.field));
            }
            return self.remote(setting, place);
        }
        let given = self.algorithm.as_deref().map(|name| algorithm(name, "algorithm", place)).transpose()?;
        let only = match allowed {
            Some(&[only]) => Some(only),
            _ => None,
        };
        let keys = setting.read(given.or(only), place, around)?;
        Self::check_fit(&keys, allowed, place.path(setting.field))?;
        let issuer = match &self.issuer {
            Some(name) => TrustedIssuer::new(name.as_str()),
            None => TrustedIssuer::dangerous_any_issuer(),
        };
        Ok(issuer.keys(&keys))
    }

    /// A key that no setting allows is a mistake whatever the back end.
    fn check_fit(keys: &KeySet, allowed: Option<&[Algorithm]>, path: String) -> Result<(), ConfigError> {
        let fits = |key: &Key| allowed.is_none_or(|allowed| key.bind(allowed).is_some());
        if keys.keys().iter().any(fits) {
            return Ok(());
        }
        let error = BuildError::new(BuildErrorKind::NoUsableKey, "keys");
        Err(ConfigError::built(path, &error))
    }
}

fn algorithm(name: &str, field: &str, place: &Place<'_>) -> Result<Algorithm, ConfigError> {
    let unknown = |_| ConfigError::new(ConfigErrorKind::Invalid, place.path(field), "names an unknown algorithm");
    name.parse().map_err(unknown)
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{PEM, builder};
    use super::*;

    const GOOD: &str = "issuer = 'https://id.example'\naudience = 'a'\n";
    const KEY: &str = "secret_env = 'SECRET'\nalgorithm = 'HS256'\n";

    fn refused(toml: &str) -> (ConfigErrorKind, String) {
        let error = builder(toml).err().unwrap_or_else(|| panic!("accepted: {toml}"));
        assert!(error.to_string().starts_with(error.path()), "{error}");
        (error.kind(), error.to_string())
    }

    #[test]
    fn what_is_wrong_with_an_issuer_is_named_with_its_path() {
        use ConfigErrorKind::{Contradiction, Invalid, Undecided, Unknown, Unreadable, UnusableKey};
        let pem = format!("pem = '''\n{PEM}'''\n");
        let pem = pem.as_str();
        for (lines, kind, message) in [
            (&["audience = 'a'"][..], Undecided, "issuer must be decided: give the name that tokens carry in `iss`"),
            (
                &[GOOD, "dangerous_any_issuer = true"],
                Contradiction,
                "dangerous_any_issuer contradicts issuers[0].issuer",
            ),
            (&["issuer = 'i'", KEY], Undecided, "audience must be decided: give the name of this service"),
            (&[GOOD, KEY, "all_audiences = 'a'"], Contradiction, "all_audiences contradicts issuers[0].audience"),
            (
                &["issuer = 'i'", KEY, "all_audiences = 'a'\ndangerous_any_audience = true"],
                Contradiction,
                "dangerous_any_audience contradicts issuers[0].all_audiences",
            ),
            (&["issuer = 'i'\naudience = []", KEY], Invalid, "audience is empty"),
            (&["issuer = 'i'\naudience = ''", KEY], Invalid, "audience is empty"),
            (&["issuer = 'i'\nall_audiences = []", KEY], Invalid, "all_audiences is empty"),
            (&["issuer = ''\naudience = 'a'", KEY], Invalid, "issuer is empty"),
            (&[GOOD], Undecided, "discover must be decided: say where the issuer's keys are"),
            (&[GOOD, "discover = false"], Undecided, "discover must be decided: say where the issuer's keys are"),
            (&[GOOD, "discover = true\njwks_url = 'u'"], Contradiction, "jwks_url contradicts issuers[0].discover"),
            (
                &[GOOD, "discover = false\nmetadata_url = 'u'"],
                Contradiction,
                "metadata_url contradicts issuers[0].discover",
            ),
            (&[GOOD, KEY, "pem_file = 'pem'"], Contradiction, "secret_env contradicts issuers[0].pem_file"),
            (&[GOOD, KEY, "secret_file = 'x'"], Contradiction, "secret_env contradicts issuers[0].secret_file"),
            (&[GOOD, "jwks_file = 'jwks'", pem], Contradiction, "pem contradicts issuers[0].jwks_file"),
            (
                &[GOOD, "secret = 'hush'"],
                Unknown,
                "secret does not belong into a configuration: use secret_file or secret_env",
            ),
            (
                &["dangerous_any_issuer = true\naudience = 'a'\ndiscover = true"],
                Contradiction,
                "discover contradicts issuers[0].dangerous_any_issuer",
            ),
            (&[GOOD, KEY, "refresh.timeout = 1"], Contradiction, "refresh.timeout contradicts issuers[0].secret_env"),
            (
                &[GOOD, "discover = true\nalgorithm = 'RS256'"],
                Contradiction,
                "algorithm contradicts issuers[0].discover",
            ),
            (
                &[GOOD, "jwks_url = 'u'\nalgorithms = ['RS256', 'HS256']"],
                Contradiction,
                "algorithms contradicts issuers[0].jwks_url",
            ),
            (&[GOOD, KEY, "algorithms = ['none']"], Invalid, "algorithms names an unknown algorithm"),
            (&[GOOD, KEY, "algorithms = []"], UnusableKey, "secret_env has no key that fits an allowed algorithm"),
            (
                &[GOOD, "jwks_file = 'jwks'\nalgorithms = 'ES256'"],
                UnusableKey,
                "jwks_file has no key that fits an allowed algorithm",
            ),
            (&[GOOD, "jwks_file = 'empty'"], UnusableKey, "jwks_file has no key that fits an allowed algorithm"),
            (&[GOOD, pem, "algorithm = 'rs256'"], Invalid, "algorithm names an unknown algorithm"),
            (&[GOOD, pem], Undecided, "algorithm must be decided"),
            (&[GOOD, pem, "algorithms = ['EdDSA', 'RS256']"], Undecided, "algorithm must be decided"),
            (
                &[GOOD, pem, "algorithm = 'RS256'"],
                UnusableKey,
                "pem holds no usable key: the key can't be used with this algorithm",
            ),
            (
                &[GOOD, "secret_file = 'short'\nalgorithm = 'HS256'"],
                UnusableKey,
                "secret_file holds no usable key: the secret has 4 bytes; HS256 needs at least 32 (`openssl rand -hex 32`)",
            ),
            (&[GOOD, "jwks_file = 'pem'"], UnusableKey, "jwks_file holds no usable key: not a JSON object"),
            (&[GOOD, "jwks_file = 'bytes'"], Unreadable, "jwks_file names a file that is not UTF-8"),
            (&[GOOD, "pem_file = 'none'"], Unreadable, "pem_file names a file that cannot be read: entity not found"),
            (
                &[GOOD, "secret_env = 'NONE'\nalgorithm = 'HS256'"],
                Unreadable,
                "secret_env names a variable that is not set",
            ),
            (
                &[GOOD, "secret_env = 'BYTES'\nalgorithm = 'HS256'"],
                Unreadable,
                "secret_env names a variable that is not UTF-8",
            ),
            (
                &[GOOD, KEY, "access_token_profile = true\ntoken_types = 'JWT'"],
                Contradiction,
                "access_token_profile contradicts issuers[0].token_types",
            ),
            (
                &["issuer = 'i'\ndangerous_any_audience = true", KEY, "access_token_profile = true"],
                Contradiction,
                "access_token_profile contradicts issuers[0].dangerous_any_audience",
            ),
            (&[GOOD, KEY, "token_types = []"], Invalid, "token_types is empty"),
            (&[GOOD, KEY, "require_claims = ['']"], Invalid, "require_claims is empty"),
            (&[GOOD, KEY, "subject = ''"], Invalid, "subject is empty"),
            (&[GOOD, KEY, "max_age = 0"], Invalid, "max_age is out of range"),
            (&[GOOD, KEY, "max_lifetime = '0s'"], Invalid, "max_lifetime is out of range"),
        ] {
            let toml = format!("[[issuers]]\n{}\n", lines.join("\n"));
            assert_eq!(refused(&toml), (kind, format!("issuers[0].{message}")), "{toml}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_whole_is_named() {
        use ConfigErrorKind::{Contradiction, Invalid};
        let issuer = format!("[[issuers]]\n{GOOD}{KEY}");
        let any = format!("[[issuers]]\ndangerous_any_issuer = true\naudience = 'a'\n{KEY}");
        for (toml, kind, message) in [
            (format!("leeway = '301s'\n{issuer}"), Invalid, "leeway is out of range"),
            (format!("max_token_bytes = 0\n{issuer}"), Invalid, "max_token_bytes is out of range"),
            (format!("realm = 'a\"b'\n{issuer}"), Invalid, "realm contains characters that aren't allowed"),
            (
                format!("sources.authorization = false\n{issuer}"),
                Invalid,
                "sources.authorization leaves no place for a token",
            ),
            (format!("sources.cookies = ''\n{issuer}"), Invalid, "sources.cookies holds an empty name"),
            (format!("sources.queries = ['a', 'a']\n{issuer}"), Contradiction, "sources.queries holds a name twice"),
            (format!("sources.headers = ['a', 'A']\n{issuer}"), Contradiction, "sources.headers holds a name twice"),
            (
                format!("sources.headers = 'Authorization'\n{issuer}"),
                Contradiction,
                "sources.headers contradicts sources.authorization",
            ),
            (format!("{issuer}{issuer}"), Contradiction, "issuers[1].issuer repeats issuers[0].issuer"),
            (format!("{issuer}{any}"), Contradiction, "issuers[1].dangerous_any_issuer contradicts issuers[0].issuer"),
            (format!("{any}{issuer}"), Contradiction, "issuers[1].issuer contradicts issuers[0].dangerous_any_issuer"),
        ] {
            assert_eq!(refused(&toml), (kind, message.to_owned()), "{toml}");
        }
    }

    #[test]
    fn a_configuration_from_variables_is_refused_by_their_names() {
        let good = [("X_ISSUER", "https://id.example"), ("X_AUDIENCE", "a")];
        for (more, message) in [
            (&[("X_PEM_FILE", "pem"), ("X_SECRET", "hush")][..], "X_SECRET contradicts X_PEM_FILE"),
            (&[("X_SECRET", "hush")], "X_ALGORITHM must be decided"),
            (
                &[("X_SECRET", "hush"), ("X_ALGORITHM", "HS256")],
                "X_SECRET holds no usable key: the secret has 4 bytes; HS256 needs at least 32 (`openssl rand -hex 32`)",
            ),
            (&[("X_JWKS_FILE", "/nowhere/at/all")], "X_JWKS_FILE names a file that cannot be read: entity not found"),
            (&[("X_COOKIE", "a,a"), ("X_JWKS_URL", "u")], "X_COOKIE holds a name twice"),
            (&[("X_JWKS_FILE", "f"), ("X_STALE_IF_ERROR", "1s")], "X_STALE_IF_ERROR contradicts X_JWKS_FILE"),
        ] {
            let variables = good.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let config = super::super::VerifierConfig::from_vars("X", variables).unwrap();
            assert_eq!(config.into_builder().unwrap_err().to_string(), message);
        }
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn keys_that_cannot_be_told_apart_are_named_with_their_path() {
        let message = "issuers[0].jwks_file has keys that can't be told apart: give each a `kid`";
        let twice = refused(&format!("[[issuers]]\n{GOOD}jwks_file = 'twice'"));
        assert_eq!(twice, (ConfigErrorKind::UnusableKey, message.to_owned()));
    }
}
