//! Servers that were the primary before, and servers that were promoted without the last writes.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::RevocationSettings;
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::log::Log;
use jwt_tests::session_contract::exchanges_that_change_nothing;

use super::lost_writes::Process;
use super::proxy::Proxy;
use super::server::{Server, wait_until};
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
const UNAVAILABLE: ErrorKind = ErrorKind::SessionsUnavailable;

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(20)).connect_timeout(Duration::from_secs(20))
}

/// Makes the second server a primary of its own with the data of the first, which continues.
fn part(old: &Server, new: &Server) {
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    wait_until("a replica", || new.cli(&["INFO", "replication"]).contains("master_link_status:up"));
    assert_eq!(new.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
}

/// The replica answers reads, and lacks the sessions that began at the new primary.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_demoted_primary_logs_nobody_out_and_hides_no_session() {
    let (old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let process = Process::at(proxy.address()).await;
    part(&old, &new);
    // Its link to the new primary is down.
    assert_eq!(old.cli(&["REPLICAOF", "127.0.0.1", "1"]), "OK");
    let other = Process::start(&new).await;
    let (joe, ann) = (other.log_in("joe").await, other.log_in("ann").await);
    assert_eq!(process.refresh(&joe.refresh.token).await.map(drop), Err(UNAVAILABLE));
    assert_eq!(process.end_all("ann").await, Err(UNAVAILABLE));
    assert_eq!(process.end("ann", &ann.session_id).await, Err(UNAVAILABLE));
    proxy.lead_to(&new);
    assert_eq!(process.end_all("ann").await, Ok(1));
    let next = process.refresh_in_the_end(&joe.refresh.token).await.expect("the next pair");
    assert_eq!(process.refusal(&next.access.token).await, None);
    assert_eq!(other.refresh_in_the_end(&ann.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
}

/// The record there may be older than the last refresh, or have changed in a way that the new primary has thrown away.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_demoted_primary_refuses_or_repeats_no_exchange_and_calls_no_session_over() {
    let server = Server::start();
    let store = RedisSessions::connect(server.address(), &patient(RedisSettings::new())).expect("an address");
    let rotations = exchanges_that_change_nothing(&store).await;
    let process = Process::start(&server).await;
    let idle = process.log_in("kim").await;
    for (expected, rotation) in &rotations {
        assert_eq!(store.rotate(rotation).await.expect("an answer").0, *expected);
    }
    assert_eq!(server.cli(&["REPLICAOF", "127.0.0.1", "1"]), "OK");
    for (outcome, rotation) in &rotations {
        assert!(store.rotate(rotation).await.is_err(), "{outcome:?}");
    }
    process.clock.advance(Duration::from_secs(7 * 86_400 + 30));
    assert_eq!(process.refresh(&idle.refresh.token).await.map(drop), Err(UNAVAILABLE));
    assert_eq!(process.end("kim", &idle.session_id).await, Err(UNAVAILABLE));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn what_a_file_has_stays_in_force_on_a_server_that_lost_its_last_writes() {
    let (old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let file = old.folder().join("revocations");
    let eager = || RevocationSettings::new().staleness(Duration::from_millis(40)).snapshot_file(&file);
    let node = Node::at(proxy.address(), patient, eager()).synced().await;
    revoke_many(&node, 10).await;
    part(&old, &new);
    revoke_many(&node, 100).await;
    // The file is up to date once the process has asked for changes again.
    let asked = old.calls("evalsha");
    until("questions", async || old.calls("evalsha") > asked + 2).await;
    drop(node);
    assert!(file.exists());
    proxy.lead_to(&new);
    proxy.cut();
    let log = Log::start();
    let node = Node::at(proxy.address(), patient, eager()).synced().await;
    for number in 0..100 {
        assert_eq!(node.session(&format!("s-{number}")).await, REVOKED, "{number}");
    }
    assert_eq!(node.session("good").await, None);
    assert!(log.text().contains("has lost revocations since the snapshot"), "{}", log.text());
}

/// Nothing tells the process that its server has become a replica, and has thrown its data away for that of the new primary.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_fingerprint_is_not_looked_up_on_a_server_that_lost_changes() {
    let (old, new) = (Server::start(), Server::start());
    // The process asks for no changes meanwhile.
    let seldom = RevocationSettings::new().exact_capacity(640).staleness(Duration::from_secs(3_600));
    let node = Node::with(&old, patient, seldom).synced().await;
    part(&old, &new);
    revoke_many(&node, 2_000).await;
    for number in 0..100 {
        assert_eq!(node.session(&format!("s-{number}")).await, REVOKED, "{number}");
    }
    new.cli(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
    old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    wait_until("the data of the other", || old.cli(&["HLEN", "{jwt}:revoked:1"]) == "1");
    let mut down = 0;
    for number in 100..2_000 {
        let outcome = node.session(&format!("s-{number}")).await;
        assert!([REVOKED, DOWN].contains(&outcome), "{number}: {outcome:?}");
        down += usize::from(outcome == DOWN);
    }
    assert!(down > 1_000, "{down}: most are sealed");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_failover_that_lost_revocations_is_reported() {
    let (old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let node = Node::at(proxy.address(), patient, RevocationSettings::new()).synced().await;
    part(&old, &new);
    revoke_many(&node, 10).await;
    proxy.lead_to(&new);
    let log = Log::start();
    proxy.cut();
    wait_for_revocations(&new, 10).await;
    assert!(log.text().contains("has lost its last revocations: restoring those of this process"), "{}", log.text());
}

async fn wait_for_revocations(server: &Server, count: usize) {
    until("restored", async || server.revocations() == count).await;
}
