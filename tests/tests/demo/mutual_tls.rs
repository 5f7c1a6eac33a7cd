//! The demo with `--tls-cert`, `--tls-key` and `--client-ca`, called by curl with the right certificate, another one, and
//! without one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jwt_examples::demo::{Demo, DemoError, Options};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::claims;

/// An authority, a certificate for the servers, and two for clients. The folder is removed when this is dropped.
struct Certificates(PathBuf);

impl Certificates {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let openssl = |arguments: &str| {
            let output = Command::new("openssl").args(arguments.split(' ')).current_dir(&folder).output();
            let output = output.expect("openssl is installed");
            assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(&format!("req -x509 {key} -subj /CN=authority -days 2 -keyout ca.key -out ca.pem"));
        fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
        for name in ["server", "ada", "eve"] {
            openssl(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
            let sign = format!("x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2");
            openssl(&format!("{sign} -extfile names -out {name}.pem"));
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn options(&self) -> Options {
        Options::on_free_ports().tls(self.file("server.pem"), self.file("server.key")).client_ca(self.file("ca.pem"))
    }

    /// Calls curl, with the certificate of `client` if there is one.
    async fn curl(&self, client: Option<&str>, arguments: &[&str]) -> Output {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-i", "--noproxy", "*", "--cacert", "ca.pem"]).args(arguments).current_dir(&self.0);
        if let Some(client) = client {
            curl.args(["--cert", &format!("{client}.pem"), "--key", &format!("{client}.key")]);
        }
        spawn_blocking(move || curl.output().expect("curl is installed")).await.expect("no panic")
    }

    async fn status(&self, client: Option<&str>, url: &str, token: &str) -> (u16, String) {
        let output = self.curl(client, &[url, "-H", &format!("Authorization: Bearer {token}")]).await;
        let text = String::from_utf8(output.stdout).expect("text");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no answer: {text}")), text)
    }

    async fn token(&self, demo: &Demo, client: Option<&str>) -> String {
        let url = format!("{}/dev-issuer/token", demo.axum_url());
        let form = ["-d", "grant_type=client_credentials", "-d", "scope=reports:read", "-d", "name=Ada"];
        let output = self.curl(client, &[&[url.as_str()], &form[..]].concat()).await;
        let text = String::from_utf8(output.stdout).expect("text");
        let (_, body) = text.split_once("\r\n\r\n").expect("an answer");
        let answer: Value = serde_json::from_str(body).expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl and openssl: see CONTRIBUTING.md"]
async fn a_token_works_only_with_the_certificate_that_it_is_bound_to() {
    let certificates = Certificates::new("mutual-tls");
    let demo = Demo::start(certificates.options()).await.expect("free ports");
    let bound = certificates.token(&demo, Some("ada")).await;
    assert_eq!(claims(&bound)["cnf"]["x5t#S256"].as_str().map(str::len), Some(43));
    let bearer = certificates.token(&demo, None).await;
    assert_eq!(claims(&bearer)["cnf"], Value::Null);
    for server in [demo.axum_url(), demo.actix_url()] {
        for path in ["/me", "/reports"] {
            let url = format!("{server}{path}");
            for (client, token, expected) in [
                (Some("ada"), &bound, 200),
                (Some("eve"), &bound, 401),
                (None, &bound, 401),
                (None, &bearer, 200),
                (Some("eve"), &bearer, 200),
            ] {
                let (status, text) = certificates.status(client, &url, token).await;
                assert_eq!(status, expected, "{url} {client:?}: {text}");
                assert_eq!(status == 401, text.contains(r#"error="invalid_token""#), "{text}");
            }
        }
    }
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl and openssl: see CONTRIBUTING.md"]
async fn the_printed_commands_work_over_tls() {
    let certificates = Certificates::new("printed-tls");
    let demo = Demo::start(certificates.options()).await.expect("free ports");
    for call in demo.calls().expect("a key that signs") {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{} -s", call.command)]).env("NO_PROXY", "*");
        let output = spawn_blocking(move || shell.output().expect("a shell")).await.expect("no panic");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.starts_with(&format!("HTTP/1.1 {}", call.status)), "{}: {text}", call.command);
    }
    assert!(demo.guide().expect("a key that signs").contains("--cert CLIENT.pem"));
    demo.stop().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_its_option() {
    let here = file!().rsplit_once('/').expect("a folder").0;
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(here).join("main.rs");
    let missing = text.with_file_name("missing.pem");
    for (options, option) in [
        (Options::on_free_ports().tls(&missing, &missing), "--tls-cert"),
        (Options::on_free_ports().tls(&text, &missing), "--tls-cert"),
        (Options::on_free_ports().tls(&text, &text).client_ca(&missing), "--client-ca"),
    ] {
        let error = Demo::start(options).await.expect_err("a file that can't be used");
        assert!(matches!(&error, DemoError::Tls { option: named, .. } if *named == option), "{error}");
        assert!(error.to_string().contains(".pem") || error.to_string().contains("main.rs"), "{error}");
    }
}
