//! Processes that start from a file instead of reading the whole table.

use std::path::PathBuf;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::until;

use super::revocations::Node;
use super::server::Server;

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);

fn file(server: &Server) -> PathBuf {
    server.folder().join("revocations")
}

fn from_file(server: &Server) -> RevocationSettings {
    RevocationSettings::new().exact_capacity(640).snapshot_file(file(server))
}

/// A row that is written without a message shows whether a process reads the rows that were there before.
fn insert(server: &Server, name: &str) {
    server.sql(&format!(
        "INSERT INTO jwt_revocations VALUES (1, convert_to('{ISSUER}', 'UTF8'), convert_to('{name}', 'UTF8'), \
         9223372036854775807, 9223372036854775807);"
    ));
}

/// Leaves the file of a process that knows `s-1` to `s-2000`, and not `silent`.
async fn leave_a_file(server: &Server) {
    server.sql(&format!(
        "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
         9223372036854775807, 1900000000 FROM generate_series(1, 2000) AS n"
    ));
    let node = Node::with(server, from_file(server)).synced().await;
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
    leave_a_file(&server).await;
    let other = Node::start(&server).synced().await;
    for number in 0..1_000 {
        other.list.revoke(&Revocation::session(ISSUER, format!("new-{number}"))).await.expect("revoked");
    }
    let node = Node::with(&server, from_file(&server)).synced().await;
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
async fn after_a_restart_of_the_server_or_with_new_data_the_file_is_not_used() {
    let mut server = Server::start();
    let log = Log::start();
    for (round, change) in ["restart", "TRUNCATE jwt_revocations"].into_iter().enumerate() {
        leave_a_file(&server).await;
        if change == "restart" {
            server.kill();
            server.revive();
        } else {
            server.sql(change);
            insert(&server, "silent");
        }
        let node = Node::with(&server, from_file(&server)).synced().await;
        assert_eq!(node.session("silent").await, REVOKED, "{change}: everything was read");
        let known = if change == "restart" { REVOKED } else { None };
        assert_eq!((node.session("s-1").await, node.session("good").await), (known, None), "{change}");
        assert_eq!(log.text().matches("the snapshot of the revocations isn't used").count(), round + 1, "{change}");
        drop(node);
        std::fs::remove_file(file(&server)).expect("a file");
        server.sql("DELETE FROM jwt_revocations");
    }
}
