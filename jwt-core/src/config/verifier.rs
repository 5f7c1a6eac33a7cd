use std::collections::{HashMap, HashSet};

use crate::error::{BuildError, BuildErrorKind};
use crate::http::token::TokenSources;
use crate::verify::{TrustedIssuer, Verifier, VerifierBuilder};

use super::fields::{IssuerConfig, SourcesConfig, StringList, VerifierConfig};
use super::keys::{Inputs, ProcessInputs};
use super::names::{IssuerPaths, Names, at_path, conflict, refused};
use super::sender::Senders;

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
        let mut builder = self.builder_without_issuers().sources(sources);
        builder = senders.add_to(builder, true, true);
        let mut earlier = HashMap::with_capacity(self.issuers.len());
        for (index, config) in self.issuers.iter().enumerate() {
            let paths = IssuerPaths { names: &self.names, index };
            self.check_issuer_name(config, &paths, &mut earlier)?;
            let issuer = config.trusted_issuer(&paths, inputs)?;
            self.check_buildable(issuer.clone(), &senders, config, &paths)?;
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
        builder
    }

    /// Checks that an issuer has one name, and that no other issuer has it. `earlier` maps names to positions.
    fn check_issuer_name<'c>(
        &'c self,
        config: &'c IssuerConfig,
        paths: &IssuerPaths<'_>,
        earlier: &mut HashMap<&'c str, usize>,
    ) -> Result<(), BuildError> {
        match config.identity()[..] {
            [] => return Err(paths.missing("issuer", "set it to the `iss` of the tokens to accept")),
            [first, second, ..] => return Err(paths.conflict(second, first)),
            [_] => {}
        }
        // RFC 8725 section 3.8: an issuer with any name would also accept the tokens of the others. Among the earlier
        // issuers, only the first can be one, because a later one has been refused already.
        if paths.index > 0
            && let Some(first) = self.issuers.first()
            && (config.dangerous_any_issuer || first.dangerous_any_issuer)
        {
            let field =
                |issuer: &IssuerConfig| if issuer.dangerous_any_issuer { "dangerous_any_issuer" } else { "issuer" };
            let other = paths.names.issuer(0, field(first));
            return Err(conflict(paths.of(field(config)), &other));
        }
        let name = config.issuer.as_deref();
        if let Some(index) = name.and_then(|name| earlier.insert(name, paths.index)) {
            let problem = format!("repeats {}: remove one of them", paths.names.issuer(index, "issuer"));
            return Err(refused(BuildErrorKind::Contradiction, paths.of("issuer"), problem));
        }
        Ok(())
    }

    /// Builds a verifier with only this issuer, so that an error of the builder can name the issuer's path.
    fn check_buildable(
        &self,
        issuer: TrustedIssuer,
        senders: &Senders,
        config: &IssuerConfig,
        paths: &IssuerPaths<'_>,
    ) -> Result<(), BuildError> {
        let is_on = |mode: &Option<String>| mode.as_deref().is_some_and(|mode| mode != "off");
        let (dpop, mutual_tls) = (is_on(&config.dpop), is_on(&config.mutual_tls));
        let builder = senders.add_to(self.builder_without_issuers().issuer(issuer), dpop, mutual_tls);
        #[cfg(feature = "remote")]
        let builder = builder
            .fetch(crate::keys::fetch_fn(|_url: String| async { Err(crate::keys::FetchErrorKind::Transport.into()) }));
        let Err(error) = builder.build() else { return Ok(()) };
        let keys = config.key_settings();
        let keys = keys.first().map_or("issuer", |setting| setting.field);
        let path = match (error.kind(), error.setting()) {
            // Your code may still supply what these need.
            (
                BuildErrorKind::NoBackend
                | BuildErrorKind::NoFetch
                | BuildErrorKind::NoUsableKey
                | BuildErrorKind::UnsupportedAlgorithm,
                _,
            ) => return Ok(()),
            (_, "max_token_bytes") => self.names.verifier("max_token_bytes"),
            (_, setting @ ("leeway" | "realm" | "scope_implies")) => self.names.verifier(setting),
            (_, "audience") if config.all_audiences.is_some() => paths.of("all_audiences"),
            // Without `metadata_url`, the address of the metadata follows from the issuer's name.
            (_, "discover") if config.metadata_url.is_none() => paths.of("issuer"),
            (_, "discover" | "jwks" | "keys") => paths.of(keys),
            #[cfg(feature = "remote")]
            (_, "key_refresh") => {
                paths.of(config.refresh.as_ref().map_or("refresh", |refresh| refresh.out_of_range_field()))
            }
            (_, setting) => self.sender_path(setting).unwrap_or_else(|| paths.of(setting)),
        };
        Err(at_path(error, path))
    }
}

impl TryFrom<VerifierConfig> for VerifierBuilder {
    type Error = BuildError;

    /// Does the same as [`VerifierConfig::into_builder`].
    fn try_from(config: VerifierConfig) -> Result<Self, BuildError> {
        config.into_builder()
    }
}

impl SourcesConfig {
    fn token_sources(&self, names: &Names) -> Result<TokenSources, BuildError> {
        let authorization = self.authorization.unwrap_or(true);
        let mut sources = if authorization { TokenSources::new() } else { TokenSources::none() };
        type Add = fn(TokenSources, String) -> TokenSources;
        let places: [(&str, &Option<StringList>, Add); 4] = [
            ("sources.cookies", &self.cookies, TokenSources::cookie),
            ("sources.queries", &self.queries, TokenSources::query),
            ("sources.headers", &self.headers, TokenSources::header),
            ("sources.bearer_headers", &self.bearer_headers, TokenSources::bearer_header),
        ];
        let mut headers_so_far = HashSet::new();
        for (field, texts, add) in places {
            let headers = matches!(field, "sources.headers" | "sources.bearer_headers");
            let texts = texts.as_ref().map_or(&[][..], |texts| &texts.0);
            let mut earlier = HashSet::with_capacity(texts.len());
            for name in texts {
                let refuse = |kind, problem: &'static str| Err(refused(kind, names.verifier(field), problem));
                if name.is_empty() {
                    return refuse(BuildErrorKind::Invalid, "contains an empty name");
                }
                // A place that is searched twice would find one token twice, and two tokens are refused.
                if !earlier.insert(if headers { name.to_ascii_lowercase() } else { name.clone() }) {
                    return refuse(BuildErrorKind::Contradiction, "contains a name twice");
                }
                if headers && !headers_so_far.insert(name.to_ascii_lowercase()) {
                    return Err(conflict(names.verifier(field), &names.verifier("sources.headers")));
                }
                if headers && authorization && name.eq_ignore_ascii_case("authorization") {
                    return Err(conflict(names.verifier(field), &names.verifier("sources.authorization")));
                }
                sources = add(sources, name.clone());
            }
        }
        if self.websocket_protocol {
            sources = sources.websocket_protocol();
        }
        if sources.is_empty() {
            let path = names.verifier("sources.authorization");
            return Err(refused(
                BuildErrorKind::Invalid,
                path,
                "leaves no place for a token: set it to true, or name a cookie, query or header",
            ));
        }
        Ok(sources)
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
                    let Step::Ready(outcome) = verifier.start(&token(signed), None) else { panic!("{field}") };
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
            let Step::Ready(Ok(_)) = verifier.start(&token("HS256"), None) else { panic!("a secret from a variable") };
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
