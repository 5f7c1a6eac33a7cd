//! Verification durations, and that they cost nothing if no observer wants them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jwt_core::Clock;
use jwt_core::authorize::check_async;
use jwt_core::observe::Observer;
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier, VerifierBuilder};
use jwt_tests::forge::NOW;
use jwt_tests::observer::MemoryObserver;
use jwt_tests::setup;

/// A clock that advances by a millisecond with each monotonic reading, and counts the readings.
#[derive(Clone, Debug, Default)]
struct Ticking(ManualClock, Arc<AtomicUsize>);

impl Clock for Ticking {
    fn now(&self) -> Duration {
        Duration::from_secs(NOW)
    }

    fn monotonic(&self) -> Duration {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.advance(Duration::from_millis(1));
        self.0.monotonic()
    }
}

fn verifier(clock: &Ticking, observer: impl Observer + 'static) -> Verifier {
    builder(clock).observer(observer).build().expect("a verifier")
}

fn builder(clock: &Ticking) -> VerifierBuilder {
    Verifier::builder()
        .issuer(setup::issuer())
        .clock(clock.clone())
        .require_token(check_async("not Mallory", |verified| async move {
            Ok(verified.registered().subject() != Some("mallory"))
        }))
}

#[tokio::test]
async fn every_verification_has_a_duration() {
    let (clock, observer) = (Ticking::default(), MemoryObserver::default());
    let verifier = verifier(&clock, observer.clone());
    for token in [setup::good().sign(), "a".to_owned(), setup::good().claim("sub", "mallory").sign()] {
        let _ = verifier.verify(&token).await;
    }
    let outcomes = [None, Some(ErrorKind::MalformedToken), Some(ErrorKind::RuleRefused)];
    assert_eq!(observer.take(), outcomes);
    assert_eq!(observer.take_times(), [Duration::from_millis(1); 3]);
    assert_eq!(clock.1.load(Ordering::Relaxed), 6);
}

/// A custom observer that only counts.
#[derive(Debug)]
struct Hasty;

impl Observer for Hasty {
    fn observe(&self, event: jwt_core::observe::Event<'_>) {
        assert!(!matches!(event, jwt_core::observe::Event::Verification { .. }), "nobody asked");
    }

    fn times(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn no_clock_is_read_for_durations_that_nobody_wants() {
    let clock = Ticking::default();
    let unobserved = builder(&clock).build().expect("a verifier");
    for verifier in [unobserved, verifier(&clock, Hasty)] {
        assert!(verifier.verify(&setup::good().sign()).await.is_ok());
        assert!(verifier.verify("a").await.is_err());
    }
    assert_eq!(clock.1.load(Ordering::Relaxed), 0);
}
