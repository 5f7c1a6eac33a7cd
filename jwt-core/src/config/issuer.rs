use crate::error::{BuildError, BuildErrorKind};
use crate::verify::TrustedIssuer;

use super::fields::{IssuerConfig, StringList};
use super::keys::{Inputs, algorithm};
use super::names::{IssuerPaths, malformed_name, refused};
use super::sender::Mode;

impl IssuerConfig {
    pub(super) fn trusted_issuer(
        &self,
        paths: &IssuerPaths<'_>,
        has_resource: bool,
        inputs: &dyn Inputs,
    ) -> Result<TrustedIssuer, BuildError> {
        self.check_domain(paths)?;
        self.check_names(paths)?;
        self.check_conflicts(paths, has_resource)?;
        let algorithms = match &self.algorithms {
            Some(names) => {
                Some(names.0.iter().map(|name| algorithm(name, "algorithms", paths)).collect::<Result<Vec<_>, _>>()?)
            }
            None => None,
        };
        let setting = self.key_setting(paths)?;
        let mut issuer = self.issuer_with_keys(&setting, algorithms.as_deref(), paths, inputs)?;
        if self.try_keys_in_turn {
            issuer = issuer.try_keys_in_turn();
        }
        if let Some(hosts) = &self.dangerous_http_hosts {
            issuer = issuer.dangerous_http_hosts(hosts.0.iter().map(String::as_str));
        }
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
        if self.allow_missing_type {
            issuer = issuer.allow_missing_type();
        }
        if self.dangerous_accept_id_tokens {
            issuer = issuer.dangerous_accept_id_tokens();
        }
        if self.numeric_identifiers {
            issuer = issuer.numeric_identifiers();
        }
        if let Some(names) = &self.require_claims {
            issuer = issuer.require_claims(names.0.iter().map(String::as_str));
        }
        if let Some(subject) = &self.subject {
            issuer = issuer.subject(subject.as_str());
        }
        for (name, value) in &self.claims {
            issuer = issuer.claim(name.as_str(), value.as_str());
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
        let dpop = Mode::of(self.dpop.as_deref(), "dpop", paths)?;
        issuer = dpop.apply(issuer, TrustedIssuer::dpop_allowed, TrustedIssuer::dpop_required);
        let mutual_tls = Mode::of(self.mutual_tls.as_deref(), "mutual_tls", paths)?;
        issuer = mutual_tls.apply(issuer, TrustedIssuer::mutual_tls_allowed, TrustedIssuer::mutual_tls_required);
        if self.fapi2 {
            issuer = issuer.fapi2();
        }
        Ok(issuer)
    }

    /// Checks the names that tokens are compared with: a stray character would refuse all of them.
    fn check_names(&self, paths: &IssuerPaths<'_>) -> Result<(), BuildError> {
        let list = |names: &'_ Option<StringList>| names.clone().map(|names| names.0).unwrap_or_default();
        for (field, names) in [
            ("issuer", self.issuer.iter().cloned().collect()),
            ("subject", self.subject.iter().cloned().collect()),
            ("audience", list(&self.audience)),
            ("all_audiences", list(&self.all_audiences)),
            ("token_types", list(&self.token_types)),
            ("require_claims", list(&self.require_claims)),
        ] {
            if let Some(problem) = names.iter().find_map(|name| malformed_name(name)) {
                return Err(refused(BuildErrorKind::Invalid, paths.of(field), problem));
            }
        }
        Ok(())
    }

    fn check_conflicts(&self, paths: &IssuerPaths<'_>, has_resource: bool) -> Result<(), BuildError> {
        let audience = self.audience.is_some().then_some("audience");
        let all = self.all_audiences.is_some().then_some("all_audiences");
        let any = self.dangerous_any_audience.then_some("dangerous_any_audience");
        let mut decided = [audience, all, any].into_iter().flatten();
        let Some(first) = decided.next() else {
            // The domain, or the protected resource, is the audience.
            if self.transaction_tokens.is_some() || has_resource {
                return Ok(());
            }
            let instruction = "set it to the name of your service, as tokens have it in `aud`";
            return Err(paths.missing("audience", instruction));
        };
        if let Some(second) = decided.next() {
            return Err(paths.conflict(second, first));
        }
        if self.audience.as_ref().is_some_and(|names| names.0.is_empty()) {
            return Err(BuildError::new(BuildErrorKind::Empty, "").at(paths.of("audience")));
        }
        if self.access_token_profile {
            // RFC 9068 section 4: the profile always requires a check of the issuer and the audience.
            for (is_set, other) in [
                (self.token_types.is_some(), "token_types"),
                (self.dangerous_any_issuer, "dangerous_any_issuer"),
                (self.dangerous_any_audience, "dangerous_any_audience"),
            ] {
                if is_set {
                    return Err(paths.conflict("access_token_profile", other));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::plain;
    use super::super::verifier::tests::{PEM, builder};
    use super::*;

    const GOOD: &str = "issuer = 'https://id.example'\naudience = 'a'\n";
    const KEY: &str = "secret_env = 'SECRET'\nalgorithm = 'HS256'\n";

    fn refused(toml: &str) -> (BuildErrorKind, String) {
        let error = builder(toml).err().unwrap_or_else(|| panic!("accepted: {toml}"));
        (error.kind(), plain(&error))
    }

    #[test]
    fn an_error_says_which_values_fit() {
        for (line, part) in [
            ("max_age = 0", "`issuers[0].max_age` is out of range: it must be longer than zero"),
            ("audience_claim = ''", "`issuers[0].audience_claim` is empty: give it a value, or leave it out"),
            (
                "algorithms = ['ES256', 'RS256']",
                "has a shared secret for HS256, and `algorithms` allows only ES256, RS256",
            ),
            ("subject = 'ada '", "`issuers[0].subject` has white space at its start or its end"),
            ("token_types = [\"'at+jwt'\"]", "`issuers[0].token_types` is in quotes"),
        ] {
            let error = builder(&format!("[[issuers]]\n{GOOD}{KEY}{line}")).expect_err(line).to_string();
            assert!(error.contains(part), "{error}");
        }
        let marked = builder(&format!("[[issuers]]\n{GOOD}secret_file = 'marked'\nalgorithm = 'HS256'")).err();
        assert!(marked.expect("an error").to_string().contains("byte order mark"));
        let error = builder("[[issuers]]\nissuer = 'a'\naudience = 'a'\nprevious_secret_env = 'SECRET'").err();
        assert!(error.expect("an error").to_string().contains("`secret_file` or `secret_env`"));
    }

    #[test]
    fn an_error_of_an_issuer_names_its_path() {
        use BuildErrorKind::{
            Contradiction, Empty, Invalid, NoUsableKey, OutOfRange, Undecided, Unknown, Unreadable, UnusableKey,
        };
        let pem = format!("pem = '''\n{PEM}'''\n");
        let pem = pem.as_str();
        for (lines, kind, message) in [
            (&["audience = 'a'"][..], Undecided, "issuer is missing: set it to the `iss` of the tokens to accept"),
            (
                &[GOOD, "dangerous_any_issuer = true"],
                Contradiction,
                "dangerous_any_issuer conflicts with issuers[0].issuer: remove one of them",
            ),
            (
                &["issuer = 'i'", KEY],
                Undecided,
                "audience is missing: set it to the name of your service, as tokens have it in `aud`",
            ),
            (
                &[GOOD, KEY, "all_audiences = 'a'"],
                Contradiction,
                "all_audiences conflicts with issuers[0].audience: remove one of them",
            ),
            (
                &["issuer = 'i'", KEY, "all_audiences = 'a'\ndangerous_any_audience = true"],
                Contradiction,
                "dangerous_any_audience conflicts with issuers[0].all_audiences: remove one of them",
            ),
            (&["issuer = 'i'\naudience = []", KEY], Empty, "audience is empty"),
            (&["issuer = 'i'\naudience = ''", KEY], Empty, "audience is empty"),
            (&["issuer = 'i'\nall_audiences = []", KEY], Empty, "all_audiences is empty"),
            (&["issuer = ''\naudience = 'a'", KEY], Empty, "issuer is empty"),
            (&[GOOD], Undecided, "discover is missing: set it to true, or set another source of the issuer's keys"),
            (
                &[GOOD, "discover = false"],
                Undecided,
                "discover is missing: set it to true, or set another source of the issuer's keys",
            ),
            (
                &[GOOD, "discover = true\njwks_url = 'u'"],
                Contradiction,
                "jwks_url conflicts with issuers[0].discover: remove one of them",
            ),
            (
                &[GOOD, "discover = false\nmetadata_url = 'u'"],
                Contradiction,
                "metadata_url conflicts with issuers[0].discover: remove one of them",
            ),
            (
                &[GOOD, KEY, "previous_secret = 'hush'"],
                Unknown,
                "previous_secret is not allowed in a configuration: use previous_secret_file or previous_secret_env",
            ),
            (
                &[GOOD, KEY, "previous_secret_file = 'secret'\nprevious_secret_env = 'SECRET'"],
                Contradiction,
                "previous_secret_env conflicts with issuers[0].previous_secret_file: remove one of them",
            ),
            (
                &[GOOD, "jwks_file = 'jwks'\nprevious_secret_env = 'SECRET'"],
                Contradiction,
                "previous_secret_env conflicts with issuers[0].jwks_file: remove one of them",
            ),
            (
                &[GOOD, KEY, "previous_secret_file = 'short'"],
                UnusableKey,
                "previous_secret_file holds no usable key: the secret has 4 bytes; HS256 needs at least 32 (`openssl rand \
                 -hex 32`)",
            ),
            (
                &[GOOD, KEY, "pem_file = 'pem'"],
                Contradiction,
                "secret_env conflicts with issuers[0].pem_file: remove one of them",
            ),
            (
                &[GOOD, KEY, "secret_file = 'x'"],
                Contradiction,
                "secret_env conflicts with issuers[0].secret_file: remove one of them",
            ),
            (
                &[GOOD, "jwks_file = 'jwks'", pem],
                Contradiction,
                "pem conflicts with issuers[0].jwks_file: remove one of them",
            ),
            (
                &[GOOD, "secret = 'hush'"],
                Unknown,
                "secret is not allowed in a configuration: use secret_file or secret_env",
            ),
            (
                &["dangerous_any_issuer = true\naudience = 'a'\ndiscover = true"],
                Contradiction,
                "discover conflicts with issuers[0].dangerous_any_issuer: remove one of them",
            ),
            (
                &[GOOD, KEY, "refresh.timeout = 1"],
                Contradiction,
                "refresh.timeout conflicts with issuers[0].secret_env: remove one of them",
            ),
            (
                &[GOOD, KEY, "dangerous_http_hosts = 'keycloak'"],
                Contradiction,
                "dangerous_http_hosts conflicts with issuers[0].secret_env: remove one of them",
            ),
            #[cfg(feature = "remote")]
            (
                &[GOOD, "discover = true\ndangerous_http_hosts = 'http://keycloak'"],
                BuildErrorKind::InvalidUrl,
                "dangerous_http_hosts is not a usable URL",
            ),
            (
                &[GOOD, KEY, "allow_missing_type = true"],
                Contradiction,
                "allow_missing_type contradicts another setting",
            ),
            (
                &[GOOD, "discover = true\nalgorithm = 'RS256'"],
                Contradiction,
                "algorithm conflicts with issuers[0].discover: remove one of them",
            ),
            (
                &[GOOD, "jwks_url = 'u'\nalgorithms = ['RS256', 'HS256']"],
                Contradiction,
                "algorithms allows a symmetric algorithm (HS256, HS384, HS512), but fetched keys are public: remove it",
            ),
            (
                &[GOOD, KEY, "algorithms = ['none']"],
                Invalid,
                "algorithms names an unknown algorithm: write it as tokens do, for example RS256 or EdDSA",
            ),
            (&[GOOD, KEY, "algorithms = []"], NoUsableKey, "secret_env has no key that fits an allowed algorithm"),
            (
                &[GOOD, "jwks_file = 'jwks'\nalgorithms = 'ES256'"],
                NoUsableKey,
                "jwks_file has an Ed25519 key, and `algorithms` allows only ES256",
            ),
            (&[GOOD, "jwks_file = 'empty'"], NoUsableKey, "jwks_file has no key that fits an allowed algorithm"),
            (
                &[GOOD, pem, "algorithm = 'rs256'"],
                Invalid,
                "algorithm names an unknown algorithm: write it as tokens do, for example RS256 or EdDSA",
            ),
            (&[GOOD, pem], Undecided, "algorithm is missing: a secret or a PEM doesn't name the algorithm of its key"),
            (
                &[GOOD, pem, "algorithms = ['EdDSA', 'RS256']"],
                Undecided,
                "algorithm is missing: a secret or a PEM doesn't name the algorithm of its key",
            ),
            (
                &[GOOD, pem, "algorithm = 'RS256'"],
                UnusableKey,
                "pem holds no usable key: an Ed25519 key can't be used with RS256; it's for EdDSA",
            ),
            (
                &[GOOD, "secret_file = 'short'\nalgorithm = 'HS256'"],
                UnusableKey,
                "secret_file holds no usable key: the secret has 4 bytes; HS256 needs at least 32 (`openssl rand -hex 32`)",
            ),
            (
                &[GOOD, "jwks_file = 'pem'"],
                UnusableKey,
                "jwks_file holds no usable key: the text is PEM, not a key set: read it with `Key::from_pem`, or with `pem_file` in a configuration",
            ),
            (&[GOOD, "jwks_file = 'bytes'"], Unreadable, "jwks_file names a file that is not valid UTF-8"),
            (
                &[GOOD, "pem_file = 'none'"],
                Unreadable,
                "pem_file names a file that can't be read: there is no such file; a relative name is relative to the working \
                 directory of the process",
            ),
            (
                &[GOOD, "secret_env = 'NONE'\nalgorithm = 'HS256'"],
                Unreadable,
                "secret_env names a variable that is not set",
            ),
            (
                &[GOOD, "secret_env = 'BYTES'\nalgorithm = 'HS256'"],
                Unreadable,
                "secret_env names a variable that is not valid UTF-8",
            ),
            (
                &[GOOD, KEY, "access_token_profile = true\ntoken_types = 'JWT'"],
                Contradiction,
                "access_token_profile conflicts with issuers[0].token_types: remove one of them",
            ),
            (
                &["issuer = 'i'\ndangerous_any_audience = true", KEY, "access_token_profile = true"],
                Contradiction,
                "access_token_profile conflicts with issuers[0].dangerous_any_audience: remove one of them",
            ),
            (&[GOOD, KEY, "token_types = []"], Empty, "token_types is empty"),
            (&[GOOD, KEY, "require_claims = ['']"], Empty, "require_claims is empty"),
            (&[GOOD, KEY, "subject = ''"], Empty, "subject is empty"),
            (&[GOOD, KEY, "max_age = 0"], OutOfRange, "max_age is out of range"),
            (&[GOOD, KEY, "max_lifetime = '0s'"], OutOfRange, "max_lifetime is out of range"),
        ] {
            let toml = format!("[[issuers]]\n{}\n", lines.join("\n"));
            assert_eq!(refused(&toml), (kind, format!("issuers[0].{message}")), "{toml}");
        }
    }

    #[test]
    fn an_error_names_the_variable_instead_of_the_path() {
        let good = [("X_ISSUER", "https://id.example"), ("X_AUDIENCE", "a")];
        for (more, message) in [
            (
                &[("X_PEM_FILE", "pem"), ("X_SECRET", "hush")][..],
                "X_SECRET conflicts with X_PEM_FILE: remove one of them",
            ),
            (
                &[("X_SECRET", "hush")],
                "X_ALGORITHM is missing: a secret or a PEM doesn't name the algorithm of its key",
            ),
            (
                &[("X_SECRET", "hush"), ("X_ALGORITHM", "HS256")],
                "X_SECRET holds no usable key: the secret has 4 bytes; HS256 needs at least 32 (`openssl rand -hex 32`)",
            ),
            (
                &[("X_JWKS_FILE", "/nowhere/at/all")],
                "X_JWKS_FILE names a file that can't be read: there is no such file",
            ),
            (&[("X_SOURCES_COOKIES", "a,a"), ("X_JWKS_URL", "u")], "X_SOURCES_COOKIES contains a name twice"),
            (
                &[("X_JWKS_FILE", "f"), ("X_REFRESH_STALE_IF_ERROR", "1s")],
                "X_REFRESH_STALE_IF_ERROR conflicts with X_JWKS_FILE: remove one of them",
            ),
        ] {
            let variables = good.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let config = super::super::VerifierConfig::from_vars("X", variables).unwrap();
            assert_eq!(plain(&config.into_builder().unwrap_err()), message);
        }
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn two_keys_without_different_kids_are_refused() {
        let message = "issuers[0].jwks_file has keys that can't be told apart: give each a `kid`, or set \
                       try_keys_in_turn to true for the time of a rotation (at most four keys)";
        let twice = refused(&format!("[[issuers]]\n{GOOD}jwks_file = 'twice'"));
        assert_eq!(twice, (BuildErrorKind::AmbiguousKeys, message.to_owned()));
        let in_turn = format!("[[issuers]]\n{GOOD}jwks_file = 'twice'\ntry_keys_in_turn = true");
        assert!(builder(&in_turn).unwrap().build().is_ok());
    }
}
