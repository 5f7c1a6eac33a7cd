//! Shows a gateway on axum that verifies tokens and forwards their claims to an upstream service in headers.
//! ```sh
//! cargo run -p jwt-examples --example gateway
//! ```
//! It starts the gateway and an upstream service, which answers with the request it got. It prints tokens and commands to paste
//! into another terminal, each with the status to expect. To use another port than 3000, add `-- 8080`; `-- 0` takes any free
//! port.
//!
//! In the answers, look for `x-user`, `x-roles` and `x-scope`: they always come from the token, even if the client sends headers
//! with these names. The token itself isn't forwarded.

use std::fmt::Write as _;

use axum::body::Body;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use axum::{Router, serve};
use jwt_examples::people::{People, port};
use jwt_tower::jwt_core::forward::ForwardClaims;
use jwt_tower::{GateLayer, JwtLayer};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Upstream {
    url: String,
    client: reqwest::Client,
}

/// Forwards a request to the upstream service, and streams both bodies.
async fn forward_request(State(upstream): State<Upstream>, request: Request) -> Result<Response, StatusCode> {
    let (mut parts, body) = request.into_parts();
    drop_hop_by_hop(&mut parts.headers);
    // The client sets the host of the upstream service.
    parts.headers.remove(HOST);
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = upstream.client.request(parts.method, format!("{}{target}", upstream.url)).headers(parts.headers);
    // A request without a body must stay one. As a stream, it would be sent as a chunked body of length zero.
    if !body.is_end_stream() {
        request = request.body(reqwest::Body::wrap_stream(body.into_data_stream()));
    }
    let mut answer = request.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    std::mem::swap(response.headers_mut(), answer.headers_mut());
    drop_hop_by_hop(response.headers_mut());
    Ok(response.map(|_| Body::from_stream(answer.bytes_stream())))
}

/// Removes the headers that are only for one connection (RFC 9110 section 7.6.1).
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|options| options.to_str().ok())
        .flat_map(|options| options.split(','))
        .filter_map(|option| HeaderName::try_from(option.trim()).ok())
        .collect();
    let known = [CONNECTION, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let kept_alive = ["keep-alive", "proxy-connection"].map(HeaderName::from_static);
    for name in named.into_iter().chain(known).chain(kept_alive) {
        headers.remove(name);
    }
}

/// The upstream service. It trusts the headers, so only the gateway may be able to reach it.
async fn show(request: Request) -> String {
    let mut seen = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        let _ = writeln!(seen, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    seen
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", service.local_addr()?);
    tokio::spawn(serve(service, Router::new().fallback(show)).into_future());

    let people = People::new()?;
    let claims = [("/iss", "x-issuer"), ("/sub", "x-user"), ("/roles", "x-roles"), ("/scope", "x-scope")];
    let forward = ForwardClaims::new(&people.verifier, claims)?;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let gateway = Router::new()
        .fallback(forward_request)
        .with_state(Upstream { url, client })
        .layer(GateLayer::new(forward))
        .layer(JwtLayer::new(people.verifier.clone()));

    let listener = TcpListener::bind(("127.0.0.1", port(3000)?)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let calls = [("GET", "/reports?page=2", None, 401), ("GET", "/reports?page=2", Some("READER"), 200)];
    people.print(&url, &calls);
    println!("curl -i {url}/ -H \"X-User: root\" -H \"X_Roles: admin\" -H \"Authorization: Bearer $EDITOR\" # 200");
    println!("# Ctrl-C stops the example.");
    serve(listener, gateway).await?;
    Ok(())
}
