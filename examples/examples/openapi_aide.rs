//! The same as `openapi`, with aide: the document comes from the router, and its security from the table of routes.
//! ```sh
//! cargo run -p jwt-examples --example openapi_aide
//! ```
//! It prints the table, tokens, and commands to paste into another terminal, each with the status to expect. To use another
//! port than 3000, add `-- 8080`; `-- 0` takes any free port.

use aide::NoApi;
use aide::axum::ApiRouter;
use aide::axum::routing::get;
use aide::openapi::{Info, OpenApi};
use axum::{Json, serve};
use jwt_examples::people::{People, port};
use jwt_tower::jwt_core::authorize::{Routes, scopes};
use jwt_tower::{Claims, JwtLayer};
use tokio::net::TcpListener;

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

async fn list() -> &'static str {
    "Visitors in March\n"
}

/// `NoApi`, because aide describes only its own extractors and axum's. The table describes the token.
async fn create(NoApi(Claims(user)): NoApi<Claims<User>>) -> String {
    format!("written by {}\n", user.name)
}

/// The one place that says who may do what. The layer enforces it, and the document publishes it.
fn routes() -> Routes {
    Routes::new()
        .public("GET /openapi.json")
        .public("GET /health")
        .require("GET /reports", scopes(["reports:read"]))
        .require("POST /reports", scopes(["reports:write"]))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = People::new()?;

    let info = Info { title: "Reports".to_owned(), version: "1.0.0".to_owned(), ..Info::default() };
    let mut api = OpenApi { info, ..OpenApi::default() };
    let app = ApiRouter::new()
        .api_route("/health", get(async || "ok\n"))
        .api_route("/reports", get(list).post(create))
        .finish_api(&mut api);
    let mut document = serde_json::to_value(api)?;
    routes().write_openapi("bearer", &mut document)?;
    let app = app
        .route("/openapi.json", axum::routing::get(|| async { Json(document) }))
        .layer(JwtLayer::new(people.verifier.clone()).routes(routes().checked()?));

    let listener = TcpListener::bind(("127.0.0.1", port(3000)?)).await?;
    println!("{}", routes());
    let calls = [
        ("GET", "/openapi.json", None, 200),
        ("GET", "/health", None, 200),
        ("GET", "/reports", None, 401),
        ("GET", "/reports", Some("READER"), 200),
        ("POST", "/reports", Some("READER"), 403),
        ("POST", "/reports", Some("EDITOR"), 200),
    ];
    people.print(&format!("http://{}", listener.local_addr()?), &calls);
    println!("# Ctrl-C stops the example.");
    serve(listener, app).await?;
    Ok(())
}
