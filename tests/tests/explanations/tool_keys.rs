//! `jwt keys`, `jwt mint` and `jwt completions`.

use std::fs;

use jwt_core::Algorithm;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use serde_json::Value;

use super::assert_words;
use super::tool::{file, jwt, text};

/// Runs a command that must succeed, and returns its output.
async fn output(arguments: &[&str]) -> String {
    let (status, output) = jwt(arguments, "").await;
    assert_eq!(status, Ok(0), "{arguments:?}");
    output
}

#[tokio::test]
async fn a_key_of_every_algorithm_is_made_converted_published_and_verifies_what_it_signed() {
    for algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_symmetric()) {
        let name = algorithm.name();
        let of = ["--algorithm", name];
        let jwk = file(&format!("{name}.jwk"), output(&[&["keys", "generate", "--to", "jwk"], &of[..]].concat()).await);
        let pem = output(&["keys", "convert", text(&jwk), "--to", "pem"]).await;
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"), "{name}");
        let pem = file(&format!("{name}.pem"), pem);
        let back = output(&[&["keys", "convert", text(&pem), "--to", "jwk"], &of[..]].concat()).await;
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(json(&back), json(&fs::read_to_string(&jwk).expect("the file")), "{name}");

        let public = output(&["keys", "convert", text(&pem), "--to", "pem", "--public"]).await;
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{name}");
        let public = file(&format!("{name}.pub"), public);
        let thumbprint = output(&["keys", "thumbprint", text(&jwk)]).await;
        assert_eq!(output(&["keys", "thumbprint", text(&public)]).await, thumbprint, "{name}");
        let set = output(&["keys", "jwks", text(&jwk)]).await;
        assert_eq!(json(&set)["keys"][0]["kid"], *thumbprint.trim(), "{name}");
        assert!(!set.contains("\"d\"") && !set.contains("\"priv\""), "{name}: only the public part is published");

        let trusted = ["--issuer", ISSUER, "--audience", AUDIENCE];
        let token = output(&[&["mint", "--key", text(&pem)], &of[..], &trusted].concat()).await;
        for key in [file(&format!("{name}.jwks"), set), public] {
            let verify = [&["verify", "-", "--key", text(&key)], &of[..], &trusted].concat();
            assert_eq!(jwt(&verify, &token).await, (Ok(0), "accepted\n".to_owned()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_never_published() {
    let secret = file("hs256.jwk", output(&["keys", "generate", "--algorithm", "HS256"]).await);
    for arguments in [
        &["keys", "jwks", text(&secret)][..],
        &["keys", "thumbprint", text(&secret)],
        &["keys", "convert", text(&secret), "--to", "jwk", "--public"],
        &["keys", "convert", text(&secret), "--to", "pem"],
    ] {
        let (status, output) = jwt(arguments, "").await;
        assert_eq!(output, "");
        assert_words(&arguments.join(" "), &status.expect_err("an error"), &["secret"]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_is_readable_only_by_its_owner_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let path = file("owner.pem", "");
    fs::remove_file(&path).expect("the file");
    let arguments = ["keys", "generate", "--output", text(&path)];
    assert_eq!(output(&arguments).await, "");
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    let before = fs::read(&path).expect("the file");
    let (status, _) = jwt(&arguments, "").await;
    assert_words("again", &status.expect_err("an error"), &["owner.pem", "exists"]);
    assert_eq!(fs::read(&path).expect("the file"), before);
}

#[tokio::test]
async fn a_minted_token_has_the_claims_that_it_was_given() {
    let secret = file("mint-secret", "0123456789abcdef0123456789abcdef");
    let base =
        ["mint", "--secret-file", text(&secret), "--issuer", ISSUER, "--audience", AUDIENCE, "--now", "1800000000"];
    let claims = ["--claim", "roles=[\"a\"]", "--claim", "name=Ada", "--claims", "{\"level\": 3}", "--subject", "ada"];
    let token = output(&[&base[..], &claims].concat()).await;
    let decoded = output(&["decode", "--show", token.trim()]).await;
    let words =
        ["roles          [\"a\"]", "name           \"Ada\"", "level          3", "sub            \"ada\"", "08:05:00Z"];
    assert_words("decoded", &decoded, &words);

    let trusted = ["--issuer", ISSUER, "--audience", AUDIENCE, "--secret-file", text(&secret), "--now", "1800000000"];
    let ended = output(&[&base[..], &["--expires-in", "-3600"]].concat()).await;
    let (status, report) = jwt(&[&["explain", "-"], &trusted[..]].concat(), &ended).await;
    assert_eq!(status, Ok(1));
    // Its `iat` is after its `exp`, but it has ended first.
    assert_words("ended", &report, &["refused: expired: `exp` was 3600 s ago"]);

    let public = file("mint.pub", output(&["keys", "generate"]).await);
    let public = file("mint.public", output(&["keys", "convert", text(&public), "--to", "pem", "--public"]).await);
    let (status, _) = jwt(&["mint", "--key", text(&public)], "").await;
    assert_words("a public key", &status.expect_err("an error"), &["public key", "private one"]);
    for wrong in [&["mint"][..], &["mint", "--key", "a", "--claim", "name"], &["mint", "--key", "a", "--claims", "[]"]]
    {
        assert!(jwt(wrong, "").await.0.is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert_words(shell, &output(&["completions", shell]).await, &["explain", "doctor", "mint", "jwt"]);
    }
}
