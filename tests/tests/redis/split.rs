//! Processes that reach different servers, and servers that lost everything or can't save their data.

use std::fs;
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;

use super::lost_writes::Process;
use super::proxy::Proxy;
use super::server::{Server, wait_until};
use super::setup::{Node, until};

const UNAVAILABLE: ErrorKind = ErrorKind::SessionsUnavailable;
const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const STALENESS: Duration = Duration::from_secs(10);

/// Makes the second server a replica of the first, which has its data then.
fn replicate(primary: &Server, replica: &Server) {
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    wait_until("a replica", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
}

/// A replica was promoted, and one process still reaches the primary before it, which does not know.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn what_two_primaries_confirmed_is_one_again_when_the_split_is_over() {
    let (old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let (one, other) = (Process::at(proxy.address()).await, Process::start(&old).await);
    let [refreshed, ended, kept] = [one.log_in("joe").await, one.log_in("ann").await, one.log_in("eve").await];
    drop(other);
    replicate(&old, &new);
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    let other = Process::start(&new).await;
    let refreshed = one.refresh(&refreshed.refresh.token).await.expect("a pair");
    assert_eq!(one.log_out(&ended).await, Ok(()));
    // Each side continues with its own data, for as long as the split lasts.
    one.clock.advance(Duration::from_secs(600));
    until("the list is current", async || one.list.is_current()).await;
    assert_eq!(one.refusal(&kept.access.token).await, None);
    assert_eq!(other.refusal(&ended.access.token).await, None);
    let revived = other.refresh(&ended.refresh.token).await.expect("the end is unknown here");
    let second = other.refresh(&kept.refresh.token).await.expect("a pair");
    proxy.lead_to(&new);
    proxy.cut();
    until("the revocation arrives", async || other.refusal(&ended.access.token).await == REVOKED).await;
    assert_eq!(other.refusal(&revived.access.token).await, REVOKED);
    assert_eq!(other.refresh_in_the_end(&revived.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    one.heal().await;
    for process in [&one, &other] {
        for pair in [&refreshed, &second] {
            let next = process.refresh_in_the_end(&pair.refresh.token).await.expect("nobody is accused");
            assert_eq!(process.refusal(&next.access.token).await, None);
        }
    }
}

/// With `min-replicas-to-write`, a primary that was cut off from its replicas says so.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_primary_without_its_replicas_refuses_refreshes_and_keeps_their_tokens_good() {
    let (primary, replica) = (Server::start(), Server::start());
    replicate(&primary, &replica);
    for (setting, value) in [("min-replicas-to-write", "1"), ("min-replicas-max-lag", "1")] {
        assert_eq!(primary.cli(&["CONFIG", "SET", setting, value]), "OK");
    }
    wait_until("a good replica", || primary.cli(&["INFO", "replication"]).contains("min_slaves_good_slaves:1"));
    let process = Process::start(&primary).await;
    let (pair, ended) = (process.log_in("joe").await, process.log_in("ann").await);
    // This session is unknown here, as if it had begun at another primary.
    let elsewhere = process.log_in("eve").await;
    primary.cli(&["DEL", "jwt:sessions:{eve}"]);
    replica.freeze();
    wait_until("no good replica", || primary.cli(&["INFO", "replication"]).contains("min_slaves_good_slaves:0"));
    for pair in [&pair, &elsewhere] {
        assert_eq!(process.refresh(&pair.refresh.token).await.map(drop), Err(UNAVAILABLE));
    }
    assert_eq!(process.log_out(&ended).await, Err(UNAVAILABLE));
    assert_eq!(process.refusal(&ended.access.token).await, REVOKED);
    // Any answer that is under way was proven before.
    until("the list is stale", async || {
        process.clock.advance(STALENESS);
        process.refusal(&pair.access.token).await == Some(ErrorKind::RevocationUnavailable)
    })
    .await;
    replica.thaw();
    wait_until("a good replica", || primary.cli(&["INFO", "replication"]).contains("min_slaves_good_slaves:1"));
    let next = process.refresh_in_the_end(&pair.refresh.token).await.expect("a pair");
    assert_eq!(process.refusal(&next.access.token).await, None);
    process.heal().await;
    assert_eq!(primary.cli(&["EXISTS", "jwt:sessions:{ann}"]), "0");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_lost_everything_logs_everyone_out_and_nobody_in() {
    let server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let (kept, ended) = (one.log_in("joe").await, one.log_in("ann").await);
    one.log_out(&ended).await.expect("an end");
    until("the revocation arrives", async || other.refusal(&ended.access.token).await == REVOKED).await;
    let log = Log::start();
    server.cli(&["FLUSHALL"]);
    for process in [&one, &other] {
        assert_eq!(process.refresh_in_the_end(&kept.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
        assert_eq!(process.refusal(&kept.access.token).await, None, "until it expires");
        assert_eq!(process.refusal(&ended.access.token).await, REVOKED);
    }
    assert_eq!(other.log_out(&kept).await, Ok(()));
    assert_eq!(other.refusal(&kept.access.token).await, REVOKED);
    let again = other.log_in("joe").await;
    assert!(one.refresh_in_the_end(&again.refresh.token).await.is_ok());
    until("a warning", async || log.text().contains("the Redis server has lost revocations")).await;
    // A process that starts learns of both logouts, although the server has lost one.
    let started = Process::start(&server).await;
    for pair in [&kept, &ended] {
        until("a restored revocation", async || started.refusal(&pair.access.token).await == REVOKED).await;
    }
}

/// The server answers, but takes no writes since it couldn't save its data.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_could_not_save_its_data_is_trusted_until_the_maximum_staleness() {
    let server = Server::start();
    let process = Process::start(&server).await;
    let pair = process.log_in("joe").await;
    let node = Node::start(&server).synced().await;
    server.cli(&["CONFIG", "SET", "save", "3600 1"]);
    fs::remove_dir_all(server.folder()).expect("the folder");
    server.cli(&["BGSAVE"]);
    wait_until("a failure", || server.cli(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err"));
    let log = Log::start();
    assert_eq!(process.refresh(&pair.refresh.token).await.map(drop), Err(UNAVAILABLE));
    assert!(log.text().contains("MISCONF"), "{}", log.text());
    let error = node.list.revoke(&Revocation::session(ISSUER, "a")).await;
    assert!(error.is_err());
    until("the list is stale", async || {
        node.clock.advance(STALENESS);
        node.session("good").await == Some(ErrorKind::RevocationUnavailable)
    })
    .await;
    fs::create_dir_all(server.folder()).expect("a folder");
    server.cli(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    assert!(process.refresh_in_the_end(&pair.refresh.token).await.is_ok());
    node.until_session("good", None).await;
    let started = Node::with(&server, |settings| settings, RevocationSettings::new()).synced().await;
    started.until_session("a", REVOKED).await;
}
