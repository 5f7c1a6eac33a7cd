//! An axum application while its session store is down. The guide's page on testing shows it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::routing::get;
use jwt_tower::jwt_core::crypto::SigningKey;
use jwt_tower::jwt_core::issue::{KeyRing, SessionStore, Sessions, TokenIssuer};
use jwt_tower::jwt_core::testing::ScriptedSessions;
use jwt_tower::jwt_core::{Algorithm, BuildError, Verifier};
use jwt_tower::{JwtLayer, endpoint};
use serde_json::Value;
use tower::ServiceExt as _;

/// The application. In production, `main` passes it `RedisSessions` or `PostgresSessions`.
fn app(tokens: TokenIssuer, store: impl SessionStore + 'static) -> Result<(Router, Sessions), BuildError> {
    let verifier = Verifier::builder().issuer(tokens.trusted()).build()?;
    let sessions = Sessions::builder(tokens, store).build()?;
    let app = Router::new()
        .route("/me", get(async || "hello\n"))
        .route_layer(JwtLayer::new(verifier))
        .route_service("/refresh", endpoint(sessions.refresh_endpoint()));
    Ok((app, sessions))
}

async fn send(app: &Router, method: Method, path: &str, token: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let response = app.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024).await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_store_that_breaks_off_in_the_middle_of_a_refresh_costs_no_login() -> Result<(), Box<dyn std::error::Error>> {
    let store = ScriptedSessions::default();
    let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
    let tokens = TokenIssuer::builder("https://shop.example", ring).audience("https://shop.example").build()?;
    let (app, sessions) = app(tokens, store.clone())?;
    let pair = sessions.login("ada").start().await?;

    // The store exchanges the token, and the connection breaks before it has answered.
    store.lose_answers(&["rotate"]);
    let (status, _) = send(&app, Method::POST, "/refresh", &pair.refresh.token).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    // The access token needs no store.
    let (status, _) = send(&app, Method::GET, "/me", &pair.access.token).await;
    assert_eq!(status, StatusCode::OK);

    // The client tries again with the same token.
    store.recover();
    let (status, next) = send(&app, Method::POST, "/refresh", &pair.refresh.token).await;
    assert_eq!(status, StatusCode::OK);
    let access = next["access_token"].as_str().expect("a token");
    let (status, _) = send(&app, Method::GET, "/me", access).await;
    assert_eq!(status, StatusCode::OK);
    Ok(())
}
