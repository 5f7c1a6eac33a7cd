//! Revocations on Postgres.

use std::sync::Arc;
use std::time::Duration;

use jwt_core::revocation::{Revocation, RevocationSettings, RevocationStore};
use jwt_core::store::tokio_postgres::{Config, NoTls};
use jwt_core::store::{POSTGRES_SCHEMA, PostgresRevocations, PostgresSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::{Scene, keeps_the_contract, outcome, until};
use jwt_tests::setup::{builder, good};

use super::server::Server;

/// A simulated process.
pub(crate) struct Node {
    pub(crate) list: PostgresRevocations,
    pub(crate) clock: ManualClock,
    verifier: Verifier,
}

impl Node {
    pub(crate) fn start(server: &Server) -> Self {
        Self::with(server, RevocationSettings::new())
    }

    pub(crate) fn with(server: &Server, revocations: RevocationSettings) -> Self {
        Self::over(server.config(), revocations)
    }

    pub(crate) fn over(config: Config, revocations: RevocationSettings) -> Self {
        let clock = ManualClock::at(NOW);
        let settings = PostgresSettings::new().timeout(Duration::from_secs(10));
        // The clock stands still, so a proof is as good as the last one. They come often, to keep tests short.
        let revocations = revocations.staleness(Duration::from_millis(400)).clock(clock.clone());
        let settings = settings.revocations(revocations);
        let list = PostgresRevocations::connect(config, NoTls, settings);
        let verifier = builder().revocations(list.clone()).clock(clock.clone()).build().expect("a verifier");
        Self { list, clock, verifier }
    }

    pub(crate) async fn synced(self) -> Self {
        let synced = tokio::time::timeout(Duration::from_secs(60), self.list.synced());
        synced.await.expect("the server is available");
        self
    }

    /// Returns the error for a token of this session, or `None` if it's accepted.
    pub(crate) async fn session(&self, session: &str) -> Option<ErrorKind> {
        outcome(&self.verifier, &good().claim("sid", session).sign()).await
    }

    pub(crate) async fn until_session(&self, session: &str, expected: Option<ErrorKind>) {
        until(session, async || self.session(session).await == expected).await;
    }
}

async fn scene(server: &Server, capacity: usize) -> Scene {
    let mut stores: Vec<Arc<dyn RevocationStore>> = Vec::new();
    for _ in 0..3 {
        stores.push(Arc::new(Node::with(server, RevocationSettings::new().capacity(capacity)).synced().await.list));
    }
    Scene::new(&stores)
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn postgres_passes_the_revocation_contract() {
    let server = Server::start();
    keeps_the_contract(&scene(&server, 1_000).await).await;
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn postgres_passes_the_revocation_contract_with_little_memory_in_the_process() {
    let server = Server::start();
    for capacity in [0, 1] {
        keeps_the_contract(&scene(&server, capacity).await).await;
        server.sql("DELETE FROM jwt_revocations");
    }
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_process_that_starts_reads_the_whole_table_although_its_user_has_a_time_limit() {
    let server = Server::start();
    server.sql(&format!(
        "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
         9223372036854775807, 9223372036854775807 FROM generate_series(1, 25000) AS n"
    ));
    server.sql("ALTER ROLE jwt SET statement_timeout = '5ms'");
    let node = Node::start(&server).synced().await;
    assert_eq!(node.list.status().remembered, 25_000);
    for (session, expected) in [("s-1", true), ("s-25000", true), ("s-12345", true), ("s-25001", false)] {
        assert_eq!(node.session(session).await, expected.then_some(ErrorKind::Revoked), "{session}");
    }
}

/// Rows that were written without a message show which rows a process reads.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn after_a_cut_only_newer_changes_are_read_and_after_a_restart_everything() {
    let mut server = Server::start();
    let node = Node::start(&server).synced().await;
    let insert = |name: &str| {
        format!(
            "INSERT INTO jwt_revocations VALUES (1, convert_to('{ISSUER}', 'UTF8'), convert_to('{name}', 'UTF8'), \
             9223372036854775807, 9223372036854775807);"
        )
    };
    server.sql(&insert("before"));
    // Each proof is a transaction, so after some the process's position is beyond that row.
    let next = || server.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())").parse::<u64>().expect("a number");
    let first = next();
    until("proofs", async || next() > first + 3).await;
    let cut =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'jwt' AND pid <> pg_backend_pid();";
    server.sql(&format!("{cut} {}", insert("during")));
    node.until_session("during", Some(ErrorKind::Revoked)).await;
    assert_eq!(node.session("before").await, None, "the table wasn't read again");
    server.kill();
    server.revive();
    node.until_session("before", Some(ErrorKind::Revoked)).await;
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn sealed_revocations_are_confirmed_by_the_server_and_refused_without_it() {
    let mut server = Server::start();
    server.sql(&format!(
        "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
         9223372036854775807, {} FROM generate_series(1, 20000) AS n",
        NOW + 86_400
    ));
    let node = Node::with(&server, RevocationSettings::new().exact_capacity(640)).synced().await;
    assert!((19_995..=20_000).contains(&node.list.status().remembered));
    for number in (1..=20_000).step_by(10) {
        assert_eq!(node.session(&format!("s-{number}")).await, Some(ErrorKind::Revoked), "{number}");
        assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
    }
    server.kill();
    let mut down = 0;
    for number in (2..=20_000).step_by(10) {
        let outcome = node.session(&format!("s-{number}")).await.expect("a refusal");
        assert!([ErrorKind::Revoked, ErrorKind::RevocationUnavailable].contains(&outcome), "{number}: {outcome:?}");
        down += usize::from(outcome == ErrorKind::RevocationUnavailable);
        assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
    }
    assert!(down > 1_000, "{down}");
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_table_that_was_emptied_or_restored_cannot_make_a_sealed_revocation_good() {
    let server = Server::start();
    let restore = format!("DROP TABLE jwt_revocations; {POSTGRES_SCHEMA}");
    for change in ["TRUNCATE jwt_revocations", &restore] {
        server.sql(&format!(
            "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
             9223372036854775807, {} FROM generate_series(1, 2000) AS n",
            NOW + 86_400
        ));
        let node = Node::with(&server, RevocationSettings::new().exact_capacity(64)).synced().await;
        server.sql(change);
        for round in 0..20 {
            for number in (1..=2_000).step_by(20) {
                let outcome = node.session(&format!("s-{number}")).await;
                let refusals = [Some(ErrorKind::Revoked), Some(ErrorKind::RevocationUnavailable)];
                assert!(refusals.contains(&outcome), "{change} {round} {number}: {outcome:?}");
            }
            // The process notices it, and follows the new table.
            node.list.revoke(&Revocation::session(ISSUER, format!("new-{round}"))).await.expect("revoked");
            node.until_session("good", None).await;
        }
    }
}

/// `VACUUM FULL` and `TRUNCATE` end no message, so the process needs no new connection, which would take seconds if they come often.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_table_that_is_rewritten_again_and_again_keeps_its_followers_current() {
    let server = Server::start();
    let (node, other) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    node.list.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
    let log = Log::start();
    for round in 1..=10 {
        server.sql(if round % 2 == 0 { "VACUUM FULL jwt_revocations" } else { "TRUNCATE jwt_revocations" });
        let noticed = || log.text().matches("truncated or replaced").count();
        until("both notice it", async || noticed() == 2 * round).await;
        let name = format!("s-{round}");
        node.list.revoke(&Revocation::session(ISSUER, &name)).await.expect("revoked");
        other.until_session(&name, Some(ErrorKind::Revoked)).await;
        for node in [&node, &other] {
            node.clock.advance(Duration::from_secs(10));
            node.until_session("good", None).await;
        }
    }
    assert!(!log.text().contains("connecting again"), "{}", log.text());
    // The process has written its own revocation again.
    until("all", async || server.sql("SELECT count(*) FROM jwt_revocations") == "11").await;
}

/// The connection that asks about tokens was opened after the change, and the connection that receives messages before it.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn another_time_zone_of_the_user_makes_no_other_server() {
    let server = Server::start();
    let node = Node::with(&server, RevocationSettings::new().capacity(1)).synced().await;
    for name in ["s", "t", "u"] {
        node.list.revoke(&Revocation::session(ISSUER, name)).await.expect("revoked");
    }
    until("a full memory", async || server.sql("SELECT count(*) FROM jwt_revocations") == "3").await;
    assert_eq!(node.session("good").await, None, "the process asks the server");
    server.sql("ALTER ROLE jwt SET timezone = 'Asia/Tokyo'; ALTER ROLE jwt SET datestyle = 'German'");
    server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE usename = 'jwt' AND pid <> pg_backend_pid() AND query NOT LIKE '%emit_message%'",
    );
    node.until_session("good", None).await;
    assert_eq!(node.session("u").await, Some(ErrorKind::Revoked));
}

/// A message has at most 8,000 bytes. A longer name makes the others read the table.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_name_that_fits_into_no_message_is_revoked_everywhere() {
    let server = Server::start();
    let (one, other) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    let name = "x".repeat(6_500);
    one.list.revoke(&Revocation::session(ISSUER, &name)).await.expect("revoked");
    one.until_session(&name, Some(ErrorKind::Revoked)).await;
    other.until_session(&name, Some(ErrorKind::Revoked)).await;
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn revocations_that_have_ended_are_removed() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    for number in 0..10 {
        node.list.revoke(&Revocation::session(ISSUER, number.to_string())).await.expect("revoked");
    }
    server.sql("UPDATE jwt_revocations SET until = 5 WHERE convert_from(name, 'UTF8') < '7'");
    server.sql("UPDATE jwt_revocations SET until = 9000000000 WHERE until <> 5");
    assert_eq!(node.list.remove_expired().await, Ok(7));
    assert_eq!(server.sql("SELECT count(*) FROM jwt_revocations"), "3");
}
