//! Which answers a process trusts, and how it continues after a cut.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::RedisSettings;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;

use super::proxy::Proxy;
use super::server::{Server, wait_until};
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
const STALENESS: Duration = Duration::from_secs(10);

fn session(name: &str) -> Revocation {
    Revocation::session(ISSUER, name)
}

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(20))
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_replica_is_not_trusted() {
    let (primary, replica) = (Server::start(), Server::start());
    Node::start(&primary).synced().await.list.revoke(&session("a")).await.expect("revoked");
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    wait_until("a replica", || replica.cli(&["EXISTS", "{jwt}:revoked:0"]) == "1");
    let log = Log::start();
    let node = Node::start(&replica);
    until("a refusal", async || log.text().contains("READONLY")).await;
    assert!(!node.list.is_current());
    assert_eq!(node.session("b").await, DOWN);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_can_no_longer_write_is_trusted_until_the_maximum_staleness() {
    let begin: [&[&str]; 2] = [&["REPLICAOF", "127.0.0.1", "1"], &["CONFIG", "SET", "min-replicas-to-write", "1"]];
    let end: [&[&str]; 2] = [&["REPLICAOF", "NO", "ONE"], &["CONFIG", "SET", "min-replicas-to-write", "0"]];
    for (number, code) in ["READONLY", "NOREPLICAS"].into_iter().enumerate() {
        let server = Server::start();
        let log = Log::start();
        let node = Node::start(&server).synced().await;
        node.list.revoke(&session("a")).await.expect("revoked");
        assert_eq!(server.cli(begin[number]), "OK");
        node.clock.advance(STALENESS - Duration::from_millis(1));
        // The follower asks by the system's clock, and isn't answered.
        until("a refusal", async || log.text().contains(code)).await;
        assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
        node.clock.advance(Duration::from_millis(1));
        assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, DOWN));
        assert!(!node.list.is_current());
        assert_eq!(server.cli(end[number]), "OK");
        node.until_session("b", None).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn after_a_cut_only_newer_changes_are_read() {
    let (server, nowhere) = (Server::start(), Server::down());
    let proxy = Proxy::to(&server, Duration::ZERO).await;
    let other = Node::with(&server, patient, RevocationSettings::new()).synced().await;
    revoke_many(&other, 3_000).await;
    let node = Node::at(proxy.address(), patient, RevocationSettings::new()).synced().await;
    assert_eq!(node.list.status().remembered, 3_000);
    let reads = server.calls("hscan");
    for name in ["a", "b"] {
        proxy.lead_to(&nowhere);
        proxy.cut();
        // More than a response has.
        revoke_many(&other, 3_000).await;
        for number in 0..1_500 {
            other.list.revoke(&session(&format!("{name}-{number}"))).await.expect("revoked");
        }
        proxy.lead_to(&server);
        node.until_session(&format!("{name}-1499"), REVOKED).await;
        assert_eq!(node.session(&format!("{name}-0")).await, REVOKED);
    }
    assert_eq!(server.calls("hscan"), reads, "nothing was read again");
    assert_eq!(node.list.status().remembered, 6_000);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_full_read_that_is_cut_again_and_again_continues() {
    let server = Server::start();
    revoke_many(&Node::with(&server, patient, RevocationSettings::new()).synced().await, 20_000).await;
    let proxy = Proxy::to(&server, Duration::ZERO).await;
    // A tenth of what there is to read.
    proxy.cut_after(150_000);
    let node = Node::at(proxy.address(), patient, RevocationSettings::new()).synced().await;
    assert_eq!(node.list.status().remembered, 20_000);
    assert!(proxy.accepted() > 5, "{}", proxy.accepted());
    assert_eq!((node.session("s-0").await, node.session("s-19999").await), (REVOKED, REVOKED));
    assert_eq!(node.session("s-20000").await, None);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn if_the_log_does_not_reach_back_everything_is_read_again() {
    let (server, nowhere) = (Server::start(), Server::down());
    let proxy = Proxy::to(&server, Duration::ZERO).await;
    let other = Node::with(&server, patient, RevocationSettings::new()).synced().await;
    let node = Node::at(proxy.address(), patient, RevocationSettings::new()).synced().await;
    proxy.lead_to(&nowhere);
    proxy.cut();
    other.list.revoke(&session("a")).await.expect("revoked");
    other.list.revoke(&session("b")).await.expect("revoked");
    server.cli(&["XTRIM", "{jwt}:revoked:log", "MAXLEN", "1"]);
    let reads = server.calls("hscan");
    proxy.lead_to(&server);
    node.until_session("a", REVOKED).await;
    until("a full read", async || server.calls("hscan") > reads).await;
    assert_eq!((node.session("b").await, node.session("c").await), (REVOKED, None));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_failover_to_a_replica_that_lagged_behind_loses_no_revocation() {
    let (old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let node = Node::at(proxy.address(), patient, RevocationSettings::new()).synced().await;
    node.list.revoke(&session("kept")).await.expect("revoked");
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    wait_until("a replica", || new.cli(&["EXISTS", "{jwt}:revoked:log"]) == "1");
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    // Both servers continue, and give the same numbers to different changes.
    let other = Node::with(&new, patient, RevocationSettings::new()).synced().await;
    assert_eq!(other.session("kept").await, REVOKED);
    for number in 0..3 {
        node.list.revoke(&session(&format!("old-{number}"))).await.expect("revoked");
        other.list.revoke(&session(&format!("new-{number}"))).await.expect("revoked");
    }
    other.list.revoke(&session("new-3")).await.expect("revoked");
    proxy.lead_to(&new);
    proxy.cut();
    for number in 0..3 {
        node.until_session(&format!("new-{number}"), REVOKED).await;
        other.until_session(&format!("old-{number}"), REVOKED).await;
    }
    assert_eq!(node.session("new-3").await, REVOKED);
    assert_eq!(node.session("good").await, None);
}

/// The responses of sixteen requests are four times as large as the limit.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_with_small_buffers_is_read_in_smaller_parts() {
    let server = Server::start();
    revoke_many(&Node::with(&server, patient, RevocationSettings::new()).synced().await, 60_000).await;
    server.cli(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 256kb 1"]);
    let node = Node::with(&server, patient, RevocationSettings::new()).synced().await;
    assert_eq!(node.list.status().remembered, 60_000);
    assert_eq!((node.session("s-0").await, node.session("s-59999").await), (REVOKED, REVOKED));
    assert_eq!(node.session("good").await, None);
}
