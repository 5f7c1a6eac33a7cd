//! The official client of the Model Context Protocol finds its way from a rejection to a token by itself.

use std::net::Ipv4Addr;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use super::{PATIENCE, Provider};

#[expect(dead_code, reason = "the example's own `main` is not run")]
#[path = "../../../examples/examples/mcp.rs"]
mod server;

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn a_client_gets_a_token_after_a_rejection_and_then_one_with_more_scopes() {
    let mut provider = Provider::start().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let resource = format!("http://{}/mcp", listener.local_addr().expect("bound"));
    provider.ask(&format!("resource {resource} notes:read notes:write")).await;
    let app = server::app(provider.text("issuer"), &resource).expect("a server");
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let subject = provider.about["user"]["sub"].as_str().expect("a string").to_owned();
    let mut client = Command::new("node");
    client
        .args(["mcp.mjs", &resource, provider.text("public_client_id"), &subject])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node"));
    let output = client.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await.expect("an end").expect("node");
    assert!(output.status.success(), "is `npm ci` done in tests/node? {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");

    assert_eq!(answer["called"], json!({"read": format!("a note for {subject}"), "write": "written"}));
    let requests: Vec<&str> = answer["requests"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let at =
        |request: &str| requests.iter().position(|other| *other == request).unwrap_or_else(|| panic!("{requests:?}"));
    // Rejected, pointed to the metadata and the provider, given a token, and accepted.
    assert_eq!((at("POST /mcp 401"), at("GET /.well-known/oauth-protected-resource/mcp 200")), (0, 1), "{requests:?}");
    assert!(at("POST /token 200") < at("POST /mcp 200"), "{requests:?}");
    // The token lacks a scope: rejected once, and accepted with another token.
    let refused = at("POST /mcp 403");
    let after: Vec<&&str> = requests[refused..].iter().filter(|request| request.starts_with("POST")).collect();
    assert_eq!(after, [&"POST /mcp 403", &"POST /token 200", &"POST /mcp 200"], "{requests:?}");
    assert_eq!(requests.iter().filter(|request| request.starts_with("POST /mcp 4")).count(), 2, "{requests:?}");

    server.abort();
    provider.stop().await;
}
