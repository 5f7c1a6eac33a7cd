//! Keys that cannot be fetched: the log has the cause by its name.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use jwt_core::keys::{FetchError, FetchErrorKind, Fetched, fetch_fn};
use jwt_core::testing::{AUDIENCE, BareRequest, Document, Script, ScriptedIssuer};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_examples::cli::{Verdict, explain_request};
use jwt_tests::log::Log;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::assert_words;

/// Fetches the keys, and asserts that the first warning that they could not be fetched, the error that is returned, and the
/// detail of a token's error explain it.
pub(super) async fn explain(name: &str, builder: VerifierBuilder, token: &str, words: &[&str]) {
    let log = Log::start();
    let verifier = builder.build().expect("a verifier");
    let error = verifier.fetch_keys().await.expect_err(name).to_string();
    let text = log.text();
    let line = text.lines().find(|line| line.starts_with("WARN ") && line.contains("keys could not be fetched"));
    assert_words(name, line.unwrap_or_else(|| panic!("{name}: no warning: {text}")), words);
    assert_eq!(text.lines().filter(|line| line.starts_with("WARN ")).count(), 1, "{name}: {text}");
    assert_words(name, &error, words);
    let refused = verifier.verify(token).await.expect_err("no keys");
    assert_eq!(refused.kind(), ErrorKind::KeysUnavailable, "{name}");
    // The status and the refused token say the same, which has no code.
    let failed = verifier.key_set_status().swap_remove(0).1.last_error.expect("it failed");
    let detail = refused.detail().expect("a detail");
    for text in [failed.detail().expect("a detail"), &detail] {
        assert_words(name, &format!("{} {text}", failed.kind().code()), words);
    }
    assert_words(name, &detail, &["the issuer's key"]);
    let request = BareRequest::new("GET", "/").header("authorization", format!("Bearer {token}"));
    let explanation = explain_request(&verifier, &request, token).await;
    assert_eq!((explanation.verdict, explanation.code), (Verdict::Unavailable, "keys_unavailable"), "{name}");
    assert_words(name, &explanation.summary, words);
}

fn body(text: &str) -> Script {
    Script::Body(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_bad_response_is_explained() {
    use Document::{KeySet, OpenIdMetadata};
    let elsewhere = "https://keys.example/jwks?secret=1".to_owned();
    let private = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}"#;
    let secret = r#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}]}"#;
    let encryption = r#"{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}"#;
    let foreign = "http://joe.example".to_owned();
    let cases: Vec<(&str, Document, Script, &[&str])> = vec![
        (
            "a redirect",
            KeySet,
            Script::Redirect(301, elsewhere.clone()),
            &["status 301", "`keys.example`", "aren't followed"],
        ),
        ("a redirect of metadata", OpenIdMetadata, Script::Redirect(308, elsewhere), &["status 308", "`keys.example`"]),
        ("404", KeySet, Script::Status(404), &["status 404", "nothing at this address"]),
        ("403", KeySet, Script::Status(403), &["status 403", "credentials"]),
        ("429", KeySet, Script::Status(429), &["status 429", "fewer requests"]),
        ("500", KeySet, Script::Status(500), &["status 500", "fails"]),
        ("HTML", KeySet, Script::LoginPage, &["HTML", "login page"]),
        ("HTML as metadata", OpenIdMetadata, Script::LoginPage, &["HTML", "openid-configuration"]),
        ("no text", KeySet, Script::InvalidUtf8, &["isn't UTF-8"]),
        ("nothing", KeySet, body(""), &["the body is empty"]),
        ("no keys member", KeySet, body("{}"), &["no array `keys`"]),
        (
            "text after the set",
            KeySet,
            body(r#"{"keys":[]} x"#),
            &["isn't JSON", "trailing characters at line 1 column 13"],
        ),
        ("single quotes", KeySet, body("{'keys':[]}"), &["isn't JSON", "line 1 column 2"]),
        ("cut off", KeySet, body("{\"keys\":[\n{\"kty\":"), &["isn't JSON", "line 2"]),
        ("a name twice", KeySet, body(r#"{"keys":[],"keys":[]}"#), &["same name"]),
        ("a single key", KeySet, body(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#), &["a single JWK"]),
        ("a list of keys", KeySet, body(r#"[{"kty":"RSA"}]"#), &["a JSON array"]),
        ("gzip", KeySet, Script::Body(b"\x1f\x8b\x08\0".to_vec()), &["gzip", "uncompressed"]),
        ("UTF-16", KeySet, Script::Body(b"\xff\xfe{\0}\0".to_vec()), &["UTF-16"]),
        ("metadata in UTF-16", OpenIdMetadata, Script::Body(b"\xff\xfe{\0}\0".to_vec()), &["UTF-16"]),
        ("a key at an address", KeySet, body(r#"{"keys":[{"kty":"RSA","x5u":"https://a.example"}]}"#), &["`x5u`"]),
        ("a key for no operation", KeySet, body(r#"{"keys":[{"kty":"RSA","key_ops":[]}]}"#), &["`key_ops` is empty"]),
        (
            "a number as a number",
            KeySet,
            body(r#"{"keys":[{"kty":"RSA","n":"AQAB","e":65537}]}"#),
            &["key 0", "`e`", "string"],
        ),
        (
            "too many keys",
            KeySet,
            body(&format!(r#"{{"keys":[{}1]}}"#, "1,".repeat(100))),
            &["`KeyRefreshSettings::max_keys`"],
        ),
        ("PEM", KeySet, body("-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----"), &["PEM"]),
        ("an encrypted set", KeySet, body("eyJhbGciOiJkaXIifQ..YQ.YQ.YQ"), &["encrypted", "publish"]),
        ("an empty set", KeySet, Script::EmptySet, &["no_usable_key", "the set is empty"]),
        ("too large", KeySet, Script::Oversize, &["`KeyRefreshSettings::max_bytes`", "524288"]),
        ("a private key", KeySet, body(private), &["key 0", "private key"]),
        ("a secret", KeySet, body(secret), &["key 0", "secret"]),
        ("a key for encryption", KeySet, body(encryption), &["key 0", "use"]),
        (
            "metadata as a set",
            KeySet,
            body(r#"{"issuer":"a","jwks_uri":"b"}"#),
            &["discovery document", "`TrustedIssuer::discover`"],
        ),
        ("a set as metadata", OpenIdMetadata, body(r#"{"keys":[]}"#), &["key set", "`TrustedIssuer::jwks`"]),
        (
            "another issuer",
            OpenIdMetadata,
            Script::ForeignIssuer(foreign),
            &["`http://joe.example`", "`http://127.0.0.1:"],
        ),
        (
            "http",
            OpenIdMetadata,
            Script::KeySetAt("http://joe.example/jwks".to_owned()),
            &["`jwks_uri`", "`http://joe.example/jwks`"],
        ),
        (
            "a relative address",
            OpenIdMetadata,
            Script::KeySetAt("/jwks".to_owned()),
            &["`jwks_uri`", "`/jwks`", "write all of it"],
        ),
        (
            "a template",
            OpenIdMetadata,
            Script::ForeignIssuer("https://login.example/{tenantid}/v2.0".to_owned()),
            &["a template for many tenants"],
        ),
    ];
    for (name, document, script, words) in cases {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        if document == OpenIdMetadata {
            issuer.script(Document::OAuthMetadata, script.clone());
        }
        issuer.script(document, script);
        let trusted = TrustedIssuer::discover(issuer.name()).audience(AUDIENCE);
        let builder = Verifier::builder().issuer(trusted).clock(issuer.clock());
        // Each names the address that was asked.
        let words = [words, &["`http://127.0.0.1:"]].concat();
        explain(name, builder, &issuer.token().sign(), &words).await;
    }
}

#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_is_shown_with_both_names() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let published = format!("{}/", issuer.name());
    issuer.script(Document::OpenIdMetadata, Script::ForeignIssuer(published.clone()));
    let trusted = TrustedIssuer::discover(issuer.name()).audience(AUDIENCE);
    let builder = Verifier::builder().issuer(trusted).clock(issuer.clock());
    let both = [format!("`{published}`"), format!("`{}`", issuer.name())];
    explain("a slash", builder, &issuer.token().sign(), &["issuer_mismatch", "only by a slash", &both[0], &both[1]])
        .await;
}

/// Starts a server that answers anything, even the beginning of TLS, with plain HTTP.
async fn plain_server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 1024];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn a_real_connection_that_fails_is_explained() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let plain = plain_server().await;
    let cases: [(&str, String, Script, &[&str]); 3] = [
        ("nobody listens", format!("http://{free}/jwks"), Script::Well, &["refused", "nothing listens", "container"]),
        (
            "TLS to a port without",
            format!("https://{plain}/jwks"),
            Script::Well,
            &["doesn't speak TLS", "plain `http`"],
        ),
        ("a broken connection", issuer.jwks_uri(), Script::HangUp, &["error sending request: ", "connection"]),
    ];
    for (name, url, script, words) in cases {
        issuer.script(Document::KeySet, script);
        let trusted = TrustedIssuer::jwks(issuer.name(), url).audience(AUDIENCE);
        let builder = Verifier::builder().issuer(trusted).clock(issuer.clock());
        explain(name, builder, &issuer.token().sign(), words).await;
    }
}

/// An error of an HTTP client, with its cause.
#[derive(Debug)]
struct ClientError(&'static str, Option<Box<dyn Error + Send + Sync>>);

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = &**self.1.as_ref()?;
        Some(cause)
    }
}

type Cause = Box<dyn Error + Send + Sync>;

#[tokio::test]
async fn the_causes_of_a_client_of_your_own_are_shown() {
    let refused = || -> Cause { io::Error::from(io::ErrorKind::ConnectionRefused).into() };
    let text = |text: &'static str| -> Cause { text.into() };
    let tls = "invalid peer certificate: UnknownIssuer";
    let cases: [(&str, FetchErrorKind, Cause, &[&str]); 6] = [
        (
            "a private authority",
            FetchErrorKind::Transport,
            text(tls),
            &[tls, "private authority", "`HttpFetch::from_client`"],
        ),
        (
            "DNS",
            FetchErrorKind::Transport,
            text("failed to lookup address information"),
            &["lookup", "DNS doesn't know the host"],
        ),
        ("a proxy", FetchErrorKind::Transport, text("tunnel error: unsuccessful"), &["tunnel", "`HTTPS_PROXY`"]),
        ("refused", FetchErrorKind::Transport, refused(), &["connection refused", "nothing listens"]),
        ("time", FetchErrorKind::Timeout, text("slow"), &["within 5s", "`KeyRefreshSettings::timeout`", "firewall"]),
        ("a status", FetchErrorKind::Status, text("status 418"), &["status 418"]),
    ];
    for (name, kind, cause, words) in cases {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        let error = FetchError::new(kind, ClientError("client error (Connect)", Some(cause)));
        let fetch = fetch_fn(move |_url: String| {
            let error = error.clone();
            async move { Err::<Fetched, _>(error) }
        });
        let trusted = TrustedIssuer::jwks(issuer.name(), issuer.jwks_uri()).audience(AUDIENCE);
        let builder = Verifier::builder().issuer(trusted).clock(issuer.clock()).fetch(fetch);
        explain(name, builder, &issuer.token().sign(), words).await;
    }
}

#[tokio::test]
async fn keys_that_are_set_aside_are_named_once_for_each_set() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.script(Document::KeySet, Script::HalfBrokenSet);
    let trusted = TrustedIssuer::discover(issuer.name()).audience(AUDIENCE);
    let verifier = Verifier::builder().issuer(trusted).clock(issuer.clock()).build().expect("a verifier");
    let log = Log::start();
    for _ in 0..3 {
        verifier.fetch_keys().await.expect("a good key is left");
    }
    let text = log.text();
    let warnings: Vec<&str> = text.lines().filter(|line| line.starts_with("WARN ")).collect();
    assert!(
        !warnings.is_empty() && warnings.iter().all(|line| line.contains("index=") && line.contains("reason=")),
        "{text}"
    );
    let mut distinct = warnings.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), warnings.len(), "each is told once: {text}");
}
