//! Keys that stay current without requests.

use std::time::Duration;

use jwt_core::keys::KeySetState;
use jwt_core::testing::ManualClock;
use jwt_core::testing::{Document, Script};
use jwt_core::{TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::key;

use super::lab::{Lab, seconds, within};

/// Lets the runtime's paused clock advance, and lets woken tasks run.
async fn idle(time: Duration) {
    for _ in 0..time.as_secs() * 4 {
        tokio::time::advance(Duration::from_millis(250)).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_kept_current_without_requests_until_the_handle_is_dropped() {
    let (remote, clock) = (Remote::serving(&[&key()]), ManualClock::at(NOW));
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let verifier = Verifier::builder().issuer(issuer).clock(clock.clone()).fetch(remote.fetch()).build();
    let verifier = verifier.expect("a verifier");
    idle(seconds(5)).await;
    assert_eq!(remote.asked().len(), 0, "nothing was fetched yet");
    let upkeep = verifier.keep_keys_fresh();
    idle(seconds(2)).await;
    assert_eq!((remote.asked().len(), verifier.is_ready()), (1, true), "the first set is fetched too");
    for renewals in 2..6 {
        clock.advance(seconds(400));
        idle(seconds(10)).await;
        assert_eq!(remote.asked().len(), renewals - 1, "not before the renewal is due");
        clock.advance(seconds(145));
        idle(seconds(2)).await;
        assert_eq!(remote.asked().len(), renewals);
        assert_eq!(verifier.key_set_status()[0].1.state, KeySetState::Fresh);
    }
    remote.fail();
    clock.advance(seconds(545));
    for failures in [1, 2, 4, 8, 16] {
        let before = remote.asked().len();
        idle(seconds(3)).await;
        assert_eq!(remote.asked().len(), before + 1, "once, and then again after a pause of {failures} seconds");
        clock.advance(seconds(failures));
    }
    remote.serve(&[&key()]);
    idle(seconds(2)).await;
    assert_eq!(
        (verifier.key_set_status()[0].1.state, verifier.key_set_status()[0].1.last_error.clone()),
        (KeySetState::Fresh, None)
    );

    drop(upkeep);
    let before = remote.asked().len();
    clock.advance(seconds(10_000));
    idle(seconds(60)).await;
    assert_eq!(remote.asked().len(), before);
}

#[tokio::test]
async fn keys_are_kept_current_over_the_network() {
    let lab = Lab::new().await;
    lab.all(Script::Status(503));
    let upkeep = lab.verifier.keep_keys_fresh();
    lab.ended(1).await;
    lab.all(Script::Well);
    lab.pass(seconds(1));
    lab.ended(2).await;
    assert_eq!(lab.at_once(&lab.good()), Ok(()), "the first request does not wait");
    lab.grow_old();
    within(lab.issuer.until_requests(Document::KeySet, 2)).await;
    lab.ended(3).await;
    drop(upkeep);
    assert_eq!(lab.told(), ["status", "loaded", "loaded"]);
}
