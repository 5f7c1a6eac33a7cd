//! Checks the protocol of [`service`](super::service) with the real [`FetchSchedule`] under many thread schedules:
//! request a fetch under the lock, fetch without it, publish, update the schedule, wake the waiters. Fetches succeed,
//! fail, are dropped halfway, or are given up by a request that waits for them.

use std::sync::Arc;
use std::time::Duration;

use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::schedule::{Cause, FORCED_FETCHES, FORCED_WINDOW, FetchDecision, FetchSchedule};
use crate::keys::FetchErrorKind;

/// A set that holds the keys up to a number. `serial` counts the sets that were fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set {
    keys: u64,
    serial: u64,
}

/// Tells the waiting requests how a fetch ended.
#[derive(Default)]
struct Completion {
    outcome: Mutex<Option<Result<Set, ()>>>,
    changed: Condvar,
}

#[derive(Default)]
struct Fetches {
    schedule: FetchSchedule,
    number: u64,
    completion: Option<Arc<Completion>>,
    /// When tokens caused fetches that were not due.
    forced: Vec<Duration>,
    ended: u64,
}

#[derive(Default)]
struct Model {
    seconds: AtomicU64,
    /// How many keys the issuer has published.
    published: AtomicU64,
    current: Mutex<Option<Set>>,
    fetches: Mutex<Fetches>,
    in_flight: AtomicUsize,
    fetched: AtomicU64,
}

/// Ends a fetch when it's dropped, as the service does.
struct Ending {
    model: Arc<Model>,
    number: u64,
    outcome: Result<Set, ()>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.model.end(self.number, self.outcome);
    }
}

/// A fetch that a request can wait for.
struct InFlightFetch {
    decision: FetchDecision,
    number: u64,
    ended: u64,
    completion: Arc<Completion>,
}

impl Model {
    fn now(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }

    /// Returns `Err` if the set that was seen is no longer the current one.
    fn ask(self: &Arc<Self>, seen: Option<Option<Set>>, cause: Cause<'_>) -> Result<Option<InFlightFetch>, ()> {
        let now = self.now();
        let mut fetches = self.fetches.lock().unwrap();
        let current = *self.current.lock().unwrap();
        if seen.is_some_and(|seen| seen != current) {
            return Err(());
        }
        let ended = fetches.ended;
        match fetches.schedule.request_fetch(now, cause) {
            FetchDecision::NotNow => {
                if let (Cause::UnknownKey(kid), Some(set)) = (cause, current) {
                    assert!(kid.parse::<u64>().unwrap() > set.keys, "a request whose key is in the set isn't refused");
                }
                return Ok(None);
            }
            FetchDecision::Join => {
                let completion = fetches.completion.clone().expect("a fetch in flight can be waited for");
                return Ok(Some(InFlightFetch {
                    decision: FetchDecision::Join,
                    number: fetches.number,
                    ended,
                    completion,
                }));
            }
            FetchDecision::Start => {}
        }
        if cause.is_forced() {
            fetches.forced.push(now);
        }
        assert_eq!(self.in_flight.fetch_add(1, Ordering::SeqCst), 0, "only one fetch is in flight at a time");
        let completion = Arc::new(Completion::default());
        fetches.completion = Some(Arc::clone(&completion));
        fetches.number += 1;
        let number = fetches.number;
        drop(fetches);
        let model = Arc::clone(self);
        thread::spawn(move || model.fetch(number));
        Ok(Some(InFlightFetch { decision: FetchDecision::Start, number, ended, completion }))
    }

    fn end(&self, number: u64, outcome: Result<Set, ()>) {
        let now = self.now();
        let mut fetches = self.fetches.lock().unwrap();
        if fetches.number != number {
            return;
        }
        let Some(completion) = fetches.completion.take() else { return };
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        match outcome {
            Ok(set) => {
                let before = self.current.lock().unwrap().replace(set);
                assert!(before.is_none_or(|before| before.serial < set.serial), "a set never replaces a later one");
                fetches.schedule.succeeded();
            }
            Err(()) => fetches.schedule.failed(now, FetchErrorKind::Transport, 0.0),
        }
        fetches.ended += 1;
        drop(fetches);
        *completion.outcome.lock().unwrap() = Some(outcome);
        completion.changed.notify_all();
    }

    fn fetch(self: Arc<Self>, number: u64) {
        let mut ending = Ending { model: Arc::clone(&self), number, outcome: Err(()) };
        thread::yield_now();
        let keys = self.published.load(Ordering::SeqCst);
        thread::yield_now();
        // One in three fails, or its task is dropped here.
        if thread_rng().gen_range(0..3) > 0 {
            let serial = self.fetched.fetch_add(1, Ordering::SeqCst) + 1;
            ending.outcome = Ok(Set { keys, serial });
        }
    }

    /// Waits for the fetch, sometimes giving up early, and checks the result.
    fn wait(&self, joined: &InFlightFetch) -> Result<Set, ()> {
        let InFlightFetch { number, ended, completion, .. } = joined;
        if thread_rng().gen_range(0..4) == 0 {
            self.end(*number, Err(()));
        }
        let mut outcome = completion.outcome.lock().unwrap();
        while outcome.is_none() {
            outcome = completion.changed.wait(outcome).unwrap();
        }
        let outcome = outcome.expect("it has ended");
        assert!(self.fetches.lock().unwrap().ended > *ended, "it ended after it was requested");
        if let Ok(set) = outcome {
            let current = self.current.lock().unwrap().expect("a set was fetched");
            assert!(current.serial >= set.serial, "a woken request sees the fetched set or a later one");
        }
        outcome
    }

    /// A request for the key of this number, which the issuer may publish later or never. Sometimes its signature isn't
    /// good by a key of the set.
    fn request(self: &Arc<Self>, key: u64) {
        let (kid, published) = (key.to_string(), self.published.load(Ordering::SeqCst) >= key);
        let asked = loop {
            let seen = *self.current.lock().unwrap();
            let cause = match seen {
                Some(set) if set.keys >= key && thread_rng().gen_range(0..3) > 0 => return,
                Some(set) if set.keys >= key => Cause::ReplacedKey,
                Some(_) => Cause::UnknownKey(&kid),
                None => Cause::Age,
            };
            if let Ok(asked) = self.ask(Some(seen), cause) {
                break asked;
            }
        };
        let Some(joined) = asked else { return };
        let outcome = self.wait(&joined);
        let found = self.current.lock().unwrap().is_some_and(|set| set.keys >= key);
        if joined.decision == FetchDecision::Start && outcome.is_ok() && published {
            assert!(found, "a key that was published before the fetch is in the set after it");
        }
        if !found {
            self.fetches.lock().unwrap().schedule.remember_absent(self.now(), &kid);
        }
    }
}

fn run() {
    let model = Arc::new(Model::default());
    model.published.store(1, Ordering::SeqCst);
    let requests = (0..4).map(|_| {
        let model = Arc::clone(&model);
        thread::spawn(move || (0..3).for_each(|_| model.request(thread_rng().gen_range(1..6))))
    });
    let mut threads: Vec<_> = requests.collect();
    let time = Arc::clone(&model);
    threads.push(thread::spawn(move || {
        for _ in 0..4 {
            time.published.fetch_add(thread_rng().gen_range(0..2), Ordering::SeqCst);
            time.seconds.fetch_add(thread_rng().gen_range(0..20), Ordering::SeqCst);
        }
    }));
    let manual = Arc::clone(&model);
    threads.push(thread::spawn(move || {
        let asked = manual.ask(None, Cause::Manual);
        let joined = asked.ok().flatten().expect("the application can always request a fetch");
        let _ = manual.wait(&joined);
    }));
    for thread in threads {
        thread.join().unwrap();
    }
    let forced = &model.fetches.lock().unwrap().forced;
    let crowded = forced
        .windows(FORCED_FETCHES + 1)
        .any(|window| window[FORCED_FETCHES].saturating_sub(window[0]) < FORCED_WINDOW);
    assert!(!crowded, "{forced:?}");
}

#[test]
fn remote_keys_are_correct_under_every_thread_schedule() {
    shuttle::check_random(run, 5_000);
    shuttle::check_pct(run, 5_000, 4);
}
