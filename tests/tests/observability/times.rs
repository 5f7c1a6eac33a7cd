//! How long tokens take to judge, and that nobody pays for it who did not ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jwt_core::Clock;
use jwt_core::authorize::check_async;
use jwt_core::observe::Observer;
use jwt_core::testing::ManualClock;
use jwt_core::testing::MemoryObserver;
use jwt_core::{ErrorKind, Verifier, VerifierBuilder};
use jwt_tests::forge::NOW;
use jwt_tests::stage;

/// Moves on by a millisecond each time its monotonic reading is taken, and counts those.
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
        .issuer(stage::issuer())
        .clock(clock.clone())
        .require_token(check_async("not Mallory", |verified| async move {
            Ok(verified.registered().subject() != Some("mallory"))
        }))
}

#[tokio::test]
async fn every_judged_token_has_a_time() {
    let (clock, observer) = (Ticking::default(), MemoryObserver::default());
    let verifier = verifier(&clock, observer.clone());
    for token in [stage::good().sign(), "a".to_owned(), stage::good().claim("sub", "mallory").sign()] {
        let _ = verifier.verify(&token).await;
    }
    let outcomes = [None, Some(ErrorKind::MalformedToken), Some(ErrorKind::RuleRefused)];
    assert_eq!(observer.take(), outcomes);
    assert_eq!(observer.take_times(), [Duration::from_millis(1); 3]);
    assert_eq!(clock.1.load(Ordering::Relaxed), 6);
}

/// An observer of the application's own that only counts.
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
async fn where_nobody_asks_for_times_no_clock_is_read_for_them() {
    let clock = Ticking::default();
    let unobserved = builder(&clock).build().expect("a verifier");
    for verifier in [unobserved, verifier(&clock, Hasty)] {
        assert!(verifier.verify(&stage::good().sign()).await.is_ok());
        assert!(verifier.verify("a").await.is_err());
    }
    assert_eq!(clock.1.load(Ordering::Relaxed), 0);
}
