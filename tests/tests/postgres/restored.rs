//! Sessions whose table is restored to an earlier state while it's in use.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::http::Cookies;
use jwt_core::issue::TokenPair;
use jwt_core::store::tokio_postgres::{Config, NoTls};
use jwt_core::store::{PostgresSessions, PostgresSettings};
use jwt_tests::device;
use jwt_tests::issuing::Shop;

use super::server::Server;

/// A process whose store waits for as long as it takes.
fn process(config: Config) -> Shop {
    let settings = PostgresSettings::new().timeout(Duration::from_secs(20));
    let store = PostgresSessions::connect(config, NoTls, &settings);
    Shop::with(store, |sessions| sessions.sources(Cookies::new().refresh_sources()).device_bound(device::PATH))
}

async fn log_in(shop: &Shop, subject: &str) -> TokenPair {
    shop.sessions.login(subject).start().await.expect("a session")
}

async fn refresh(shop: &Shop, pair: &TokenPair) -> Result<TokenPair, ErrorKind> {
    let token = shop.sessions.verify(&pair.refresh.token).await.map_err(|error| error.kind())?;
    shop.sessions.refresh(&token).await.map_err(|error| error.kind())
}

async fn log_out(shop: &Shop, pair: &TokenPair) {
    let token = shop.sessions.verify(&pair.refresh.token).await.expect("a token");
    shop.sessions.logout(&token).await.expect("an end");
}

const KEEP: &str = "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS TABLE jwt_sessions";
const RESTORE: &str = "BEGIN; TRUNCATE jwt_sessions; INSERT INTO jwt_sessions SELECT * FROM kept; COMMIT";

#[actix_web::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_table_that_is_restored_while_it_serves_accuses_nobody_and_revives_nobody() {
    let server = Server::start();
    let (one, other) = (process(server.config()), process(server.config()));
    let mut refreshed = Vec::new();
    for number in 0..20 {
        refreshed.push(log_in(&one, &format!("joe-{number}")).await);
    }
    let logged_out = [log_in(&one, "ann").await, log_in(&one, "eve").await];
    server.sql(KEEP);
    for (number, pair) in refreshed.iter_mut().enumerate() {
        for _ in 0..=number % 3 {
            *pair = refresh(&one, pair).await.expect("the next pair");
        }
    }
    for pair in &logged_out {
        log_out(&one, pair).await;
    }
    server.sql(RESTORE);
    assert_eq!(one.sessions.list("ann").await.expect("an answer").len(), 1, "the logout was lost");
    assert_eq!(refresh(&one, &logged_out[0]).await.map(drop), Err(ErrorKind::SessionEnded));
    for (number, pair) in refreshed.iter_mut().enumerate() {
        for process in [&other, &one, &other] {
            *pair = refresh(process, pair).await.unwrap_or_else(|error| panic!("client {number}: {error:?}"));
        }
    }
    // The process that ended them checks them every five minutes.
    one.wait(300);
    one.sessions.heal().await.expect("the store is available");
    for (pair, subject) in logged_out.iter().zip(["ann", "eve"]) {
        assert_eq!(refresh(&other, pair).await.map(drop), Err(ErrorKind::SessionEnded));
        assert_eq!(one.sessions.list(subject).await.expect("an answer").len(), 0);
    }
}

#[actix_web::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_server_that_lost_the_registration_of_a_device_lets_no_thief_keep_the_session() {
    let server = Server::start();
    let process = process(server.config());
    for is_axum in [true, false] {
        let go_back = async || drop(server.sql(RESTORE));
        device::outlives_a_lost_registration(&process, is_axum, || drop(server.sql(KEEP)), go_back).await;
        assert_eq!(server.sql("SELECT count(*), count(device_key) FROM jwt_sessions"), "1|1");
        server.sql("DELETE FROM jwt_sessions");
    }
}
