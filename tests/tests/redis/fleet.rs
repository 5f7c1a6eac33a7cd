//! Sentinel and Cluster, with real ones.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::{Rotation, SessionStore as _};
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::session_contract::{keeps_the_contract, session};

use super::lost_writes::Process;
use super::proxy::Proxy;
use super::server::{Server, wait_until};
use super::setup::{Node, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(5)).connect_timeout(Duration::from_secs(5))
}

/// The addresses without the scheme, separated by commas.
pub(crate) fn hosts(servers: &[Server]) -> String {
    let hosts: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    hosts.join(",")
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn with_sentinel_stores_follow_a_failover() {
    let (mut primary, replica, sentinels) = watched(3);
    let address = format!("redis+sentinel://{}/main", hosts(&sentinels));
    let node = Node::at(&address, patient, RevocationSettings::new()).synced().await;
    let other = Node::at(&address, patient, RevocationSettings::new()).synced().await;
    let store = RedisSessions::connect(&address, &patient(RedisSettings::new())).expect("an address");
    node.list.revoke(&Revocation::session(ISSUER, "a")).await.expect("revoked");
    other.until_session("a", REVOKED).await;
    store.create(&session("joe", "s"), 100).await.expect("space");
    wait_until("replication", || replica.cli(&["EXISTS", "{jwt}:revoked:log"]) == "1");
    primary.kill();
    let b = Revocation::session(ISSUER, "b");
    until("a new primary", async || node.list.revoke(&b).await.is_ok()).await;
    other.until_session("b", REVOKED).await;
    assert!(replica.cli(&["ROLE"]).starts_with("master"));
    until("sessions", async || store.create(&session("joe", "t"), 100).await.is_ok()).await;
    assert_eq!(node.session("good").await, None);
}

/// A cluster of three nodes.
fn cluster() -> Vec<Server> {
    cluster_with_replicas(0)
}

/// A cluster of three primaries, each with this many replicas.
pub(crate) fn cluster_with_replicas(replicas: usize) -> Vec<Server> {
    let nodes: Vec<Server> = (0..3 * (1 + replicas)).map(|_| Server::cluster_node()).collect();
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
    let output = create
        .args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"])
        .output()
        .expect("redis-cli is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for node in &nodes {
        wait_until("a cluster", || node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    }
    nodes
}

/// Moves the slot of a key to another node.
fn move_slot(nodes: &[Server], key: &str) {
    let slot = nodes[0].cli(&["CLUSTER", "KEYSLOT", key]);
    let from = nodes.iter().position(|node| !node.cli(&["EXISTS", key]).contains("MOVED")).expect("an owner");
    let (from, to) = (&nodes[from], &nodes[(from + 1) % nodes.len()]);
    let id = |node: &Server| node.cli(&["CLUSTER", "MYID"]);
    assert_eq!(to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]), "OK");
    assert_eq!(from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]), "OK");
    loop {
        // A few at a time, so that some keys are here and some there.
        let keys = from.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "5"]);
        if keys.is_empty() {
            break;
        }
        let port = to.port().to_string();
        let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        migrate.extend(keys.lines());
        assert!(["OK", "NOKEY"].contains(&&*from.cli(&migrate)));
    }
    for node in [to, from].into_iter().chain(nodes) {
        node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
    }
    assert!(from.cli(&["EXISTS", key]).contains("MOVED"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_slot_moves_while_sessions_and_revocations_run() {
    let nodes = cluster();
    let address = format!("redis+cluster://{}", hosts(&nodes));
    let node = Node::at(&address, patient, RevocationSettings::new()).synced().await;
    let other = Node::at(&address, patient, RevocationSettings::new()).synced().await;
    let store = RedisSessions::connect(&address, &patient(RedisSettings::new())).expect("an address");
    store.create(&session("joe", "s"), 100).await.expect("space");
    for number in 0..200 {
        node.list.revoke(&Revocation::session(ISSUER, format!("before-{number}"))).await.expect("revoked");
    }
    let list = node.list.clone();
    let revoking = async move {
        let mut confirmed = Vec::new();
        for number in 0..300 {
            let name = format!("during-{number}");
            if list.revoke(&Revocation::session(ISSUER, name.as_str())).await.is_ok() {
                confirmed.push(name);
            }
        }
        confirmed
    };
    let refreshing = async move {
        // A client that gets no answer sends the same token again.
        for count in 0..100 {
            let rotation = Rotation::new("joe", "s", "t", count, NOW).idle(3_600);
            while store.rotate(&rotation).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        store
    };
    let (revoking, refreshing) = (tokio::spawn(revoking), tokio::spawn(refreshing));
    let moving = tokio::task::spawn_blocking(move || {
        for key in ["{jwt}:revoked:0", "jwt:sessions:{joe}", "{jwt}:revoked:0"] {
            move_slot(&nodes, key);
        }
        nodes
    });
    let (confirmed, store) = (revoking.await.expect("no panic"), refreshing.await.expect("no panic"));
    let _nodes = moving.await.expect("no panic");
    let last = Revocation::session(ISSUER, "after");
    until("the new node", async || node.list.revoke(&last).await.is_ok()).await;
    assert_eq!(store.find("joe", "s").await.expect("an answer").map(|session| session.rotations), Some(100));
    other.until_session("after", REVOKED).await;
    let started = Node::at(&address, patient, RevocationSettings::new()).synced().await;
    assert!(!confirmed.is_empty());
    for name in confirmed.into_iter().chain((0..200).map(|number| format!("before-{number}"))) {
        other.until_session(&name, REVOKED).await;
        started.until_session(&name, REVOKED).await;
    }
    for node in [&node, &other, &started] {
        assert_eq!(node.session("good").await, None);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn in_a_cluster_stores_find_the_nodes_of_their_keys() {
    let nodes = cluster();
    // One node is enough to find the others.
    for known in &nodes {
        let address = format!("redis+cluster://127.0.0.1:{}", known.port());
        let node = Node::at(&address, patient, RevocationSettings::new()).synced().await;
        let other = Node::at(&address, patient, RevocationSettings::new()).synced().await;
        let name = format!("s-{}", known.port());
        node.list.revoke(&Revocation::session(ISSUER, name.as_str())).await.expect("revoked");
        other.until_session(&name, REVOKED).await;
        assert_eq!(other.session("good").await, None);
        let store = RedisSessions::connect(&address, &patient(RedisSettings::new())).expect("an address");
        keeps_the_contract(&store, &name).await;
    }
    let address = format!("redis+cluster://{}", hosts(&nodes));
    let small = Node::at(&address, patient, RevocationSettings::new().capacity(1)).synced().await;
    for known in &nodes {
        assert_eq!(small.session(&format!("s-{}", known.port())).await, REVOKED, "the server is asked");
    }
    assert_eq!(small.session("good").await, None);
}

/// With `FAILOVER`, the primary pauses writes until the replica has everything, so no write is lost. Clients refresh all the time.
#[actix_web::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_planned_failover_loses_no_session_no_refresh_and_no_logout() {
    let (old, new) = (Server::start(), Server::start());
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    wait_until("a replica", || old.cli(&["INFO", "replication"]).contains("state=online"));
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let (one, other) = (Process::at(proxy.address()).await, Process::at(proxy.address()).await);
    let processes = [Arc::new(one), Arc::new(other)];
    let ended = processes[0].log_in("ann").await;
    processes[0].log_out(&ended).await.expect("an end");
    let is_over = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for number in 0..20 {
        let (processes, is_over) = (processes.clone(), Arc::clone(&is_over));
        let mut pair = processes[0].log_in(&format!("joe-{number}")).await;
        clients.push(actix_web::rt::spawn(async move {
            let mut refreshes = 0;
            loop {
                let was_over = is_over.load(Ordering::SeqCst);
                pair = processes[refreshes % 2].refresh_in_the_end(&pair.refresh.token).await.expect("the next pair");
                refreshes += 1;
                if was_over {
                    return refreshes;
                }
            }
        }));
    }
    assert_eq!(old.cli(&["FAILOVER", "TO", "127.0.0.1", &new.port().to_string()]), "OK");
    let is_primary = |server: &Server| server.cli(&["INFO", "replication"]).contains("role:master");
    until("the new primary", async || is_primary(&new) && !is_primary(&old)).await;
    proxy.lead_to(&new);
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        assert!(client.await.expect("no client is accused or logged out") > 1);
    }
    for process in &processes {
        let refreshed = process.refresh_in_the_end(&ended.refresh.token).await.map(drop);
        assert_eq!(refreshed, Err(ErrorKind::SessionEnded));
        assert!(process.refusal(&ended.access.token).await.is_some());
    }
}

/// A primary, its replica, and Sentinels that know each other.
fn watched(count: usize) -> (Server, Server, Vec<Server>) {
    let (primary, replica) = (Server::start(), Server::start());
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    wait_until("a replica", || primary.cli(&["INFO", "replication"]).contains("state=online"));
    let sentinels: Vec<Server> = (0..count).map(|_| Server::sentinel(&primary)).collect();
    for sentinel in &sentinels {
        wait_until("the others", || {
            let seen = sentinel.cli(&["SENTINEL", "MASTER", "main"]);
            seen.contains(&format!("num-other-sentinels\n{}", count - 1)) && seen.contains("num-slaves\n1")
        });
    }
    (primary, replica, sentinels)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_hundred_refreshes_of_one_token_survive_a_failover() {
    let (mut primary, replica, sentinels) = watched(3);
    let address = format!("redis+sentinel://{}/main", hosts(&sentinels));
    let processes = [Process::at(address.clone()).await, Process::at(address.clone()).await].map(Arc::new);
    let (joe, ann) = (processes[0].log_in("joe").await, processes[0].log_in("ann").await);
    processes[0].log_out(&ann).await.expect("an end");
    wait_until("replication", || replica.cli(&["EXISTS", "jwt:sessions:{joe}", "jwt:sessions:{ann}"]) == "1");
    // The first of the address hangs.
    sentinels[0].freeze();
    let refreshes: Vec<_> = (0..100)
        .map(|number| {
            let (process, token) = (Arc::clone(&processes[number % 2]), joe.refresh.token.clone());
            tokio::spawn(async move { process.refresh(&token).await })
        })
        .collect();
    primary.kill();
    let mut token = joe.refresh.token;
    for refresh in refreshes {
        match refresh.await.expect("an end") {
            Ok(pair) => token = pair.refresh.token,
            Err(kind) => assert!([ErrorKind::SessionsUnavailable, ErrorKind::RevocationUnavailable].contains(&kind)),
        }
    }
    for process in processes.iter().chain(&processes) {
        let next = process.refresh_in_the_end(&token).await.expect("nobody is accused or logged out");
        assert_eq!(process.refusal(&next.access.token).await, None);
        token = next.refresh.token;
        assert_eq!(process.refresh_in_the_end(&ann.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
        assert!(process.refusal(&ann.access.token).await.is_some());
    }
    assert!(replica.cli(&["ROLE"]).starts_with("master"));
}
