//! Revocations on Redis.

use std::sync::Arc;
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings, RevocationStore};
use jwt_core::store::{RedisRevocations, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::revocation_contract::{Scene, keeps_the_contract};
use jwt_tests::setup::good;

use super::server::Server;
use super::setup::{Node, outcome, until};

fn memory(clock: &ManualClock) -> Scene {
    Scene::new(&[Arc::new(MemoryRevocations::with_settings(RevocationSettings::new().clock(clock.clone())))])
}

async fn redis(server: &Server, clock: &ManualClock, capacity: usize) -> Scene {
    let mut stores: Vec<Arc<dyn RevocationStore>> = Vec::new();
    for _ in 0..3 {
        let memory = RevocationSettings::new().capacity(capacity).clock(clock.clone());
        let settings = RedisSettings::new().timeout(Duration::from_secs(10)).revocations(memory);
        let store = RedisRevocations::connect(server.address(), settings).expect("an address");
        store.synced().await;
        stores.push(Arc::new(store));
    }
    Scene::new(&stores)
}

#[tokio::test]
async fn the_store_in_memory_passes_the_revocation_contract() {
    keeps_the_contract(&memory(&ManualClock::at(NOW))).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn redis_passes_the_revocation_contract() {
    let server = Server::start();
    keeps_the_contract(&redis(&server, &ManualClock::at(NOW), 1_000).await).await;
    let keys: Vec<String> = server.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    assert!(keys.iter().all(|key| key.starts_with("{jwt}:revoked:")), "{keys:?}");
    let fields: Vec<String> = keys.iter().map(|key| server.cli(&["HKEYS", key])).collect();
    assert!(fields.concat().contains(&format!("{ISSUER}s-1")) && !fields.concat().contains(&format!("{ISSUER}old")));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn redis_passes_the_revocation_contract_with_little_memory_in_the_process() {
    let server = Server::start();
    for capacity in [0, 1] {
        keeps_the_contract(&redis(&server, &ManualClock::at(NOW), capacity).await).await;
        server.cli(&["FLUSHALL"]);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_cluster_passes_the_revocation_contract_because_all_keys_share_a_slot() {
    let server = Server::cluster();
    keeps_the_contract(&redis(&server, &ManualClock::at(NOW), 1_000).await).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn applications_with_their_own_prefixes_share_a_server_and_nothing_else() {
    let server = Server::start();
    let first = Node::with(&server, |settings| settings.prefix("first"), RevocationSettings::new()).synced().await;
    let second = Node::with(&server, |settings| settings.prefix("second"), RevocationSettings::new()).synced().await;
    first.list.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
    second.list.revoke(&Revocation::session(ISSUER, "t")).await.expect("revoked");
    second.until_session("t", Some(ErrorKind::Revoked)).await;
    assert_eq!((first.session("s").await, first.session("t").await), (Some(ErrorKind::Revoked), None));
    assert_eq!((second.session("s").await, second.session("t").await), (None, Some(ErrorKind::Revoked)));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_server_drops_revocations_that_have_ended() {
    let server = Server::start();
    let node = Node::start(&server).synced().await;
    for number in 0..50 {
        node.list.revoke(&Revocation::session(ISSUER, number.to_string())).await.expect("revoked");
    }
    let shards = || (0..16).map(|shard| format!("{{jwt}}:revoked:{shard:x}"));
    // Simulates that their time has come.
    for number in 0..40 {
        let field = format!("1 {} {ISSUER}{number}", ISSUER.len());
        let set = |shard: String| server.cli(&["ZADD", &format!("{shard}:ends"), "XX", "CH", "5", &field]) == "1";
        assert_eq!(shards().map(set).filter(|is_set| *is_set).count(), 1);
    }
    // Each write removes ended revocations from its shard.
    for number in 0..200 {
        node.list.revoke(&Revocation::session(ISSUER, format!("more-{number}"))).await.expect("revoked");
    }
    assert_eq!(server.revocations(), 210);
    let fields = shards().map(|shard| server.cli(&["HLEN", &shard]).parse::<usize>().expect("a number"));
    assert_eq!(fields.sum::<usize>(), 210 + 16 + 3, "the epoch of each shard, and the state of the log");
    let field = format!("1 {} {ISSUER}more-0", ISSUER.len());
    let mut ends = shards().map(|shard| server.cli(&["ZSCORE", &format!("{shard}:ends"), &field]));
    let left: i64 = ends.find(|end| !end.is_empty()).and_then(|end| end.parse().ok()).expect("a second");
    let now: i64 = server.cli(&["TIME"]).lines().next().expect("a line").parse().expect("a second");
    let month = 30 * 24 * 3_600 + 601;
    assert!((month - 60..=month).contains(&(left - now)), "{}", left - now);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn processes_that_revoke_concurrently_agree_in_the_end() {
    let server = Server::start();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(
            Node::with(&server, |s| s.timeout(Duration::from_secs(20)), RevocationSettings::new()).synced().await,
        );
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..300_u64 {
        let list = nodes[number as usize % 3].list.clone();
        tasks.spawn(async move {
            let cutoff = Duration::from_secs(NOW - 400 + number);
            list.revoke(&Revocation::subject(ISSUER, "user-1815", cutoff)).await.expect("revoked");
            list.revoke(&Revocation::session(ISSUER, format!("s-{}", number / 2))).await.expect("revoked");
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("no panic");
    }
    let verifiers = nodes.iter().map(|node| super::setup::verifier(node.list.clone(), node.clock.clone()));
    for verifier in verifiers {
        let last = good().claim("iat", NOW - 101).claim("exp", NOW + 60).sign();
        until("the last cutoff", async || outcome(&verifier, &last).await == Some(ErrorKind::Revoked)).await;
        assert_eq!(outcome(&verifier, &good().claim("iat", NOW - 100).sign()).await, None);
        for number in 0..150 {
            let token = good().claim("sub", "other").claim("sid", format!("s-{number}")).sign();
            until("every session", async || outcome(&verifier, &token).await == Some(ErrorKind::Revoked)).await;
        }
    }
}

/// A server sends messages to the clients of all databases.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn lists_in_different_databases_are_different_lists() {
    let server = Server::start();
    let node = |database: u8| {
        let address = format!("{}{database}", server.address());
        Node::at(address, |settings| settings, RevocationSettings::new()).synced()
    };
    let (first, second, third) = (node(0).await, node(1).await, node(1).await);
    let reads = server.calls("hscan");
    first.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
    second.list.revoke(&Revocation::session(ISSUER, "b")).await.expect("revoked");
    third.until_session("b", Some(ErrorKind::Revoked)).await;
    assert_eq!((first.session("a").await, first.session("b").await), (Some(ErrorKind::Revoked), None));
    for node in [&second, &third] {
        assert_eq!(node.session("a").await, None);
    }
    assert_eq!(server.calls("hscan"), reads, "nothing was read again");
}
