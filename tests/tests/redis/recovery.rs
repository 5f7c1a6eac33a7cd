//! Servers that lose revocations, and what restores them.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::RedisSettings;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;

use super::proxy::Proxy;
use super::server::Server;
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);

fn session(name: &str) -> Revocation {
    Revocation::session(ISSUER, name)
}

/// Waits for others as the default says.
fn by_default(settings: RedisSettings) -> RedisSettings {
    settings.recovery_time(Duration::from_secs(3)).timeout(Duration::from_secs(20))
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_process_that_starts_on_a_flushed_server_waits_for_the_others() {
    let server = Server::start();
    let first = Node::with(&server, by_default, RevocationSettings::new()).synced().await;
    let second = Node::with(&server, by_default, RevocationSettings::new()).synced().await;
    for number in 0..50 {
        first.list.revoke(&session(&format!("s-{number}"))).await.expect("revoked");
    }
    second.until_session("s-49", REVOKED).await;
    server.cli(&["FLUSHALL"]);
    let started = Node::with(&server, by_default, RevocationSettings::new());
    while !started.list.is_current() {
        assert_eq!(second.session("good").await, None, "good tokens are accepted meanwhile");
        assert_eq!(second.session("s-0").await, REVOKED);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..50 {
        assert_eq!(started.session(&format!("s-{number}")).await, REVOKED, "{number}");
    }
    assert_eq!(started.session("good").await, None);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_lost_a_part_is_noticed_without_a_reconnect() {
    let server = Server::start();
    let frequent = RevocationSettings::new().staleness(Duration::from_millis(200));
    let node = Node::with(&server, |settings| settings, frequent).synced().await;
    for number in 0..50 {
        node.list.revoke(&session(&format!("s-{number}"))).await.expect("revoked");
    }
    for part in 0..16 {
        let key = format!("{{jwt}}:revoked:{part:x}");
        let before: u64 = server.cli(&["HLEN", &key]).parse().expect("a number");
        server.cli(&["DEL", &key]);
        until("restored", async || server.cli(&["HLEN", &key]).parse::<u64>().is_ok_and(|now| now >= before)).await;
    }
    let started = Node::start(&server).synced().await;
    for number in 0..50 {
        assert_eq!(started.session(&format!("s-{number}")).await, REVOKED, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn ten_thousand_revocations_are_restored_with_few_commands() {
    let mut server = Server::start();
    let proxy = Proxy::to(&server, Duration::from_millis(1)).await;
    let patient = |settings: RedisSettings| settings.timeout(Duration::from_secs(20));
    let node = Node::at(proxy.address(), patient, RevocationSettings::new()).synced().await;
    revoke_many(&node, 10_000).await;
    server.kill();
    server.revive();
    until("restored", async || {
        assert_eq!(node.session("good").await, None);
        // The epoch is the first change.
        server.cli(&["HGET", "{jwt}:revoked:0", "change"]) == "10001"
    })
    .await;
    assert!(server.calls("evalsha") < 150, "{}", server.calls("evalsha"));
    assert_eq!(Node::start(&server).synced().await.session("s-9999").await, REVOKED);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_policy_that_drops_revocations_is_reported_at_the_start() {
    for (policy, is_reported) in [("allkeys-lru", true), ("volatile-ttl", true), ("noeviction", false)] {
        let server = Server::with(&["--maxmemory-policy", policy]);
        let log = Log::start();
        let _node = Node::start(&server).synced().await;
        assert_eq!(log.text().contains("set `maxmemory-policy` to `noeviction`"), is_reported, "{policy}");
    }
}

/// The epoch began in the far future, by the server's clock.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_clock_of_the_server_that_went_back_costs_one_recovery_time() {
    let server = Server::start();
    let node = Node::with(&server, by_default, RevocationSettings::new()).synced().await;
    server.cli(&["HSET", "{jwt}:revoked:0", "created", "99999999999999"]);
    let started = Node::with(&server, by_default, RevocationSettings::new()).synced().await;
    for node in [&node, &started] {
        node.clock.advance(Duration::from_secs(10));
        node.until_session("good", None).await;
    }
}
