//! An issuer that becomes unavailable.

use jwt_core::ErrorKind;
use jwt_core::keys::{FetchErrorKind, KeyRefreshSettings, KeySetState};
use jwt_core::testing::{Document, Script};

use super::lab::{Lab, hasty, millis, seconds};

/// A set past its lifetime whose issuer is known to fail: two fetches have ended.
async fn stale(script: Script) -> Lab {
    let lab = Lab::new().await.loaded().await;
    lab.all(script);
    lab.pass(seconds(599));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.ended(2).await;
    assert_eq!(lab.told(), ["transport"]);
    lab.pass(millis(1_001));
    lab
}

#[tokio::test]
async fn g08_stale_keys_are_used_for_an_hour_then_requests_get_503_until_the_issuer_recovers() {
    let lab = stale(Script::HangUp).await;
    let status = lab.status();
    assert_eq!((status.state, status.last_error), (KeySetState::Stale, Some(FetchErrorKind::Transport.into())));
    assert_eq!((status.age, status.state.is_ready()), (Some(millis(600_001)), true));
    for fetches in 3..20 {
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
        // Meanwhile, fetches are retried in the background.
        lab.ended(fetches).await;
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
        assert_eq!(lab.told(), ["stale", "transport", "stale"]);
        lab.pass(seconds(30));
    }
    lab.pass(seconds(3_600 - 17 * 30) - millis(2));
    assert_eq!(lab.at_once(&lab.good()), Ok(()), "until the last moment");
    lab.ended(20).await;
    lab.pass(millis(1));
    assert_eq!(lab.status().state, KeySetState::Outage);
    assert_eq!(lab.at_once(&lab.good()), Err(ErrorKind::KeysUnavailable));
    lab.pass(seconds(30));
    let error = lab.verify(&lab.good()).await.expect_err("an outage");
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    assert!(error.retry_after().is_some_and(|wait| wait <= seconds(30)));

    lab.all(Script::Well);
    lab.pass(seconds(30));
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!((lab.status().state, lab.status().last_error), (KeySetState::Fresh, None));
}

#[tokio::test]
async fn stale_keys_are_replaced_as_soon_as_the_issuer_recovers() {
    let lab = stale(Script::HangUp).await;
    lab.all(Script::Well);
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.ended(3).await;
    assert_eq!(lab.told(), ["stale", "loaded"]);
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    assert_eq!((lab.status().state, lab.told()), (KeySetState::Fresh, vec![]));
}

#[tokio::test]
async fn g04_an_issuer_that_never_answers_delays_no_request() {
    let lab = stale(Script::HangUp).await;
    let asked = lab.issuer.requests(Document::OpenIdMetadata);
    lab.all(Script::BlackHole);
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.issuer.until_requests(Document::OpenIdMetadata, asked + 1).await;
    // The fetch runs for five seconds.
    for _ in 0..1_000 {
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
    }
    assert_eq!(lab.at_once(&lab.good().expired()), Err(ErrorKind::Expired));
    assert_eq!(lab.issuer.requests(Document::OpenIdMetadata), asked + 1);
}

#[tokio::test]
async fn g04_a_response_that_does_not_end_in_time_is_given_up() {
    for script in [Script::BlackHole, Script::SlowHead, Script::SlowBody] {
        for document in [Document::OpenIdMetadata, Document::KeySet] {
            let lab = Lab::with(hasty()).await.loaded().await;
            lab.issuer.script(document, script.clone());
            lab.grow_old();
            assert_eq!(lab.at_once(&lab.good()), Ok(()), "{script:?}");
            lab.issuer.until_requests(document, 2).await;
            assert_eq!(lab.at_once(&lab.good()), Ok(()), "{script:?}, under way");
            lab.ended(2).await;
            assert_eq!((lab.told(), lab.status().state), (vec!["timeout"], KeySetState::Fresh), "{script:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_response_that_ends_in_time_is_used() {
    for script in [Script::Slow, Script::SlowHead, Script::SlowBody] {
        let lab = Lab::new().await;
        lab.issuer.script(Document::KeySet, script.clone());
        let waiting = tokio::spawn({
            let (verifier, token) = (lab.verifier.clone(), lab.good().sign());
            async move { verifier.verify(&token).await.is_ok() }
        });
        lab.issuer.until_requests(Document::KeySet, 1).await;
        lab.issuer.release();
        assert!(waiting.await.expect("no panic"), "{script:?}");
        assert_eq!(lab.told(), ["loaded"], "{script:?}");
    }
}

#[tokio::test]
async fn a_set_that_expired_without_traffic_is_used_after_one_failed_fetch() {
    let lab = Lab::new().await.loaded().await;
    lab.all(Script::HangUp);
    lab.pass(seconds(1_000));
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!(lab.told(), ["transport", "stale"]);
    assert_eq!(lab.at_once(&lab.good()), Ok(()), "the next request does not wait");
}

#[tokio::test]
async fn without_a_stale_period_an_expired_set_is_not_used() {
    let lab = Lab::with(KeyRefreshSettings::new().stale_if_error(seconds(0))).await.loaded().await;
    lab.all(Script::HangUp);
    lab.pass(seconds(600) - millis(1));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.ended(2).await;
    lab.pass(millis(1));
    assert_eq!(lab.at_once(&lab.good()), Err(ErrorKind::KeysUnavailable));
    assert_eq!((lab.status().state, lab.told()), (KeySetState::Outage, vec!["transport"]));
}

#[tokio::test]
async fn a_flapping_issuer_fails_no_request() {
    let lab = Lab::new().await.loaded().await;
    lab.all(Script::Turns(vec![Script::Status(500), Script::Well]));
    for fetches in 2..30 {
        lab.pass(seconds(570));
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
        lab.ended(fetches).await;
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
    }
    let told = lab.told();
    assert!(told.contains(&"status") && told.contains(&"loaded"), "{told:?}");
}
