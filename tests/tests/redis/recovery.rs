//! Servers that lose revocations, and what restores them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::forge::ISSUER;
use jwt_tests::log::Log;
use jwt_tests::proof::Device;
use jwt_tests::session_contract;

use super::proofs::process_at;
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

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_documented_rights_suffice_and_the_optional_one_is_optional() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jwt-core/doc/redis.md");
    let page = fs::read_to_string(page).expect("the page");
    let rights = page.split("**Access rights.**").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a section");
    let rights = rights.split('`').skip(1).step_by(2).map(|right| match right {
        pattern if pattern.starts_with(['~', '&']) => pattern.to_owned(),
        command => format!("+{}", command.to_lowercase()),
    });
    let all: Vec<String> = rights.collect();
    let fewer: Vec<String> = all.iter().filter(|right| *right != "+info").cloned().collect();
    assert!(fewer.len() + 1 == all.len() && all.contains(&"+select".to_owned()), "{all:?}");
    for rights in [all, fewer] {
        let server = Server::start();
        let mut command = vec!["ACL", "SETUSER", "app", "on", ">secret"];
        command.extend(rights.iter().map(String::as_str));
        assert_eq!(server.cli(&command), "OK");
        let address = format!("redis://app:secret@127.0.0.1:{}/1", server.port());
        let log = Log::start();
        let node = Node::at(&address, |settings| settings, RevocationSettings::new()).synced().await;
        node.list.revoke(&session("a")).await.expect("revoked");
        let store = RedisSessions::connect(&address, &RedisSettings::new()).expect("an address");
        session_contract::keeps_the_contract(&store, "joe").await;
        let proofs = process_at(&address, |log| log);
        assert_eq!(Adapter::Axum.send(&proofs, &Device::default().get("/user")).await, Answer::text("Ada"));
        assert!(!log.text().contains("NOPERM"), "{}", log.text());
    }
}
