//! What requests see while the Postgres server is down, or isn't the primary.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::{Revocation, RevocationSettings, RevokeError};
use jwt_core::store::tokio_postgres::{Config, NoTls};
use jwt_core::store::{PostgresRevocations, PostgresSessions, PostgresSettings};
use jwt_core::testing::ManualClock;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::until;
use jwt_tests::session_contract::session;

use super::lost_writes::either;
use super::revocations::Node;
use super::server::Server;

const UNAVAILABLE: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn an_outage_ends_the_trust_in_the_list_and_loses_no_revocation() {
    let mut server = Server::start();
    let (one, other) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    one.list.revoke(&Revocation::session(ISSUER, "before")).await.expect("revoked");
    other.until_session("before", REVOKED).await;
    server.kill();
    let error = one.list.revoke(&Revocation::session(ISSUER, "during")).await.expect_err("no server");
    assert_eq!(error, RevokeError::Unavailable);
    // This process refuses it at once. The other does not know it, and stops trusting its list in time.
    assert_eq!((one.session("during").await, other.session("during").await), (REVOKED, None));
    for node in [&one, &other] {
        node.clock.set(Duration::from_millis(NOW * 1000 + 401));
        assert_eq!(node.session("good").await, UNAVAILABLE);
        assert_eq!(node.session("before").await, REVOKED, "what is known stays in force");
        assert!(!node.list.is_current());
    }
    server.revive();
    other.until_session("during", REVOKED).await;
    for node in [&one, &other] {
        node.until_session("good", None).await;
        assert!(node.list.is_current());
    }
}

/// The system still takes connections to a server that hangs, and nothing answers on them.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_primary_that_hangs_is_left_for_the_standby_that_takes_over() {
    let primary = Server::start();
    let standby = primary.standby();
    let (config, settings) = (either(&primary, &standby), PostgresSettings::new());
    let store = PostgresSessions::connect(config.clone(), NoTls, &settings);
    let lists = [(); 2].map(|()| PostgresRevocations::connect(config.clone(), NoTls, settings.clone()));
    for list in &lists {
        list.synced().await;
    }
    store.create(&session("joe", "s"), 100).await.expect("space");
    until("replication", async || standby.sql("SELECT count(*) FROM jwt_sessions") == "1").await;
    primary.freeze();
    standby.promote();
    until("the new primary", async || store.find("joe", "s").await.is_ok_and(|session| session.is_some())).await;
    let revocation = Revocation::session(ISSUER, "s");
    until("a revocation", async || lists[0].revoke(&revocation).await.is_ok()).await;
    until("its arrival", async || lists[1].status().remembered == 1 && lists[1].is_current()).await;
    // So does a process that starts now.
    let started = PostgresRevocations::connect(config, NoTls, settings);
    started.synced().await;
    assert_eq!(started.status().remembered, 1);
}

/// The server answers so if its queue of notifications is full: the code is also that of a name that is too long. To fill the
/// queue takes 8 GB.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_limit_of_the_server_loses_no_revocation_whose_name_is_short() {
    let server = Server::start();
    let (one, other) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    server.sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION 'too many notifications in the NOTIFY queue' USING ERRCODE = '54000';
         END $$;
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON jwt_revocations DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION fail()",
    );
    let log = Log::start();
    assert_eq!(one.list.revoke(&Revocation::session(ISSUER, "s")).await, Err(RevokeError::Full));
    assert!(log.text().contains("54000") && log.text().contains("queue of notifications"), "{}", log.text());
    assert_eq!((one.session("s").await, other.session("s").await), (REVOKED, None));
    server.sql("DROP TRIGGER fail ON jwt_revocations");
    other.until_session("s", REVOKED).await;
    assert_eq!(one.session("good").await, None);
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_process_that_starts_without_the_server_waits_for_it() {
    let mut server = Server::start();
    server.kill();
    let node = Node::start(&server);
    assert_eq!(node.session("good").await, UNAVAILABLE);
    server.revive();
    let node = node.synced().await;
    assert_eq!(node.session("good").await, None);
}

/// A standby may lack the last revocations, and nothing that it says proves anything.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_standby_is_not_trusted_until_it_is_promoted() {
    let mut primary = Server::start();
    let node = Node::start(&primary).synced().await;
    node.list.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
    let standby = primary.standby();
    let follower = Node::start(&standby);
    until("a standby", async || standby.sql("SELECT count(*) FROM jwt_revocations") == "1").await;
    for _ in 0..20 {
        assert_eq!(follower.session("good").await, UNAVAILABLE);
        tokio::task::yield_now().await;
    }
    let error = follower.list.revoke(&Revocation::session(ISSUER, "t")).await.expect_err("it takes no writes");
    assert_eq!(error, RevokeError::Unavailable);
    primary.kill();
    standby.promote();
    let follower = follower.synced().await;
    assert_eq!((follower.session("s").await, follower.session("good").await), (REVOKED, None));
    until("kept revocations", async || standby.sql("SELECT count(*) FROM jwt_revocations") == "2").await;
}

/// The connection that follows the table stays open. The one for writing is lost, and new ones are refused.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_list_that_cannot_write_stays_current_and_writes_later() {
    let server = Server::start();
    let (one, other) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    server.sql("ALTER DATABASE postgres SET default_transaction_read_only = on");
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_notify%'");
    let error = one.list.revoke(&Revocation::session(ISSUER, "s")).await.expect_err("new connections are refused");
    assert_eq!(error, RevokeError::Unavailable);
    for _ in 0..3 {
        one.clock.advance(Duration::from_secs(10));
        one.until_session("good", None).await;
    }
    assert_eq!((one.session("s").await, other.session("s").await), (REVOKED, None));
    server.sql("BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; COMMIT");
    other.until_session("s", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_name_that_is_too_long_for_the_server_does_not_block_other_revocations() {
    let mut server = Server::start();
    let (one, other) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    // Text that the server cannot compress.
    let mut state = 7_u64;
    let digits = (0..8_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit((state >> 59) as u32, 32).expect("a digit")
    });
    let long = Revocation::session(ISSUER, digits.collect::<String>());
    assert_eq!(one.list.revoke(&long).await, Err(RevokeError::Full));
    server.kill();
    for revocation in [&long, &Revocation::session(ISSUER, "s")] {
        assert_eq!(one.list.revoke(revocation).await, Err(RevokeError::Unavailable));
    }
    server.revive();
    other.until_session("s", REVOKED).await;
    one.clock.advance(Duration::from_secs(10));
    one.until_session("good", None).await;
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn debug_shows_no_subject_session_or_token_id() {
    let mut server = Server::start();
    let node = Node::start(&server).synced().await;
    server.kill();
    let far = Duration::from_secs(1 << 40);
    for revocation in [
        Revocation::subject("https://id.example", "ada@example.org", far),
        Revocation::session("https://id.example", "session-7"),
        Revocation::token_id("https://id.example", "token-7", far),
    ] {
        node.list.revoke(&revocation).await.expect_err("no server");
    }
    let text = format!("{:?} {:#?}", node.list, super::sessions::store(&server));
    for secret in ["ada", "session-7", "token-7", "id.example", "jwt\""] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn the_log_says_why_no_connection_opens_and_has_no_password() {
    // Nothing listens on this port.
    for (options, cause) in
        [("host=127.0.0.1 port=1 password=secret", "refused"), ("host=/no/such/folder", "No such file")]
    {
        let log = Log::start();
        let config = format!("user=shop {options}");
        let store = PostgresSessions::connect(config.parse().expect("options"), NoTls, &PostgresSettings::new());
        assert!(store.find("joe", "s").await.is_err());
        let text = log.text();
        assert!(text.contains("can't be reached"), "{text}");
        assert!(text.contains(cause), "{cause}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

/// An address that no server listens at.
fn nowhere() -> Config {
    "user=shop host=127.0.0.1 port=1".parse().expect("options")
}

fn with_clock() -> (ManualClock, PostgresSettings) {
    let clock = ManualClock::at(NOW);
    (clock.clone(), PostgresSettings::new().revocations(RevocationSettings::new().clock(clock)))
}

#[tokio::test]
async fn a_follower_reports_an_outage_once_a_minute() {
    let log = Log::start();
    let (clock, settings) = with_clock();
    let _list = PostgresRevocations::connect(nowhere(), NoTls, settings);
    let lines = || log.text().matches("connecting again").count();
    until("a warning", async || lines() == 1).await;
    // It tries again after 0.1, 0.3 and 0.7 seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(lines(), 1, "{}", log.text());
    clock.advance(Duration::from_secs(60));
    until("another warning", async || lines() == 2).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_reported_once_a_minute() {
    let log = Log::start();
    let (clock, settings) = with_clock();
    let store = PostgresSessions::connect(nowhere(), NoTls, &settings);
    for (minute, last) in [(0, "times=1"), (1, "times=50")] {
        for _ in 0..50 {
            assert!(store.find("joe", "s").await.is_err());
        }
        let text = log.text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("the Postgres server can't be reached")).collect();
        assert!(lines.len() == minute + 1 && lines[minute].ends_with(last), "{lines:?}");
        clock.advance(Duration::from_secs(60));
    }
}

/// A time limit, and an error of the server, each with a line of its own.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn each_fault_of_the_server_is_reported_once_a_minute() {
    let server = Server::start();
    let log = Log::start();
    let (clock, settings) = with_clock();
    let store = PostgresSessions::connect(server.config(), NoTls, &settings.timeout(Duration::from_millis(200)));
    until("a connection", async || store.find("joe", "s").await.is_ok()).await;
    for minute in 1..=2 {
        clock.advance(Duration::from_secs(60));
        server.sql("ALTER TABLE jwt_sessions RENAME TO other");
        for _ in 0..10 {
            assert!(store.find("joe", "s").await.is_err());
        }
        server.freeze();
        for _ in 0..3 {
            assert!(store.find("joe", "s").await.is_err());
        }
        server.thaw();
        server.sql("ALTER TABLE other RENAME TO jwt_sessions");
        let text = log.text();
        for fault in ["42P01", "took longer than"] {
            let count = text.lines().filter(|line| line.contains(fault)).count();
            assert!((minute..=minute + 1).contains(&count), "{fault}: {text}");
        }
    }
}
