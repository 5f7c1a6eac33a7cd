//! Histories that once broke a promise, step by step.

use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use jwt_core::ErrorKind;
use jwt_core::issue::TokenPair;

use super::process::{Mail, Process};
use super::random::Random;
use super::store::Server;
use super::world::{World, block, refresh};

/// Seeds of histories in which a promise was broken. The code has changed since, so they may lead elsewhere today.
const BROKEN_ONCE: [u64; 2] = [85_056, 18_585];

#[test]
fn histories_that_broke_a_promise_once_keep_it() {
    for seed in BROKEN_ONCE {
        World::new(seed).run();
    }
}

/// Ending all sessions reaches the store only after another login. That login continues, and when all sessions are ended again,
/// its access token is refused with the others.
#[test]
fn ending_all_sessions_late_ends_no_later_login() {
    let server = Server {
        contents: Default::default(),
        snapshots: Vec::new(),
        is_down: false,
        failures: 0,
        late: Vec::new(),
        random: Random(1),
    };
    let (server, mail) = (Arc::new(Mutex::new(server)), Mail::default());
    let [one, other] = [0, 1].map(|number| Process::start(number, 0, &server, &mail));
    let log_in = || block(other.sessions.login("ada").start()).expect("a login");
    let earlier = log_in();
    // The sessions are listed, and the connection is cut before they are ended. Some requests arrive late, and some never.
    let arrives_late = |_| {
        one.link.lock().expect("not poisoned").is_cut = false;
        let mut ending = Box::pin(one.sessions.end_all("ada"));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            assert!(ending.as_mut().poll(&mut context).is_pending());
        }
        one.link.lock().expect("not poisoned").is_cut = true;
        let error = block(ending).expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::SessionsUnavailable);
        !server.lock().expect("not poisoned").late.is_empty()
    };
    assert!((0..100).any(arrives_late), "a request is on its way");
    let later = log_in();
    while !server.lock().expect("not poisoned").late.is_empty() {
        server.lock().expect("not poisoned").arrive();
    }
    let accepted = |pair: &TokenPair| other.refusal(&pair.access.token).is_none();
    assert!(block(refresh(other.sessions.clone(), earlier.refresh.token)).is_err());
    assert!(block(refresh(other.sessions.clone(), later.refresh.token.clone())).is_ok() && accepted(&later));
    assert_eq!(block(other.sessions.end_all("ada")).expect("the store is up"), 1);
    assert!(block(refresh(other.sessions.clone(), later.refresh.token.clone())).is_err() && !accepted(&later));
}
