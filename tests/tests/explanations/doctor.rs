//! `jwt doctor`: what will go wrong with an issuer or a configuration.

use jwt_core::testing::{Document, Script, ScriptedIssuer};
use jwt_tests::forge::ISSUER;

use super::assert_words;
use super::tool::{file, jwt, text};

fn body(text: &str) -> Script {
    Script::Body(text.as_bytes().to_vec())
}

#[tokio::test]
async fn an_issuer_that_works_has_no_failing_finding() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.cache_control(Some("public, max-age=300"));
    let (status, output) = jwt(&["doctor", issuer.name()], "").await;
    assert_eq!(status, Ok(0), "{output}");
    let words = ["the library can use 1 of its keys", "\"key-1\" (ES256)", "renewed every 5 min", "plain http"];
    assert_words("well", &output, &words);
    assert!(!output.contains("FAIL"), "{output}");
}

#[tokio::test]
async fn each_fault_of_an_issuer_is_one_line_with_what_to_do() {
    use Document::{KeySet, OpenIdMetadata};
    let private = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}"#;
    let cases: [(Document, Script, u8, &[&str]); 9] = [
        (KeySet, Script::Status(404), 1, &["FAIL  keys", "status 404", "nothing at this address"]),
        (KeySet, Script::LoginPage, 1, &["FAIL  keys", "HTML"]),
        (KeySet, Script::EmptySet, 1, &["FAIL  keys", "the set is empty"]),
        (KeySet, Script::Oversize, 1, &["FAIL  keys", "`KeyRefreshSettings::max_bytes`"]),
        (KeySet, Script::HangUp, 1, &["FAIL  keys", "connection"]),
        (KeySet, Script::HalfBrokenSet, 0, &["ok    keys", "warn  keys", "is set aside"]),
        (KeySet, body(private), 1, &["FAIL  keys", "everybody can read: withdraw it"]),
        (
            OpenIdMetadata,
            Script::ForeignIssuer("http://joe.example".to_owned()),
            1,
            &["FAIL  keys", "`http://joe.example`"],
        ),
        (
            OpenIdMetadata,
            Script::Redirect(301, "https://elsewhere.example".to_owned()),
            1,
            &["FAIL", "aren't followed"],
        ),
    ];
    for (document, script, expected, words) in cases {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        if document == OpenIdMetadata {
            issuer.script(Document::OAuthMetadata, script.clone());
        }
        let name = format!("{script:?}");
        issuer.script(document, script);
        let (status, output) = jwt(&["doctor", issuer.name()], "").await;
        assert_eq!(status, Ok(expected), "{name}: {output}");
        assert_words(&name, &output, words);
    }
}

#[tokio::test]
async fn a_configuration_is_examined_with_its_issuers() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.cache_control(Some("max-age=5"));
    let secret = file("doctor-secret", "0123456789abcdef0123456789abcdef");
    let content = format!(
        "[[issuers]]\nissuer = '{}'\ndiscover = true\ndangerous_any_audience = true\n\
         [[issuers]]\nissuer = '{ISSUER}'\naudience = 'api'\nalgorithm = 'HS256'\nsecret_file = '{}'\n",
        issuer.name(),
        text(&secret)
    );
    let path = file("doctor.toml", content);
    let (status, output) = jwt(&["doctor", "--config", text(&path)], "").await;
    assert_eq!(status, Ok(0), "{output}");
    let words = ["a verifier can be built", "`issuers[0].dangerous_any_audience`", "counts as 60 s", issuer.name()];
    assert_words("a configuration", &output, &words);
    #[cfg(unix)]
    assert_words("the file's mode", &output, &["`issuers[1].secret_file` can be read by other users"]);

    for (content, words) in [
        ("leway = 5", &["FAIL", "unknown field `leway`"][..]),
        ("[[issuers]]\nissuer = 'a'\ndiscover = true\n", &["FAIL", "issuers[0].audience"]),
        (
            "leeway = '10m'\n[[issuers]]\nissuer = 'https://id.example'\naudience = 'a'\npem = 'x'\nalgorithm = 'ES256'",
            &["FAIL"],
        ),
    ] {
        let path = file("doctor-wrong.toml", content);
        let (status, output) = jwt(&["doctor", "--config", text(&path)], "").await;
        assert_eq!(status, Ok(1), "{output}");
        assert_words(content, &output, words);
    }
    assert!(jwt(&["doctor"], "").await.0.is_err());
}
