//! Users with an access control list, and passwords that change.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::proof::Device;
use jwt_tests::session_contract::{self, session};

use super::fleet::{cluster_with_replicas, hosts};
use super::lost_writes::Process;
use super::proofs::process_at;
use super::server::Server;
use super::setup::{Node, until};

/// The rights in one paragraph of the page.
fn rights(title: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jwt-core/doc/redis.md");
    let page = fs::read_to_string(page).expect("the page");
    let rights = page.split(title).nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a section");
    let rights = rights.split('`').skip(1).step_by(2).map(|right| match right {
        pattern if pattern.starts_with(['~', '&']) => pattern.to_owned(),
        command => format!("+{}", command.to_lowercase()),
    });
    rights.collect()
}

/// The rights that all stores need, without the optional one.
fn needed() -> Vec<String> {
    rights("**Access rights.**").into_iter().filter(|right| right != "+info").collect()
}

fn add_user<'a>(server: &Server, rights: impl IntoIterator<Item = &'a String>) {
    let mut command = vec!["ACL", "SETUSER", "app", "on", ">secret"];
    command.extend(rights.into_iter().map(String::as_str));
    assert_eq!(server.cli(&command), "OK");
}

/// Uses all stores at an address.
async fn suffice(address: &str) {
    let log = Log::start();
    let node = Node::at(address, |settings| settings, RevocationSettings::new()).synced().await;
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
    let store = RedisSessions::connect(address, &RedisSettings::new()).expect("an address");
    session_contract::keeps_the_contract(&store, "joe").await;
    let proofs = process_at(address, |log| log);
    assert_eq!(Adapter::Axum.send(&proofs, &Device::default().get("/user")).await, Answer::text("Ada"));
    assert!(!log.text().contains("NOPERM"), "{}", log.text());
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_documented_rights_suffice_and_the_optional_one_is_optional() {
    let (all, fewer) = (rights("**Access rights.**"), needed());
    assert!(fewer.len() + 1 == all.len() && all.contains(&"+select".to_owned()), "{all:?}");
    for rights in [all, fewer] {
        let server = Server::start();
        add_user(&server, &rights);
        suffice(&format!("redis://app:secret@127.0.0.1:{}/1", server.port())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_documented_rights_suffice_with_sentinel_and_in_a_cluster() {
    let primary = Server::start();
    add_user(&primary, needed().iter().chain(&rights("With Sentinel, it also needs")[..1]));
    let sentinel = Server::sentinel(&primary);
    suffice(&format!("redis+sentinel://app:secret@127.0.0.1:{}/main/1", sentinel.port())).await;
    let nodes = cluster_with_replicas(0);
    for node in &nodes {
        add_user(node, needed().iter().chain(&rights("; in a cluster")[..3]));
    }
    suffice(&format!("redis+cluster://app:secret@{}", hosts(&nodes))).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_missing_right_is_reported_as_that_and_accepts_no_token() {
    let all = needed();
    // The rest is needed by other servers or clients, by the log of proofs, or if something was lost or has ended.
    let needed_at_once =
        ["select", "subscribe", "publish", "hscan", "hget", "hgetall", "hset", "hdel", "hincrby", "ttl"];
    let more = ["expire", "zadd", "zrangebyscore", "xadd", "time", "evalsha", "script"];
    for command in needed_at_once.into_iter().chain(more) {
        let missing = format!("+{command}");
        assert!(all.contains(&missing), "{missing}");
        let server = Server::start();
        add_user(&server, all.iter().filter(|right| **right != missing));
        let address = format!("redis://app:secret@127.0.0.1:{}/1", server.port());
        let log = Log::start();
        let node = Node::at(&address, |settings| settings, RevocationSettings::new());
        let store = RedisSessions::connect(&address, &RedisSettings::new()).expect("an address");
        until("a report", async || {
            let revoked = node.list.revoke(&Revocation::session(ISSUER, "a")).await.is_ok();
            let stored = store.create(&session("joe", "s"), 100).await.is_ok() && store.list("joe", NOW).await.is_ok();
            log.text().contains("error=no permission code=NOPERM") || revoked && stored && node.list.is_current()
        })
        .await;
        assert!(log.text().contains("error=no permission code=NOPERM"), "{command}: {}", log.text());
        if ["select", "subscribe", "hscan", "evalsha"].contains(&command) {
            assert!(log.text().contains(&format!("command={command}")), "{command}: {}", log.text());
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_password_that_changes_is_noticed_with_the_next_connection() {
    let server = Server::start();
    let process = Process::start(&server).await;
    let pair = process.log_in("joe").await;
    let log = Log::start();
    server.cli(&["CONFIG", "SET", "requirepass", "hush"]);
    let next = process.refresh(&pair.refresh.token).await.expect("the connection is logged in");
    let with_password = |command: &[&str]| {
        let port = server.port().to_string();
        let mut cli = Command::new("redis-cli");
        assert!(cli.args(["-p", &port, "-a", "hush"]).args(command).output().expect("redis-cli").status.success());
    };
    for kind in ["normal", "pubsub"] {
        with_password(&["CLIENT", "KILL", "TYPE", kind]);
    }
    until("a report", async || {
        let _ = process.refresh(&next.refresh.token).await;
        log.text().contains("error=authentication failed code=NOAUTH")
    })
    .await;
    process.clock.advance(Duration::from_secs(10));
    assert!(!process.list.is_current());
    with_password(&["CONFIG", "SET", "requirepass", ""]);
    let next = process.refresh_in_the_end(&next.refresh.token).await.expect("the next pair");
    until("it follows again", async || process.refusal(&next.access.token).await.is_none()).await;
}
