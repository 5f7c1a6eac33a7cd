//! Login sessions on Postgres.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jwt_core::issue::{Rotation, RotationOutcome as Outcome, SessionStore, SessionStoreError};
use jwt_core::store::tokio_postgres::NoTls;
use jwt_core::store::{POSTGRES_SCHEMA, PostgresSessions, PostgresSettings};
use jwt_tests::forge::NOW;
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::until;
use jwt_tests::session_contract::{every_operation_fails, keeps_the_contract, one_exchange_wins, session};

use super::server::Server;

pub(crate) fn store(server: &Server) -> PostgresSessions {
    PostgresSessions::connect(server.config(), NoTls, &PostgresSettings::new().timeout(Duration::from_secs(20)))
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn postgres_passes_the_session_contract() {
    let server = Server::start();
    for subject in ["joe", "", "{a}b", "a:b c\r\n\u{0}", "é\u{1f511}"] {
        keeps_the_contract(&store(&server), subject).await;
        server.sql("DELETE FROM jwt_sessions");
    }
    // Running it again changes nothing.
    store(&server).create(&session("joe", "s"), 100).await.expect("space");
    server.sql(POSTGRES_SCHEMA);
    assert!(store(&server).find("joe", "s").await.expect("an answer").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn of_a_hundred_concurrent_exchanges_one_wins_on_postgres() {
    let server = Server::start();
    // Half of them on another connection.
    let (one, other) = (Arc::new(store(&server)), Arc::new(store(&server)));
    for number in 0..10 {
        one_exchange_wins(Arc::clone(&one) as Arc<dyn SessionStore>, &format!("joe-{number}")).await;
        let subject = format!("ann-{number}");
        one.create(&session(&subject, "s"), 100).await.expect("space");
        let tasks = (0..50).map(|count| {
            let (store, subject) = (Arc::clone(if count % 2 == 0 { &one } else { &other }), subject.clone());
            tokio::spawn(async move {
                let rotation = Rotation::new(&subject, "s", "t-0", 0, NOW + 1).grace(10).idle(60);
                store.rotate(&rotation).await.expect("an answer").0
            })
        });
        let mut renewed = 0;
        for task in tasks.collect::<Vec<_>>() {
            renewed += usize::from(task.await.expect("an outcome") == Outcome::Renewed);
        }
        assert_eq!(renewed, 1);
    }
}

/// Logins of one subject wait for each other, so none of them sees too few sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn concurrent_logins_keep_the_maximum_number_of_sessions() {
    let server = Server::start();
    // A login must see the committed earlier ones, even if the user's default is another isolation level.
    server.sql("ALTER ROLE jwt SET default_transaction_isolation = 'repeatable read'");
    let stores = [Arc::new(store(&server)), Arc::new(store(&server))];
    let tasks = (0..40).map(|number| {
        let store = Arc::clone(&stores[number % 2]);
        tokio::spawn(async move { store.create(&session("joe", &format!("s-{number}")), 5).await.expect("space") })
    });
    let mut deleted = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        deleted.append(&mut task.await.expect("an answer"));
    }
    assert_eq!(stores[0].list("joe", NOW).await.expect("an answer").len(), 5);
    deleted.sort();
    deleted.dedup();
    assert_eq!(deleted.len(), 35, "each deleted session is reported once");
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn expired_sessions_of_everybody_are_removed() {
    let server = Server::start();
    let store = store(&server);
    for number in 0..20 {
        // By the server's clock, these have expired long ago.
        let mut record = session(&format!("joe-{number}"), "s");
        if number % 2 == 0 {
            record.expires_at = i64::MAX as u64;
        }
        store.create(&record, 100).await.expect("space");
    }
    server.sql("UPDATE jwt_sessions SET expires_at = 5 WHERE expires_at < 9000000000000000000");
    assert_eq!(store.remove_expired().await.expect("an answer"), 10);
    assert_eq!(store.remove_expired().await.expect("an answer"), 0);
    assert_eq!(server.sql("SELECT count(*) FROM jwt_sessions"), "10");
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn without_the_server_every_operation_fails_until_it_is_back() {
    let mut server = Server::start();
    let store = store(&server);
    store.create(&session("joe", "s"), 100).await.expect("space");
    server.kill();
    every_operation_fails(&store, "joe").await;
    server.revive();
    assert!(store.find("joe", "s").await.expect("an answer").is_some(), "what was committed is there");
    // The connection was cut while it was idle: the next operation opens another.
    server.kill();
    server.revive();
    assert!(store.find("joe", "s").await.expect("an answer").is_some());
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn an_unreadable_record_or_a_missing_table_is_an_outage() {
    let server = Server::without_schema();
    let store = store(&server);
    let log = Log::start();
    assert!(store.find("joe", "s").await.is_err());
    assert!(log.text().contains("42P01") && log.text().contains("run `POSTGRES_SCHEMA` first"), "{}", log.text());
    server.sql(POSTGRES_SCHEMA);
    store.create(&session("secret-joe", "secret-s"), 100).await.expect("space");
    server.sql("UPDATE jwt_sessions SET record = 'in a language of the future'");
    let error = store.find("secret-joe", "secret-s").await.expect_err("unreadable");
    assert!(matches!(error, SessionStoreError::Unavailable(_)), "{error}");
    server.sql("ALTER TABLE jwt_sessions ADD CHECK (rotations < 1)");
    let rotation = Rotation::new("secret-joe", "secret-s", "secret-t", 0, NOW).idle(60);
    assert!(store.rotate(&rotation).await.is_err());
    assert!(log.text().contains("23514") && !log.text().contains("secret"), "{}", log.text());
}

/// A firewall that forgets connections after minutes is told that this one is used.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn idle_connections_are_kept_alive_as_the_configuration_says() {
    for (configured, expected) in [(None, 20..=30), (Some(500), 490..=500)] {
        let server = Server::start();
        let mut config = server.config();
        if let Some(seconds) = configured {
            config.keepalives_idle(Duration::from_secs(seconds));
        }
        let store = PostgresSessions::connect(config, NoTls, &PostgresSettings::new());
        until("a connection", async || store.find("joe", "s").await.is_ok()).await;
        let table = fs::read_to_string("/proc/self/net/tcp").expect("Linux");
        let peer = format!("0100007F:{:04X}", server.port());
        let keepalive = table.lines().find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // A timer of the kind 2, and the hundredths of seconds that it has left.
            let left = columns.get(5)?.strip_prefix("02:").filter(|_| columns[2] == peer)?;
            u64::from_str_radix(left, 16).ok()
        });
        assert!(keepalive.is_some_and(|left| expected.contains(&left.div_ceil(100))), "{configured:?}: {keepalive:?}");
    }
}
