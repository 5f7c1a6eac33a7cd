//! Settings that no verifier can be built from: the error names the setting and what to do.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_core::authorize::{all, roles, scopes};
use jwt_core::config::VerifierConfig;
use jwt_core::crypto::SigningKey;
use jwt_core::http::{Cookies, Csrf, TokenSources};
use jwt_core::keys::{Key, KeySet};
use jwt_core::{Algorithm, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::log::Log;
use jwt_tests::setup::{builder, issuer, key, keyless};

use super::assert_words;

fn with(issuer: TrustedIssuer) -> VerifierBuilder {
    Verifier::builder().issuer(issuer)
}

#[test]
fn an_error_of_the_builder_names_the_setting_and_the_cure() {
    let any = || TrustedIssuer::dangerous_any_issuer().key(key().verification_key()).dangerous_any_audience();
    let bare = || TrustedIssuer::new(ISSUER).key(key().verification_key());
    let csrf = |csrf: Csrf| builder().sources(TokenSources::new().cookie("session").csrf(csrf));
    let cases: Vec<(VerifierBuilder, &[&str])> = vec![
        (Verifier::builder(), &["`issuer` must be decided", "`VerifierBuilder::issuer`"]),
        (with(bare()), &["`audience` must be decided", "`dangerous_any_audience`"]),
        (with(keyless()), &["`keys` must be decided", "`discover`", "`key`"]),
        (with(TrustedIssuer::discover("http://id.example").audience(AUDIENCE)), &["`discover`", "https", "loopback"]),
        (
            with(TrustedIssuer::jwks(ISSUER, "http://keycloak:8080/certs").audience(AUDIENCE)),
            &["`jwks`", "use https", "`dangerous_http_hosts`"],
        ),
        (with(TrustedIssuer::discover("id.example").audience(AUDIENCE)), &["`discover`", "`https://id.example`"]),
        (
            with(TrustedIssuer::discover(format!("{ISSUER}/.well-known/openid-configuration")).audience(AUDIENCE)),
            &["`issuer`", "address of the issuer's metadata", "before `/.well-known/`"],
        ),
        (
            with(TrustedIssuer::discover(ISSUER).audience(AUDIENCE).algorithms([Algorithm::HS256])),
            &["`algorithms`", "isn't a secret"],
        ),
        (
            with(TrustedIssuer::discover(ISSUER).audience(AUDIENCE).key(key().verification_key())),
            &["`key`", "either fetched"],
        ),
        (with(issuer().algorithms([Algorithm::RS256])), &["no key that fits", "`TrustedIssuer::algorithms`"]),
        (builder().leeway(Duration::from_secs(301)), &["`leeway`", "at most 300 s", "clocks"]),
        (builder().issuer(issuer()), &["added twice", "one `TrustedIssuer`"]),
        (builder().issuer(any()), &["`dangerous_any_issuer`", "the only one"]),
        (with(issuer().access_token_profile().token_types(["JWT"])), &["`token_types`", "RFC 9068"]),
        (builder().dangerous_accept_during_revocation_outage(), &["`revocations`"]),
        (builder().sources(TokenSources::none()), &["`sources`", "`TokenSources::new`"]),
        (
            csrf(Csrf::new().allow_origin("https://shop.*.example")),
            &["`allow_origin`", "`https://*.shop.example` for one label", "`Csrf::allow_origin_if`"],
        ),
    ];
    for (builder, words) in cases {
        let error = builder.build().expect_err(words[0]).to_string();
        assert_words(words[0], &error, words);
    }
}

#[test]
fn an_error_about_a_key_says_what_it_is_and_what_is_needed() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
    let private =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}]}"#;
    let short = Key::from_secret(Algorithm::HS256, "secret").expect_err("too short");
    assert_words("a short secret", &short.to_string(), &["6 bytes", "at least 32", "openssl rand"]);
    assert_words("the error of a `main` function", &format!("{short:?}"), &["TooShort", "at least 32", "openssl rand"]);
    let given = Key::from_secret(Algorithm::HS256, pem).expect_err("PEM");
    assert_words("PEM as a secret", &given.to_string(), &["public key", "shared secret"]);
    let set = KeySet::from_jwks(private).expect("a set");
    let (index, error) = set.ignored().next().expect("an ignored key");
    assert_eq!(index, 0);
    assert_words("a private key", &error.to_string(), &["private", "`SigningKey`"]);
    // What `openssl genpkey -aes256` writes, and its older form.
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let older = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIHs\n-----END EC PRIVATE KEY-----\n";
    for pem in [encrypted, older] {
        let error = SigningKey::from_pem(Algorithm::ES256, pem).expect_err("encrypted");
        assert_words(
            "an encrypted private key",
            &error.to_string(),
            &["encrypted", "`openssl pkey -in FILE -out NEW`"],
        );
    }
    let verifying = Key::from_pem(Algorithm::ES256, encrypted).expect_err("private");
    assert_words("an encrypted private key to verify with", &verifying.to_string(), &["private key"]);
    let html = KeySet::from_jwks("<html>").expect_err("no set").to_string();
    assert_words("HTML", &html, &["HTML"]);
}

#[test]
fn a_variable_that_holds_something_else_than_pem_is_named() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#;
    let cases: [(&str, String, &[&str]); 12] = [
        ("base64 of PEM", STANDARD.encode(PEM), &["encoded in base64 once more", "`base64 -d`"]),
        ("base64 of PEM with line ends", format!("{}\n", STANDARD.encode(format!("{PEM}\n"))), &["`base64 -d`"]),
        ("only the base64", PEM.lines().nth(1).expect("a line").to_owned(), &["put `-----BEGIN PUBLIC KEY-----`"]),
        ("a JWK", jwk.to_owned(), &["JSON, not PEM", "`from_jwk`"]),
        ("a JWK Set", format!(r#"{{"keys":[{jwk}]}}"#), &["a JWK Set", "`KeySet::from_jwks`"]),
        ("a file", "/run/secrets/issuer.pem".to_owned(), &["a file's name"]),
        ("an address", "https://id.example/jwks".to_owned(), &["an address", "`TrustedIssuer::jwks`"]),
        ("SSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a@b".to_owned(), &["OpenSSH public key"]),
        ("PGP", PEM.replace("PUBLIC KEY", "PGP PUBLIC KEY BLOCK"), &["OpenPGP"]),
        ("two blocks", format!("{PEM}\n{PEM}"), &["more than one PEM block"]),
        ("escaped twice", PEM.replace('\n', "\\\\n"), &["escaped twice"]),
        ("a private key", PEM.replace("PUBLIC", "PRIVATE"), &["a private key", "-pubout"]),
    ];
    for (name, value, words) in cases {
        let variables = [("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("PEM", &value), ("ALGORITHM", "ES256")];
        let variables = variables.map(|(name, value)| (format!("JWT_{name}"), value.to_owned()));
        let error = VerifierConfig::from_vars("JWT", variables).and_then(VerifierConfig::into_builder);
        let error = error.expect_err(name).to_string();
        assert_words(name, &error, &["`JWT_PEM` holds no usable key"]);
        assert_words(name, &error, words);
        assert!(!error.contains("MFkw") && !error.contains("AAAAC3"), "no value: {error}");
    }
    // And what isn't a set.
    for (name, text, words) in [
        ("PEM", PEM.to_owned(), &["PEM", "`Key::from_pem`"][..]),
        ("a JWK", jwk.to_owned(), &["single JWK", "`{\"keys\":[…]}`"]),
        ("HTML", "<!doctype html>".to_owned(), &["HTML"]),
    ] {
        assert_words(name, &KeySet::from_jwks(&text).expect_err(name).to_string(), words);
    }
}

/// The key of RFC 7517 appendix A.1.
const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==\n-----END PUBLIC KEY-----";

#[test]
fn an_error_of_a_configuration_names_the_setting_by_its_path() {
    let vars = |vars: &[(&str, &str)]| {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match VerifierConfig::from_vars("JWT", vars).and_then(VerifierConfig::into_builder) {
            Ok(_) => panic!("it can be used"),
            Err(error) => error.to_string(),
        }
    };
    let issuer = ("JWT_ISSUER", ISSUER);
    let cases: Vec<(String, &[&str])> = vec![
        (vars(&[issuer, ("JWT_AUDEINCE", AUDIENCE)]), &["JWT_AUDEINCE", "is not a setting"]),
        (vars(&[issuer]), &["JWT_"]),
        (vars(&[issuer, ("JWT_AUDIENCE", AUDIENCE), ("JWT_LEEWAY", "ten")]), &["JWT_LEEWAY"]),
        (vars(&[("JWT_AUDIENCE", AUDIENCE)]), &["JWT_ISSUER", "`iss`"]),
    ];
    for (error, words) in cases {
        assert_words(words[0], &error, words);
        assert!(!error.contains("ten"), "no value: {error}");
    }
}

#[test]
fn mistakes_that_only_show_at_run_time_are_logged_as_errors_at_the_start() {
    let log = Log::start();
    drop((roles("roles", ["admin"]), scopes::<&str>([]), all(Vec::<()>::new())));
    let text = log.text();
    assert_words("a path", &text, &["write `/roles`", "the list is empty"]);
    assert!(text.lines().filter(|line| line.starts_with("ERROR ")).count() == 3, "{text}");
}

#[test]
fn an_error_about_cookies_names_the_setting() {
    let error = Cookies::builder().dangerous_insecure_localhost().domain("localhost").build().expect_err("a mistake");
    assert_words("a domain", &error.to_string(), &["`dangerous_insecure_localhost`", "contradicts"]);
}
