//! One process of several that share a Redis server: `node <axum|actix|watch> <address of Redis> <public key as JWK>`.
//!
//! `axum` and `actix` print their port and serve `GET /me` and `POST /logout`, which revokes the token of the request. Tokens may be
//! bound to a key, and the processes share the log of proofs.
//! `watch` reads tokens and prints when each was revoked. `node save <address of Redis> <file>` revokes one session after the
//! other, prints how many there were, and writes the file all the time.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use jwt_core::Clock as _;
use jwt_core::SystemClock;
use jwt_core::keys::KeySet;
use jwt_core::proof::Dpop;
use jwt_core::revocation::{Revocation, RevocationList as _, RevocationSettings, Standing, TokenIdentity};
use jwt_core::store::{RedisReplayLog, RedisRevocations, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::proof::BASE;
use tokio::io::{AsyncBufReadExt as _, BufReader};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("three arguments");
    let (role, address, key) = (next()?, next()?, next()?);
    if role == "save" {
        return save(&address, &key).await;
    }
    let log = RedisReplayLog::connect(address.clone(), &RedisSettings::new())?;
    let list = RedisRevocations::connect(address, RedisSettings::new())?;
    let keys = KeySet::from_jwks(&format!(r#"{{"keys":[{key}]}}"#))?;
    let issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE).keys(&keys).dpop_allowed();
    let dpop = Dpop::new(BASE).replay_log(log);
    let verifier = Verifier::builder().issuer(issuer).dpop(dpop).revocations(list.clone()).build()?;
    list.synced().await;
    match role.as_str() {
        "axum" => serve_axum(verifier, list).await,
        "actix" => serve_actix(verifier, list).await,
        _ => watch(verifier, list).await,
    }
}

async fn save(address: &str, file: &str) -> Outcome {
    let clock = ManualClock::at(NOW);
    let settings = RedisSettings::new().recovery_time(Duration::ZERO);
    let memory = RevocationSettings::new().staleness(Duration::from_millis(4)).snapshot_file(file).clock(clock.clone());
    let list = RedisRevocations::connect(address, settings.revocations(memory))?;
    list.synced().await;
    for number in 0_u64.. {
        // A file is written once a minute.
        clock.advance(Duration::from_secs(60));
        list.revoke(&Revocation::session(ISSUER, format!("saved-{number}"))).await?;
        println!("{number}");
        stdout().flush()?;
    }
    Ok(())
}

fn listen() -> Result<TcpListener, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    stdout().flush()?;
    Ok(listener)
}

async fn serve_axum(verifier: Verifier, list: RedisRevocations) -> Outcome {
    async fn log_out(State(list): State<RedisRevocations>, verified: jwt_tower::Verified) -> StatusCode {
        match list.revoke(&Revocation::token(&verified)).await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
    let app = Router::new().route("/me", get(async |_: jwt_tower::Verified| "me")).route("/logout", post(log_out));
    let app = app.layer(jwt_tower::JwtLayer::new(verifier)).with_state(list);
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    Ok(axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await?)
}

async fn serve_actix(verifier: Verifier, list: RedisRevocations) -> Outcome {
    async fn log_out(list: web::Data<RedisRevocations>, verified: jwt_actix::Verified) -> HttpResponse {
        match list.revoke(&Revocation::token(&verified)).await {
            Ok(()) => HttpResponse::NoContent().finish(),
            Err(_) => HttpResponse::ServiceUnavailable().finish(),
        }
    }
    let server = HttpServer::new(move || {
        App::new()
            .wrap(jwt_actix::JwtMiddleware::new(verifier.clone()))
            .app_data(web::Data::new(list.clone()))
            .route("/me", web::get().to(async |_: jwt_actix::Verified| "me"))
            .route("/logout", web::post().to(log_out))
    });
    Ok(server.workers(1).disable_signals().listen(listen()?)?.run().await?)
}

/// Reads valid tokens from standard input. Prints the time at which each stops being valid, in microseconds since the
/// epoch.
async fn watch(verifier: Verifier, list: RedisRevocations) -> Outcome {
    println!("ready");
    stdout().flush()?;
    let mut tokens = BufReader::new(tokio::io::stdin()).lines();
    while let Some(token) = tokens.next_line().await? {
        let verified = verifier.verify(&token).await?;
        let claims = verified.registered();
        println!("good");
        stdout().flush()?;
        while list.look_up(&TokenIdentity::of(&claims, SystemClock.now().into())).wait().await == Standing::Good {
            tokio::task::yield_now().await;
        }
        println!("{}", SystemClock.now().as_micros());
        stdout().flush()?;
    }
    Ok(())
}
