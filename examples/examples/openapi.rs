//! Publishes an OpenAPI document whose security comes from the table of routes that guards them.
//! ```sh
//! cargo run -p jwt-examples --example openapi
//! ```
//! It prints the table, tokens, and commands to paste into another terminal, each with the status to expect. To use another
//! port than 3000, add `-- 8080`; `-- 0` takes any free port.

#![expect(clippy::exhaustive_structs, reason = "utoipa's macro makes a struct of each function")]

use axum::routing::get;
use axum::{Json, Router, serve};
use jwt_examples::people::{People, port};
use jwt_tower::jwt_core::authorize::{Routes, scopes};
use jwt_tower::{Claims, JwtLayer};
use tokio::net::TcpListener;
use utoipa::OpenApi;

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

#[derive(OpenApi)]
#[openapi(info(title = "Reports", version = "1.0.0"), paths(health, list, create))]
struct Api;

#[utoipa::path(get, path = "/health", responses((status = 200, description = "The service is running")))]
async fn health() -> &'static str {
    "ok\n"
}

#[utoipa::path(get, path = "/reports", responses((status = 200, description = "The names of all reports")))]
async fn list() -> &'static str {
    "Visitors in March\n"
}

#[utoipa::path(post, path = "/reports", responses((status = 200, description = "The report was created")))]
async fn create(Claims(user): Claims<User>) -> String {
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

    let mut document = serde_json::to_value(Api::openapi())?;
    routes().write_openapi("bearer", &mut document)?;

    let app = Router::new()
        .route("/openapi.json", get(|| async { Json(document) }))
        .route("/health", get(health))
        .route("/reports", get(list).post(create))
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
