//! Clocks that are compared with the server's.

use std::time::Duration;

use jwt_core::revocation::RevocationSettings;
use jwt_core::store::tokio_postgres::NoTls;
use jwt_core::store::{PostgresRevocations, PostgresSettings};
use jwt_tests::clock_contract::{ignores_slow_answers, shows_how_far_the_clock_is_off};

use super::server::Server;

fn list_at(server: &Server, revocations: RevocationSettings) -> PostgresRevocations {
    let settings = PostgresSettings::new().timeout(Duration::from_secs(10));
    PostgresRevocations::connect(server.config(), NoTls, settings.revocations(revocations))
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_list_shows_how_far_its_clock_is_off() {
    let server = Server::start();
    shows_how_far_the_clock_is_off(|revocations| list_at(&server, revocations), PostgresRevocations::status).await;
}

/// A commit waits for a standby that doesn't exist.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_slow_answer_says_nothing_about_the_clock() {
    let server = Server::start();
    let stall = async || {
        let set = |statement| {
            server.sql(statement);
            server.sql("SELECT pg_reload_conf()");
        };
        set("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        set("ALTER SYSTEM RESET synchronous_standby_names");
    };
    ignores_slow_answers(|revocations| list_at(&server, revocations), stall).await;
}
