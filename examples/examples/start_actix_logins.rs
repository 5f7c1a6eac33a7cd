//! The second program of the page "Getting started with actix-web": it logs its users in and issues their tokens.

use actix_web::{App, HttpServer, web};
use jwt_actix::jwt_core::crypto::SigningKey;
use jwt_actix::jwt_core::gate::Endpoint;
use jwt_actix::jwt_core::issue::{KeyRing, MemorySessions, Sessions, TokenIssuer};
use jwt_actix::jwt_core::revocation::MemoryRevocations;
use jwt_actix::jwt_core::{Algorithm, BuildError, Error, ErrorKind, Verifier};
use jwt_actix::{Claims, JwtMiddleware, Rejection, Tokens, endpoint};

#[derive(serde::Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn login(sessions: web::Data<Sessions>, user: web::Json<Credentials>) -> Result<Tokens, Rejection> {
    // Check the password against the hash in your own database.
    if user.password != "correct horse" {
        return Err(Error::from(ErrorKind::NoCredentials).into());
    }
    Ok(Tokens(sessions.login(user.name.as_str()).scope(["reports:read"]).start().await?))
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

/// The state that the server's workers share.
#[derive(Clone)]
struct Logins {
    jwks: Endpoint,
    verifier: Verifier,
    sessions: Sessions,
}

fn logins(key: SigningKey) -> Result<Logins, BuildError> {
    let ring = KeyRing::new(key)?;
    let jwks = ring.jwks()?;
    let tokens = TokenIssuer::builder("https://shop.example", ring)
        .audience("https://shop.example")
        .client_id("shop-web")
        .build()?;
    // Logouts are remembered for as long as an access token can live.
    let revocations = MemoryRevocations::with_settings(tokens.revocation_settings());
    let verifier = Verifier::builder().issuer(tokens.trusted()).revocations(revocations.clone()).build()?;
    let sessions = Sessions::builder(tokens, MemorySessions::new()).revocations(revocations).build()?;
    Ok(Logins { jwks, verifier, sessions })
}

fn routes(logins: Logins) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let Logins { jwks, verifier, sessions } = logins;
        app.route("/login", web::post().to(login))
            .route("/refresh", endpoint(sessions.refresh_endpoint()))
            .route("/logout", endpoint(sessions.logout_endpoint(&verifier)))
            .route("/jwks.json", endpoint(jwks))
            .service(web::resource("/me").wrap(JwtMiddleware::new(verifier)).get(me))
            .app_data(web::Data::new(sessions));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A new key at each start: every restart logs everyone out. The last section says what production needs.
    let logins = logins(SigningKey::generate(Algorithm::ES256)?)?;
    HttpServer::new(move || App::new().configure(routes(logins.clone()))).bind("127.0.0.1:8081")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::{App, http::StatusCode, test};
    use jwt_actix::jwt_core::{Algorithm, crypto::SigningKey};
    use serde_json::{Value, json};

    async fn send(logins: &super::Logins, request: test::TestRequest) -> (StatusCode, Value) {
        let app = test::init_service(App::new().configure(super::routes(logins.clone()))).await;
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status();
        (status, serde_json::from_slice(&test::read_body(response).await).unwrap_or_default())
    }

    #[actix_web::test]
    async fn a_logout_ends_the_access_token() {
        let logins = super::logins(SigningKey::generate(Algorithm::ES256).expect("a key")).expect("settings that fit");
        let login =
            |password| test::TestRequest::post().uri("/login").set_json(json!({"name": "ada", "password": password}));
        assert_eq!(send(&logins, login("guess")).await.0, StatusCode::UNAUTHORIZED);

        let (status, pair) = send(&logins, login("correct horse")).await;
        assert_eq!(status, StatusCode::OK);
        let bearer = format!("Bearer {}", pair["access_token"].as_str().expect("a token"));
        let me = || test::TestRequest::get().uri("/me").insert_header(("authorization", bearer.as_str()));
        let logout = test::TestRequest::post().uri("/logout").insert_header(("authorization", bearer.as_str()));
        assert_eq!(send(&logins, me()).await.0, StatusCode::OK);
        assert_eq!(send(&logins, logout).await.0, StatusCode::NO_CONTENT);
        assert_eq!(send(&logins, me()).await.0, StatusCode::UNAUTHORIZED);
    }
}
