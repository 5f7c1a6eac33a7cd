//! A process whose clock is ten minutes ahead of the others or behind them, which is more than any leeway, and clocks that are
//! compared with the server's.

use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisRevocations, RedisSettings};
use jwt_tests::clock_contract::{ignores_slow_answers, shows_how_far_the_clock_is_off};
use jwt_tests::forge::{ISSUER, NOW};

use super::lost_writes::Process;
use super::server::Server;
use super::setup::until;

const TEN_MINUTES: u64 = 600;

/// Two processes. The second one's clock is ahead.
async fn processes(server: &Server) -> (Process, Process) {
    let (behind, ahead) = (Process::start(server).await, Process::start(server).await);
    ahead.clock.advance(Duration::from_secs(TEN_MINUTES));
    for process in [&behind, &ahead] {
        until("the list is current", async || process.list.is_current()).await;
    }
    (behind, ahead)
}

async fn revoked(process: &Process, access: &str) {
    until("the revocation arrives", async || process.refusal(access).await == Some(ErrorKind::Revoked)).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn tokens_from_the_future_are_refused_and_accuse_nobody() {
    let server = Server::start();
    let (behind, ahead) = processes(&server).await;
    let pair = ahead.log_in("joe").await;
    assert_eq!(behind.refusal(&pair.access.token).await, Some(ErrorKind::IssuedInFuture));
    assert_eq!(behind.refresh(&pair.refresh.token).await.map(drop), Err(ErrorKind::IssuedInFuture));
    // The session continues at the process ahead, and at the other one when its clock has caught up.
    let next = ahead.refresh(&pair.refresh.token).await.expect("a pair");
    behind.clock.advance(Duration::from_secs(TEN_MINUTES - 60));
    until("the list is current", async || behind.list.is_current()).await;
    assert_eq!(behind.refusal(&next.access.token).await, None);
    behind.refresh(&next.refresh.token).await.expect("a pair");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn tokens_of_the_process_behind_are_good_for_a_shorter_time_ahead() {
    let server = Server::start();
    let (behind, ahead) = processes(&server).await;
    let pair = behind.log_in("joe").await;
    // A cookie's age counts from its response, so it doesn't depend on the server's clock.
    assert_eq!(pair.access.lifetime, Duration::from_secs(900));
    assert_eq!((behind.refusal(&pair.access.token).await, ahead.refusal(&pair.access.token).await), (None, None));
    ahead.clock.advance(Duration::from_secs(360));
    until("the list is current", async || ahead.list.is_current()).await;
    assert_eq!(ahead.refusal(&pair.access.token).await, Some(ErrorKind::Expired));
    // A refresh there makes the session continue, with tokens that are too new for the other process.
    let next = ahead.refresh(&pair.refresh.token).await.expect("a pair");
    assert_eq!(behind.refresh(&next.refresh.token).await.map(drop), Err(ErrorKind::IssuedInFuture));
    // The exchanged token is the session's previous one, at both.
    for process in [&behind, &ahead] {
        process.refresh(&pair.refresh.token).await.expect("a copy of the next pair");
    }
    ahead.refresh(&next.refresh.token).await.expect("a pair");
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn revocations_and_logouts_are_followed_in_both_directions() {
    let server = Server::start();
    let (behind, ahead) = processes(&server).await;
    for (one, other) in [(&behind, &ahead), (&ahead, &behind)] {
        let [joe, ann] = [behind.log_in("joe").await, behind.log_in("ann").await];
        one.log_out(&joe).await.expect("an end");
        one.list.revoke(&Revocation::session(ISSUER, &*ann.session_id)).await.expect("confirmed");
        for pair in [&joe, &ann] {
            revoked(other, &pair.access.token).await;
            for process in [one, other] {
                assert_eq!(process.refresh(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
            }
        }
    }
    // For as long as one of the processes could accept a token, all of them know that it was revoked.
    let [early, late] = [behind.log_in("eve").await, ahead.log_in("eve").await];
    for pair in [&early, &late] {
        behind.list.revoke(&Revocation::session(ISSUER, &*pair.session_id)).await.expect("confirmed");
        revoked(&ahead, &pair.access.token).await;
    }
    for _ in 0..6 {
        for process in [&behind, &ahead] {
            process.clock.advance(Duration::from_secs(300));
            until("the list is current", async || process.list.is_current()).await;
            for pair in [&early, &late] {
                assert!(process.refusal(&pair.access.token).await.is_some());
            }
        }
    }
}

/// A cutoff is compared with `iat`, which is later in tokens of the process that is ahead.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_cutoff_of_the_process_behind_misses_tokens_of_the_one_ahead() {
    let server = Server::start();
    let (behind, ahead) = processes(&server).await;
    let (early, late) = (behind.log_in("joe").await, ahead.log_in("joe").await);
    let now = Duration::from_secs(NOW);
    behind.list.revoke(&Revocation::subject(ISSUER, "joe", now)).await.expect("confirmed");
    revoked(&ahead, &early.access.token).await;
    assert_eq!(ahead.refusal(&late.access.token).await, None);
    // By name, every session ends.
    assert_eq!(behind.end_all("joe").await, Ok(2));
    revoked(&ahead, &late.access.token).await;
    for process in [&behind, &ahead] {
        assert!(process.refresh(&late.refresh.token).await.is_err());
    }
}

fn list_at(server: &Server, revocations: RevocationSettings) -> RedisRevocations {
    let settings = RedisSettings::new().recovery_time(Duration::ZERO).timeout(Duration::from_secs(10));
    RedisRevocations::connect(server.address(), settings.revocations(revocations)).expect("an address")
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_list_shows_how_far_its_clock_is_off() {
    let server = Server::start();
    shows_how_far_the_clock_is_off(|revocations| list_at(&server, revocations), RedisRevocations::status).await;
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_slow_answer_says_nothing_about_the_clock() {
    let server = Server::start();
    let stall = async || assert_eq!(server.cli(&["CLIENT", "PAUSE", "1500"]), "OK");
    ignores_slow_answers(|revocations| list_at(&server, revocations), stall).await;
}
