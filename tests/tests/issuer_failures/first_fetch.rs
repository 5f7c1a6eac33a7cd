//! The first key set, and fetches that the application starts.

use jwt_core::ErrorKind;
use jwt_core::keys::{FetchErrorKind, KeySetState};
use jwt_core::testing::{Document, Script};

use super::lab::{Lab, millis, seconds};

#[tokio::test]
async fn nothing_is_fetched_before_a_token_needs_it() {
    let lab = Lab::new().await;
    let status = lab.status();
    assert_eq!((status.state, status.age, status.keys), (KeySetState::NeverLoaded, None, 0));
    assert_eq!((status.last_error, status.state.is_ready()), (None, false));
    let lab = lab.loaded().await;
    assert_eq!((lab.issuer.requests(Document::OpenIdMetadata), lab.sets()), (1, 1));
    lab.pass(seconds(7));
    let status = lab.status();
    assert_eq!((status.state, status.age, status.keys), (KeySetState::Fresh, Some(seconds(7)), 1));
    assert_eq!((status.last_error, lab.verifier.is_ready()), (None, true));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    assert_eq!(lab.issuer.received().len(), 2, "once");
}

#[tokio::test]
async fn g07_a_cold_start_without_the_issuer_is_503_and_recovers_by_itself() {
    let lab = Lab::new().await;
    lab.all(Script::HangUp);
    let error = lab.verify(&lab.good()).await.expect_err("no keys");
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    let wait = error.retry_after().expect("a `retry-after`");
    assert!(wait >= millis(750) && wait <= seconds(1), "{wait:?}");
    let status = lab.status();
    assert_eq!((status.state, status.last_error), (KeySetState::NeverLoaded, Some(FetchErrorKind::Transport.into())));
    assert!(!lab.verifier.is_ready());
    assert_eq!(lab.issuer.received().len(), 1, "a probe causes no fetch during the pause");

    lab.all(Script::Well);
    lab.pass(wait - millis(1));
    assert_eq!(lab.at_once(&lab.good()), Err(ErrorKind::KeysUnavailable), "not during the pause");
    assert_eq!(lab.issuer.received().len(), 1);
    lab.pass(millis(1));
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    assert_eq!((lab.status().state, lab.status().last_error), (KeySetState::Fresh, None));
    assert_eq!(lab.told(), ["transport", "loaded"]);
}

#[tokio::test]
async fn pauses_get_longer_with_each_failure_and_short_again_after_a_success() {
    let lab = Lab::new().await;
    lab.all(Script::Status(500));
    for (failure, longest) in [1, 2, 4, 8, 16, 30, 30, 30].into_iter().enumerate() {
        let error = lab.verify(&lab.good()).await.expect_err("no keys");
        let wait = error.retry_after().expect("a `retry-after`");
        assert!(wait > seconds(longest).mul_f64(0.74) && wait <= seconds(longest), "{wait:?} of {longest}");
        // An error status makes the verifier try the other form of the metadata address.
        assert_eq!(lab.issuer.received().len(), 2 * (failure + 1));
        lab.pass(wait - millis(1));
        assert_eq!(lab.at_once(&lab.good()), Err(ErrorKind::KeysUnavailable));
        lab.pass(millis(1));
    }
    lab.all(Script::Well);
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    lab.all(Script::Status(500));
    lab.grow_old();
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.ended(10).await;
    lab.pass(seconds(1));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    // After a success, the first pause is the shortest again.
    lab.ended(11).await;
}

#[tokio::test]
async fn an_application_may_fetch_keys_at_any_time_and_gets_the_failures() {
    let lab = Lab::new().await;
    lab.all(Script::HangUp);
    for requests in 1..4 {
        let error = lab.verifier.fetch_keys().await.expect_err("the issuer is down");
        let failed: Vec<_> = error.issuers().collect();
        assert_eq!(failed, [(Some(lab.issuer.name()), FetchErrorKind::Transport)]);
        assert!(error.to_string().contains(lab.issuer.name()) && error.to_string().contains("transport"), "{error}");
        assert_eq!(lab.issuer.received().len(), requests, "during the pause after a failure too");
    }
    lab.all(Script::Well);
    assert_eq!(lab.verifier.fetch_keys().await, Ok(()));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    assert_eq!(lab.verifier.fetch_keys().await, Ok(()));
    assert_eq!(lab.sets(), 2, "at any age of the set");
    assert_eq!(lab.told(), ["transport", "transport", "transport", "loaded", "loaded"]);
}

#[tokio::test]
async fn an_application_that_fetches_keys_during_a_fetch_waits_for_it() {
    let lab = Lab::new().await;
    lab.issuer.script(Document::KeySet, Script::Slow);
    let pending = tokio::spawn({
        let (verifier, token) = (lab.verifier.clone(), lab.good().sign());
        async move { verifier.verify(&token).await.is_ok() }
    });
    lab.issuer.until_requests(Document::KeySet, 1).await;
    let refresh = tokio::spawn({
        let verifier = lab.verifier.clone();
        async move { verifier.fetch_keys().await }
    });
    tokio::task::yield_now().await;
    lab.issuer.release();
    assert_eq!(refresh.await.expect("no panic"), Ok(()));
    assert!(pending.await.expect("no panic"));
    assert_eq!(lab.sets(), 1);
}
