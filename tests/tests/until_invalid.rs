//! Waiting until a token is no longer valid.

use std::future::{Future, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jwt_core::Step;
use jwt_core::revocation::{RevocationList, Standing, TokenIdentity};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verified, VerifierBuilder};
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::setup::{good, key, keyless, trusting};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A sleep that turns the clock, and records the requested durations.
#[derive(Clone)]
struct Sleep(ManualClock, Arc<Mutex<Vec<Duration>>>);

impl Sleep {
    fn new() -> Self {
        Self(ManualClock::at(NOW), Arc::default())
    }

    fn sleep(&self) -> impl FnMut(Duration) -> std::future::Ready<()> + use<> {
        let this = self.clone();
        move |time| {
            this.1.lock().expect("not poisoned").push(time);
            this.0.advance(time);
            ready(())
        }
    }

    fn slept(&self) -> Vec<Duration> {
        self.1.lock().expect("not poisoned").clone()
    }
}

async fn verified(builder: VerifierBuilder, clock: &ManualClock, forge: &Forge) -> Verified {
    let verifier = builder.clock(clock.clone()).build().expect("a verifier");
    verifier.verify(&forge.sign()).await.expect("a good token")
}

fn usual() -> VerifierBuilder {
    trusting(keyless().key(key().verification_key()))
}

#[tokio::test]
async fn the_wait_ends_in_the_second_when_the_token_expires() {
    let sleep = Sleep::new();
    let verified = verified(usual(), &sleep.0, &good().claim("exp", NOW + 10)).await;
    // This includes the leeway, during which a request would still be accepted.
    assert_eq!(verified.expires_in(), Some(seconds(70)));
    assert_eq!(verified.until_invalid(sleep.sleep()).await.kind(), ErrorKind::Expired);
    assert_eq!(sleep.slept(), [30, 30, 10].map(seconds));
    assert_eq!(verified.expires_in(), Some(Duration::ZERO));
    assert_eq!(verified.until_invalid(sleep.sleep()).await.kind(), ErrorKind::Expired);
    assert_eq!(sleep.slept().len(), 3, "an expired token is not slept on");
}

#[tokio::test]
async fn a_changed_clock_is_noticed() {
    let sleep = Sleep::new();
    let verified = verified(usual(), &sleep.0, &good().claim("exp", NOW + 36_000)).await;
    let clock = sleep.0.clone();
    let ended = verified.until_invalid(move |time| {
        assert_eq!(time, seconds(30));
        clock.set(seconds(NOW + 40_000));
        ready(())
    });
    assert_eq!(ended.await.kind(), ErrorKind::Expired);
}

#[tokio::test]
async fn a_token_without_an_expiry_is_awaited_until_it_is_revoked() {
    let sleep = Sleep::new();
    let builder = trusting(keyless().key(key().verification_key()).dangerous_without_expiry());
    let list = Scripted::default();
    let verified = verified(builder.revocations(list.clone()), &sleep.0, &good().without("exp")).await;
    assert_eq!(verified.expires_in(), None);
    list.say(vec![Word::Good, Word::Later, Word::Good, Word::Revoked]);
    assert_eq!(verified.until_invalid(sleep.sleep()).await.kind(), ErrorKind::Revoked);
    assert_eq!(sleep.slept(), [30, 30, 30].map(seconds));
}

#[tokio::test]
async fn an_unavailable_list_ends_the_wait_which_can_be_repeated() {
    let sleep = Sleep::new();
    let list = Scripted::default();
    let verified = verified(usual().revocations(list.clone()), &sleep.0, &good().claim("exp", NOW + 300)).await;
    list.say(vec![Word::Good, Word::Down, Word::Good, Word::Revoked]);
    assert_eq!(verified.until_invalid(sleep.sleep()).await.kind(), ErrorKind::RevocationUnavailable);
    assert_eq!(verified.until_invalid(sleep.sleep()).await.kind(), ErrorKind::Revoked);
}

#[tokio::test]
async fn the_wait_does_not_end_early_and_borrows_nothing() {
    let clock = ManualClock::at(NOW);
    let verified = verified(usual(), &clock, &good()).await;
    let ended = verified.until_invalid(|_| std::future::pending());
    drop(verified);
    let mut ended = pin!(assert_sendable(ended));
    assert_eq!(ended.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(|error| error.kind()), Poll::Pending);
}

const fn assert_sendable<F: Future + Send + 'static>(future: F) -> F {
    future
}

#[derive(Clone, Copy, Debug)]
enum Word {
    Good,
    /// Valid, but the answer must be awaited.
    Later,
    Revoked,
    Down,
}

/// A revocation list that returns the scripted answers one by one, and then accepts everything.
#[derive(Clone, Debug, Default)]
struct Scripted(Arc<Mutex<Vec<Word>>>);

impl Scripted {
    fn say(&self, mut words: Vec<Word>) {
        words.reverse();
        *self.0.lock().expect("not poisoned") = words;
    }
}

impl RevocationList for Scripted {
    fn look_up(&self, _: &TokenIdentity<'_>) -> Step<Standing> {
        Step::Ready(match self.0.lock().expect("not poisoned").pop() {
            None | Some(Word::Good) => Standing::Good,
            Some(Word::Later) => return Step::pending(ready(Standing::Good)),
            Some(Word::Revoked) => Standing::Revoked,
            Some(Word::Down) => Standing::Unavailable,
        })
    }
}
