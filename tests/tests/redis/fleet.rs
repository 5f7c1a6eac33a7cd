//! Sentinel and Cluster, with real ones.

use std::process::Command;
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisSessions, RedisSettings};
use jwt_tests::forge::ISSUER;
use jwt_tests::session_contract::{keeps_the_contract, session};

use super::server::{Server, wait_until};
use super::setup::{Node, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(5)).connect_timeout(Duration::from_secs(5))
}

/// The addresses without the scheme, separated by commas.
fn hosts(servers: &[Server]) -> String {
    let hosts: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    hosts.join(",")
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn with_sentinel_stores_follow_a_failover() {
    let (mut primary, replica) = (Server::start(), Server::start());
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    wait_until("a replica", || primary.cli(&["INFO", "replication"]).contains("state=online"));
    let sentinels: Vec<Server> = (0..3).map(|_| Server::sentinel(&primary)).collect();
    for sentinel in &sentinels {
        wait_until("the others", || {
            let seen = sentinel.cli(&["SENTINEL", "MASTER", "main"]);
            seen.contains("num-other-sentinels\n2") && seen.contains("num-slaves\n1")
        });
    }
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

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn in_a_cluster_stores_find_the_nodes_of_their_keys() {
    let nodes: Vec<Server> = (0..3).map(|_| Server::cluster_node()).collect();
    let mut create = Command::new("redis-cli");
    create.args(["--cluster", "create"]).args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
    let output = create.args(["--cluster-yes"]).output().expect("redis-cli is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for node in &nodes {
        wait_until("a cluster", || node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    }
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
