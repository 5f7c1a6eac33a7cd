//! How long a set is used, and when it's renewed while the issuer is healthy.

use std::time::Duration;

use jwt_core::Clock as _;
use jwt_core::ErrorKind;
use jwt_core::Step;
use jwt_core::keys::{KeyRefreshSettings, KeySetState};
use jwt_core::testing::{Document, Script};

use super::lab::{Lab, millis, seconds, within};

#[tokio::test]
async fn a_set_is_renewed_early_without_delaying_a_request() {
    let lab = Lab::new().await.loaded().await;
    // The renewal is due at 80 % of ten minutes, give or take 10 %. Nothing happens before.
    lab.pass(seconds(420) - millis(1));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.pass(seconds(120) + millis(1));
    for _ in 0..100 {
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
    }
    lab.ended(2).await;
    assert_eq!((lab.sets(), lab.status().age), (2, Some(seconds(0))));
    // The new set lives as long as the first.
    lab.pass(seconds(420) - millis(1));
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]));
}

#[tokio::test]
async fn requests_are_answered_at_once_during_a_slow_renewal() {
    let lab = Lab::new().await.loaded().await;
    lab.issuer.script(Document::OpenIdMetadata, Script::Slow);
    lab.grow_old();
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.issuer.until_requests(Document::OpenIdMetadata, 2).await;
    for _ in 0..100 {
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
    }
    lab.issuer.release();
    lab.ended(2).await;
    assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]));
}

#[tokio::test]
async fn g14_lifetimes_that_the_issuer_sends_are_kept_within_bounds() {
    let policy = KeyRefreshSettings::new().lifetime(seconds(300)).lifetime_between(seconds(100), seconds(1_000));
    for (policy, cache_control, lifetime) in [
        (KeyRefreshSettings::new(), None, 600),
        (KeyRefreshSettings::new(), Some("max-age=0"), 60),
        (KeyRefreshSettings::new(), Some("max-age=59"), 60),
        (KeyRefreshSettings::new(), Some("public, max-age=90, must-revalidate"), 90),
        (KeyRefreshSettings::new(), Some("Max-Age=\"3600\""), 3_600),
        (KeyRefreshSettings::new(), Some("max-age=1000000000000"), 86_400),
        (KeyRefreshSettings::new(), Some("max-age=18446744073709551615"), 86_400),
        (KeyRefreshSettings::new(), Some("max-age=-1"), 600),
        (KeyRefreshSettings::new(), Some("max-age=ten"), 600),
        (KeyRefreshSettings::new(), Some("no-store"), 60),
        (KeyRefreshSettings::new(), Some("no-cache"), 60),
        (KeyRefreshSettings::new(), Some("max-age=600, no-store"), 60),
        // Other header lines.
        (KeyRefreshSettings::new(), Some("max-age=600\r\ncache-control: no-cache"), 60),
        (KeyRefreshSettings::new(), Some("max-age=86400\r\nage: 86000"), 400),
        (KeyRefreshSettings::new(), Some("max-age=86400\r\nage: 86390"), 60),
        (policy.clone(), None, 300),
        (policy.clone(), Some("max-age=0"), 100),
        (policy, Some("max-age=86400"), 1_000),
    ] {
        let lab = Lab::with(policy).await;
        lab.issuer.cache_control(cache_control);
        let lab = lab.loaded().await;
        lab.pass(seconds(lifetime) - millis(1));
        assert_eq!(lab.status().state, KeySetState::Fresh, "{cache_control:?}");
        lab.pass(millis(1));
        assert_eq!(lab.status().state, KeySetState::Stale, "{cache_control:?}");
        lab.pass(seconds(3_600) - millis(1));
        assert_eq!(lab.status().state, KeySetState::Stale, "{cache_control:?}");
        lab.pass(millis(1));
        assert_eq!(lab.status().state, KeySetState::Outage, "{cache_control:?}");
    }
}

#[tokio::test]
async fn an_unmodified_set_gets_a_new_lifetime() {
    let lab = Lab::new().await;
    lab.issuer.etags(true);
    let lab = lab.loaded().await;
    for renewal in 2..5 {
        lab.grow_old();
        assert_eq!(lab.at_once(&lab.good()), Ok(()));
        lab.ended(renewal).await;
        let status = lab.status();
        assert_eq!((status.state, status.age, status.keys), (KeySetState::Fresh, Some(seconds(0)), 1));
    }
    let known: Vec<_> = lab.issuer.received().iter().map(|all| all.header("if-none-match").is_some()).collect();
    // Metadata and set in turn: only the set is requested conditionally, from the second request on.
    assert_eq!(known, [false, false, false, true, false, true, false, true]);
    // A modified set is sent whole, with its own tag.
    lab.issuer.rotate();
    lab.grow_old();
    assert_eq!(lab.ask(&lab.good()).await, Ok(()));
    lab.ended(5).await;
    assert_eq!(lab.status().keys, 2);
    lab.grow_old();
    assert_eq!(lab.at_once(&lab.good()), Ok(()));
    lab.ended(6).await;
    let received = lab.issuer.received();
    assert_eq!(received.last().and_then(|last| last.header("if-none-match")), Some("\"set-2\""));
    assert_eq!(lab.told(), ["loaded"; 5]);
}

#[tokio::test]
async fn cached_tokens_survive_the_renewal_of_an_unchanged_set() {
    for etags in [true, false] {
        let lab = Lab::new().await;
        lab.issuer.etags(etags);
        let lab = lab.loaded().await;
        let token = lab.good().claim("exp", 4_000_000_000_u64).sign();
        assert_eq!(lab.at_once_text(&token), Ok(()));
        assert_eq!(lab.cache_events().last(), Some(&"stored"));
        lab.grow_old();
        assert_eq!(lab.at_once_text(&token), Ok(()));
        lab.ended(2).await;
        let _ = lab.cache_events();
        assert_eq!(lab.at_once_text(&token), Ok(()));
        assert_eq!(lab.cache_events(), ["hit"], "ETag: {etags}");
        // The tokens of a changed set are verified again.
        lab.issuer.rotate();
        lab.grow_old();
        assert_eq!(lab.at_once_text(&token), Ok(()));
        lab.ended(3).await;
        let _ = lab.cache_events();
        assert_eq!(lab.at_once_text(&token), Ok(()));
        assert_eq!(lab.cache_events(), ["miss", "stored"], "ETag: {etags}");
    }
}

#[tokio::test]
async fn a_set_ages_while_the_machine_sleeps() {
    let lab = Lab::new().await.loaded().await;
    // While the machine sleeps, its monotonic clock stands still.
    let sleep = |seconds| lab.clock.set(lab.clock.now() + Duration::from_secs(seconds));
    let token = lab.good().claim("exp", 4_000_000_000_u64).sign();
    assert_eq!(lab.at_once_text(&token), Ok(()));
    sleep(419);
    assert_eq!(lab.at_once_text(&token), Ok(()), "from the cache of tokens");
    assert_eq!((lab.status().state, lab.status().age, lab.sets()), (KeySetState::Fresh, Some(seconds(419)), 1));
    for (slept, state) in [(600, KeySetState::Stale), (4_200, KeySetState::Outage)] {
        let fetched = lab.sets();
        sleep(slept);
        assert_eq!(lab.status().state, state);
        assert!(matches!(lab.verifier.verify_step(&token, None), Step::Pending(_)), "the old set isn't used");
        assert!(within(lab.verifier.verify(&token)).await.is_ok());
        assert_eq!((lab.status().state, lab.sets()), (KeySetState::Fresh, fetched + 1));
    }
    // The wall clock is set back, and prolongs nothing.
    lab.clock.set(lab.clock.now() - Duration::from_secs(1_000));
    lab.pass(seconds(600));
    assert_eq!(lab.status().state, KeySetState::Stale);
}

#[tokio::test]
async fn a_set_that_expired_without_traffic_is_renewed_before_it_is_used() {
    for silence in [600, 4_199, 4_200, 1_000_000] {
        let lab = Lab::new().await.loaded().await;
        lab.pass(seconds(silence));
        let old = lab.good();
        lab.issuer.rotate();
        lab.issuer.withdraw("key-1");
        assert_eq!(lab.ask(&lab.good()).await, Ok(()), "{silence}");
        assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]), "{silence}: no stale key was used");
        assert_eq!(lab.ask(&old).await, Err(ErrorKind::UnknownKey), "{silence}");
    }
}
