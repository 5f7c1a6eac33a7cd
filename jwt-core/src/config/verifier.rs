use std::collections::HashMap;

use crate::error::BuildError;
use crate::verify::{Verifier, VerifierBuilder};

use super::fields::VerifierConfig;
use super::keys::{Inputs, ProcessInputs};
use super::names::{IssuerPaths, conflict};

impl VerifierConfig {
    /// Turns the configuration into a builder. Reads the files and variables that it names; fetches nothing.
    ///
    /// On the builder, your code can override settings and add rules, a clock or an observer.
    /// [`build`](VerifierBuilder::build) then checks the parts that depend on your code: whether there are a cryptographic
    /// back end and, for remote keys, an HTTP client, and whether the back end supports the algorithms and keys.
    ///
    /// # Errors
    ///
    /// If a setting is missing, invalid or conflicts with another. The error names the first one by its path.
    pub fn into_builder(self) -> Result<VerifierBuilder, BuildError> {
        self.builder(&ProcessInputs)
    }

    fn builder(&self, inputs: &dyn Inputs) -> Result<VerifierBuilder, BuildError> {
        let sources = self.sources.token_sources(&self.names)?;
        let senders = self.senders(inputs)?;
        if let Some(cache) = &self.token_cache
            && let Some(field) = cache.contradiction()
        {
            let path = self.names.verifier(&format!("token_cache.{field}"));
            return Err(conflict(path, &self.names.verifier("token_cache.enabled")));
        }
        let whole = || senders.add_to(self.builder_without_issuers().sources(sources.clone()));
        let context = self.issuer_context(whole())?;
        let mut builder = whole();
        let mut earlier = HashMap::with_capacity(self.issuers.len());
        for (index, config) in self.issuers.iter().enumerate() {
            let paths = IssuerPaths { names: &self.names, index };
            self.check_issuer_name(config, &paths, &mut earlier)?;
            let issuer = config.trusted_issuer(&paths, !self.resources.is_empty(), inputs)?;
            if let Some(context) = &context {
                self.check_issuer(issuer.clone(), context, config, &paths)?;
            }
            builder = builder.issuer(issuer);
        }
        Ok(builder)
    }

    /// Returns a builder with the settings of the whole verifier, except the token sources.
    fn builder_without_issuers(&self) -> VerifierBuilder {
        let mut builder = Verifier::builder();
        if let Some(leeway) = self.leeway {
            builder = builder.leeway(leeway.0);
        }
        if let Some(size) = self.max_token_bytes {
            builder = builder.max_token_bytes(size.0);
        }
        if let Some(realm) = &self.realm {
            builder = builder.realm(realm.as_str());
        }
        for (scope, implied) in &self.scope_implies {
            builder = builder.scope_implies(scope.as_str(), implied.0.iter().map(String::as_str));
        }
        for resource in &self.resources {
            builder = builder.resource(resource.published());
        }
        for challenge in self.challenges.iter().flat_map(|challenges| &challenges.0) {
            builder = builder.challenge(challenge.as_str());
        }
        if self.ready_with_any_issuer {
            builder = builder.ready_with_any_issuer();
        }
        match &self.token_cache {
            Some(cache) => cache.add_to(builder),
            None => builder,
        }
    }
}

impl TryFrom<VerifierConfig> for VerifierBuilder {
    type Error = BuildError;

    /// Does the same as [`VerifierConfig::into_builder`].
    fn try_from(config: VerifierConfig) -> Result<Self, BuildError> {
        config.into_builder()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::env::VarError;
    use std::io;
    use std::path::Path;

    use zeroize::Zeroizing;

    use super::*;

    pub(crate) const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    const SECRET: &str = "hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush-hush";

    /// Files and variables for the tests.
    pub(crate) struct TestInputs;

    impl Inputs for TestInputs {
        fn read_file(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
            let okp = |x: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}"#);
            let text = match path.to_str().unwrap_or_default() {
                "secret" => format!("{SECRET}\n"),
                "short" => "hush".to_owned(),
                "marked" => format!("\u{feff}{SECRET}"),
                "new" => SECRET.to_uppercase(),
                "pem" => PEM.to_owned(),
                // The key of RFC 7517 appendix A.1.
                "bundle" => r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"s","use":"jwt-svid","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#
                    .to_owned(),
                "jwks" => format!("{{\"keys\":[{}]}}", okp("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
                "empty" => r#"{"keys":[]}"#.to_owned(),
                "twice" => format!(
                    "{{\"keys\":[{},{}]}}",
                    okp("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
                    okp("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
                ),
                "bytes" => return Ok(Zeroizing::new(vec![0xff])),
                _ => return Err(io::ErrorKind::NotFound.into()),
            };
            Ok(Zeroizing::new(text.into_bytes()))
        }

        fn read_variable(&self, name: &str) -> Result<Zeroizing<String>, VarError> {
            match name {
                "SECRET" => Ok(Zeroizing::new(SECRET.to_owned())),
                "BYTES" => Err(VarError::NotUnicode(Default::default())),
                _ => Err(VarError::NotPresent),
            }
        }
    }

    pub(crate) fn builder(toml: &str) -> Result<VerifierBuilder, BuildError> {
        toml::from_str::<VerifierConfig>(toml).unwrap_or_else(|error| panic!("{error}")).builder(&TestInputs)
    }

    const KEY: &str = "secret_env = 'SECRET'\nalgorithm = 'HS256'\n";

    /// The builder's `Debug` output for each field.
    const SHOWN: &[(&str, &str, &str)] = &[
        ("allow_missing_type", "token_types = 'JOSE'\nallow_missing_type = true", "type_optional: true"),
        ("dangerous_accept_id_tokens", "dangerous_accept_id_tokens = true", "id_tokens: true"),
        ("numeric_identifiers", "numeric_identifiers = true", "numeric_identifiers: true"),
        ("leeway", "leeway = '5s'", "leeway: 5s"),
        ("max_token_bytes", "max_token_bytes = '2KiB'", "token: 2048"),
        ("realm", "realm = 'inner'", "realm: \"inner\""),
        ("authorization", "sources.authorization = false\nsources.cookies = 't'", "sources: [Cookie("),
        ("cookies", "sources.cookies = 't'", "Cookie(\"t\")"),
        ("queries", "sources.queries = 't'", "Query(\"t\")"),
        ("headers", "sources.headers = 'X-T'", "CustomHeader(\"x-t\")"),
        ("bearer_headers", "sources.bearer_headers = 'X-T'", "BearerHeader(\"x-t\")"),
        ("websocket_protocol", "sources.websocket_protocol = true", "WebSocketProtocol"),
        ("dangerous_first_source_wins", "sources.dangerous_first_source_wins = true", "first_wins: true"),
        (
            "dangerous_without_csrf_protection",
            "sources.cookies = 't'\nsources.dangerous_without_csrf_protection = true",
            "enabled: false",
        ),
        (
            "csrf.allow_origin",
            "sources.csrf.allow_origin = 'https://*.shop.example'",
            "origins: [\"https://*.shop.example\"]",
        ),
        ("csrf.header", "sources.csrf.header = 'X-T'", "header: \"x-t\""),
        ("csrf.form_field", "sources.csrf.form_field = 't'", "form_field: Some(\"t\")"),
        ("csrf.safe_methods", "sources.csrf.safe_methods = 'HEAD'", "safe_methods: [\"HEAD\"]"),
        ("csrf.dangerous_safe_methods", "sources.csrf.dangerous_safe_methods = 'A'", "safe_methods: [\"A\"]"),
        ("csrf.require_claim", "sources.csrf.require_claim = true", "require_claim: true"),
        ("challenges", "challenges = 'Basic realm=\"a\"'", "challenges: [\"Basic realm=\\\"a\\\"\"]"),
        ("ready_with_any_issuer", "ready_with_any_issuer = true", "any_is_ready: true"),
        ("token_cache.enabled", "token_cache.enabled = false", "cache: None"),
        ("token_cache.max_entries", "token_cache.max_entries = 7", "entries: 7"),
        ("token_cache.max_bytes", "token_cache.max_bytes = '1KiB'", "bytes: 1024"),
        ("token_cache.digests", "token_cache.digests = true", "digests: true"),
        (
            "resources.resource",
            "resources = [{ resource = 'https://r.example/a' }]",
            "resource: \"https://r.example/a\"",
        ),
        (
            "resources.authorization_servers",
            "resources = [{ resource = 'https://r.example', authorization_servers = 's' }]",
            "authorization_servers: [\"s\"]",
        ),
        (
            "resources.scopes",
            "resources = [{ resource = 'https://r.example', scopes = ['s', 't'] }]",
            "scopes_supported: [\"s\", \"t\"]",
        ),
        (
            "resources.name",
            "resources = [{ resource = 'https://r.example', name = 'n' }]",
            "resource_name: Some(\"n\")",
        ),
        (
            "resources.documentation",
            "resources = [{ resource = 'https://r.example', documentation = 'd' }]",
            "resource_documentation: Some(\"d\")",
        ),
        (
            "resources.policy",
            "resources = [{ resource = 'https://r.example', policy = 'p' }]",
            "resource_policy_uri: Some(\"p\")",
        ),
        (
            "resources.terms",
            "resources = [{ resource = 'https://r.example', terms = 't' }]",
            "resource_tos_uri: Some(\"t\")",
        ),
        (
            "resources.jwks_uri",
            "resources = [{ resource = 'https://r.example', jwks_uri = 'https://r.example/k' }]",
            "jwks_uri: Some(\"https://r.example/k\")",
        ),
        ("scope_implies", "scope_implies = { admin = ['read', 'write'] }", "(\"admin\", \"write\")"),
        ("issuer", "[[issuers]]\nissuer = 'joe'\naudience = 'a'\n", "name: Some(\"joe\")"),
        ("dangerous_any_issuer", "[[issuers]]\ndangerous_any_issuer = true\naudience = 'a'\n", "name: None"),
        ("audience", "[[issuers]]\nissuer = 'i'\naudience = ['a', 'b']\n", "AnyOf([\"a\", \"b\"])"),
        ("all_audiences", "[[issuers]]\nissuer = 'i'\nall_audiences = ['a', 'b']\n", "AllOf([\"a\", \"b\"])"),
        ("dangerous_any_audience", "[[issuers]]\nissuer = 'i'\ndangerous_any_audience = true\n", "Unchecked"),
        ("algorithms", "algorithms = ['HS256', 'RS256']", "algorithms: Some([HS256, RS256])"),
        ("access_token_profile", "access_token_profile = true", "Only([\"at+jwt\"])"),
        ("token_types", "token_types = 'x+jwt'", "Only([\"x+jwt\"])"),
        ("require_claims", "require_claims = 'azp'", "required: [\"azp\"]"),
        ("subject", "subject = 'ada'", "subject: Some(\"ada\")"),
        ("audience_claim", "audience_claim = 'client_id'", "audience_claim: Some(\"client_id\")"),
        ("claims", "claims = { token_use = 'access' }", "fixed: [(\"token_use\", \"access\")]"),
        ("dangerous_without_expiry", "dangerous_without_expiry = true", "expiry_required: false"),
        ("max_age", "max_age = '1h'", "max_age: Some(3600s)"),
        ("max_lifetime", "max_lifetime = '2h'", "max_lifetime: Some(7200s)"),
        ("try_keys_in_turn", "try_keys_in_turn = true", "in_turn: true"),
    ];

    const OF_ISSUER: &[&str] = &[
        "audience_claim",
        "claims",
        "dangerous_without_expiry",
        "algorithms",
        "access_token_profile",
        "token_types",
        "allow_missing_type",
        "dangerous_accept_id_tokens",
        "numeric_identifiers",
        "require_claims",
        "subject",
        "max_age",
        "max_lifetime",
        "try_keys_in_turn",
    ];

    #[test]
    fn every_field_reaches_the_builder() {
        let issuer = format!("[[issuers]]\nissuer = 'i'\naudience = 'a'\n{KEY}");
        let plain = format!("{:?}", builder(&issuer).unwrap());
        for (field, lines, expected) in SHOWN {
            let text = if lines.starts_with("[[issuers]]") {
                format!("{lines}{KEY}")
            } else if OF_ISSUER.contains(field) {
                format!("{issuer}{lines}")
            } else {
                format!("{lines}\n{issuer}")
            };
            let shown = format!("{:?}", builder(&text).unwrap());
            assert!(shown.contains(expected) && !plain.contains(expected), "{field}: {shown}");
        }
    }

    /// The fields that say where keys are, and the algorithm of the key they lead to.
    const KEYS: &[(&str, &str, &str)] = &[
        ("jwks_file", "jwks_file = 'jwks'", "EdDSA"),
        ("pem_file", "pem_file = 'pem'\nalgorithm = 'EdDSA'", "EdDSA"),
        ("pem", "pem = '''\nPEM'''\nalgorithms = ['Ed25519']", "EdDSA"),
        ("secret_file", "secret_file = 'secret'\nalgorithm = 'HS256'", "HS256"),
        ("secret_env", "secret_env = 'SECRET'\nalgorithms = 'HS256'", "HS256"),
        ("algorithm", "secret_env = 'SECRET'\nalgorithm = 'HS512'", "HS512"),
        ("previous_secret_file", "secret_file = 'new'\nprevious_secret_file = 'secret'\nalgorithm = 'HS256'", "HS256"),
        ("previous_secret_env", "secret_file = 'new'\nprevious_secret_env = 'SECRET'\nalgorithm = 'HS512'", "HS512"),
    ];

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    mod verifying {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;

        use super::*;
        use crate::clock::ManualClock;
        use crate::crypto::SigningKey;
        use crate::jose::Algorithm;
        use crate::step::Step;

        fn token(algorithm: &str) -> String {
            let key = match algorithm.parse().unwrap() {
                Algorithm::Ed25519 => SigningKey::from_pem(
                    Algorithm::Ed25519,
                    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n",
                ),
                symmetric => SigningKey::from_secret(symmetric, SECRET.as_bytes()),
            };
            let text = |json: &str| URL_SAFE_NO_PAD.encode(json);
            let claims = text(r#"{"iss":"https://id.example","aud":"a","exp":1000}"#);
            let input = format!("{}.{claims}", text(&format!(r#"{{"alg":"{algorithm}"}}"#)));
            format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.unwrap().sign(input.as_bytes()).unwrap()))
        }

        #[test]
        fn a_key_from_every_local_source_verifies_its_tokens() {
            for (field, lines, algorithm) in KEYS {
                let lines = lines.replace("PEM", PEM);
                let text = format!("[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\n{lines}");
                let verifier = builder(&text).unwrap().clock(ManualClock::at(900)).build().unwrap();
                for signed in ["EdDSA", "HS256", "HS512"] {
                    let Step::Ready(outcome) = verifier.verify_step(&token(signed), None) else { panic!("{field}") };
                    assert_eq!(outcome.is_ok(), signed == *algorithm, "{field} {signed}");
                }
            }
            let variables = [
                ("X_ISSUER", "https://id.example"),
                ("X_AUDIENCE", "a"),
                ("X_SECRET", SECRET),
                ("X_ALGORITHMS", "HS256"),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let config = VerifierConfig::from_vars("X", variables).unwrap();
            let verifier = VerifierBuilder::try_from(config).unwrap().clock(ManualClock::at(900)).build().unwrap();
            let Step::Ready(Ok(_)) = verifier.verify_step(&token("HS256"), None) else {
                panic!("a secret from a variable")
            };
        }

        #[cfg(feature = "remote")]
        #[test]
        fn every_field_of_remote_keys_reaches_the_fetch() {
            use std::sync::{Arc, Mutex};

            use crate::keys::{Fetch, FetchError, FetchErrorKind, FetchRequest, Fetched};

            #[derive(Clone, Debug, Default)]
            struct Recorder(Arc<Mutex<Vec<String>>>);

            #[async_trait::async_trait]
            impl Fetch for Recorder {
                async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
                    let line = format!("{} {:?} {}", request.url, request.timeout, request.max_bytes);
                    self.0.lock().unwrap().push(line);
                    Err(FetchErrorKind::Transport.into())
                }
            }

            let metadata = "/.well-known/openid-configuration";
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            for (lines, expected) in [
                ("discover = true", format!("https://id.example{metadata} 5s 524288")),
                (
                    "metadata_url = 'http://keycloak:1'\ndangerous_http_hosts = 'keycloak'",
                    format!("http://keycloak:1{metadata} 5s 524288"),
                ),
                ("metadata_url = 'http://localhost:1'", format!("http://localhost:1{metadata} 5s 524288")),
                ("jwks_url = 'https://id.example/keys'", "https://id.example/keys 5s 524288".to_owned()),
                ("discover = true\nrefresh.timeout = '250ms'", format!("https://id.example{metadata} 250ms 524288")),
                ("discover = true\nrefresh.max_bytes = '4KB'", format!("https://id.example{metadata} 5s 4000")),
            ] {
                let text = format!("[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\n{lines}");
                let recorder = Recorder::default();
                let verifier = builder(&text).unwrap().fetch(recorder.clone()).build().unwrap();
                let error = runtime.block_on(verifier.verify(&token("EdDSA"))).unwrap_err();
                assert_eq!(error.kind(), crate::error::ErrorKind::KeysUnavailable);
                assert_eq!(recorder.0.lock().unwrap().first(), Some(&expected));
            }
        }
    }

    #[test]
    fn every_field_is_tested_and_documented() {
        let fields = |json: &str| -> BTreeSet<String> {
            let message = serde_json::from_str::<VerifierConfig>(json).unwrap_err().to_string();
            let (_, listed) = message.split_once("expected ").unwrap_or_else(|| panic!("{message}"));
            listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let mut known = fields(r#"{"?":1}"#);
        known.extend(fields(r#"{"issuers":[{"?":1}]}"#));
        known.extend(fields(r#"{"sources":{"?":1}}"#));
        for (table, json) in [
            ("csrf", r#"{"sources":{"csrf":{"?":1}}}"#),
            ("resources", r#"{"resources":[{"?":1}]}"#),
            ("token_cache", r#"{"token_cache":{"?":1}}"#),
        ] {
            assert!(known.remove(table), "{table}");
            known.extend(fields(json).iter().map(|field| format!("{table}.{field}")));
        }
        let shown = SHOWN.iter().chain(KEYS).map(|(field, ..)| *field);
        let others = [
            "issuers",
            "sources",
            "secret",
            "spiffe",
            "transaction_tokens",
            "discover",
            "metadata_url",
            "dangerous_http_hosts",
            "jwks_url",
            "refresh",
        ];
        // The fields of bound tokens are tested in `sender`.
        let senders = ["dpop", "certificate", "mutual_tls", "fapi2"];
        let tested = shown.chain(others).chain(senders).chain(["previous_secret"]);
        assert_eq!(known, tested.map(str::to_owned).collect());
        let refresh = fields(r#"{"issuers":[{"refresh":{"?":1}}]}"#);
        let tested =
            ["lifetime", "least_lifetime", "most_lifetime", "stale_if_error", "timeout", "max_bytes", "max_keys"];
        assert_eq!(refresh, tested.map(str::to_owned).into());
        for (table, json) in [("dpop", r#"{"dpop":{"?":1}}"#), ("certificate", r#"{"certificate":{"?":1}}"#)] {
            for field in fields(json) {
                let name = format!("`{table}.{field}`");
                assert!(include_str!("../../doc/configuration.md").contains(&name), "{name}");
            }
        }
        let groups = ["sources", "refresh", "certificate", "secret", "previous_secret"];
        for field in known.iter().chain(&refresh).filter(|field| !groups.contains(&field.as_str())) {
            let documented = [format!("`{field}`"), format!("`sources.{field}`"), format!("`refresh.{field}`")];
            assert!(documented.iter().any(|name| include_str!("../../doc/configuration.md").contains(name)), "{field}");
        }
    }
}
