//! Processes that start from a file instead of reading the whole table.

use std::path::PathBuf;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::tokio_postgres::NoTls;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::until;

use super::revocations::Node;
use super::server::Server;

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const UNAVAILABLE: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);

const SOME: usize = 640;
const ALL: usize = 10_000;

fn file(server: &Server) -> PathBuf {
    server.folder().join("revocations")
}

/// Of the revocations beyond `exact`, the process and its file have fingerprints.
fn from_file(server: &Server, exact: usize) -> RevocationSettings {
    RevocationSettings::new().exact_capacity(exact).snapshot_file(file(server))
}

/// A row that is written without a message shows whether a process reads the rows that were there before.
fn insert(server: &Server, name: &str) {
    server.sql(&format!(
        "INSERT INTO jwt_revocations VALUES (1, convert_to('{ISSUER}', 'UTF8'), convert_to('{name}', 'UTF8'), \
         9223372036854775807, 9223372036854775807);"
    ));
}

/// Leaves the file of a process that knows `s-1` to `s-2000`, and not `silent`.
async fn leave_a_file(server: &Server, exact: usize) {
    server.sql(&format!(
        "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
         9223372036854775807, 1900000000 FROM generate_series(1, 2000) AS n"
    ));
    let node = Node::with(server, from_file(server, exact)).synced().await;
    insert(server, "silent");
    // Each proof is a transaction, so after some the process's position is beyond that row.
    let next = || server.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())").parse::<u64>().expect("a number");
    let first = next();
    until("proofs", async || next() > first + 3).await;
    drop(node);
    assert!(file(server).exists());
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_process_starts_from_its_file_and_reads_only_newer_revocations() {
    let server = Server::start();
    leave_a_file(&server, SOME).await;
    let other = Node::start(&server).synced().await;
    for number in 0..1_000 {
        other.list.revoke(&Revocation::session(ISSUER, format!("new-{number}"))).await.expect("revoked");
    }
    let node = Node::with(&server, from_file(&server, SOME)).synced().await;
    assert_eq!(node.session("silent").await, None, "the table wasn't read again");
    for number in 0..1_000 {
        assert_eq!(node.session(&format!("new-{number}")).await, REVOKED, "{number}");
        assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
    }
    for number in 1..=2_000 {
        assert_eq!(node.session(&format!("s-{number}")).await, REVOKED, "{number}");
    }
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn after_a_restart_or_with_a_new_table_everything_is_read_and_the_file_stays_in_force() {
    let mut server = Server::start();
    let log = Log::start();
    for (round, change) in ["restart", "TRUNCATE jwt_revocations"].into_iter().enumerate() {
        leave_a_file(&server, SOME).await;
        if change == "restart" {
            server.kill();
            server.revive();
            // A standby that took over may lack the last ones.
            server.sql("DELETE FROM jwt_revocations WHERE name = convert_to('s-2', 'UTF8')");
        } else {
            server.sql(change);
            insert(&server, "silent");
        }
        let node = Node::with(&server, from_file(&server, SOME)).synced().await;
        assert_eq!(node.session("silent").await, REVOKED, "{change}: everything was read");
        assert_eq!(node.session("good").await, None, "{change}");
        for number in 1..=2_000 {
            let outcome = node.session(&format!("s-{number}")).await;
            let is_lost = change != "restart" || number == 2;
            // The server can't confirm a fingerprint that it has lost.
            assert!(outcome == REVOKED || is_lost && outcome == UNAVAILABLE, "{change} {number}: {outcome:?}");
        }
        assert_eq!(log.text().matches("the snapshot's revocations stay in force").count(), round + 1, "{change}");
        drop(node);
        std::fs::remove_file(file(&server)).expect("a file");
        server.sql("DELETE FROM jwt_revocations");
    }
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn while_a_new_server_is_being_read_the_revocations_of_the_file_are_refused() {
    let mut server = Server::start();
    leave_a_file(&server, ALL).await;
    server.kill();
    server.revive();
    let (locking, connection) = server.config().connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    locking.batch_execute("BEGIN; LOCK TABLE jwt_revocations").await.expect("a lock");
    let node = Node::with(&server, from_file(&server, ALL));
    node.until_session("s-1", REVOKED).await;
    assert_eq!(node.session("good").await, UNAVAILABLE, "not everything was read");
    locking.batch_execute("COMMIT").await.expect("an end");
    node.until_session("good", None).await;
}
