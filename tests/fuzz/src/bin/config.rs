//! Compares configurations in TOML, JSON and variables with a builder that code sets up in the same way.
//!
//! All forms must lead to the same builder, and no form may accept settings that code can't build. Any other text must be
//! refused without a panic.

#![no_main]

use std::time::Duration;

use jwt_core::config::VerifierConfig;
use jwt_core::http::TokenSources;
use jwt_core::keys::{FetchErrorKind, Key, fetch_fn};
use jwt_core::{Algorithm, BuildError, ErrorKind, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_fuzz::forge::{self, NOW, encode};
use jwt_fuzz::{Input, json};
use libfuzzer_sys::fuzz_target;

const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAkCjBPpggos1As65bg94QF6Drvfrq1ScpEDJIp5xwcc=\n-----END PUBLIC KEY-----\n";
const SECRET: &str = "hush-hush-hush-hush-hush-hush-hush-hush";

fuzz_target!(|data: &[u8]| {
    // An input that starts like a file is one, too.
    if let Some(b'{' | b'[' | b'#') = data.first() {
        anything(data);
    }
    said(&mut Input::new(data));
});

/// Reads a text, which may fail but must not panic.
fn anything(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variables = text.lines().skip(1).map(|line| line.split_once('=').unwrap_or((line, "")));
    let variables: Vec<_> = variables.map(|(name, value)| (format!("JWT_{name}"), value.to_owned())).collect();
    let configs =
        [toml::from_str(text).ok(), serde_json::from_str(text).ok(), VerifierConfig::from_vars("JWT", variables).ok()];
    for config in configs.into_iter().flatten() {
        let config: VerifierConfig = config;
        let shown = format!("{config:?}");
        // A made-up name must not open a file of this machine.
        if !shown.contains("_file: Some") {
            let _ = config.into_builder().map(build);
        }
    }
}

fn build(builder: VerifierBuilder) -> bool {
    builder.fetch(fetch_fn(|_: String| async { Err(FetchErrorKind::Transport.into()) })).build().is_ok()
}

/// A setting in every form.
#[derive(Clone)]
struct Setting {
    /// The table that holds it; empty for the outermost.
    table: &'static str,
    field: &'static str,
    /// The value in JSON, which TOML reads alike.
    value: String,
    /// The variable's name and value, if there's a variable for it.
    variable: Option<(&'static str, String)>,
}

#[derive(Default)]
struct Said {
    settings: Vec<Setting>,
    /// Whether a setting is one that code may make and a configuration may not.
    odd: bool,
    /// Whether a setting can't be written as a variable.
    inexpressible: bool,
}

impl Said {
    fn put(&mut self, table: &'static str, field: &'static str, value: String, name: &'static str, variable: String) {
        // An empty variable is refused.
        self.inexpressible |= variable.is_empty() || name.is_empty();
        let variable = Some((name, variable)).filter(|(name, _)| !name.is_empty());
        self.settings.push(Setting { table, field, value, variable });
    }

    fn text(
        &mut self,
        input: &mut Input<'_>,
        table: &'static str,
        field: &'static str,
        name: &'static str,
        text: &str,
    ) {
        let value = json::quote(input, text);
        self.put(table, field, value, name, text.to_owned());
    }

    fn flag(&mut self, table: &'static str, field: &'static str, name: &'static str, flag: bool) {
        self.put(table, field, flag.to_string(), name, flag.to_string());
    }

    /// Adds one to three of these names, and returns them.
    fn names<'n>(
        &mut self,
        input: &mut Input<'_>,
        (table, field, name): (&'static str, &'static str, &'static str),
        names: &[&'n str],
    ) -> Vec<&'n str> {
        let mut chosen: Vec<&str> = (0..1 + input.below(3)).map(|_| input.pick_mostly(3, names)).collect();
        if !input.once_in(8) {
            chosen.sort_unstable();
            chosen.dedup();
        }
        let quoted: Vec<String> = chosen.iter().map(|name| json::quote(input, name)).collect();
        let is_one = chosen.len() == 1 && input.once_in(2);
        let value = if is_one { quoted[0].clone() } else { format!("[{}]", quoted.join(",")) };
        // Variables separate names by commas and trim them.
        self.inexpressible |= chosen.iter().any(|name| name.is_empty() || name.contains(',') || name.trim() != *name);
        let separator = input.pick(&[",", ", ", " ,"]);
        self.put(table, field, value, name, chosen.join(separator));
        chosen
    }

    fn duration(
        &mut self,
        input: &mut Input<'_>,
        table: &'static str,
        field: &'static str,
        name: &'static str,
    ) -> Duration {
        let usual = if field == "timeout" { [1000, 2500, 5000, 30_000] } else { [60_000, 61_500, 90_000, 300_000] };
        let unusual = [
            0,
            1,
            999,
            300_001,
            301_000,
            600_000,
            3_600_000,
            5_400_000,
            86_400_000,
            90_061_001,
            172_800_000,
            4_294_967_295_000,
            4_294_967_295_001,
            u64::MAX / 2,
        ];
        let millis = if input.once_in(8) { input.pick(&unusual) } else { input.pick(&usual) };
        // Configurations refuse durations over 136 years.
        self.odd |= millis > 4_294_967_295_000;
        let mut parts = Vec::new();
        let mut rest = millis;
        for (unit, worth) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let is_last = worth == 1 || (rest.is_multiple_of(worth) && input.once_in(2));
            let count = if input.once_in(3) || is_last { rest / worth } else { 0 };
            rest -= count * worth;
            if count > 0 || (is_last && parts.is_empty()) {
                parts.push(format!("{count}{unit}"));
            }
            if is_last {
                break;
            }
        }
        let text = parts.join(input.pick(&[" ", ""]));
        let is_number = millis.is_multiple_of(1000) && input.once_in(3);
        let value = if is_number { (millis / 1000).to_string() } else { format!("\"{text}\"") };
        self.put(table, field, value, name, text);
        Duration::from_millis(millis)
    }

    fn size(&mut self, input: &mut Input<'_>, table: &'static str, field: &'static str, name: &'static str) -> usize {
        let sizes = [1000, 8192, 16_384, 512_000, 512 * 1024, 0, 1, 512 * 1024 + 1, 2_000_000, 3 << 20];
        let bytes: usize = input.pick_mostly(5, &sizes);
        let units = [("B", 1), ("KB", 1000), ("MB", 1_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20)];
        let (unit, worth) = input.pick(&units);
        let text = if bytes.is_multiple_of(worth) { format!("{}{unit}", bytes / worth) } else { format!("{bytes}B") };
        let value = if input.once_in(3) { bytes.to_string() } else { format!("\"{text}\"") };
        self.put(table, field, value, name, text);
        bytes
    }

    fn of<'s>(&'s self, table: &'s str) -> impl Iterator<Item = &'s Setting> {
        self.settings.iter().filter(move |setting| setting.table == table)
    }

    fn json(&self) -> String {
        let members = |table| {
            let members = self.of(table).map(|setting| format!("{:?}:{}", setting.field, setting.value));
            members.collect::<Vec<_>>()
        };
        let nest = |mut outer: Vec<String>, name: &str, inner: Vec<String>| {
            if !inner.is_empty() {
                outer.push(format!("\"{name}\":{{{}}}", inner.join(",")));
            }
            outer
        };
        let issuer = nest(nest(members("issuer"), "refresh", members("refresh")), "claims", members("claims"));
        let mut all = nest(members(""), "sources", members("sources"));
        all.push(format!("\"issuers\":[{{{}}}]", issuer.join(",")));
        format!("{{{}}}", all.join(","))
    }

    fn toml(&self) -> String {
        let lines = |head: &str, table| {
            let lines: String =
                self.of(table).map(|setting| format!("{} = {}\n", setting.field, setting.value)).collect();
            if lines.is_empty() && table != "issuer" { lines } else { format!("{head}\n{lines}") }
        };
        [
            lines("", ""),
            lines("[sources]", "sources"),
            lines("[[issuers]]", "issuer"),
            lines("[issuers.refresh]", "refresh"),
            lines("[issuers.claims]", "claims"),
        ]
        .concat()
    }

    fn variables(&self) -> Vec<(String, String)> {
        let variables = self.settings.iter().filter_map(|setting| setting.variable.clone());
        variables.map(|(name, value)| (format!("JWT_{name}"), value)).collect()
    }
}

const TEXTS: [&str; 8] = ["a", "https://api.example", "b c", "", "é", "a,b", " a", "\"\\"];
const COOKIES: [&str; 5] = ["t", "__Host-access", "T", "", "t "];
const HEADERS: [&str; 6] = ["X-Token", "X-Other", "x-token", "authorization", "", "x token"];

fn said(input: &mut Input<'_>) {
    let mut said = Said::default();
    let (issuer, secret) = issuer(input, &mut said);
    let builder = frame(input, &mut said).issuer(issuer);
    check(&said, builder, secret);
}

/// Chooses the issuer's settings, and returns the issuer and the secret of its key.
fn issuer(input: &mut Input<'_>, said: &mut Said) -> (TrustedIssuer, Option<&'static [u8]>) {
    let name = input.pick_mostly(2, &["https://id.example", "https://id.example/", "joe", ""]);
    said.text(input, "issuer", "issuer", "ISSUER", name);
    let mut secret = None;
    let mut issuer = match input.below(5) {
        0 => {
            said.text(input, "issuer", "pem", "PEM", PEM);
            // Two names of one algorithm: RFC 8037 and RFC 9864.
            let algorithm = input.pick(&["EdDSA", "Ed25519"]);
            said.text(input, "issuer", "algorithm", "ALGORITHM", algorithm);
            TrustedIssuer::new(name).key(Key::from_pem(Algorithm::Ed25519, PEM).expect("a key"))
        }
        1 => {
            // Only variables have a setting for the secret itself.
            said.settings.push(Setting {
                table: "secret",
                field: "",
                value: String::new(),
                variable: Some(("SECRET", SECRET.to_owned())),
            });
            said.text(input, "issuer", "algorithm", "ALGORITHM", "HS256");
            secret = Some(SECRET.as_bytes());
            TrustedIssuer::new(name).key(Key::from_secret(Algorithm::HS256, SECRET).expect("long enough"))
        }
        2 => {
            said.flag("issuer", "discover", "DISCOVER", true);
            remote(input, said, TrustedIssuer::discover(name))
        }
        3 => {
            let url =
                input.pick(&["https://id.example/keys", "http://id.example/keys", "http://127.0.0.1/keys", "keys"]);
            said.text(input, "issuer", "jwks_url", "JWKS_URL", url);
            remote(input, said, TrustedIssuer::jwks(name, url))
        }
        _ => {
            let url = input.pick_mostly(1, &["https://id.internal", "https://id.internal?a", "x"]);
            said.text(input, "issuer", "metadata_url", "METADATA_URL", url);
            remote(input, said, TrustedIssuer::discover(name).metadata_url(url))
        }
    };
    match input.below(4) {
        0 | 1 => {
            for name in said.names(input, ("issuer", "audience", "AUDIENCE"), &TEXTS) {
                issuer = issuer.audience(name);
            }
        }
        2 => issuer = issuer.all_audiences(said.names(input, ("issuer", "all_audiences", "ALL_AUDIENCES"), &TEXTS)),
        _ => {
            said.flag("issuer", "dangerous_any_audience", "DANGEROUS_ANY_AUDIENCE", true);
            issuer = issuer.dangerous_any_audience();
        }
    }
    match input.below(6) {
        0 => {
            said.flag("issuer", "access_token_profile", "ACCESS_TOKEN_PROFILE", true);
            issuer = issuer.access_token_profile();
        }
        1 => {
            issuer = issuer.token_types(said.names(
                input,
                ("issuer", "token_types", "TOKEN_TYPES"),
                &["at+jwt", "JWT", "x+jwt", ""],
            ))
        }
        _ => {}
    }
    if input.once_in(8) {
        said.flag("issuer", "numeric_identifiers", "NUMERIC_IDENTIFIERS", true);
        issuer = issuer.numeric_identifiers();
    }
    if input.once_in(8) {
        said.flag("issuer", "dangerous_accept_id_tokens", "DANGEROUS_ACCEPT_ID_TOKENS", true);
        issuer = issuer.dangerous_accept_id_tokens();
    }
    if input.once_in(4) {
        issuer = issuer.require_claims(said.names(
            input,
            ("issuer", "require_claims", "REQUIRE_CLAIMS"),
            &["sub", "é", "iss", ""],
        ));
    }
    if input.once_in(4) {
        let subject = input.pick_mostly(2, &TEXTS);
        said.text(input, "issuer", "subject", "SUBJECT", subject);
        issuer = issuer.subject(subject);
    }
    if input.once_in(6) {
        let claim = input.pick_mostly(2, &TEXTS);
        said.text(input, "issuer", "audience_claim", "AUDIENCE_CLAIM", claim);
        issuer = issuer.audience_claim(claim);
    }
    if input.once_in(6) {
        let text = input.pick_mostly(2, &TEXTS);
        let value = json::quote(input, text);
        // Variables separate claims by commas and trim them.
        said.inexpressible |= text.is_empty() || text.contains(',') || text.trim() != text;
        said.put("claims", "token_use", value, "CLAIMS", format!("token_use={text}"));
        issuer = issuer.claim("token_use", text);
    }
    if input.once_in(4) {
        issuer = issuer.max_age(said.duration(input, "issuer", "max_age", "MAX_AGE"));
    }
    if input.once_in(4) {
        issuer = issuer.max_lifetime(said.duration(input, "issuer", "max_lifetime", "MAX_LIFETIME"));
    }
    if input.once_in(8) {
        said.flag("issuer", "dangerous_without_expiry", "DANGEROUS_WITHOUT_EXPIRY", true);
        issuer = issuer.dangerous_without_expiry();
    }
    (issuer, secret)
}

fn remote(input: &mut Input<'_>, said: &mut Said, issuer: TrustedIssuer) -> TrustedIssuer {
    let mut policy = jwt_core::keys::KeyRefreshSettings::new();
    if !input.once_in(4) {
        return issuer;
    }
    if input.once_in(2) {
        policy = policy.lifetime(said.duration(input, "refresh", "lifetime", "REFRESH_LIFETIME"));
    }
    if input.once_in(2) {
        policy = policy.timeout(said.duration(input, "refresh", "timeout", "REFRESH_TIMEOUT"));
    }
    policy = policy.max_bytes(said.size(input, "refresh", "max_bytes", "REFRESH_MAX_BYTES"));
    issuer.key_refresh(policy)
}

/// Chooses the settings of the verifier.
fn frame(input: &mut Input<'_>, said: &mut Said) -> VerifierBuilder {
    let mut builder = Verifier::builder();
    if input.once_in(4) {
        builder = builder.leeway(said.duration(input, "", "leeway", "LEEWAY"));
    }
    if input.once_in(4) {
        builder = builder.max_token_bytes(said.size(input, "", "max_token_bytes", "MAX_TOKEN_BYTES"));
    }
    if input.once_in(4) {
        let realm = input.pick_mostly(2, &TEXTS);
        said.text(input, "", "realm", "REALM", realm);
        builder = builder.realm(realm);
    }
    let is_on = !input.once_in(4);
    if !is_on || input.once_in(4) {
        said.flag("sources", "authorization", "SOURCES_AUTHORIZATION", is_on);
    }
    let mut sources = if is_on { TokenSources::new() } else { TokenSources::none() };
    type Add = fn(TokenSources, &str) -> TokenSources;
    let places: [(_, &[&str], Add); 4] = [
        (("sources", "cookies", "SOURCES_COOKIES"), &COOKIES, |sources, name| sources.cookie(name)),
        (("sources", "queries", "SOURCES_QUERIES"), &COOKIES, |sources, name| sources.query(name)),
        (("sources", "headers", "SOURCES_HEADERS"), &HEADERS, |sources, name| sources.header(name)),
        (("sources", "bearer_headers", "SOURCES_BEARER_HEADERS"), &HEADERS, |sources, name| {
            sources.bearer_header(name)
        }),
    ];
    let mut headers = Vec::new();
    for (place, names, add) in places {
        if !input.once_in(3) {
            continue;
        }
        let chosen = said.names(input, place, names);
        for (index, name) in chosen.iter().enumerate() {
            // Code may name a place twice. In a file that's a mistake.
            let is_header = place.1.ends_with("headers");
            let is_twice = if is_header {
                let name = name.to_ascii_lowercase();
                let is_twice = headers.contains(&name);
                headers.push(name);
                is_twice
            } else {
                chosen[..index].contains(name)
            };
            let is_ours = is_header && is_on && name.eq_ignore_ascii_case("authorization");
            said.odd |= name.is_empty() || is_twice || is_ours;
            sources = add(sources, name);
        }
    }
    if input.once_in(6) {
        said.flag("sources", "websocket_protocol", "SOURCES_WEBSOCKET_PROTOCOL", true);
        sources = sources.websocket_protocol();
    }
    if input.once_in(6) {
        said.flag("sources", "dangerous_first_source_wins", "SOURCES_DANGEROUS_FIRST_SOURCE_WINS", true);
        sources = sources.dangerous_first_source_wins();
    }
    if input.once_in(6) {
        said.flag("", "ready_with_any_issuer", "READY_WITH_ANY_ISSUER", true);
        builder = builder.ready_with_any_issuer();
    }
    builder.sources(sources)
}

fn check(said: &Said, expected: VerifierBuilder, secret: Option<&[u8]>) {
    let (json, toml, variables) = (said.json(), said.toml(), said.variables());
    let shown = format!("{expected:?}");
    let is_sound = build(expected);
    let is_secret = said.settings.iter().any(|setting| setting.table == "secret");
    let read = |form: &str, config: Result<VerifierConfig, String>| {
        let config = config.unwrap_or_else(|error| panic!("{form}: {error}\n{toml}\n{variables:?}"));
        assert!(!format!("{config:?}").contains(SECRET), "{form} shows the secret");
        let built = config.into_builder();
        let refused = |error: &BuildError| assert!(!error.to_string().contains(SECRET), "{form} tells the secret");
        let _ = built.as_ref().inspect_err(|error| refused(error));
        let text = format!("{:?}", built.as_ref().map(drop));
        assert_eq!(built.is_ok(), is_sound && !said.odd, "{form}: {text}\n{toml}\n{variables:?}");
        if let Ok(builder) = built {
            assert_eq!(format!("{builder:?}"), shown, "{form}:\n{toml}\n{variables:?}");
            let verifier = builder.fetch(fetch_fn(|_: String| async { Err(FetchErrorKind::Transport.into()) })).build();
            let verifier = verifier.unwrap_or_else(|error| panic!("{form}: {error}\n{toml}\n{variables:?}"));
            secret.into_iter().for_each(|secret| check_secret(said, &verifier, secret));
        }
    };
    // An odd setting is refused when the text is read or when the builder is made.
    if !is_secret && !said.odd {
        read("JSON", serde_json::from_str(&json).map_err(|error| error.to_string()));
        read("TOML", toml::from_str(&toml).map_err(|error| error.to_string()));
    } else if !is_secret {
        for config in [serde_json::from_str(&json).ok(), toml::from_str(&toml).ok()].into_iter().flatten() {
            let config: VerifierConfig = config;
            assert!(config.into_builder().is_err(), "a mistake is let pass: {toml}");
        }
    }
    let config = VerifierConfig::from_vars("JWT", variables.clone());
    match config {
        _ if said.inexpressible => drop(config.map(|config| config.into_builder().is_ok())),
        Err(error) => assert!(said.odd, "{error}: {variables:?}"),
        Ok(config) => read("variables", Ok(config)),
    }
}

/// Checks that the verifier uses the configured secret and no other.
fn check_secret(said: &Said, verifier: &Verifier, secret: &[u8]) {
    let issuer = said.of("issuer").find(|setting| setting.field == "issuer").map_or("\"\"", |setting| &setting.value);
    let payload = encode(format!(r#"{{"iss":{issuer},"exp":{}}}"#, NOW * 2));
    for (secret, is_ours) in [(secret, true), (&[7; 32][..], false)] {
        for token_type in ["at+jwt", "JWT"] {
            let header = encode(format!(r#"{{"alg":"HS256","typ":"{token_type}"}}"#));
            let outcome = forge::verify(verifier, &forge::seal(secret, &header, &payload));
            let kind = outcome.err().map(|error| error.kind());
            let is_open = matches!(kind, Some(ErrorKind::WrongType | ErrorKind::TokenTooLarge));
            assert!(is_open || (kind == Some(ErrorKind::BadSignature)) != is_ours, "{kind:?}: {is_ours}");
        }
    }
}
