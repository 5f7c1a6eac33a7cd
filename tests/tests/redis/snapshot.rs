//! Processes that start from a file instead of reading everything.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::RedisSettings;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::server::Server;
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
const UNUSED: &str = "the snapshot of the revocations isn't used";

fn session(name: &str) -> Revocation {
    Revocation::session(ISSUER, name)
}

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(20))
}

/// The process asks for changes all the time, so its file is up to date when it ends.
fn eager() -> RevocationSettings {
    RevocationSettings::new().staleness(Duration::from_millis(40))
}

fn file(server: &Server) -> PathBuf {
    server.folder().join("revocations")
}

/// Most are sealed.
fn from_file(server: &Server) -> RevocationSettings {
    eager().exact_capacity(640).snapshot_file(file(server))
}

/// A process that has revoked this many sessions, and has ended.
async fn leave_a_file(server: &Server, count: usize) {
    let node = Node::with(server, patient, from_file(server)).synced().await;
    revoke_many(&node, count).await;
    drop(node);
    assert!(file(server).exists());
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_process_starts_from_its_file_and_reads_only_newer_revocations() {
    let server = Server::start();
    leave_a_file(&server, 5_000).await;
    let other = Node::with(&server, patient, eager()).synced().await;
    for number in 0..1_000 {
        other.list.revoke(&session(&format!("new-{number}"))).await.expect("revoked");
    }
    let reads = server.calls("hscan");
    let node = Node::with(&server, patient, from_file(&server)).synced().await;
    assert!(node.list.is_complete());
    for number in 0..5_000 {
        assert_eq!(node.session(&format!("s-{number}")).await, REVOKED, "{number}");
        assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
    }
    for number in 0..1_000 {
        assert_eq!(node.session(&format!("new-{number}")).await, REVOKED, "{number}");
    }
    // It follows the server, and its own file continues.
    other.list.revoke(&session("later")).await.expect("revoked");
    node.until_session("later", REVOKED).await;
    drop(node);
    let node = Node::with(&server, patient, from_file(&server)).synced().await;
    assert_eq!((node.session("later").await, node.session("s-0").await), (REVOKED, REVOKED));
    assert_eq!(server.calls("hscan"), reads, "nothing was read again");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn without_the_server_a_process_with_a_file_accepts_nothing() {
    let mut server = Server::durable();
    leave_a_file(&server, 10).await;
    server.kill();
    let node = Node::with(&server, patient, from_file(&server));
    assert_eq!((node.session("s-0").await, node.session("good").await), (DOWN, DOWN));
    server.revive();
    node.until_session("good", None).await;
    assert_eq!((node.session("s-0").await, node.session("s-9").await), (REVOKED, REVOKED));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn what_a_file_has_stays_in_force_on_a_server_that_was_flushed() {
    let server = Server::start();
    leave_a_file(&server, 2_000).await;
    server.cli(&["FLUSHALL"]);
    let log = Log::start();
    let node = Node::with(&server, patient, from_file(&server)).synced().await;
    assert!(log.text().contains("has lost revocations since the snapshot"), "{}", log.text());
    for number in 0..2_000 {
        let outcome = node.session(&format!("s-{number}")).await;
        assert!([REVOKED, DOWN].contains(&outcome), "{number}: {outcome:?}");
        assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_file_that_the_log_does_not_continue_is_not_used() {
    let server = Server::start();
    leave_a_file(&server, 100).await;
    let other = Node::with(&server, patient, eager()).synced().await;
    for name in ["a", "b"] {
        other.list.revoke(&session(name)).await.expect("revoked");
    }
    server.cli(&["XTRIM", "{jwt}:revoked:log", "MAXLEN", "1"]);
    let (log, reads) = (Log::start(), server.calls("hscan"));
    let node = Node::with(&server, patient, from_file(&server)).synced().await;
    assert_eq!(log.text().matches(UNUSED).count(), 1, "{}", log.text());
    assert!(server.calls("hscan") > reads);
    for name in ["a", "b", "s-0", "s-99"] {
        assert_eq!(node.session(name).await, REVOKED, "{name}");
    }
    assert_eq!(node.session("good").await, None);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_damaged_file_and_that_of_another_list_are_not_used() {
    let (server, empty) = (Server::start(), Server::start());
    leave_a_file(&server, 100).await;
    let log = Log::start();
    let prefix = |settings: RedisSettings| patient(settings).prefix("other");
    for node in [Node::with(&server, prefix, from_file(&server)), Node::with(&empty, patient, from_file(&server))] {
        let node = node.synced().await;
        assert_eq!((node.session("s-0").await, node.session("good").await), (None, None), "nothing is revoked there");
        drop(node);
    }
    fs::remove_file(file(&server)).expect("a file");
    leave_a_file(&server, 1).await;
    assert_eq!(log.text().matches("of another server").count(), 2, "{}", log.text());
    let mut bytes = fs::read(file(&server)).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file(&server), bytes).expect("written");
    let node = Node::with(&server, patient, from_file(&server)).synced().await;
    assert!(log.text().contains("it's damaged"), "{}", log.text());
    assert_eq!(
        (node.session("s-0").await, node.session("s-99").await, node.session("good").await),
        (REVOKED, REVOKED, None)
    );
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_process_that_is_killed_while_it_writes_leaves_a_whole_file() {
    let server = Server::start();
    revoke_many(&Node::with(&server, patient, eager()).synced().await, 5_000).await;
    let settings = || eager().snapshot_file(file(&server));
    let log = Log::start();
    for round in 0..6 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
        command.args(["save", &server.address()]).arg(file(&server)).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let wanted = (40 + 7 * round).to_string();
        while lines.next_line().await.expect("text").expect("it runs") != wanted {}
        until("a file", async || file(&server).exists()).await;
        child.kill().await.expect("killed");
        let reads = server.calls("hscan");
        let node = Node::with(&server, patient, settings()).synced().await;
        assert_eq!(server.calls("hscan"), reads, "the file was used");
        for number in 0..40 + 7 * round {
            assert_eq!(node.session(&format!("saved-{number}")).await, REVOKED, "{number}");
        }
        assert_eq!((node.session("s-4999").await, node.session("good").await), (REVOKED, None));
        drop(node);
    }
    assert!(!log.text().contains("snapshot"), "{}", log.text());
}
