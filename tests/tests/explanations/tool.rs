//! The tool `jwt`, from its options to its output and exit status.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use jwt_core::crypto::SigningKey;
use jwt_core::testing::{AUDIENCE as TEST_AUDIENCE, ScriptedIssuer};
use jwt_core::{Algorithm, Clock as _};
use jwt_examples::cli::{Options, run};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::setup::{good, key, key_of, stranger};
use serde_json::{Value, json};

use super::assert_words;

/// Runs the tool, and returns its exit status, or the error that it would print, and its output.
pub(crate) async fn jwt(arguments: &[&str], input: &str) -> (Result<u8, String>, String) {
    let options = match Options::try_parse_from(["jwt"].iter().chain(arguments)) {
        Ok(options) => options,
        Err(error) => return (Err(error.to_string()), String::new()),
    };
    let mut output = Vec::new();
    let status = run(options, &mut input.as_bytes(), &mut output).await.map_err(|error| error.to_string());
    (status, String::from_utf8(output).expect("text"))
}

/// Writes a file that only this test has.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jwt-tool");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, content).expect("a file");
    path
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn key_set(key: &SigningKey) -> String {
    json!({"keys": [key.public_jwk().expect("a public key")]}).to_string()
}

/// A configuration that trusts the usual issuer, with these lines more.
fn config(name: &str, verifier: &str, issuer: &str) -> PathBuf {
    let keys = file(&format!("{name}.jwks"), key_set(&key()));
    let keys = text(&keys);
    file(
        &format!("{name}.toml"),
        format!(
            "{verifier}\n[[issuers]]\nissuer = '{ISSUER}'\naudience = '{AUDIENCE}'\njwks_file = '{keys}'\n{issuer}\n"
        ),
    )
}

#[tokio::test]
async fn a_change_that_the_tool_proposes_makes_it_accept_the_token() {
    let early = good().claim("iat", NOW - 400).claim("nbf", NOW - 400);
    // The settings, the token, the code, and the line that the tool proposes.
    let cases: [(&str, &str, String, &str, &str); 10] = [
        ("", "", good().claim("aud", "spa").sign(), "wrong_audience", r#"audience = ["https://api.example", "spa"]"#),
        ("", "", good().header("typ", "x+jwt").sign(), "wrong_type", r#"token_types = "x+jwt""#),
        ("", "token_types = ['x+jwt']", good().without_header("typ").sign(), "wrong_type", "allow_missing_type = true"),
        ("", "", good().claim("sub", 5).sign(), "malformed_claims", "numeric_identifiers = true"),
        ("", "", early.clone().claim("exp", NOW - 100).sign(), "expired", "leeway = \"101s\""),
        ("", "", good().claim("nbf", NOW + 90).sign(), "not_yet_valid", "leeway = \"91s\""),
        ("", "max_age = '5s'", early.sign(), "too_old", "max_age = \"401s\""),
        ("", "max_lifetime = '5s'", good().sign(), "lifetime_too_long", "max_lifetime = \"300s\""),
        ("", "", good().without("exp").sign(), "missing_claim", "dangerous_without_expiry = true"),
        ("max_token_bytes = 100", "", good().sign(), "token_too_large", "max_token_bytes = 512"),
    ];
    for (index, (verifier, issuer, token, code, line)) in cases.iter().enumerate() {
        let path = config(&format!("change-{index}"), verifier, issuer);
        let arguments = ["explain", token.as_str(), "--json", "--config", text(&path), "--now", "1800000000"];
        let (status, output) = jwt(&arguments, "").await;
        assert_eq!(status, Ok(1), "{code}: {output}");
        let report: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!(report["code"], *code, "{output}");
        let proposed = report["change"]["line"].as_str().expect(code);
        assert!(proposed.starts_with(line), "{code}: {proposed}");
        // The line that is replaced.
        let name = proposed.split(' ').next().expect("a name");
        let kept = |lines: &str| lines.lines().filter(|line| !line.starts_with(name)).collect::<String>();
        let (of_verifier, of_issuer) = if matches!(name, "leeway" | "max_token_bytes") {
            (proposed.to_owned(), issuer.to_string())
        } else {
            (kept(verifier), format!("{}\n{proposed}", kept(issuer)))
        };
        let path = config(&format!("change-{index}"), &of_verifier, &of_issuer);
        let changed = fs::read_to_string(&path).expect("the file");
        let changed =
            if name == "audience" { changed.replacen(&format!("audience = '{AUDIENCE}'\n"), "", 1) } else { changed };
        fs::write(&path, changed).expect("the file");
        let (status, output) = jwt(&arguments, "").await;
        assert_eq!(status, Ok(0), "{code}: {output}");
    }
}

#[tokio::test]
async fn the_report_shows_each_check_with_what_is_expected_and_what_is_found() {
    let path = config("report", "", "");
    let token = good().claim("aud", "spa").sign();
    let (status, output) = jwt(&["explain", "--config", text(&path), "--now", "2027-01-15T08:00:00Z"], &token).await;
    assert_eq!(status, Ok(1));
    let lines: Vec<&str> = output.lines().collect();
    assert_words("the first line", lines[0], &["refused: wrong_audience: ", "`https://api.example`", "must request"]);
    let row = |check: &str| {
        let found = lines[1..].iter().find(|line| line.split_whitespace().nth(1) == Some(check));
        *found.unwrap_or_else(|| panic!("{check} in {output}"))
    };
    for (check, outcome, word) in [
        ("form", "pass", "3 segments"),
        ("issuer", "pass", r#"`iss` is trusted: "https://id.example""#),
        ("algorithm", "pass", r#""ES256""#),
        ("key", "pass", r#"kid "k-1""#),
        ("signature", "pass", "signed with that key"),
        ("audience", "FAIL", r#""spa"; expected "https://api.example""#),
        ("times", "-", "fit the clock"),
        ("requirements", "-", "requirements on every token"),
    ] {
        assert_eq!(row(check).split_whitespace().next(), Some(outcome), "{output}");
        assert_words(check, row(check), &[word]);
    }
    let expired = good().claim("exp", NOW - 100).claim("iat", NOW - 400).claim("nbf", NOW - 400).sign();
    let (_, late) = jwt(&["explain", "--config", text(&path), "--now", "1800000000"], &expired).await;
    let times = late.lines().find(|line| line.starts_with("  FAIL  times")).expect("a line");
    assert_words("times", times, &["exp 2027-01-15T07:58:20Z; expected 2027-01-15T08:00:00Z to be", "a leeway of 60s"]);
    assert_words("the change", &output, &["`TrustedIssuer::audience`", "meant for this service"]);
    assert!(!output.contains("user-1815") && !output.contains("Ada"), "the user's claims aren't shown: {output}");
}

#[tokio::test]
async fn every_kind_of_key_can_be_given() {
    let (es256, ed25519) = (key(), key_of(Algorithm::Ed25519));
    let secret = "0123456789abcdef0123456789abcdef";
    let hs256 = SigningKey::from_secret(Algorithm::HS256, secret.as_bytes()).expect("long enough");
    let jwk = ed25519.public_jwk().expect("a public key").to_string();
    let (jwks, jwk) = (file("keys.jwks", key_set(&es256)), file("key.jwk", jwk));
    let secret = file("secret", format!("{secret}\n"));
    let served = ScriptedIssuer::start().await.expect("an issuer");
    let now = served.clock().now().as_secs();
    let token = served.token().sign();
    for (token, issuer, audience, keys, now) in [
        (good().sign(), ISSUER, AUDIENCE, vec!["--key", text(&jwks)], NOW),
        (Forge::new(&ed25519).sign(), ISSUER, AUDIENCE, vec!["--key", text(&jwks), "--key", text(&jwk)], NOW),
        (Forge::new(&hs256).sign(), ISSUER, AUDIENCE, vec!["--secret-file", text(&secret)], NOW),
        (token.clone(), served.name(), TEST_AUDIENCE, vec!["--jwks", &served.jwks_uri()], now),
        (token, served.name(), TEST_AUDIENCE, vec!["--discover", served.name()], now),
    ] {
        let now = now.to_string();
        let mut arguments = vec!["verify", "-", "--issuer", issuer, "--audience", audience, "--now", &now];
        arguments.extend(keys.iter().copied());
        assert_eq!(jwt(&arguments, &token).await, (Ok(0), "accepted\n".to_owned()), "{keys:?}");
        let (changed, _) = token.rsplit_once('.').expect("a signature");
        let (changed, words) = (format!("{changed}.AAAA"), "refused\n".to_owned());
        assert_eq!(jwt(&arguments, &changed).await, (Ok(1), words), "{keys:?}");
    }
}

#[tokio::test]
async fn lines_are_judged_one_by_one_and_the_worst_is_the_status() {
    let path = config("lines", "", "");
    let base = ["--config", text(&path), "--now", "1800000000"];
    let (token, other) = (good().sign(), Forge::new(&stranger(Algorithm::ES256).with_kid("k-1")).sign());
    let input = format!("{token}\nBearer {token}\nAuthorization: Bearer {token}\n{other}\n");
    let arguments = |command| [&[command, "-"], &base[..]].concat();
    let (status, output) = jwt(&arguments("verify"), &input).await;
    assert_eq!((status, &*output), (Ok(1), "accepted\naccepted\naccepted\nrefused\n"));
    let (status, output) = jwt(&arguments("explain"), &input).await;
    assert_eq!(status, Ok(1));
    assert_words("each", &output, &["accepted: every check passed; `exp` is in 5 min", "refused: bad_signature"]);
    let scoped = [&["verify", "-", "--scope", "reports:write"], &base[..]].concat();
    assert_eq!(jwt(&scoped, &token).await, (Ok(1), "refused\n".to_owned()));
}

#[tokio::test]
async fn an_unreachable_issuer_is_status_2_and_names_the_cause() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.script_all(jwt_core::testing::Script::Status(500));
    let arguments = ["explain", "-", "--discover", issuer.name(), "--audience", TEST_AUDIENCE];
    let (status, output) = jwt(&arguments, &issuer.token().sign()).await;
    assert_eq!(status, Ok(2));
    assert_words("the first line", output.lines().next().expect("a line"), &["unavailable: ", "status 500"]);
}

#[tokio::test]
async fn an_error_of_the_options_says_what_to_write() {
    let broken = file("broken.toml", "leway = 5");
    let empty = file("empty.jwks", "{}");
    let absent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such-file");
    let cases: [(&[&str], &[&str]); 8] = [
        (&["verify", "a.b.c"], &["--discover", "--config"]),
        (&["verify", "a.b.c", "--issuer", ISSUER], &["--audience"]),
        (&["verify", "a.b.c", "--issuer", ISSUER, "--audience", AUDIENCE], &["`keys` must be decided"]),
        (&["verify", "a.b.c", "--config", text(&broken)], &["unknown field `leway`"]),
        (&["verify", "a.b.c", "--config", text(&absent)], &["no-such-file", "No such file"]),
        (
            &["verify", "a.b.c", "--issuer", ISSUER, "--audience", AUDIENCE, "--key", text(&empty)],
            &["empty.jwks", "key"],
        ),
        (&["verify", "a.b.c", "--now", "noon"], &["--now", "seconds since 1970"]),
        (&["decode", "-"], &["no token"]),
    ];
    let (status, _) = jwt(&["explain", "-"], &good().sign()).await;
    let named = [r#"--discover "https://id.example""#, r#"--audience "https://api.example""#];
    assert_words("what the token names", &status.expect_err("an error"), &named);
    for (arguments, words) in cases {
        let (status, output) = jwt(arguments, "").await;
        assert_eq!(output, "");
        assert_words(&arguments.join(" "), &status.expect_err("an error"), words);
    }
}

#[tokio::test]
async fn decoding_needs_no_key_and_shows_values_only_on_demand() {
    let token = good().sign();
    let (status, output) = jwt(&["decode", &token], "").await;
    assert_eq!(status, Ok(0));
    assert_words(
        "redacted",
        &output,
        &["nothing of this is verified", "ES256", "2027-01-15T08:05:00Z", "(a string of"],
    );
    assert!(!output.contains("user-1815"), "{output}");
    let (_, output) = jwt(&["decode", "--show", &token], "").await;
    assert_words("shown", &output, &["user-1815", "\"Ada\""]);
    assert_eq!(jwt(&["decode", "opaque"], "").await.0, Ok(1));
}

/// The blocks of a page that are commands of the tool, each with the output below it.
fn commands(page: &str) -> Vec<(&str, &str)> {
    let mut blocks = page.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').expect("a language"));
    let mut found = Vec::new();
    while let Some((language, command)) = blocks.next() {
        if language == "sh" && command.starts_with("jwt ") {
            let (language, output) = blocks.next().expect("an output");
            assert_eq!(language, "text", "{command}");
            found.push((command.trim(), output));
        }
    }
    found
}

#[tokio::test]
async fn the_outputs_in_the_guide_are_true() {
    let secret = "0123456789abcdef0123456789abcdef";
    let hs256 = SigningKey::from_secret(Algorithm::HS256, secret.as_bytes()).expect("long enough");
    let token = Forge::new(&hs256);
    let files = [
        ("secret", file("guide-secret", secret)),
        ("token", file("guide-token", token.clone().claim("aud", "https://api.example/").sign())),
        ("good-token", file("guide-good-token", token.sign())),
    ];
    // The guide's issuer has a port of its own.
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.cache_control(Some("public, max-age=5"));
    let shown = "http://127.0.0.1:8080";
    let path = |name: &str| files.iter().find(|(known, _)| *known == name).map(|(_, path)| path);
    let page = include_str!("../../../jwt-core/doc/tools.md");
    let (commands, mut rewritten) = (commands(page), page.to_owned());
    assert!(commands.len() >= 4);
    for (command, expected) in commands {
        let (arguments, input) = command.split_once(" < ").unwrap_or((command, ""));
        let input = path(input).map(|path| fs::read_to_string(path).expect("a file")).unwrap_or_default();
        let arguments: Vec<&str> = arguments
            .split_whitespace()
            .skip(1)
            .map(|word| path(word).map_or(word, |path| text(path)))
            .map(|word| if word == shown { issuer.name() } else { word })
            .collect();
        let (status, output) = jwt(&arguments, &input).await;
        assert!(status.is_ok(), "{command}: {status:?}");
        let output = output.replace(issuer.name(), shown);
        let block = |output: &str| format!("{command}\n```\n\n```text\n{output}");
        rewritten = rewritten.replacen(&block(expected), &block(&output), 1);
    }
    assert!(page == rewritten, "the page must be:\n{rewritten}");
}

#[tokio::test]
async fn a_file_in_place_of_an_address_is_explained() {
    let (status, _) =
        jwt(&["verify", "a.b.c", "--jwks", "keys.json", "--issuer", ISSUER, "--audience", AUDIENCE], "").await;
    let error = status.expect_err("no address");
    assert_words("a file", &error, &["--jwks", "expected an address", "use --key"]);
}
