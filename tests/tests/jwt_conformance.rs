//! The program `jwt-conformance`: both demo servers pass, and servers that are wrong don't.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Output, Stdio};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use jwt_examples::demo::{Demo, Options};
use serde_json::Value;
use tokio::process::Command;

const AUDIENCE: &str = "https://api.example";

/// Returns a port that was free a moment ago: the issuer's address must be known before it starts.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

async fn check(url: &str, port: u16, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwt-conformance"));
    command.args([url, "--audience", AUDIENCE, "--json", "--port", &port.to_string()]).args(more);
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("it runs")
}

fn report(output: &Output) -> Value {
    let problem = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {}", problem()))
}

fn names<'r>(report: &'r Value, outcome: &str) -> Vec<&'r str> {
    let cases = report["cases"].as_array().expect("cases").iter();
    cases.filter(|case| case["outcome"] == outcome).filter_map(|case| case["case"].as_str()).collect()
}

/// Serves the same answer to every request.
async fn serve(status: StatusCode) -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(
        async move { axum::serve(listener, Router::new().fallback(any(move || async move { status }))).await },
    );
    url
}

async fn assert_that_the_demo_passes(framework: &str) {
    let port = free_port();
    let options = Options::on_free_ports().provider(format!("http://127.0.0.1:{port}"), AUDIENCE);
    let demo = Demo::start(options).await.expect("free ports");
    let server = if framework == "axum" { demo.axum_url() } else { demo.actix_url() };
    let output = check(&format!("{server}/me"), port, &["--patience", "60"]).await;
    let report = report(&output);
    assert_eq!(names(&report, "FAIL"), Vec::<&str>::new(), "{framework}: {report:#}");
    assert_eq!(names(&report, "note"), Vec::<&str>::new(), "{framework}: {report:#}");
    assert!(names(&report, "pass").len() > 90, "{framework}: {report:#}");
    assert_eq!(output.status.code(), Some(0));
}

// A server accepts a new key up to 30 s after a flood of invented ones, so both wait at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn both_demo_servers_pass() {
    tokio::join!(assert_that_the_demo_passes("axum"), assert_that_the_demo_passes("actix"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_everything_fails_each_refusal() {
    let url = serve(StatusCode::OK).await;
    let output = check(&url, 0, &["--rfc9068"]).await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1));
    // Only good tokens are answered rightly.
    let passed = names(&report, "pass");
    assert!(passed.iter().all(|name| !name.starts_with("answer/") && !name.starts_with("text/payload")), "{passed:?}");
    for name in ["algorithm/none", "signature/es256-zero", "claims/expired", "rfc9068/no-jti", "sent/two-headers"] {
        assert!(names(&report, "FAIL").contains(&name), "{name}: {report:#}");
    }
    assert!(names(&report, "FAIL").len() > 60, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_everything_is_not_tested() {
    let url = serve(StatusCode::UNAUTHORIZED).await;
    let output = check(&url, 0, &["--patience", "1"]).await;
    assert_eq!(output.status.code(), Some(2));
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(problem.contains("answers a good token with 401"), "{problem}");
}
