//! Clusters with nodes that fail.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::forge::ISSUER;
use jwt_tests::session_contract::session;

use super::fleet::{cluster_with_replicas, hosts};
use super::lost_writes::Process;
use super::server::{Server, wait_until};
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(5)).connect_timeout(Duration::from_secs(5))
}

/// Three primaries with a replica each, and their address.
fn cluster() -> (Vec<Server>, String) {
    let nodes = cluster_with_replicas(1);
    for node in &nodes {
        wait_until("replication", || {
            let state = node.cli(&["INFO", "replication"]);
            state.contains("role:master") || state.contains("master_link_status:up")
        });
    }
    let address = format!("redis+cluster://{}", hosts(&nodes));
    (nodes, address)
}

/// The primary with a key, and its replica.
fn owner(nodes: &[Server], key: &str) -> (usize, usize) {
    let owner = nodes.iter().position(|node| !node.cli(&["EXISTS", key]).contains("MOVED")).expect("an owner");
    let port = format!("master_port:{}\r", nodes[owner].port());
    let replica = nodes.iter().position(|node| node.cli(&["INFO", "replication"]).contains(&port));
    (owner, replica.expect("a replica"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_primary_that_dies_is_replaced_and_nobody_is_logged_out() {
    let (mut nodes, address) = cluster();
    let (one, other) = (Process::at(address.clone()).await, Process::at(address.clone()).await);
    let mut pairs = Vec::new();
    for number in 0..12 {
        pairs.push(one.log_in(&format!("joe-{number}")).await);
    }
    let ended = one.log_in("ann").await;
    one.log_out(&ended).await.expect("an end");
    until("the revocation arrives", async || other.refusal(&ended.access.token).await == REVOKED).await;
    let (primary, replica) = owner(&nodes, "{jwt}:revoked:0");
    wait_until("replication", || {
        let offset = |server: &Server, name: &str| {
            let state = server.cli(&["INFO", "replication"]);
            state.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
        };
        offset(&nodes[primary], "master_repl_offset:") == offset(&nodes[replica], "slave_repl_offset:")
    });
    nodes[primary].kill();
    for process in [&one, &other] {
        for pair in &mut pairs {
            *pair = process.refresh_in_the_end(&pair.refresh.token).await.expect("nobody is logged out");
        }
    }
    until("a revocation", async || one.list.revoke(&Revocation::session(ISSUER, "after")).await.is_ok()).await;
    assert_eq!(other.refresh_in_the_end(&ended.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    let started = Process::at(address).await;
    for process in [&one, &other, &started] {
        assert_eq!(process.refusal(&ended.access.token).await, REVOKED);
        assert_eq!(process.refusal(&pairs[0].access.token).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_node_that_hangs_keeps_no_process_from_connecting() {
    let (nodes, address) = cluster();
    let (_, replica) = owner(&nodes, "{jwt}:revoked:0");
    nodes[replica].freeze();
    // One address has the node that hangs, and the other learns of it from the cluster.
    let without: Vec<String> = (0..nodes.len())
        .filter(|number| *number != replica)
        .map(|number| format!("127.0.0.1:{}", nodes[number].port()))
        .collect();
    for address in [address, format!("redis+cluster://{}", without.join(","))] {
        let node = Node::at(&address, |settings| settings, RevocationSettings::new()).synced().await;
        assert_eq!(node.session("good").await, None);
        let store = RedisSessions::connect(&address, &RedisSettings::new()).expect("an address");
        store.create(&session("joe", "s"), 100).await.expect("space");
    }
}

/// A replica that lagged behind takes over without being asked, and the old primary is still there.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_fingerprint_is_not_looked_up_on_a_node_that_lost_changes() {
    let (nodes, address) = cluster();
    // The process asks for no changes meanwhile.
    let seldom = RevocationSettings::new().exact_capacity(640).staleness(Duration::from_secs(3_600));
    let node = Node::at(&address, patient, seldom).synced().await;
    let (primary, replica) = owner(&nodes, "{jwt}:revoked:0");
    let (primary, replica) = (&nodes[primary], &nodes[replica]);
    // The replica can't log in any more.
    for command in [["CONFIG", "SET", "masterauth", "wrong"].as_slice(), &["CONFIG", "SET", "masteruser", "nobody"]] {
        assert_eq!(replica.cli(command), "OK");
    }
    primary.cli(&["CLIENT", "KILL", "TYPE", "replica"]);
    wait_until("a cut", || replica.cli(&["INFO", "replication"]).contains("master_link_status:down"));
    revoke_many(&node, 2_000).await;
    assert_eq!(replica.cli(&["CLUSTER", "FAILOVER", "TAKEOVER"]), "OK");
    wait_until("the old primary knows", || primary.cli(&["EXISTS", "{jwt}:revoked:0"]).contains("MOVED"));
    for number in 0..2_000 {
        let outcome = node.session(&format!("s-{number}")).await;
        assert!([REVOKED, DOWN].contains(&outcome), "{number}: {outcome:?}");
    }
}
