//! Revocations on Postgres.

use std::sync::Arc;
use std::time::Duration;

use jwt_core::revocation::{Revocation, RevocationSettings, RevocationStore};
use jwt_core::store::tokio_postgres::NoTls;
use jwt_core::store::{PostgresRevocations, PostgresSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::{ISSUER, NOW};
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
        let clock = ManualClock::at(NOW);
        let settings = PostgresSettings::new().timeout(Duration::from_secs(10));
        // The clock stands still, so a proof is as good as the last one. They come often, to keep tests short.
        let settings = settings.staleness(Duration::from_millis(400)).revocations(revocations.clock(clock.clone()));
        let list = PostgresRevocations::new(server.config(), NoTls, settings);
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
async fn a_process_that_starts_reads_every_page_of_the_table() {
    let server = Server::start();
    server.sql(&format!(
        "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
         9223372036854775807, 9223372036854775807 FROM generate_series(1, 25000) AS n"
    ));
    let node = Node::start(&server).synced().await;
    assert_eq!(node.list.count().remembered, 25_000);
    for (session, expected) in [("s-1", true), ("s-25000", true), ("s-12345", true), ("s-25001", false)] {
        assert_eq!(node.session(session).await, expected.then_some(ErrorKind::Revoked), "{session}");
    }
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
