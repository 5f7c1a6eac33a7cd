//! Servers that are down, slow, gone and back, with and without what they knew.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings, RevokeErrorKind};
use jwt_tests::forge::ISSUER;
use tokio::time::Instant;

use super::server::Server;
use super::setup::{Node, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
/// The default bound, by the clock of the test.
const STALENESS: Duration = Duration::from_secs(10);

fn session(name: &str) -> Revocation {
    Revocation::session(ISSUER, name)
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn nothing_is_accepted_before_the_server_was_read() {
    let mut server = Server::down();
    let node = Node::start(&server);
    assert_eq!(node.session("a").await, DOWN);
    assert!(!node.list.health().is_current);
    let error = node.list.revoke(&session("b")).await.expect_err("nobody there");
    assert_eq!(error.kind(), RevokeErrorKind::Unavailable);
    assert_eq!((node.session("a").await, node.session("b").await), (DOWN, REVOKED));
    server.revive();
    node.until_session("a", None).await;
    assert_eq!(node.session("b").await, REVOKED);
    assert!(node.list.health().is_current && node.list.health().is_complete);
    // What could not be said is said now.
    Node::start(&server).synced().await.until_session("b", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn without_its_server_a_process_accepts_tokens_for_as_long_as_it_may_and_no_longer() {
    let mut server = Server::start();
    let node = Node::start(&server).synced().await;
    node.list.revoke(&session("a")).await.expect("revoked");
    server.kill();
    until("the loss is noticed", async || node.list.revoke(&session("b")).await.is_err()).await;
    node.clock.advance(STALENESS - Duration::from_millis(1));
    assert_eq!((node.session("a").await, node.session("c").await), (REVOKED, None));
    node.clock.advance(Duration::from_millis(1));
    assert_eq!((node.session("a").await, node.session("c").await), (REVOKED, DOWN));
    assert!(!node.list.health().is_current);
    server.revive();
    node.until_session("c", None).await;
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, REVOKED));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_comes_back_empty_brings_no_token_to_life_and_is_told_anew() {
    let mut server = Server::start();
    let (first, second) = (Node::start(&server).synced().await, Node::start(&server).synced().await);
    first.list.revoke(&session("a")).await.expect("revoked");
    second.until_session("a", REVOKED).await;
    server.kill();
    server.revive();
    assert_eq!(server.cli(&["HLEN", "{jwt}:revoked"]), "0");
    for node in [&first, &second] {
        node.clock.advance(STALENESS);
        node.until_session("c", None).await;
        assert_eq!(node.session("a").await, REVOKED);
    }
    // The one that revoked it has told the server, and so a process learns of it that was not there then.
    Node::start(&server).synced().await.until_session("a", REVOKED).await;
    // Where that one is gone, those that heard of it still know.
    drop(first);
    server.kill();
    server.revive();
    second.clock.advance(STALENESS);
    second.until_session("c", None).await;
    assert_eq!(second.session("a").await, REVOKED);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_writes_to_its_disk_forgets_nothing() {
    let mut server = Server::durable();
    Node::start(&server).synced().await.list.revoke(&session("a")).await.expect("revoked");
    server.kill();
    server.revive();
    let node = Node::start(&server).synced().await;
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn what_is_revoked_while_a_process_is_cut_off_it_refuses_when_it_is_back() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    // Written without a message, as if it had been lost with the connection.
    let field = format!("1 {} {ISSUER}a", ISSUER.len());
    server.cli(&["HSET", "{jwt}:revoked", &field, "* *"]);
    assert_eq!(node.session("a").await, None);
    assert_eq!(server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]), "1");
    node.until_session("a", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_hangs_costs_the_time_limit_and_no_look_up() {
    let server = Server::start();
    let node = Node::with(&server, |settings| settings.timeout(Duration::from_secs(2)), RevocationSettings::new());
    let node = node.synced().await;
    server.freeze();
    let begin = Instant::now();
    let error = node.list.revoke(&session("a")).await.expect_err("no answer");
    assert_eq!(error.kind(), RevokeErrorKind::Unavailable);
    assert!((2..30).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    // Known here, and looked up without the server.
    let begin = Instant::now();
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    node.clock.advance(STALENESS);
    assert_eq!(node.session("b").await, DOWN);
    server.thaw();
    node.until_session("b", None).await;
    Node::start(&server).synced().await.until_session("a", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_without_room_keeps_its_connections_and_is_told_when_it_has_room() {
    let server = Server::start();
    let frequent = |settings: jwt_core::redis::RedisSettings| settings.staleness(Duration::from_millis(40));
    let node = Node::with(&server, frequent, RevocationSettings::new()).synced().await;
    let calls = |command: &str| -> u64 {
        let statistics = server.cli(&["INFO", "commandstats"]);
        let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|line| line.split(',').next()).map_or(0, |calls| calls.parse().expect("a number"))
    };
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = node.list.revoke(&session("a")).await.expect_err("no room");
    assert_eq!(error.kind(), RevokeErrorKind::Full);
    let (reads, attempts) = (calls("hscan"), calls("hmget"));
    until("attempts", async || calls("hmget") >= attempts + 10).await;
    assert_eq!((calls("hscan"), calls("subscribe")), (reads, 1));
    assert_eq!((node.session("a").await, node.session("b").await), (REVOKED, None));
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    until("the server is told", async || server.cli(&["HLEN", "{jwt}:revoked"]) == "1").await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn where_there_is_no_room_the_server_is_asked_and_its_outage_is_one() {
    let server = Server::start();
    let settings = |settings: jwt_core::redis::RedisSettings| settings.timeout(Duration::from_millis(200));
    let small = Node::with(&server, settings, RevocationSettings::new().capacity(2)).synced().await;
    let large = Node::start(&server).synced().await;
    for name in ["a", "b", "c", "d"] {
        large.list.revoke(&session(name)).await.expect("revoked");
    }
    until("an overflow", async || !small.list.health().is_complete).await;
    for name in ["a", "b", "c", "d"] {
        small.until_session(name, REVOKED).await;
    }
    assert_eq!(small.session("e").await, None);
    assert_eq!(small.list.health().count.remembered, 2);
    server.freeze();
    let begin = Instant::now();
    assert_eq!(small.session("e").await, DOWN);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(large.session("e").await, None);
    server.thaw();
    small.until_session("e", None).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn everything_is_read_anew_now_and_then() {
    let server = Server::start();
    let frequent = |settings: jwt_core::redis::RedisSettings| {
        settings.staleness(Duration::from_millis(40)).resync_every(Duration::ZERO)
    };
    let node = Node::with(&server, frequent, RevocationSettings::new()).synced().await;
    let field = format!("1 {} {ISSUER}a", ISSUER.len());
    server.cli(&["HSET", "{jwt}:revoked", &field, "* *"]);
    node.until_session("a", REVOKED).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_record_that_cannot_be_read_makes_nobody_believe_that_all_is_known() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    assert!(node.list.health().is_complete);
    server.cli(&["PUBLISH", "{jwt}:revoked", "in a language of the future"]);
    until("doubt", async || !node.list.health().is_complete).await;
    assert_eq!(node.session("a").await, None, "the server says so");
    server.cli(&["HSET", "{jwt}:revoked", &format!("1 {} {ISSUER}a", ISSUER.len()), "in another"]);
    assert_eq!(node.session("a").await, DOWN);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn more_records_than_one_answer_holds_are_all_read() {
    let server = Server::start();
    let fields: String = (0..5_000).map(|number| format!(" '1 {} {ISSUER}{number}' '* *'", ISSUER.len())).collect();
    for part in fields.split_inclusive("'* *'").collect::<Vec<_>>().chunks(1_000) {
        let arguments: Vec<&str> =
            part.iter().flat_map(|pair| pair.split('\'')).filter(|word| !word.trim().is_empty()).collect();
        let command: Vec<&str> = ["HSET", "{jwt}:revoked"].into_iter().chain(arguments).collect();
        assert_eq!(server.cli(&command), "1000");
    }
    let node = Node::start(&server).synced().await;
    assert_eq!(node.list.health().count.remembered, 5_000);
    for number in [0, 1, 2_500, 4_999] {
        assert_eq!(node.session(&number.to_string()).await, REVOKED);
    }
    assert_eq!(node.session("5000").await, None);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_work_in_the_background_ends_with_the_list() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    let follow = || server.cli(&["PUBSUB", "NUMSUB", "{jwt}:revoked"]).lines().last().map(str::to_owned);
    assert_eq!(follow().as_deref(), Some("1"));
    drop(node);
    until("nobody follows", async || follow().as_deref() == Some("0")).await;
}
