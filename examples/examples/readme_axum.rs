//! The first program of the README: axum behind an identity provider.

use axum::{Router, routing::get};
use jwt_tower::jwt_core::authorize::{Routes, scopes};
use jwt_tower::jwt_core::{TrustedIssuer, Verifier};
use jwt_tower::{Claims, JwtLayer};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    format!("reports for {}\n", user.sub)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder()
        .issuer(TrustedIssuer::discover("https://id.example").audience("https://api.example"))
        .build()?;

    let routes = Routes::new().require("/reports", scopes(["reports:read"]));
    let app = Router::new().route("/reports", get(reports)).layer(JwtLayer::new(verifier).routes(routes));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
