use std::process::Stdio;
use std::time::Duration;

use jwt_examples::demo::{Demo, DpopMode, Options};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::{answer, client, json, start};

#[tokio::test]
async fn the_page_has_content_types_and_a_policy_that_allows_the_actix_server() {
    let demo = start().await;
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' {}; base-uri \
         'none'; form-action 'none'; frame-ancestors 'none'",
        demo.actix_url()
    );
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/dpop.js", "text/javascript; charset=utf-8"),
        ("/demo.json", "application/json"),
    ] {
        let response = client().get(format!("{}{path}", demo.axum_url())).send().await.unwrap();
        for (name, value) in [
            ("content-type", content_type),
            ("content-security-policy", policy.as_str()),
            ("cache-control", "no-cache"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            let values: Vec<_> = response.headers().get_all(name).iter().collect();
            assert_eq!(values, [value], "{path}");
        }
    }
    let settings = json(&answer(client().get(format!("{}/demo.json", demo.axum_url()))).await);
    let issuer = format!("{}/dev-issuer", demo.axum_url());
    assert_eq!(
        settings,
        json!({"axum": demo.axum_url(), "actix": demo.actix_url(), "issuer": issuer, "audience": "https://api.example",
               "embedded": true})
    );
    demo.stop().await;
}

/// Runs the script that uses the page, or only a part of it, and returns its observations.
async fn browse(demo: &Demo, only: &str) -> Value {
    let mut command = Command::new("node");
    command.args(["browser.mjs", &format!("{}/", demo.axum_url())]).env("ONLY", only);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node")).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(150), command.output()).await.expect("an end").expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn the_page_shows_that_a_stolen_token_is_refused() {
    for mode in [DpopMode::Allowed, DpopMode::Required] {
        let demo = Demo::start(Options::on_free_ports().dpop(mode)).await.expect("free ports");
        let json = browse(&demo, "stolen").await;
        let seen = &json["seen"];
        for (card, status, tone, challenge) in [
            ("with-proof", "200 OK", "good", "none"),
            ("without-proof", "401 Unauthorized", "refused", r#"error="invalid_token""#),
            ("other-key", "401 Unauthorized", "refused", r#"DPoP realm="api", error="invalid_token""#),
        ] {
            let card = &seen[card];
            assert_eq!((&card["axum"], &card["actix"], &card["tone"]), (&json!(status), &json!(status), &json!(tone)));
            assert!(card["challenge"].as_str().is_some_and(|text| text.contains(challenge)), "{card}");
        }
        assert_ne!(seen["light"], seen["dark"], "dark mode has its own colours");
        assert_eq!(json["warnings"], json!([]));
        demo.stop().await;
    }
}

#[tokio::test]
#[ignore = "needs node and chromium: see CONTRIBUTING.md"]
async fn the_page_can_be_used_with_a_keyboard() {
    let demo = start().await;
    let seen = browse(&demo, "").await;
    assert_eq!(seen["title"], "One bearer token, two servers");
    assert_eq!((&seen["header"]["typ"], &seen["header"]["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert_eq!((&seen["claims"]["name"], &seen["claims"]["iss"]), (&json!("Ada"), &json!(demo.provider().issuer)));
    assert_eq!(seen["warnings"], json!([]));
    let statuses: Vec<u64> = seen["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["status"].as_str()?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(statuses, [200, 403, 200, 200, 401, 200, 401, 401, 200, 200, 200]);
    demo.stop().await;
}
