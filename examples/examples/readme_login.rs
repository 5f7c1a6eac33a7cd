//! The README's program that issues tokens itself: login, refresh, logout.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use jwt_tower::jwt_core::crypto::SigningKey;
use jwt_tower::jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_tower::jwt_core::revocation::MemoryRevocations;
use jwt_tower::jwt_core::{Algorithm, Error, ErrorKind, Verifier};
use jwt_tower::{Claims, JwtLayer, Rejection, Tokens, endpoint};

#[derive(serde::Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn login(State(sessions): State<Sessions>, Json(user): Json<Credentials>) -> Result<Tokens, Rejection> {
    // Check the password against your own store.
    if user.password != "correct horse" {
        return Err(Error::from(ErrorKind::NoCredentials).into());
    }
    Ok(Tokens(sessions.login(user.name).scope(["reports:read"]).start().await?))
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("hello, {}\n", user.sub)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // For one process. A second one would refuse the tokens of this key: read the same keys in both, with `read_keys`.
    let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
    let tokens = TokenIssuer::builder("https://shop.example", ring.clone())
        .audience("https://shop.example")
        // RFC 9068 requires a client: with this one, other services can verify the tokens by it.
        .client_id("shop-web")
        .build()?;
    // A logout is remembered for as long as an access token can live.
    let revocations = MemoryRevocations::with_settings(tokens.revocation_settings());
    let verifier = Verifier::builder().issuer(tokens.trusted()).revocations(revocations.clone()).build()?;
    let sessions = Sessions::builder(tokens, MemorySessions::new()).revocations(revocations).build()?;

    let app = Router::new()
        .route("/me", get(me))
        .route_layer(JwtLayer::new(verifier.clone()))
        .route("/login", post(login))
        .route_service("/refresh", endpoint(sessions.refresh_endpoint()))
        .route_service("/logout", endpoint(sessions.logout_endpoint(&verifier)))
        .route_service("/jwks.json", endpoint(ring.jwks()?))
        .with_state(sessions);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
