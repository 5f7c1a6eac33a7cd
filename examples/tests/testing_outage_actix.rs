//! An actix-web application while its session store is down. The guide's page on testing shows it.

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use jwt_actix::jwt_core::crypto::SigningKey;
use jwt_actix::jwt_core::issue::{KeyRing, SessionStore, Sessions, TokenIssuer};
use jwt_actix::jwt_core::testing::ScriptedSessions;
use jwt_actix::jwt_core::{Algorithm, BuildError, Verifier};
use jwt_actix::{JwtMiddleware, endpoint};
use serde_json::Value;

/// The state that the server's workers share. In production, `main` passes `RedisSessions` or `PostgresSessions`.
#[derive(Clone)]
struct Logins {
    verifier: Verifier,
    sessions: Sessions,
}

fn logins(tokens: TokenIssuer, store: impl SessionStore + 'static) -> Result<Logins, BuildError> {
    let verifier = Verifier::builder().issuer(tokens.trusted()).build()?;
    let sessions = Sessions::builder(tokens, store).build()?;
    Ok(Logins { verifier, sessions })
}

fn routes(logins: Logins) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        app.route("/refresh", endpoint(logins.sessions.refresh_endpoint()))
            .service(web::resource("/me").wrap(JwtMiddleware::new(logins.verifier)).get(async || "hello\n"));
    }
}

async fn send(logins: &Logins, request: TestRequest, token: &str) -> (StatusCode, Value) {
    let app = init_service(App::new().configure(routes(logins.clone()))).await;
    let request = request.insert_header(("authorization", format!("Bearer {token}")));
    let response = call_service(&app, request.to_request()).await;
    let status = response.status();
    (status, serde_json::from_slice(&read_body(response).await).unwrap_or_default())
}

#[actix_web::test]
async fn a_store_that_breaks_off_in_the_middle_of_a_refresh_costs_no_login() -> Result<(), Box<dyn std::error::Error>> {
    let store = ScriptedSessions::default();
    let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
    let tokens = TokenIssuer::builder("https://shop.example", ring).audience("https://shop.example").build()?;
    let logins = logins(tokens, store.clone())?;
    let pair = logins.sessions.login("ada").start().await?;
    let refresh = || TestRequest::post().uri("/refresh");
    let me = || TestRequest::get().uri("/me");

    // The store exchanges the token, and the connection breaks before it has answered.
    store.lose_answers(&["rotate"]);
    let (status, _) = send(&logins, refresh(), &pair.refresh.token).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    // The access token needs no store.
    let (status, _) = send(&logins, me(), &pair.access.token).await;
    assert_eq!(status, StatusCode::OK);

    // The client tries again with the same token.
    store.recover();
    let (status, next) = send(&logins, refresh(), &pair.refresh.token).await;
    assert_eq!(status, StatusCode::OK);
    let access = next["access_token"].as_str().expect("a token");
    let (status, _) = send(&logins, me(), access).await;
    assert_eq!(status, StatusCode::OK);
    Ok(())
}
