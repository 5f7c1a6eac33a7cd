//! A cached token is checked under a lock, and the check reads the application's clock.

use std::cell::Cell;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use jwt_core::{Clock, Verifier};
use jwt_tests::forge::NOW;
use jwt_tests::setup::{builder, good};

use crate::at_once;

/// A clock that verifies a token whenever a verifier reads it, but not while it does so.
#[derive(Debug)]
struct ReentrantClock;

static READ: OnceLock<(Verifier, String)> = OnceLock::new();

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

impl Clock for ReentrantClock {
    fn now(&self) -> Duration {
        if let (Some((verifier, token)), false) = (READ.get(), READING.replace(true)) {
            at_once(verifier, token).expect("good");
            READING.set(false);
        }
        Duration::from_secs(NOW)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_clock_may_verify_the_token_that_it_is_read_for() {
    let token = good().sign();
    READ.set((builder().clock(ReentrantClock).build().expect("a verifier"), token.clone())).expect("set once");
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let (verifier, _) = READ.get().expect("set");
        // Often enough for this processor to get its own copy of the token.
        for _ in 0..10 {
            at_once(verifier, &token).expect("good");
        }
        done.send(()).expect("the test waits for the result");
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("the cache waits for its own lock");
}
