//! Refresh sessions on Redis.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jwt_core::issue::{Rotation, RotationOutcome as Outcome, SessionStore, SessionStoreError};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::forge::NOW;
use jwt_tests::session_contract::{every_operation_fails, keeps_the_contract, one_exchange_wins, session};

use super::server::Server;

fn store(server: &Server) -> RedisSessions {
    let settings = RedisSettings::new().timeout(Duration::from_secs(20));
    RedisSessions::connect(server.address(), &settings).expect("an address")
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn redis_passes_the_session_contract() {
    let server = Server::start();
    for subject in ["joe", "", "{a}b", "a:b c\r\n\u{0}", "é\u{1f511}"] {
        keeps_the_contract(&store(&server), subject).await;
        server.cli(&["FLUSHALL"]);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_cluster_passes_the_session_contract() {
    let server = Server::whole_cluster();
    for subject in ["joe", "", "{a}b", "}", "a:b c\r\n\u{0}", "é\u{1f511}"] {
        keeps_the_contract(&store(&server), subject).await;
        server.cli(&["FLUSHALL"]);
    }
}

/// Each operation is one script or command on one key, so a cluster can spread the subjects over its nodes.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_sessions_of_different_subjects_are_in_different_slots() {
    let server = Server::whole_cluster();
    let store = store(&server);
    for number in 0..200 {
        store.create(&session(&format!("joe-{number}"), "s"), 100).await.expect("space");
    }
    let keys = server.cli(&["--raw", "KEYS", "*"]);
    let slots: BTreeSet<String> = keys.lines().map(|key| server.cli(&["CLUSTER", "KEYSLOT", key])).collect();
    assert_eq!(keys.lines().count(), 200);
    assert!(slots.len() > 190, "{}", slots.len());
    // All keys of a subject would be in its slot.
    let slot = |key: &str| server.cli(&["CLUSTER", "KEYSLOT", key]);
    assert_eq!(slot("jwt:sessions:{joe-0}"), slot("{joe-0}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn of_a_hundred_concurrent_exchanges_one_wins_on_redis() {
    let server = Server::start();
    let store: Arc<dyn SessionStore> = Arc::new(store(&server));
    for number in 0..20 {
        one_exchange_wins(Arc::clone(&store), &format!("joe-{number}")).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_server_drops_a_subject_whose_sessions_have_expired() {
    let server = Server::start();
    let store = store(&server);
    for (id, lifetime) in [("long", 900), ("short", 300)] {
        let mut record = session("joe", id);
        record.expires_at = record.created_at + lifetime;
        store.create(&record, 100).await.expect("space");
    }
    let left: i64 = server.cli(&["TTL", "jwt:sessions:{joe}"]).parse().expect("seconds");
    assert!((840..=900).contains(&left), "{left}");
    assert_eq!(store.end("joe", &["long", "short"]).await.expect("an answer").len(), 2);
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{joe}"]), "0");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn without_the_server_every_operation_fails() {
    let mut server = Server::start();
    let settings = RedisSettings::new().timeout(Duration::from_millis(200)).connect_timeout(Duration::from_millis(200));
    let store = RedisSessions::connect(server.address(), &settings).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    server.freeze();
    every_operation_fails(&store, "joe").await;
    server.thaw();
    server.kill();
    every_operation_fails(&store, "joe").await;
    server.revive();
    // Sessions that the server lost have ended.
    super::setup::until("the server is back", async || store.find("joe", "s").await.is_ok()).await;
    assert_eq!(store.find("joe", "s").await.expect("an answer"), None);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_full_server_reports_it_and_a_record_of_another_kind_is_an_outage() {
    let server = Server::start();
    let store = store(&server);
    store.create(&session("joe", "s"), 100).await.expect("space");
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = store.create(&session("joe", "t"), 100).await.expect_err("the server is full");
    assert!(matches!(error, SessionStoreError::Full), "{error}");
    // A refresh writes, so it fails and its token stays valid. A logout only deletes.
    let refresh = Rotation::new("joe", "s", "t-0", 0, NOW);
    let error = store.rotate(&refresh).await.expect_err("the server is full");
    assert!(matches!(error, SessionStoreError::Full), "{error}");
    assert!(store.end("joe", &["other"]).await.is_ok());
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let (outcome, _) = store.rotate(&refresh).await.expect("an answer");
    assert_eq!(outcome, Outcome::Renewed);
    server.cli(&["HSET", "jwt:sessions:{joe}", "s", "in a language of the future"]);
    let error = store.find("joe", "s").await.expect_err("unreadable");
    assert!(matches!(error, SessionStoreError::Unavailable(_)), "{error}");
}
