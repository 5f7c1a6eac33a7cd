//! Processes that keep only fingerprints of most revocations.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::RedisSettings;
use jwt_tests::forge::ISSUER;

use super::server::Server;
use super::setup::{Node, revoke_many, until};

const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);
const DOWN: Option<ErrorKind> = Some(ErrorKind::RevocationUnavailable);
const COUNT: usize = 20_000;

fn patient(settings: RedisSettings) -> RedisSettings {
    settings.timeout(Duration::from_secs(20))
}

/// Most are sealed: each of the 64 parts of the list has up to ten that are exact, and a 64th of the sealed ones.
fn few() -> RevocationSettings {
    RevocationSettings::new().exact_capacity(640)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn twenty_thousand_revocations_are_refused_and_good_tokens_accepted() {
    let server = Server::start();
    let writer = Node::with(&server, patient, few()).synced().await;
    revoke_many(&writer, COUNT).await;
    let reader = Node::with(&server, patient, few()).synced().await;
    for node in [&writer, &reader] {
        let asked = server.calls("hget");
        for number in 0..COUNT {
            assert_eq!(node.session(&format!("s-{number}")).await, REVOKED, "{number}");
            assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
        }
        // Each question reads two claims, with the epoch.
        let asked = (server.calls("hget") - asked) / 4;
        assert!(asked > COUNT as u64 / 2, "{asked}: most are sealed");
        let remembered = node.list.status().remembered;
        assert!((COUNT - 5..=COUNT + 3_000).contains(&remembered), "{remembered}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_sealed_revocation_is_refused_as_an_outage_while_the_server_cannot_confirm_it() {
    let mut server = Server::start();
    let node = Node::with(&server, patient, few()).synced().await;
    revoke_many(&node, 2_000).await;
    server.kill();
    let (mut revoked, mut down) = (0, 0);
    for number in 0..2_000 {
        match node.session(&format!("s-{number}")).await {
            REVOKED => revoked += 1,
            DOWN => down += 1,
            other => panic!("{number}: {other:?}"),
        }
        assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
    }
    assert!(revoked > 0 && down > 1_000, "{revoked} {down}");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_lost_its_data_cannot_make_a_sealed_revocation_good() {
    let server = Server::start();
    let writer = Node::with(&server, patient, few()).synced().await;
    revoke_many(&writer, 2_000).await;
    let node = Node::with(&server, patient, few()).synced().await;
    // No process restores them.
    drop(writer);
    server.cli(&["FLUSHALL"]);
    let check = async || {
        for number in (0..2_000).step_by(20) {
            let outcome = node.session(&format!("s-{number}")).await;
            assert!([REVOKED, DOWN].contains(&outcome), "{number}: {outcome:?}");
            assert_eq!(node.session(&format!("good-{number}")).await, None, "{number}");
        }
    };
    check().await;
    node.list.revoke(&Revocation::session(ISSUER, "another")).await.expect("revoked");
    // The process notices it, and follows the new data.
    until("a new epoch", async || !server.cli(&["HGET", "{jwt}:revoked:0", "epoch"]).is_empty()).await;
    for _ in 0..20 {
        check().await;
    }
}
