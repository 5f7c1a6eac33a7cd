//! The second program of the page "Getting started with axum": it logs its users in and issues their tokens.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use jwt_tower::jwt_core::crypto::SigningKey;
use jwt_tower::jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_tower::jwt_core::revocation::MemoryRevocations;
use jwt_tower::jwt_core::{Algorithm, BuildError, Error, ErrorKind, Verifier};
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
    // Check the password against the hash in your own database.
    if user.password != "correct horse" {
        return Err(Error::from(ErrorKind::NoCredentials).into());
    }
    Ok(Tokens(sessions.login(user.name).scope(["reports:read"]).start().await?))
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

fn app(key: SigningKey) -> Result<Router, BuildError> {
    let ring = KeyRing::new(key)?;
    let tokens = TokenIssuer::builder("https://shop.example", ring.clone())
        .audience("https://shop.example")
        .client_id("shop-web")
        .build()?;
    // Logouts are remembered for as long as an access token can live.
    let revocations = MemoryRevocations::with_settings(tokens.revocation_settings());
    let verifier = Verifier::builder().issuer(tokens.trusted()).revocations(revocations.clone()).build()?;
    let sessions = Sessions::builder(tokens, MemorySessions::new()).revocations(revocations).build()?;

    Ok(Router::new()
        .route("/me", get(me))
        .route_layer(JwtLayer::new(verifier.clone()))
        .route("/login", post(login))
        .route_service("/refresh", endpoint(sessions.refresh_endpoint()))
        .route_service("/logout", endpoint(sessions.logout_endpoint(&verifier)))
        .route_service("/jwks.json", endpoint(ring.jwks()?))
        .with_state(sessions))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A new key at each start: every restart logs everyone out. The last section says what production needs.
    let app = app(SigningKey::generate(Algorithm::ES256)?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use jwt_tower::jwt_core::{Algorithm, crypto::SigningKey};
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    async fn send(app: &super::Router, call: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = match token {
            "" => request,
            token => request.header("authorization", format!("Bearer {token}")),
        };
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let response = app.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        let body = to_bytes(response.into_body(), 64 * 1024).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_logout_ends_the_access_token() {
        let app = super::app(SigningKey::generate(Algorithm::ES256).expect("a key")).expect("settings that fit");
        let wrong = send(&app, "POST /login", "", json!({"name": "ada", "password": "guess"})).await;
        assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);

        let (status, pair) = send(&app, "POST /login", "", json!({"name": "ada", "password": "correct horse"})).await;
        assert_eq!(status, StatusCode::OK);
        let token = pair["access_token"].as_str().expect("a token");
        assert_eq!(send(&app, "GET /me", token, Value::Null).await.0, StatusCode::OK);
        assert_eq!(send(&app, "POST /logout", token, Value::Null).await.0, StatusCode::NO_CONTENT);
        assert_eq!(send(&app, "GET /me", token, Value::Null).await.0, StatusCode::UNAUTHORIZED);
    }
}
