//! Several runtimes in one process: one isn't driven, or its thread is blocked.

use std::sync::mpsc;
use std::thread;

use futures_util::FutureExt as _;
use jwt_core::Step;
use jwt_core::keys::{FetchErrorKind, KeySetState};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::observer::MemoryObserver;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::key;
use tokio::runtime::{Builder, Runtime};

use super::lab::{millis, seconds};

/// A runtime with one thread. Its time advances immediately if there is nothing else to do.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

struct Scene {
    remote: Remote,
    clock: ManualClock,
    observer: MemoryObserver,
    verifier: Verifier,
    token: String,
}

impl Scene {
    fn new(remote: Remote) -> Self {
        let (clock, observer) = (ManualClock::at(NOW), MemoryObserver::default());
        let builder = Verifier::builder().issuer(TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE));
        let builder = builder.clock(clock.clone()).fetch(remote.fetch()).observer(observer.clone());
        let verifier = builder.build().expect("a verifier");
        let token = Forge::new(&key()).claim("exp", NOW + 1_000_000).sign();
        Self { remote, clock, observer, verifier, token }
    }

    /// Starts to verify the token, and returns whether that waits.
    fn waits(&self, runtime: &Runtime) -> bool {
        let _entered = runtime.enter();
        matches!(self.verifier.verify_step(&self.token, None), Step::Pending(_))
    }

    /// Verifies the token, and waits for the result.
    fn verify(&self, runtime: &Runtime) -> Result<(), ErrorKind> {
        let outcome = runtime.block_on(self.verifier.verify(&self.token));
        outcome.map(drop).map_err(|error| error.kind())
    }

    fn told(&self) -> Vec<&'static str> {
        self.observer.take_keys()
    }

    fn state(&self) -> (KeySetState, Option<FetchErrorKind>) {
        let status = self.verifier.key_set_status().swap_remove(0).1;
        (status.state, status.last_error.map(|error| error.kind()))
    }
}

/// Three documents of five seconds each, and a second to read them.
const BOUND: u64 = 16;

#[test]
fn a_fetch_on_a_stopped_runtime_delays_requests_no_longer_than_its_time_limit() {
    let (scene, idle, driven) = (Scene::new(Remote::serving(&[&key()])), runtime(), runtime());
    assert!(scene.waits(&idle));
    scene.clock.advance(seconds(BOUND) - millis(1));
    assert!(scene.waits(&driven), "it joins the fetch");
    assert_eq!((scene.remote.asked().len(), scene.told()), (0, vec![]));
    scene.clock.advance(seconds(1) + millis(1));
    assert_eq!(scene.verify(&driven), Ok(()));
    assert_eq!((scene.remote.asked().len(), scene.told()), (1, vec!["timeout", "loaded"]));

    // The first fetch fails late, and its result is ignored.
    scene.remote.fail();
    idle.block_on(async {
        scene.remote.until_asked(2).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!((scene.told(), scene.state()), (vec![], (KeySetState::Fresh, None)));
}

#[test]
fn requests_that_wait_for_an_endless_fetch_count_it_as_failed() {
    let (scene, idle, driven) = (Scene::new(Remote::serving(&[&key()])), runtime(), runtime());
    assert!(scene.waits(&idle));
    let error = driven.block_on(scene.verifier.verify(&scene.token)).expect_err("no keys");
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    assert!(error.retry_after().is_some_and(|wait| wait <= seconds(1)), "{error:?}");
    assert_eq!(scene.told(), ["timeout"]);
    scene.clock.advance(seconds(1));
    assert_eq!((scene.verify(&driven), scene.told()), (Ok(()), vec!["loaded"]));
}

#[test]
fn with_stale_keys_requests_wait_only_once_for_an_endless_fetch() {
    let (scene, idle, driven) = (Scene::new(Remote::serving(&[&key()])), runtime(), runtime());
    assert_eq!((scene.verify(&driven), scene.told()), (Ok(()), vec!["loaded"]));
    scene.clock.advance(seconds(1_000));
    assert!(scene.waits(&idle));
    assert_eq!((scene.verify(&driven), scene.told()), (Ok(()), vec!["timeout", "stale"]));
    for _ in 0..10 {
        assert!(!scene.waits(&driven), "the stale set is used");
    }
    // Not even if the next fetch is endless too.
    scene.clock.advance(seconds(1));
    assert!(!scene.waits(&idle) && !scene.waits(&driven));
    assert_eq!(scene.remote.asked().len(), 1);
}

#[test]
fn a_blocked_worker_delays_no_other() {
    let scene = Scene::new(Remote::serving(&[&key()]).hold());
    let (blocked, is_blocked) = mpsc::channel();
    let (unblock, is_unblocked) = mpsc::channel::<()>();
    let worker = thread::spawn({
        let (remote, verifier, token) = (scene.remote.clone(), scene.verifier.clone(), scene.token.clone());
        move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let waiting = tokio::spawn(async move { verifier.verify(&token).await.is_ok() });
                remote.until_asked(1).await;
                blocked.send(()).expect("the test continues");
                // A handler that blocks its worker.
                is_unblocked.recv().expect("the test continues");
                waiting.await.expect("no panic")
            })
        }
    });
    is_blocked.recv().expect("the other thread runs");
    scene.remote.release();
    scene.clock.advance(seconds(BOUND + 1));
    assert_eq!(scene.verify(&runtime()), Ok(()));
    assert_eq!((scene.remote.asked().len(), scene.told()), (2, vec!["timeout", "loaded"]));
    unblock.send(()).expect("it waits");
    assert!(worker.join().expect("no panic"), "its own request uses the fetched set");
    assert_eq!((scene.told(), scene.state()), (vec![], (KeySetState::Fresh, None)));
}

#[test]
fn a_refresh_succeeds_only_if_a_set_was_loaded_after_the_call() {
    let (scene, idle, driven) = (Scene::new(Remote::serving(&[&key()])), runtime(), runtime());
    let refresh = || {
        let outcome = driven.block_on(scene.verifier.fetch_keys());
        outcome.map_err(|error| error.issuers().map(|(_, kind)| kind).collect::<Vec<_>>())
    };
    for (silence, state) in [
        (0, KeySetState::NeverLoaded),
        (0, KeySetState::Fresh),
        (1_000, KeySetState::Stale),
        (100_000, KeySetState::Outage),
    ] {
        scene.clock.advance(seconds(silence));
        // The refresh joins an endless fetch.
        {
            let _entered = idle.enter();
            assert!(scene.verifier.fetch_keys().now_or_never().is_none());
        }
        assert_eq!((scene.state().0, refresh()), (state, Err(vec![FetchErrorKind::Timeout])));
        assert_eq!((refresh(), scene.told()), (Ok(()), vec!["timeout", "loaded"]));
    }
}
