//! Sessions and revocations on a primary that fails over to a standby that lagged behind, and on one that's cut off.

use std::time::Duration;

use jwt_core::issue::{KeyRing, Sessions, TokenIssuer, TokenPair};
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::tokio_postgres::{Config, NoTls};
use jwt_core::store::{PostgresRevocations, PostgresSessions, PostgresSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::revocation_contract::until;
use jwt_tests::setup::key;

use super::revocations::Node;
use super::server::Server;

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const ENDED: Result<(), ErrorKind> = Err(ErrorKind::SessionEnded);
const UNAVAILABLE: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);

/// A process with sessions, a verifier and a revocation list.
struct Process {
    sessions: Sessions,
    verifier: Verifier,
    list: PostgresRevocations,
    clock: ManualClock,
}

impl Process {
    async fn start(config: Config) -> Self {
        let clock = ManualClock::at(NOW);
        let ring = KeyRing::builder().key(key()).clock(clock.clone()).build().expect("a ring");
        let tokens = TokenIssuer::builder(ISSUER, ring).audience(AUDIENCE).build().expect("an issuer");
        let revocations = tokens.revocation_settings().staleness(Duration::from_millis(400)).clock(clock.clone());
        let settings = PostgresSettings::new().timeout(Duration::from_secs(10)).revocations(revocations);
        let store = PostgresSessions::connect(config.clone(), NoTls, &settings);
        let list = PostgresRevocations::connect(config, NoTls, settings);
        list.synced().await;
        let sessions = Sessions::builder(tokens.clone(), store).revocations(list.clone()).build().expect("sessions");
        let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).revocations(list.clone());
        Self { sessions, verifier: verifier.build().expect("a verifier"), list, clock }
    }

    async fn log_in(&self, subject: &str) -> TokenPair {
        self.sessions.login(subject).start().await.expect("a session")
    }

    /// Repeats the refresh while a store is unavailable, as a client does.
    async fn refresh(&self, pair: &TokenPair) -> Result<TokenPair, ErrorKind> {
        let token = self.sessions.verify(&pair.refresh.token).await.map_err(|error| error.kind())?;
        let mut result = Err(ErrorKind::SessionsUnavailable);
        until("the stores are available", async || {
            result = self.sessions.refresh(&token).await.map_err(|error| error.kind());
            !matches!(result, Err(ErrorKind::SessionsUnavailable | ErrorKind::RevocationUnavailable))
        })
        .await;
        result
    }

    async fn log_out(&self, pair: &TokenPair) -> Result<(), ErrorKind> {
        let token = self.sessions.verify(&pair.refresh.token).await.map_err(|error| error.kind())?;
        self.sessions.logout(&token).await.map_err(|error| error.kind())
    }

    async fn refusal(&self, pair: &TokenPair) -> Option<ErrorKind> {
        self.verifier.verify(&pair.access.token).await.err().map(|error| error.kind())
    }
}

/// The address of two servers. Connections go to the one that takes writes.
pub(crate) fn either(one: &Server, other: &Server) -> Config {
    let (mut config, other) = (one.config(), other.config());
    config.host("127.0.0.1").port(other.get_ports()[0]);
    config
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_failover_to_a_lagging_standby_accuses_nobody_and_revives_nobody() {
    let mut primary = Server::start();
    let standby = primary.standby();
    let address = either(&primary, &standby);
    let (one, other) = (Process::start(address.clone()).await, Process::start(address.clone()).await);
    let [refreshed, ended, untouched] = [one.log_in("joe").await, one.log_in("ann").await, one.log_in("eve").await];
    let count = "SELECT count(*) FROM jwt_sessions";
    until("the standby has the sessions", async || standby.sql(count) == "3").await;
    // From here on, nothing arrives at the standby.
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''");
    standby.sql("SELECT pg_reload_conf()");
    until("a cut", async || primary.sql("SELECT count(*) FROM pg_stat_replication") == "0").await;
    let refreshed = other.refresh(&refreshed).await.expect("a pair");
    let lost = one.log_in("lost").await;
    assert_eq!(one.log_out(&ended).await, Ok(()));
    one.list.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
    until("the revocation arrives", async || other.refusal(&ended).await == REVOKED).await;
    primary.kill();
    standby.promote();
    assert_eq!(other.refresh(&lost).await.map(drop), ENDED);
    assert_eq!(one.refresh(&ended).await.map(drop), ENDED, "this process ended it");
    assert_eq!(standby.sql("SELECT count(*) FROM jwt_sessions WHERE subject = 'ann'"), "0");
    for (process, pair) in [(&one, &refreshed), (&other, &untouched)] {
        let next = process.refresh(pair).await.expect("nobody is accused");
        assert_eq!((one.refusal(&next).await, other.refusal(&next).await), (None, None));
    }
    assert_eq!((one.refusal(&ended).await, other.refusal(&ended).await), (REVOKED, REVOKED));
    assert_eq!(one.refusal(&lost).await, None, "until it expires");
    // The process has written its revocations again, so one that starts has them.
    until("restored revocations", async || standby.sql("SELECT count(*) FROM jwt_revocations") == "2").await;
    let (started, node) = (Process::start(address).await, Node::start(&standby).synced().await);
    assert_eq!((started.refusal(&ended).await, node.session("s").await), (REVOKED, REVOKED));
    one.clock.advance(Duration::from_secs(300));
    assert!(one.sessions.heal().await.is_ok());
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn ending_all_or_all_other_sessions_without_the_server_ends_them_when_it_is_back() {
    let mut server = Server::start();
    let (one, other) = (Process::start(server.config()).await, Process::start(server.config()).await);
    let [here, there] = [one.log_in("joe").await, other.log_in("joe").await];
    let [own, elsewhere] = [one.log_in("ann").await, other.log_in("ann").await];
    let token = one.verifier.verify(&own.access.token).await.expect("a good token");
    server.kill();
    for error in [one.sessions.end_all("joe").await, one.sessions.end_others(&token).await] {
        assert_eq!(error.map_err(|error| error.kind()), Err(ErrorKind::SessionsUnavailable));
    }
    for (pair, expected) in [(&here, REVOKED), (&there, REVOKED), (&own, None), (&elsewhere, None)] {
        assert_eq!(one.refusal(pair).await, expected, "at once");
    }
    server.revive();
    // The list brings the end of all to the other process before the first one carries it out.
    for pair in [&here, &there] {
        until("the revocation arrives", async || other.refusal(pair).await == REVOKED).await;
    }
    assert_eq!(other.refresh(&here).await.map(drop), ENDED);
    for process in [&one, &other] {
        process.clock.advance(Duration::from_secs(2));
    }
    until("the server is available", async || one.sessions.heal().await.is_ok()).await;
    until("the revocation arrives", async || other.refusal(&elsewhere).await == REVOKED).await;
    let later = other.log_in("joe").await;
    for process in [&one, &other] {
        for pair in [&here, &there, &elsewhere] {
            assert_eq!((process.refresh(pair).await.map(drop), process.refusal(pair).await), (ENDED, REVOKED));
        }
        for pair in [&own, &later] {
            assert_eq!((process.refresh(pair).await.map(drop), process.refusal(pair).await), (Ok(()), None));
        }
    }
}

/// The standby confirms each commit. Without it, the primary can't prove that it still is one.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn an_isolated_primary_is_trusted_unless_a_standby_confirms_its_commits() {
    let server = Server::start();
    let mut standby = server.standby();
    let node = Node::with(&server, RevocationSettings::new()).synced().await;
    for (names, expected) in [("", None), ("*", UNAVAILABLE)] {
        server.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
        server.sql("SELECT pg_reload_conf()");
        standby.kill();
        node.clock.advance(Duration::from_millis(400));
        // A proof that was asked for before the standby ended may still count.
        tokio::time::sleep(Duration::from_secs(1)).await;
        node.clock.advance(Duration::from_millis(400));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(node.session("good").await, expected, "{names}");
        standby.revive();
        node.until_session("good", None).await;
    }
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_table_that_was_emptied_gets_revocations_back_and_one_that_has_them_is_not_changed() {
    let mut server = Server::start();
    let node = Node::start(&server).synced().await;
    for name in ["a", "b"] {
        node.list.revoke(&Revocation::session(ISSUER, name)).await.expect("revoked");
    }
    let changes = "SELECT string_agg(changed::text, ' ' ORDER BY name) FROM jwt_revocations";
    let before = server.sql(changes);
    server.kill();
    server.revive();
    node.list.revoke(&Revocation::session(ISSUER, "c")).await.expect("revoked");
    server.kill();
    node.list.revoke(&Revocation::session(ISSUER, "d")).await.expect_err("no server");
    server.revive();
    until("all of them", async || server.sql("SELECT count(*) FROM jwt_revocations") == "4").await;
    assert!(server.sql(changes).starts_with(&format!("{before} ")));
    server.sql("TRUNCATE jwt_revocations");
    until("restored revocations", async || server.sql("SELECT count(*) FROM jwt_revocations") == "4").await;
    let started = Node::start(&server).synced().await;
    for name in ["a", "b", "c", "d"] {
        assert_eq!(started.session(name).await, REVOKED, "{name}");
    }
    assert_eq!(node.session("good").await, None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn ten_thousand_revocations_are_restored_with_few_transactions() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    for number in 0..10_000 {
        node.list.revoke(&Revocation::session(ISSUER, format!("s-{number}"))).await.expect("revoked");
    }
    let transactions =
        || server.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())").parse::<u64>().expect("a number");
    let before = transactions();
    server.sql("TRUNCATE jwt_revocations");
    until("restored", async || {
        assert_eq!(node.session("good").await, None, "good tokens are accepted meanwhile");
        server.sql("SELECT count(*) FROM jwt_revocations") == "10000"
    })
    .await;
    // Some of them are the process's messages to itself.
    let count = transactions() - before;
    assert!(count < 1_000, "{count}");
    assert_eq!(Node::start(&server).synced().await.session("s-9999").await, REVOKED);
}
