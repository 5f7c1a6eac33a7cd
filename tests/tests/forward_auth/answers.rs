//! The gate's answers, the same on both frameworks.

use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::testing::{BareRequest, Script, ScriptedIssuer};
use jwt_examples::forward_auth::{Framework, Gate};
use jwt_tests::forge::NOW;
use reqwest::{Method, Response};

use super::site::{Site, send};

const FRAMEWORKS: [Framework; 2] = [Framework::Axum, Framework::Actix];

/// The path, the request's headers, the status, and a header of the answer with a part of its value.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], u16, &'c str, &'c str);

/// The parts of an answer that the gate decides.
async fn parts(response: Response) -> (u16, Vec<(String, String)>, String) {
    let status = response.status().as_u16();
    let decided = |name: &str| {
        name.starts_with("x-") || ["www-authenticate", "cache-control", "retry-after", "content-type"].contains(&name)
    };
    let headers = response.headers().iter().filter(|(name, _)| decided(name.as_str()));
    // The order of header lines with different names means nothing.
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    (status, headers, response.text().await.expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_frameworks_answer_a_proxy_alike() {
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    let site = Site::with(Framework::Axum, issuer);
    let actix = jwt_examples::forward_auth::Server::start(Framework::Actix, &site.gate).expect("a free port");
    let bearer = |token: String| format!("Bearer {token}");
    let good = bearer(site.token().sign());
    let expired = bearer(site.token().expired().sign());
    let writer = bearer(site.token().scope(["reports:write"]).sign());
    let cookie = format!("session={}", site.token().sign());
    let foreign = ("origin", "https://evil.example");
    let get = ("x-original-method", "GET");
    let challenge = r#"Bearer realm="api""#;
    let cases: [Case<'_>; 17] = [
        ("/auth", &[("authorization", &good)], 200, "x-user", "user-1815"),
        ("/auth/", &[("authorization", &good)], 200, "x-scope", "reports:read profile"),
        ("/auth", &[], 401, "www-authenticate", challenge),
        (
            "/auth",
            &[("authorization", &expired)],
            401,
            "www-authenticate",
            r#"Bearer realm="api", error="invalid_token""#,
        ),
        (
            "/auth",
            &[("authorization", "Bearer a b")],
            400,
            "www-authenticate",
            r#"Bearer realm="api", error="invalid_request""#,
        ),
        ("/auth/reports", &[("authorization", &writer)], 200, "x-scope", "reports:write"),
        ("/auth/reports", &[("authorization", &good)], 403, "www-authenticate", "insufficient_scope"),
        ("/auth/guests", &[], 200, "cache-control", "no-store"),
        ("/auth/unknown", &[("authorization", &good)], 404, "", ""),
        ("/elsewhere", &[("authorization", &good)], 404, "", ""),
        ("/authguests", &[("authorization", &good)], 404, "", ""),
        // A token from a cookie counts only for requests of the site itself.
        ("/auth", &[("cookie", &cookie), get], 200, "x-user", "user-1815"),
        ("/auth", &[("cookie", &cookie), ("x-original-method", "POST"), foreign], 403, "", ""),
        ("/auth", &[("cookie", &cookie), foreign], 403, "", ""),
        // Other sites can start WebSocket handshakes with the cookie.
        ("/auth", &[("cookie", &cookie), get, foreign, ("sec-websocket-key", "AAAA")], 403, "", ""),
        ("/auth", &[("cookie", &cookie), get, foreign], 200, "x-user", "user-1815"),
        ("/envoy/reports/a/b?c=d", &[("authorization", &writer)], 200, "x-user", "user-1815"),
    ];
    for (path, headers, status, name, value) in cases {
        let first = parts(site.ask(path, headers).await).await;
        let second = parts(send(Method::GET, &format!("http://{}{path}", actix.address()), headers).await).await;
        assert_eq!(first, second, "axum, left, and actix-web, right: {path} {headers:?}");
        assert_eq!(first.0, status, "{path} {headers:?}");
        let found = first.1.iter().find(|(found, _)| found == name);
        assert!(name.is_empty() || found.is_some_and(|(_, found)| found.contains(value)), "{path}: {:?}", first.1);
        assert!(status == 200 || !first.1.iter().any(|(name, _)| name.starts_with("x-")), "a refusal has no claims");
    }
    // A path of the client's cannot lead to another policy: nothing here resolves it.
    let request = BareRequest::new("GET", "/envoy/reports/../guests/a");
    let entered = site.gate.endpoint().enter(&request, &RequestState::missing("gate")).wait().await;
    assert_eq!(entered.expect_err("an answer").status, 401);
    actix.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_503_and_the_health_and_the_metrics_say_so() {
    for framework in FRAMEWORKS {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        issuer.script_all(Script::Status(500));
        let site = Site::with(framework, issuer);
        let token = format!("Bearer {}", site.token().sign());
        assert_eq!(site.ask("/auth", &[("authorization", &token)]).await.status(), 503);
        assert_eq!(site.ask("/auth", &[]).await.status(), 401);
        assert_eq!(site.ask("/health", &[]).await.status(), 503);
        let metrics = site.ask("/metrics", &[]).await.text().await.expect("text");
        for line in [
            r#"gate_tokens_total{outcome="keys_unavailable"} 1"#,
            r#"gate_tokens_total{outcome="no_credentials"} 1"#,
            "outcome=\"status\"",
        ] {
            assert!(metrics.contains(line), "{line} in {metrics}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_gate_says_so_and_stops() {
    for framework in FRAMEWORKS {
        let site = Site::start(framework).await;
        let token = format!("Bearer {}", site.token().sign());
        assert_eq!(site.ask("/auth", &[("authorization", &token)]).await.status(), 200);
        assert_eq!(site.ask("/health", &[]).await.status(), 200);
        let old = format!("Bearer {}", site.issuer.token().valid_from(std::time::Duration::from_secs(NOW / 2)).sign());
        assert_eq!(site.ask("/auth", &[("authorization", &old)]).await.status(), 401);
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_an_error_that_says_why() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("gate-wrong.toml");
    let issuer = "[[verifier.issuers]]\nissuer = 'https://id.example'\ndiscover = true\n";
    for (text, word) in [
        ("", "missing field `verifier`"),
        ("[verifier]\nleway = 5", "unknown field `leway`"),
        (issuer, "issuers[0].audience"),
        (&format!("[headers]\ncookie = '/sub'\n{issuer}audience = 'a'\n"), "`cookie` is reserved"),
        (&format!("[headers]\nx-user = 'sub'\n{issuer}audience = 'a'\n"), "/sub"),
    ] {
        std::fs::write(&path, text).expect("a file");
        let error = Gate::load(&path).expect_err(word).to_string();
        assert!(error.contains(word), "{word} in {error}");
    }
    assert!(Gate::load(&folder.join("gate-absent.toml")).is_err());
}
