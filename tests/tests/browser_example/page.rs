use std::process::Stdio;
use std::time::Duration;

use jwt_examples::browser::Options;
use jwt_tests::adapter::Adapter;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::open;

/// Runs a script of `tests/node` with these arguments, and returns its observations.
pub(crate) async fn run(script: &str, arguments: &[&str]) -> Value {
    let mut command = Command::new("node");
    command.arg(script).args(arguments);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node")).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(180), command.output()).await.expect("an end").expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

async fn use_with_a_browser(adapter: Adapter) {
    let url = open(adapter, &Options::short_lived());
    let seen = run("browser-example.mjs", &[&format!("{url}/")]).await;
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
    let seen = run("sibling.mjs", &[&url]).await;
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

/// Binds the session to the browser's device, and uses copied cookies elsewhere. `DEVICE_REFRESHES` is the number of refreshes.
async fn bind_to_a_device(adapter: Adapter) {
    let refreshes = std::env::var("DEVICE_REFRESHES").unwrap_or_else(|_| "20".to_owned());
    let url = open(adapter, &Options::short_lived());
    let seen = run("device-bound.mjs", &[&url, &refreshes]).await;
    // The copied access token works until it expires, and the copied refresh token does not.
    assert_eq!(seen["copied"], json!({"access": 200, "refresh": 403, "later": 403}));
    // The page sees no refusal, no matter how often the browser refreshes, and in how many tabs.
    assert_eq!(seen["answers"], json!({"200": refreshes.parse::<u64>().expect("a number")}));
    assert!(seen["proofs"].as_u64() >= refreshes.parse().ok(), "{seen}");
    assert_eq!(seen["together"], json!([200, 200, 200, 200]));
    // A logout ends the copies at once, and then the browser's own session.
    assert_eq!(seen["ended"], json!({"access": 401, "refresh": 401}));
    assert_eq!((&seen["forgotten"]["status"], &seen["forgotten"]["again"]), (&json!(401), &json!(0)));
    assert_eq!(seen["again"], json!(200), "after another login");
    let asked = ["browser proof 200", "browser proof 204", "browser proof 401", "page 401", "page 403"];
    assert_eq!(seen["seen"], json!(asked), "no proof is refused");
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn on_axum_a_browser_binds_its_session_and_copied_cookies_are_worthless() {
    bind_to_a_device(Adapter::Axum).await;
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn on_actix_web_a_browser_binds_its_session_and_copied_cookies_are_worthless() {
    bind_to_a_device(Adapter::Actix).await;
}
