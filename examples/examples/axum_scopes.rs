//! Scopes, roles and logins on axum: who may do what, in the places where it can be said.
//! ```sh
//! cargo run -p jwt-examples --example axum_scopes
//! ```
//! It prints a token for each of four people and commands to try, with the status that each gets: paste them into another
//! terminal. Another port than 3000 can be given as `-- 8080`; `-- 0` takes a free one.

use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Router, serve};
use jwt_core::authorize::{acr, all, any_role, roles, scopes};
use jwt_examples::people::{People, REPORTS, port};
use jwt_tower::{Authorized, Claims, JwtLayer, OptionalClaims, RequireLayer};
use tokio::net::TcpListener;

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

jwt_core::policy! {
    /// Says in a handler's signature what its caller needs: a scope, and one of two roles.
    WriteReports = all((scopes(["reports:write"]), any_role("/roles", ["editor", "admin"])));
}

/// Any good token will do.
async fn me(Claims(user): Claims<User>) -> String {
    format!("Hello, {}!\n", user.name)
}

/// The layer on the route asks for the scope, so that nothing is asked for here.
async fn list() -> &'static str {
    "Visitors in March\n"
}

/// This handler cannot be mounted without its policy.
async fn write(Authorized(user, ..): Authorized<User, WriteReports>) -> (StatusCode, String) {
    (StatusCode::CREATED, format!("written by {}\n", user.name))
}

/// Only the role, and a login that is strong enough: with a weaker one the answer says which login to ask for.
async fn remove(Claims(user): Claims<User>) -> StatusCode {
    println!("removed by {}", user.name);
    StatusCode::NO_CONTENT
}

/// Guests are welcome; whoever brings a token must bring a good one.
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
    println!("# Ctrl-C ends it.");
    serve(listener, app).await?;
    Ok(())
}
