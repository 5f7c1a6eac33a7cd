//! The examples of the Model Context Protocol: their answers, and the protocol's conformance suite.

mod conformance;
mod protocol;

use std::net::Ipv4Addr;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use jwt_core::testing::ScriptedIssuer;
use jwt_core::{BuildError, Clock as _, SystemClock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[expect(dead_code, reason = "the example's own `main` is not run")]
#[path = "../../../examples/examples/mcp.rs"]
mod by_hand;

#[expect(dead_code, reason = "the example's own `main` is not run")]
#[path = "../../../examples/examples/mcp_rmcp.rs"]
mod with_sdk;

/// An example and its issuer. A front adds a token to each request, because neither the suite nor these tests sign in.
struct Server {
    url: String,
    _issuer: ScriptedIssuer,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(app: fn(&str, &str) -> Result<Router, BuildError>, scope: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("bound"));
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        let token =
            issuer.token().claim("aud", url.as_str()).claim("scope", scope).valid_from(SystemClock.now()).sign();
        let token = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
        let app = app(issuer.name(), &url).expect("a server");
        let front = Router::new().fallback_service(app).layer(map_request(move |mut request: Request| {
            request.headers_mut().entry(AUTHORIZATION).or_insert(token.clone());
            std::future::ready(request)
        }));
        let task = tokio::spawn(async move { axum::serve(listener, front).await });
        Self { url, _issuer: issuer, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
