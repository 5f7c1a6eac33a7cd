use std::process::Stdio;
use std::time::Duration;

use jwt_examples::browser::Options;
use jwt_tests::adapter::Adapter;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::open;

async fn use_with_a_browser(adapter: Adapter) {
    let url = open(adapter, &Options::short_lived());
    let mut command = Command::new("node");
    command.args(["browser-example.mjs", &format!("{url}/")]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node")).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(180), command.output()).await.expect("an end").expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(
        seen["attacks"],
        json!({
            "form from 127.0.0.1": "POST /auth/logout-everywhere 403",
            "fetch from 127.0.0.1": "POST /auth/logout-everywhere 403",
            "form from localhost": "POST /auth/logout-everywhere 401",
            "fetch from localhost": "POST /auth/logout-everywhere 401",
            "a refresh token used again": "POST /auth/refresh 401",
        })
    );
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn the_page_works_on_axum_and_other_sites_and_thieves_fail() {
    use_with_a_browser(Adapter::Axum).await;
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn the_page_works_on_actix_web_and_other_sites_and_thieves_fail() {
    use_with_a_browser(Adapter::Actix).await;
}

/// Another host of the domain plants the tokens of its own login, in cookies for the whole domain.
async fn visit_a_hostile_sibling(adapter: Adapter) {
    let url = open(adapter, &Options::short_lived());
    let mut command = Command::new("node");
    command.args(["sibling.mjs", &url]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node")).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(120), command.output()).await.expect("an end").expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    // The browser keeps cookies without a prefix, or with one that allows a domain. The example reads neither.
    let planted = ["__Secure-access", "__Secure-csrf", "__Secure-refresh", "access", "csrf", "refresh"];
    assert_eq!(seen["planted"], json!(planted));
    assert_eq!(
        (&seen["refused"], &seen["refreshed"]),
        (&json!("POST /auth/refresh 401"), &json!(["POST /auth/refresh 204"]))
    );
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn on_axum_a_hostile_sibling_domain_neither_logs_in_nor_locks_out() {
    visit_a_hostile_sibling(Adapter::Axum).await;
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn on_actix_web_a_hostile_sibling_domain_neither_logs_in_nor_locks_out() {
    visit_a_hostile_sibling(Adapter::Actix).await;
}
