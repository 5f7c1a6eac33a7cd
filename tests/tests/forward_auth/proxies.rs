//! The gate behind a real nginx, Caddy, HAProxy, Traefik and Envoy, with the configurations of the guide.

use jwt_core::testing::{Script, ScriptedIssuer};
use jwt_examples::forward_auth::Framework;
use reqwest::Method;

use super::proxy::{Kind, Proxy};
use super::reload::{reload_often, under_load};
use super::site::{Site, send, upstream};

/// Lets a client try to get through, and to pass for another user.
async fn guards(kind: Kind) {
    let upstream = upstream().await;
    for framework in [Framework::Axum, Framework::Actix] {
        let site = Site::start(framework).await;
        let proxy = Proxy::start(kind, &site.folder, site.address(), upstream).await;
        let url = format!("{}/reports?page=2", proxy.url);
        let good = format!("Bearer {}", site.token().sign());

        let allowed = send(Method::GET, &url, &[("authorization", &good)]).await;
        assert_eq!(allowed.status(), 200, "{kind:?}");
        let seen = allowed.text().await.expect("text");
        assert!(
            seen.contains("x-user: user-1815\n") && seen.contains("x-scope: reports:read profile\n"),
            "{kind:?}: {seen}"
        );
        assert!(!seen.contains("authorization"), "{kind:?}: the token stays here: {seen}");

        let missing = send(Method::GET, &url, &[]).await;
        assert_eq!(missing.status(), 401, "{kind:?}");
        assert_eq!(missing.headers()["www-authenticate"], r#"Bearer realm="api""#, "{kind:?}");
        let expired = format!("Bearer {}", site.token().expired().sign());
        let refused = send(Method::POST, &url, &[("authorization", &expired)]).await;
        assert_eq!(refused.status(), 401, "{kind:?}");
        assert_eq!(refused.headers()["www-authenticate"], r#"Bearer realm="api", error="invalid_token""#, "{kind:?}");
        let malformed = send(Method::GET, &url, &[("authorization", "Bearer a b")]).await;
        assert_eq!(malformed.status(), 400, "{kind:?}");

        // A client cannot name another user, even if the token lacks the claim.
        let bare = format!("Bearer {}", site.token().without("scope").sign());
        let spoofed = [
            ("authorization", &*bare),
            ("X-User", "root"),
            ("x-user", "root"),
            ("X_User", "root"),
            ("X-Scope", "root"),
            ("X_Scope", "root"),
        ];
        let spoofed = send(Method::GET, &url, &spoofed).await;
        assert_eq!(spoofed.status(), 200, "{kind:?}");
        let seen = spoofed.text().await.expect("text");
        assert!(seen.contains("x-user: user-1815\n") && !seen.contains("root"), "{kind:?}: {seen}");

        // The method that counts is the client's, which it cannot change by a header.
        let cookie = format!("session={}", site.token().sign());
        let headers = [
            ("cookie", &*cookie),
            ("origin", "https://evil.example"),
            ("x-original-method", "GET"),
            ("x-forwarded-method", "GET"),
        ];
        assert_eq!(send(Method::POST, &url, &headers).await.status(), 403, "{kind:?}");
        assert_eq!(send(Method::GET, &url, &[("cookie", &*cookie)]).await.status(), 200, "{kind:?}");
        let own = [("cookie", &*cookie), ("origin", &*proxy.url)];
        assert_eq!(send(Method::POST, &url, &own).await.status(), 200, "{kind:?}: a page of the site itself");

        // A page of another site cannot open a socket with the cookie.
        let handshake = [
            ("cookie", &*cookie),
            ("origin", "https://evil.example"),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ];
        let response = send(Method::GET, &url, &handshake).await;
        let refused = response.status() == 403;
        let seen = response.text().await.expect("text");
        assert!(refused || !seen.contains("upgrade:"), "{kind:?}: {seen}");

        under_load(&site, url, "user-1815 reports-service", reload_often(&site)).await;
    }
    // Without keys, the token cannot be checked.
    let issuer = ScriptedIssuer::start().await.expect("an issuer");
    issuer.script_all(Script::Status(500));
    let site = Site::with(Framework::Axum, issuer);
    let proxy = Proxy::start(kind, &site.folder, site.address(), upstream).await;
    let token = format!("Bearer {}", site.token().sign());
    assert_eq!(send(Method::GET, &proxy.url, &[("authorization", &token)]).await.status(), 503, "{kind:?}");
    // If the gate is gone, every request is refused.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let closed = Proxy::start(kind, &site.folder, free, upstream).await;
    assert!(send(Method::GET, &closed.url, &[("authorization", &token)]).await.status().is_server_error(), "{kind:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs nginx: see CONTRIBUTING.md"]
async fn nginx_lets_only_good_tokens_through() {
    guards(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Caddy: see CONTRIBUTING.md"]
async fn caddy_lets_only_good_tokens_through() {
    guards(Kind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs HAProxy: see CONTRIBUTING.md"]
async fn haproxy_lets_only_good_tokens_through() {
    guards(Kind::HaProxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Traefik: see CONTRIBUTING.md"]
async fn traefik_lets_only_good_tokens_through() {
    guards(Kind::Traefik).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Envoy: see CONTRIBUTING.md"]
async fn envoy_lets_only_good_tokens_through() {
    guards(Kind::Envoy).await;
}
