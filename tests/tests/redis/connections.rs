//! Connections that are slow, that lead to the wrong server, and tasks that end.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jwt_core::issue::{Rotation, RotationOutcome, SessionStore as _};
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings};
use jwt_core::store::{RedisRevocations, RedisSessions, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{Clock, ErrorKind};
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::session_contract::session;

use super::proxy::Proxy;
use super::server::{Server, wait_until};
use super::setup::{Node, until};

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn logins_work_at_a_round_trip_of_300_milliseconds() {
    let server = Server::start();
    let proxy = Proxy::to(&server, Duration::from_millis(150)).await;
    let store = RedisSessions::connect(proxy.address(), &RedisSettings::new()).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    let rotation = Rotation::new("joe", "s", "t-0", 0, NOW);
    assert_eq!(store.rotate(&rotation).await.expect("an answer").0, RotationOutcome::Renewed);
    let node = Node::at(proxy.address(), |settings| settings, RevocationSettings::new()).synced().await;
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_is_no_longer_the_primary_is_left() {
    let (old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let settings = |settings: RedisSettings| settings.timeout(Duration::from_secs(20));
    let node = Node::at(proxy.address(), settings, RevocationSettings::new()).synced().await;
    let store = RedisSessions::connect(proxy.address(), &settings(RedisSettings::new())).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    node.list.revoke(&Revocation::session(ISSUER, "b")).await.expect("revoked");
    // The address leads to the new primary, and the connections stay with the old one.
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    wait_until("a replica", || new.cli(&["INFO", "replication"]).contains("master_link_status:up"));
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    proxy.lead_to(&new);
    assert_eq!(old.cli(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]), "OK");
    // The old server rejects them, and the new one does not.
    store.create(&session("joe", "t"), 100).await.expect("the new server accepts it");
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("the new server accepts it");
    let direct = RedisSessions::connect(new.address(), &RedisSettings::new()).expect("an address");
    assert!(direct.find("joe", "t").await.expect("an answer").is_some());
    // There is no other server.
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    assert!(store.create(&session("joe", "u"), 100).await.is_err());
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    store.create(&session("joe", "u"), 100).await.expect("it accepts it again");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn concurrent_commands_share_one_connection() {
    let server = Server::start();
    let proxy = Proxy::to(&server, Duration::ZERO).await;
    let settings = RedisSettings::new().timeout(Duration::from_secs(20));
    let store = Arc::new(RedisSessions::connect(proxy.address(), &settings).expect("an address"));
    for expected in 1..=3 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let store = Arc::clone(&store);
            tasks.spawn(async move { store.list("joe", NOW).await.is_ok() });
        }
        assert!(tasks.join_all().await.into_iter().all(|is_ok| is_ok));
        assert_eq!(proxy.accepted(), expected);
        proxy.cut();
        // The loss is noticed without a command. If a command was faster, it would fail.
        until("a new connection", async || store.list("joe", NOW).await.is_ok() && proxy.accepted() > expected).await;
    }
}

/// Panics as often as it's told to.
#[derive(Debug)]
struct FaultyClock(ManualClock, Arc<AtomicU32>);

impl Clock for FaultyClock {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        let is_faulty = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        assert!(!is_faulty, "a clock that fails");
        self.0.monotonic()
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_task_that_panics_is_started_again_and_reported() {
    let server = Server::start();
    let log = Log::start();
    let faults = Arc::new(AtomicU32::new(1));
    let clock = FaultyClock(ManualClock::at(NOW), Arc::clone(&faults));
    let settings = RedisSettings::new().revocations(RevocationSettings::new().clock(clock));
    let list = RedisRevocations::connect(server.address(), settings).expect("an address");
    list.synced().await;
    assert_eq!(faults.load(Ordering::SeqCst), 0);
    assert!(log.text().contains("has ended: starting it again"), "{}", log.text());
}

/// The message says what follows: revoking fails, requests are answered with 503, or the server is asked.
#[tokio::test]
async fn a_full_list_is_reported_with_its_consequence() {
    let full = || RevocationSettings::new().capacity(0);
    let revocation = Revocation::session(ISSUER, "a");
    let log = Log::start();
    let reports = || {
        let text = log.text();
        text.lines().filter(|line| line.contains("the revocation list is full")).map(str::to_owned).collect::<Vec<_>>()
    };
    let alone = MemoryRevocations::with_settings(full());
    assert!(alone.revoke(&revocation).is_err());
    assert!(reports()[0].starts_with("ERROR") && reports()[0].contains("revoking fails"), "{:?}", reports());

    let (_list, feed) = MemoryRevocations::with_feed(full(), Duration::from_secs(10));
    assert!(feed.revoke(&revocation).is_err());
    assert!(reports()[1].starts_with("ERROR") && reports()[1].contains("answered with 503"), "{:?}", reports());

    // Nothing listens on this port, and the process keeps the revocation in its memory first.
    let settings = RedisSettings::new().revocations(full());
    let shared = RedisRevocations::connect("redis://127.0.0.1:1/", settings).expect("an address");
    assert!(shared.revoke(&revocation).await.is_err(), "the server is down");
    assert!(reports()[2].starts_with("WARN") && reports()[2].contains("the server is asked"), "{:?}", reports());
    assert_eq!(reports().len(), 3);
}

#[tokio::test]
async fn a_full_list_is_reported_once_a_minute() {
    let log = Log::start();
    let clock = ManualClock::at(NOW);
    let list = MemoryRevocations::with_settings(RevocationSettings::new().capacity(0).clock(clock.clone()));
    for (minute, number) in [(0, 50), (1, 50)] {
        for _ in 0..number {
            assert!(list.revoke(&Revocation::session(ISSUER, "a")).is_err());
        }
        assert_eq!(log.text().matches("the revocation list is full").count(), minute + 1);
        clock.advance(Duration::from_secs(60));
    }
    assert!(log.text().contains("refused=51"), "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_log_has_the_servers_error_code() {
    let server = Server::start();
    server.cli(&["ACL", "SETUSER", "default", "-subscribe"]);
    let log = Log::start();
    let node = Node::start(&server);
    until("a warning", async || log.text().contains("NOPERM")).await;
    assert_eq!(node.session("a").await, Some(ErrorKind::RevocationUnavailable));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_reported_once_a_minute() {
    let log = Log::start();
    let clock = ManualClock::at(NOW);
    let settings = RedisSettings::new().revocations(RevocationSettings::new().clock(clock.clone()));
    // Nothing listens on this port.
    let store = RedisSessions::connect("redis://127.0.0.1:1/", &settings).expect("an address");
    for (minute, last) in [(0, "times=1"), (1, "times=50")] {
        for _ in 0..50 {
            assert!(store.find("joe", "s").await.is_err());
        }
        let text = log.text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("can't connect to the Redis server")).collect();
        assert!(lines.len() == minute + 1 && lines[minute].contains(last), "{lines:?}");
        clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn a_follower_reports_an_outage_once_a_minute() {
    let log = Log::start();
    let clock = ManualClock::at(NOW);
    let settings = RedisSettings::new().revocations(RevocationSettings::new().clock(clock.clone()));
    // Nothing listens on this port.
    let _list = RedisRevocations::connect("redis://127.0.0.1:1/", settings).expect("an address");
    let lines = || {
        let text = log.text();
        text.lines().filter(|line| line.contains("connecting again")).map(str::to_owned).collect::<Vec<_>>()
    };
    until("a warning", async || lines().len() == 1).await;
    // It tries again after 0.1, 0.3 and 0.7 seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(lines().len() == 1 && lines()[0].contains("times=1"), "{:?}", lines());
    clock.advance(Duration::from_secs(60));
    until("another warning", async || lines().len() == 2).await;
    assert!(!lines()[1].contains("times=1 "), "{:?}", lines());
}

/// A firewall that forgets connections after minutes is told every five seconds that this one is used.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn idle_connections_are_kept_alive() {
    let (server, primary, cluster) = (Server::start(), Server::start(), Server::whole_cluster());
    let sentinel = Server::sentinel(&primary);
    let sentinels = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port());
    let nodes = format!("redis+cluster://127.0.0.1:{}", cluster.port());
    for (address, server) in [(server.address(), &server), (sentinels, &primary), (nodes, &cluster)] {
        let store = RedisSessions::connect(&address, &RedisSettings::new()).expect("an address");
        until("a connection", async || store.find("joe", "s").await.is_ok()).await;
        assert!(has_keepalive_timer(server.port()), "{address}");
    }
}

/// Whether a connection to this port has packets to send when it's idle for five seconds.
fn has_keepalive_timer(port: u16) -> bool {
    let table = fs::read_to_string("/proc/self/net/tcp").expect("Linux");
    let peer = format!("0100007F:{port:04X}");
    table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        // A timer of the kind 2, and the hundredths of seconds that it has left.
        let timer = columns.get(5).and_then(|timer| timer.strip_prefix("02:"));
        columns.get(2) == Some(&&*peer)
            && timer.and_then(|left| u64::from_str_radix(left, 16).ok()).is_some_and(|left| left <= 500)
    })
}

#[tokio::test]
async fn the_log_names_the_server_that_cannot_be_reached_and_no_password() {
    let log = Log::start();
    // Nothing listens on this port.
    let store = RedisSessions::connect("redis://shop:secret@127.0.0.1:1/", &RedisSettings::new()).expect("an address");
    assert!(store.find("joe", "s").await.is_err());
    let list = RedisRevocations::connect("redis://shop:secret@127.0.0.1:1/", RedisSettings::new()).expect("an address");
    let line = |message| log.text().lines().find(|line| line.contains(message)).map(str::to_owned);
    until("a warning", async || line("no connection to receive revocations").is_some()).await;
    assert!(!list.is_current());
    for message in ["can't connect to the Redis server", "no connection to receive revocations"] {
        let line = line(message).expect(message);
        assert!(line.contains("127.0.0.1:1/") && line.contains("connection refused"), "{line}");
    }
    assert!(!log.text().contains("secret"), "{}", log.text());
}
