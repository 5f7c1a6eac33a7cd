//! The examples, run as their headers say, with the commands that they print.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// An example on a free port. It stops when this is dropped.
struct Example {
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// A command that an example prints.
struct Call {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    status: u16,
}

/// Builds the examples if necessary, and returns their folder.
fn built() -> &'static HashMap<String, PathBuf> {
    static BUILT: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| {
        // The whole workspace, so that its dependencies are built with the features that they already have.
        let build = ["build", "--offline", "--quiet", "--workspace", "--examples", "--message-format=json"];
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let output =
            std::process::Command::new(env!("CARGO")).args(build).current_dir(root).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let executable = |message: Value| {
            let path = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
        };
        messages.filter_map(executable).collect()
    })
}

impl Example {
    fn start(name: &str) -> Self {
        let program = &built()[name];
        let mut process =
            Command::new(program).arg("0").stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        Self { lines, _process: process }
    }

    /// Reads the example's output: the tokens by the names of their variables, and the commands.
    async fn calls(&mut self) -> Vec<Call> {
        let (mut variables, mut calls) = (HashMap::new(), Vec::new());
        while let Some(line) =
            timeout(Duration::from_secs(20), self.lines.next_line()).await.expect("in time").expect("text")
        {
            let (command, remark) = line.rsplit_once(" # ").unwrap_or((&line, ""));
            if command.starts_with("# Ctrl-C") {
                return calls;
            } else if let Some(command) = command.strip_prefix("curl -i ") {
                calls.push(Call::read(command, remark, &variables));
            } else if let Some((name, token)) = command.split_once('=').filter(|(name, _)| !name.starts_with('#')) {
                variables.insert(name.to_owned(), token.to_owned());
            }
        }
        calls
    }
}

impl Call {
    /// Understands as much shell syntax as the examples print.
    fn read(command: &str, remark: &str, variables: &HashMap<String, String>) -> Self {
        let (mut method, mut url, mut headers) = (Method::GET, String::new(), Vec::new());
        let mut words = command.split('"').enumerate().flat_map(|(place, part)| {
            let words: Vec<&str> = if place % 2 == 1 { vec![part] } else { part.split_whitespace().collect() };
            words
        });
        while let Some(word) = words.next() {
            match word {
                "-X" => method = words.next().expect("a method").parse().expect("a method"),
                "-H" => {
                    let header = words.next().expect("a header");
                    let (header, token) = match header.split_once('$') {
                        Some((header, name)) => (header, variables[name].as_str()),
                        None => (header, ""),
                    };
                    let (name, value) = header.split_once(": ").expect("a header");
                    headers.push((name.to_owned(), format!("{value}{token}")));
                }
                _ => word.clone_into(&mut url),
            }
        }
        Self { method, url, headers, status: remark.parse().expect("a status") }
    }

    async fn send(&self) -> (u16, Option<String>, String) {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
        let request = client.request(self.method.clone(), &self.url);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.send().await.expect("an answer");
        let challenge =
            response.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        (response.status().as_u16(), challenge, response.text().await.expect("text"))
    }
}

#[tokio::test]
async fn the_examples_with_scopes_answer_as_they_say() {
    for name in ["axum_scopes", "actix_scopes"] {
        let mut example = Example::start(name);
        let calls = example.calls().await;
        assert_eq!(calls.len(), 10, "{name}");
        let mut challenges = Vec::new();
        for call in calls {
            let (status, challenge, _) = call.send().await;
            assert_eq!(status, call.status, "{name}: {} {}", call.method, call.url);
            challenges.extend(challenge);
        }
        let expected = [
            r#"Bearer realm="api""#,
            r#"Bearer realm="api", error="insufficient_scope", scope="reports:write""#,
            r#"Bearer realm="api", error="insufficient_scope""#,
            r#"Bearer realm="api", error="insufficient_user_authentication", acr_values="phr""#,
        ];
        assert_eq!(challenges, expected, "{name}");
    }
}

#[tokio::test]
async fn only_the_gateway_names_the_user() {
    let mut example = Example::start("gateway");
    let calls = example.calls().await;
    assert_eq!(calls.len(), 3);
    let mut seen = Vec::new();
    for call in &calls {
        let (status, _, body) = call.send().await;
        assert_eq!(status, call.status, "{}", call.url);
        assert!(!body.contains("authorization") && !body.contains("eyJ") && !body.contains("root"), "{body}");
        seen.push(body);
    }
    assert_eq!(seen[0], "");
    let ours = |body: &str| {
        let lines = body.lines().filter(|line| line.starts_with("x-") || line.starts_with("x_"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert!(seen[1].starts_with("GET /reports?page=2\n"), "{}", seen[1]);
    assert_eq!(ours(&seen[1]), ["x-issuer: https://id.example", "x-scope: reports:read", "x-user: ada"]);
    let grace =
        ["x-issuer: https://id.example", "x-roles: editor", "x-scope: reports:read reports:write", "x-user: grace"];
    assert_eq!(ours(&seen[2]), grace);
}

#[tokio::test]
async fn the_openapi_document_says_what_the_service_enforces() {
    for generator in ["openapi", "openapi_aide"] {
        let mut example = Example::start(generator);
        let calls = example.calls().await;
        assert_eq!(calls.len(), 6);
        let mut document = Value::Null;
        for call in &calls {
            let (status, _, body) = call.send().await;
            assert_eq!(status, call.status, "{generator}: {} {}", call.method, call.url);
            if call.url.ends_with("/openapi.json") {
                document = serde_json::from_str(&body).expect("a document");
            }
        }
        let security = |path: &str, method: &str| document["paths"][path][method]["security"].to_string();
        assert_eq!(document["info"]["title"], "Reports", "{generator}");
        assert_eq!(security("/health", "get"), "[]", "{generator}");
        assert_eq!(security("/reports", "get"), r#"[{"bearer":["reports:read"]}]"#, "{generator}");
        assert_eq!(security("/reports", "post"), r#"[{"bearer":["reports:write"]}]"#, "{generator}");
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer", "{generator}");
    }
}
