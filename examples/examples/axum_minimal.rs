//! Shows one protected route on axum, with a secret that the issuer shares with the service.
//!
//! Start it in a shell with a new secret:
//! ```sh
//! export JWT_SECRET=$(openssl rand -hex 32)
//! cargo run -p jwt-examples --example axum_minimal &
//! ```
//! When it runs, make a token in the same shell, and send it. The first request is answered 401, the second 200 with
//! `Hello, Ada!`:
//! ```sh
//! part() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
//! CLAIMS='{"iss":"https://id.example","aud":"https://api.example","name":"Ada","exp":'$(($(date +%s) + 600))'}'
//! TOKEN=$(printf '{"alg":"HS256"}' | part).$(printf %s "$CLAIMS" | part)
//! TOKEN=$TOKEN.$(printf %s "$TOKEN" | openssl dgst -sha256 -hmac "$JWT_SECRET" -binary | part)
//! curl -i http://127.0.0.1:3000/me
//! curl -i http://127.0.0.1:3000/me -H "Authorization: Bearer $TOKEN"
//! ```

use axum::{Router, routing::get};
use jwt_tower::jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
use jwt_tower::{Claims, JwtLayer};

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("Hello, {}!", user.name)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("JWT_SECRET").map_err(|_| "set JWT_SECRET to a secret of at least 32 bytes")?;
    let key = Key::from_secret(Algorithm::HS256, secret)?;
    let issuer = TrustedIssuer::new("https://id.example").key(key).audience("https://api.example");
    let verifier = Verifier::builder().issuer(issuer).build()?;

    let app = Router::new().route("/me", get(me)).layer(JwtLayer::new(verifier));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
