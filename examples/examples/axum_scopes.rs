//! Shows the ways to require scopes, roles and a strong login on axum: in a handler's signature, and around a route.
//! ```sh
//! cargo run -p jwt-examples --example axum_scopes
//! ```
//! It prints a token for each of four people and commands to paste into another terminal, each with the status to expect. To use
//! another port than 3000, add `-- 8080`; `-- 0` takes any free port.

use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Router, serve};
use jwt_examples::people::{People, REPORTS, port};
use jwt_tower::jwt_core::authorize::{acr, all, any_role, roles, scopes};
use jwt_tower::{Authorized, Claims, JwtLayer, OptionalClaims, RequireLayer};
use tokio::net::TcpListener;

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

jwt_tower::jwt_core::policy! {
    /// Needed to write reports: a scope, and one of two roles.
    WriteReports = all((scopes(["reports:write"]), any_role("/roles", ["editor", "admin"])));
}

/// Accepts every valid token.
async fn me(Claims(user): Claims<User>) -> String {
    format!("Hello, {}!\n", user.name)
}

/// The layer on the route requires the scope, so the handler doesn't have to.
async fn list() -> &'static str {
    "Visitors in March\n"
}

/// The policy is part of the signature, so no route can forget it.
async fn write(Authorized(user, ..): Authorized<User, WriteReports>) -> (StatusCode, String) {
    (StatusCode::CREATED, format!("written by {}\n", user.name))
}

/// The route requires a role and a strong login. After a weaker login, the answer says which one the client needs.
async fn remove(Claims(user): Claims<User>) -> StatusCode {
    println!("removed by {}", user.name);
    StatusCode::NO_CONTENT
}

/// Works without a token. An invalid token is refused all the same.
async fn welcome(OptionalClaims(user): OptionalClaims<User>) -> String {
    format!("Welcome, {}!\n", user.map_or_else(|| "guest".to_owned(), |user| user.name))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people = People::new()?;
    let jwt = JwtLayer::new(people.verifier.clone());

    let reports = get(list)
        .layer(RequireLayer::new(scopes(["reports:read"])))
        .post(write)
        .merge(delete(remove).layer(RequireLayer::new(all((roles("/roles", ["admin"]), acr(["phr"]))))));
    let app = Router::new()
        .route("/me", get(me))
        .route("/reports", reports)
        .route_layer(jwt.clone())
        .route("/welcome", get(welcome).layer(jwt.optional()));

    let listener = TcpListener::bind(("127.0.0.1", port(3000)?)).await?;
    people.print(&format!("http://{}", listener.local_addr()?), &REPORTS);
    println!("# Ctrl-C stops the example.");
    serve(listener, app).await?;
    Ok(())
}
