//! Servers that are down, slow, or restarted with or without their data.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings, RevokeError};
use jwt_tests::forge::ISSUER;
use tokio::time::Instant;

use super::proxy::Proxy;
use super::server::Server;
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
/// The default maximum staleness, by the test's clock.
const STALENESS: Duration = Duration::from_secs(10);

fn session(name: &str) -> Revocation {
    Revocation::session(ISSUER, name)
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn no_token_is_accepted_before_the_server_was_read() {
    let mut server = Server::down();
    let node = Node::start(&server);
    assert_eq!(node.session("a").await, DOWN);
    assert!(!node.list.is_current());
    let error = node.list.revoke(&session("b")).await.expect_err("no server");
    assert_eq!(error, RevokeError::Unavailable);
    assert_eq!((node.session("a").await, node.session("b").await), (DOWN, REVOKED));
    server.revive();
    node.until_session("a", None).await;
    assert_eq!(node.session("b").await, REVOKED);
    assert!(node.list.is_current() && node.list.is_complete());
    // The revocation that failed before can be sent now.
    Node::start(&server).synced().await.until_session("b", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn without_its_server_a_process_accepts_tokens_until_the_maximum_staleness() {
    let mut server = Server::start();
    let node = Node::start(&server).synced().await;
    node.list.revoke(&session("a")).await.expect("revoked");
    server.kill();
    until("the loss is noticed", async || node.list.revoke(&session("b")).await.is_err()).await;
    node.clock.advance(STALENESS - Duration::from_millis(1));
    assert_eq!((node.session("a").await, node.session("c").await), (REVOKED, None));
    node.clock.advance(Duration::from_millis(1));
    assert_eq!((node.session("a").await, node.session("c").await), (REVOKED, DOWN));
    assert!(!node.list.is_current());
    server.revive();
    node.until_session("c", None).await;
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, REVOKED));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_lost_its_data_revives_no_token_and_gets_revocations_back() {
    let mut server = Server::start();
    let (first, second) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    first.list.revoke(&session("a")).await.expect("revoked");
    second.until_session("a", REVOKED).await;
    server.kill();
    server.revive();
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    for node in [&first, &second] {
        node.clock.advance(STALENESS);
        node.until_session("c", None).await;
        assert_eq!(node.session("a").await, REVOKED);
    }
    // The process that revoked the token has restored it on the server, so a process that starts now learns of it.
    Node::start(&server).synced().await.until_session("a", REVOKED).await;
    // If that process is gone, the processes that received the revocation still refuse the token.
    drop(first);
    server.kill();
    server.revive();
    second.clock.advance(STALENESS);
    second.until_session("c", None).await;
    assert_eq!(second.session("a").await, REVOKED);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_with_persistence_loses_nothing() {
    let mut server = Server::durable();
    Node::start(&server).synced().await.list.revoke(&session("a")).await.expect("revoked");
    server.kill();
    server.revive();
    let node = Node::start(&server).synced().await;
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_reconnected_process_learns_of_revocations_that_it_missed() {
    let (server, nowhere) = (Server::start(), Server::down());
    let proxy = Proxy::to(&server, Duration::ZERO).await;
    let node = Node::at(proxy.address(), |settings| settings, RevocationSettings::new()).synced().await;
    let other = Node::start(&server).synced().await;
    proxy.lead_to(&nowhere);
    proxy.cut();
    other.list.revoke(&session("a")).await.expect("revoked");
    assert_eq!(node.session("a").await, None);
    proxy.lead_to(&server);
    node.until_session("a", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_hangs_costs_the_time_limit_and_no_look_up() {
    let server = Server::start();
    let node = Node::with(&server, |settings| settings.timeout(Duration::from_secs(2)), RevocationSettings::new());
    let node = node.synced().await;
    server.freeze();
    let begin = Instant::now();
    let error = node.list.revoke(&session("a")).await.expect_err("no answer");
    assert_eq!(error, RevokeError::Unavailable);
    assert!((2..30).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    // The revocation is known here, and looked up without the server.
    let begin = Instant::now();
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    node.clock.advance(STALENESS);
    assert_eq!(node.session("b").await, DOWN);
    server.thaw();
    node.until_session("b", None).await;
    Node::start(&server).synced().await.until_session("a", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_full_server_keeps_its_connections_and_is_updated_when_it_has_space() {
    let server = Server::start();
    let frequent = RevocationSettings::new().staleness(Duration::from_millis(40));
    let node = Node::with(&server, |settings| settings, frequent).synced().await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = node.list.revoke(&session("a")).await.expect_err("the server is full");
    assert_eq!(error, RevokeError::Full);
    let (reads, attempts) = (server.calls("hscan"), server.calls("hincrby"));
    until("attempts", async || server.rejected("hincrby") >= 10).await;
    assert_eq!((server.calls("hscan"), server.calls("subscribe"), server.calls("hincrby")), (reads, 1, attempts));
    // The server still proves that it's a primary.
    node.clock.advance(Duration::from_millis(40));
    node.until_session("b", None).await;
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    until("the server has the revocation", async || server.revocations() == 1).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_process_with_a_full_list_asks_the_server_and_fails_without_it() {
    let server = Server::start();
    let settings = |settings: jwt_core::store::RedisSettings| settings.timeout(Duration::from_millis(200));
    let small = Node::with(&server, settings, RevocationSettings::new().capacity(2)).synced().await;
    let large = Node::start(&server).synced().await;
    for name in ["a", "b", "c", "d"] {
        large.list.revoke(&session(name)).await.expect("revoked");
    }
    until("an overflow", async || !small.list.is_complete()).await;
    for name in ["a", "b", "c", "d"] {
        small.until_session(name, REVOKED).await;
    }
    assert_eq!(small.session("e").await, None);
    assert_eq!(small.list.status().remembered, 2);
    server.freeze();
    let begin = Instant::now();
    assert_eq!(small.session("e").await, DOWN);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(large.session("e").await, None);
    server.thaw();
    small.until_session("e", None).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn an_unreadable_record_makes_the_list_incomplete() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    assert!(node.list.is_complete());
    server.cli(&["PUBLISH", "{jwt}:revoked", "in a language of the future"]);
    until("doubt", async || !node.list.is_complete()).await;
    assert_eq!(node.session("a").await, None, "the server says so");
    for shard in 0..16 {
        let (key, field) = (format!("{{jwt}}:revoked:{shard:x}"), format!("1 {} {ISSUER}a", ISSUER.len()));
        server.cli(&["HSET", &key, &field, "in another"]);
    }
    assert_eq!(node.session("a").await, DOWN);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn more_records_than_fit_into_one_response_are_all_read() {
    let server = Server::start();
    let other = Node::with(&server, |s| s.timeout(Duration::from_secs(20)), RevocationSettings::new()).synced().await;
    revoke_many(&other, 30_000).await;
    let node = Node::start(&server).synced().await;
    assert_eq!(node.list.status().remembered, 30_000);
    for number in [0, 1, 2_500, 29_999] {
        assert_eq!(node.session(&format!("s-{number}")).await, REVOKED);
    }
    assert_eq!(node.session("s-30000").await, None);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_background_work_ends_with_the_list() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    let follow = || server.cli(&["PUBSUB", "NUMSUB", "{jwt}:revoked"]).lines().last().map(str::to_owned);
    assert_eq!(follow().as_deref(), Some("1"));
    drop(node);
    until("nobody follows", async || follow().as_deref() == Some("0")).await;
}
