//! A login service that runs in several processes: keys from files, sessions and revocations on Redis, tokens in cookies.
//! ```sh
//! mkdir -m 700 keys
//! openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out keys/20260101T000000Z.pem
//! redis-server --port 6379 --save '' &
//! cargo run -p jwt-examples --example fleet_axum -- 3000 keys redis://127.0.0.1:6379/ &
//! cargo run -p jwt-examples --example fleet_axum -- 3001 keys redis://127.0.0.1:6379/
//! ```
//! In another terminal, log in at one process, and use the other. A new server takes three seconds until the processes are ready:
//! ```sh
//! curl -i http://127.0.0.1:3001/ready
//! curl -c jar -d '{"name":"ada","password":"correct horse"}' -H 'Content-Type: application/json' http://127.0.0.1:3000/login
//! curl -b jar http://127.0.0.1:3001/me
//! ```

use std::error::Error as StdError;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jwt_tower::jwt_core::http::Cookies;
use jwt_tower::jwt_core::issue::{KeyRing, Sessions, TokenIssuer};
use jwt_tower::jwt_core::store::{RedisRevocations, RedisSessions, RedisSettings};
use jwt_tower::jwt_core::{Error, ErrorKind, Verifier};
use jwt_tower::{Claims, JwtLayer, Rejection, SetCookies, Verified, endpoint};
use tokio::time::sleep;

#[derive(serde::Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

#[derive(Clone)]
struct Logins {
    sessions: Sessions,
    cookies: Cookies,
}

/// `Json`, because forms of other sites can't send it.
async fn login(State(logins): State<Logins>, Json(user): Json<Credentials>) -> Result<SetCookies, Rejection> {
    // Check the password against the hash in your own database.
    if user.password != "correct horse" {
        return Err(Error::from(ErrorKind::NoCredentials).into());
    }
    let pair = logins.sessions.login(user.name).csrf().for_cookies(&logins.cookies).start().await?;
    Ok(SetCookies(pair.cookies(&logins.cookies)?))
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

async fn change_password(State(logins): State<Logins>, user: Verified) -> Result<String, Rejection> {
    // Store the hash of the new password first.
    let ended = logins.sessions.end_others(&user).await?;
    Ok(format!("logged out on {ended} other devices\n"))
}

/// The routes of one process, and its sessions.
fn process(ring: &KeyRing, redis: &str) -> Result<(Router, Sessions), Box<dyn StdError>> {
    let cookies = Cookies::new();
    let tokens = TokenIssuer::builder("https://shop.example", ring.clone())
        .audience("https://shop.example")
        .client_id("shop-web")
        .build()?;
    let settings = RedisSettings::new().revocations(tokens.revocation_settings());
    let store = RedisSessions::connect(redis, &settings)?;
    let list = RedisRevocations::connect(redis, settings)?;
    let verifier =
        Verifier::builder().issuer(tokens.trusted()).sources(cookies.sources()).revocations(list.clone()).build()?;
    let sessions =
        Sessions::builder(tokens, store).sources(cookies.refresh_sources()).revocations(list.clone()).build()?;

    let ready = verifier.clone();
    let readiness = async move || match ready.is_ready() && list.is_current() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let app = Router::new()
        .route("/me", get(me))
        .route("/password", post(change_password))
        .route_layer(JwtLayer::new(verifier))
        .route("/login", post(login))
        .route_service("/refresh", endpoint(sessions.refresh_endpoint_with(&cookies)))
        .route_service("/logout", endpoint(sessions.logout_endpoint_with(&sessions.refresh_verifier(), &cookies)))
        .route_service("/jwks.json", endpoint(ring.jwks()?))
        // For the orchestrator only.
        .route("/ready", get(readiness))
        .route("/alive", get(async || StatusCode::OK))
        .with_state(Logins { sessions: sessions.clone(), cookies });
    Ok((app, sessions))
}

/// Repeats the logouts that were answered with 503.
async fn heal(sessions: Sessions) {
    loop {
        sleep(Duration::from_secs(5)).await;
        // An error was logged, and it's tried again.
        let _ = sessions.heal().await;
    }
}

/// Docker and Kubernetes stop a process with SIGTERM.
#[cfg(unix)]
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn stopped() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    tracing_subscriber::fmt().init();
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name: &str| arguments.next().ok_or_else(|| format!("the {name} is missing"));
    let port = argument("port")?.parse::<u16>()?;
    let (keys, redis) = (argument("folder of the keys")?, argument("address of Redis")?);

    let ring = KeyRing::builder().read_keys(keys).build()?;
    tokio::spawn(ring.reload_every(Duration::from_secs(60), sleep));
    let (app, sessions) = process(&ring, &redis)?;
    tokio::spawn(heal(sessions.clone()));

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).with_graceful_shutdown(stopped()).await?;
    sessions.heal().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use jwt_tower::jwt_core::{Algorithm, crypto::SigningKey, issue::KeyRing};
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn without_its_store_a_process_is_alive_but_not_ready_and_logs_nobody_in() {
        let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
        // Nothing listens on this port.
        let (app, _) = super::process(&ring, "redis://127.0.0.1:1/").unwrap();
        let login = r#"{"name":"ada","password":"correct horse"}"#;
        for (method, path, body, expected) in [
            ("GET", "/alive", "", StatusCode::OK),
            ("GET", "/ready", "", StatusCode::SERVICE_UNAVAILABLE),
            ("POST", "/login", login, StatusCode::SERVICE_UNAVAILABLE),
            ("GET", "/me", "", StatusCode::UNAUTHORIZED),
            ("GET", "/jwks.json", "", StatusCode::OK),
        ] {
            let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
            let response = app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            assert_eq!(response.status(), expected, "{method} {path}");
        }
    }
}
