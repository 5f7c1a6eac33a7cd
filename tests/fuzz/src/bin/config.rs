//! Compares configurations in TOML, JSON and variables with a builder that code sets up in the same way.
//!
//! All forms must lead to the same builder, and no form may accept settings that code cannot build. Any other text must be
//! refused without a panic.

#![no_main]

use jwt_core::config::VerifierConfig;
use jwt_core::http::TokenSources;
use jwt_core::keys::{FetchErrorKind, Key, fetch_fn};
use jwt_core::proof::Dpop;
use jwt_core::{Algorithm, BuildError, ErrorKind, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_fuzz::forge::{self, NOW, encode};
use jwt_fuzz::settings::{Said, Setting};
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

const TEXTS: [&str; 8] = ["a", "https://api.example", "b c", "", "é", "a,b", "a:b", "\"\\"];
const COOKIES: [&str; 5] = ["t", "__Host-access", "T", "", "t;"];
const HEADERS: [&str; 6] = ["X-Token", "X-Other", "x-token", "authorization", "", "x token"];

fn said(input: &mut Input<'_>) {
    let mut said = Said::default();
    let (issuer, secret) = issuer(input, &mut said);
    let builder = frame(input, &mut said);
    let (issuer, builder) = senders(input, &mut said, issuer, builder);
    check(&said, builder.issuer(issuer), secret);
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
            // Code may name a place twice. In a file that is a mistake.
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

/// Chooses whether tokens are bound to their sender, and how that is checked.
fn senders(
    input: &mut Input<'_>,
    said: &mut Said,
    mut issuer: TrustedIssuer,
    mut builder: VerifierBuilder,
) -> (TrustedIssuer, VerifierBuilder) {
    const MODES: [&str; 4] = ["off", "allowed", "required", "on"];
    const NETWORKS: [&str; 5] = ["10.0.0.0/8", "::1", "10.0.0.7", "proxy", ""];
    let mode = |input: &mut Input<'_>, said: &mut Said, field, name| {
        let mode = if input.once_in(3) { input.pick_mostly(3, &MODES) } else { return "off" };
        said.text(input, "issuer", field, name, mode);
        said.odd |= mode == "on";
        mode
    };
    let (dpop, mutual_tls) = (mode(input, said, "dpop", "DPOP"), mode(input, said, "mutual_tls", "MUTUAL_TLS"));
    issuer = match dpop {
        "allowed" => issuer.dpop_allowed(),
        "required" => issuer.dpop_required(),
        _ => issuer,
    };
    issuer = match mutual_tls {
        "allowed" => issuer.mutual_tls_allowed(),
        "required" => issuer.mutual_tls_required(),
        _ => issuer,
    };
    if input.once_in(8) {
        said.flag("issuer", "fapi2", "FAPI2", true);
        issuer = issuer.fapi2();
    }
    // Without an issuer that needs it, a table is refused, but not before the builder builds: code may add such an issuer.
    if dpop != "off" && !input.once_in(4) {
        let mut settings = if input.once_in(2) {
            Dpop::behind_proxies(said.names(input, ("dpop", "proxies", "DPOP_PROXIES"), &NETWORKS))
        } else {
            let url = input.pick_mostly(2, &["https://api.example", "http://127.0.0.1/a", "http://api.example", "api"]);
            said.text(input, "dpop", "url", "DPOP_URL", url);
            Dpop::new(url)
        };
        if input.once_in(3) {
            settings = settings.max_age(said.duration(input, "dpop", "max_age", "DPOP_MAX_AGE"));
        }
        if input.once_in(3) {
            settings = settings.leeway(said.duration(input, "dpop", "leeway", "DPOP_LEEWAY"));
        }
        if input.once_in(3) {
            settings = settings.nonce_period(said.duration(input, "dpop", "nonce_period", "DPOP_NONCE_PERIOD"));
        }
        builder = builder.dpop(settings);
    }
    if mutual_tls != "off" && input.once_in(2) {
        let header = input.pick_mostly(2, &["Client-Cert", "x-ssl-cert", "x cert", ""]);
        said.text(input, "certificate", "header", "CERTIFICATE_HEADER", header);
        let proxies = said.names(input, ("certificate", "proxies", "CERTIFICATE_PROXIES"), &NETWORKS);
        builder = builder.certificate_header(header, proxies);
    }
    (issuer, builder)
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
