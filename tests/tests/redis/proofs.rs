//! The replay log of DPoP proofs on Redis.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::proof::Dpop;
use jwt_core::store::{RedisReplayLog, RedisSettings};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::forge::NOW;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{behind, issuer, trusting};

use super::server::Server;

fn process(server: &Server, change: impl FnOnce(RedisReplayLog) -> RedisReplayLog) -> Application {
    process_at(&server.address(), change)
}

pub(crate) fn process_at(address: &str, change: impl FnOnce(RedisReplayLog) -> RedisReplayLog) -> Application {
    let settings = RedisSettings::new().timeout(Duration::from_secs(20));
    let log = RedisReplayLog::connect(address, &settings).expect("an address");
    behind(trusting(issuer().dpop_required()).dpop(Dpop::new(BASE).replay_log(change(log))))
}

async fn passes_once(server: &Server) {
    let (one, other) = (process(server, |log| log), process(server, |log| log));
    let device = Device::default();
    let ask = device.get("/user");
    assert_eq!(Adapter::Axum.send(&one, &ask).await, Answer::text("Ada"));
    for application in [&one, &other] {
        assert_eq!(application.send(&ask).await.code, Some(ErrorKind::ReplayedProof.code()));
    }
    // The same at once, in both processes.
    let ask = device.get("/user");
    let asks = (0..20).map(|number| Adapter::Axum.send(if number % 2 == 0 { &one } else { &other }, &ask));
    let answers = futures_util::future::join_all(asks).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let (key, same) = (Device::default(), |device: &Device| {
        let token = device.good().sign();
        let proof = device.proof("GET", "/user", &token).claim("jti", "same").sign();
        jwt_tests::ask::Ask::get("/user").dpop(&token, &proof)
    });
    assert_eq!(Adapter::Axum.send(&one, &same(&device)).await, Answer::text("Ada"));
    assert_eq!(Adapter::Axum.send(&one, &same(&key)).await, Answer::text("Ada"), "another client's proof");
    assert_eq!(Adapter::Axum.send(&other, &same(&key)).await.code, Some("replayed_proof"));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_proof_passes_once_in_a_whole_fleet() {
    passes_once(&Server::start()).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_proof_passes_once_in_a_fleet_on_a_cluster() {
    passes_once(&Server::whole_cluster()).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn the_server_forgets_proofs_by_itself_and_keeps_no_names() {
    let server = Server::start();
    let (application, device) = (process(&server, |log| log), Device::default());
    assert_eq!(Adapter::Axum.send(&application, &device.get("/user")).await, Answer::text("Ada"));
    let keys = server.cli(&["--raw", "KEYS", "*"]);
    assert_eq!(keys.lines().count(), 2, "the proof, and the client's count: {keys}");
    for key in keys.lines() {
        let left: u64 = server.cli(&["--raw", "PTTL", key]).trim().parse().expect("a time to live");
        assert!((1..=70_000).contains(&left), "{left}");
        assert!(!key.contains("p-"), "the `jti` is hashed: {key}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn an_entry_stays_for_as_long_as_its_proof_could_be_accepted() {
    for (issued, longest) in [(NOW + 10, 80_000), (NOW, 70_000), (NOW - 59, 11_000)] {
        let server = Server::start();
        let (application, device) = (process(&server, |log| log), Device::default());
        let token = device.good().sign();
        let proof = device.proof("GET", "/user", &token).claim("iat", issued).sign();
        let ask = jwt_tests::ask::Ask::get("/user").dpop(&token, &proof);
        assert_eq!(Adapter::Axum.send(&application, &ask).await, Answer::text("Ada"));
        let keys = server.cli(&["--raw", "KEYS", "*"]);
        let left = keys.lines().map(|key| server.cli(&["--raw", "PTTL", key]).trim().parse().expect("a time to live"));
        let left: Vec<u64> = left.collect();
        // The proof's entry; the client's count may end later.
        assert!(left.iter().any(|left| (longest - 9_000..=longest).contains(left)), "{issued}: {left:?}");
    }
}

/// A failover to a lagging replica loses the last entries like this.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_lost_its_entries_accepts_their_proofs_once_more() {
    let server = Server::start();
    let (one, other) = (process(&server, |log| log), process(&server, |log| log));
    let ask = Device::default().get("/user");
    assert_eq!(Adapter::Axum.send(&one, &ask).await, Answer::text("Ada"));
    server.cli(&["FLUSHALL"]);
    assert_eq!(Adapter::Axum.send(&other, &ask).await, Answer::text("Ada"));
    assert_eq!(Adapter::Axum.send(&one, &ask).await.code, Some(ErrorKind::ReplayedProof.code()));
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn one_client_cannot_fill_the_server_and_an_outage_fails_closed() {
    let server = Server::start();
    let (application, device) = (process(&server, |log| log.max_per_key(2)), Device::default());
    let unavailable = Answer::unavailable(ErrorKind::ReplayLogUnavailable, 5);
    for expected in [Answer::text("Ada"), Answer::text("Ada"), unavailable.clone()] {
        assert_eq!(Adapter::Axum.send(&application, &device.get("/user")).await, expected);
    }
    assert_eq!(Adapter::Axum.send(&application, &Device::default().get("/user")).await, Answer::text("Ada"));
    drop(server);
    assert_eq!(Adapter::Axum.send(&application, &Device::default().get("/user")).await, unavailable);
}
