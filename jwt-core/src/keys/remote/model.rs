//! The protocol of [`service`](super::service) around the real [`Machine`], under many schedules: ask under the lock,
//! fetch without it, publish, tell the machine, wake those who wait. Fetches succeed, fail, or are dropped halfway.

use std::sync::Arc;
use std::time::Duration;

use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::machine::{Cause, Decision, FORCED, FORCED_WINDOW, Machine};
use crate::keys::FetchErrorKind;

/// A set holds the keys up to this number, and is the so-manyth that was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set {
    keys: u64,
    serial: u64,
}

/// What waiters wait for.
#[derive(Default)]
struct Landing {
    outcome: Mutex<Option<Result<Set, ()>>>,
    bell: Condvar,
}

#[derive(Default)]
struct Flight {
    machine: Machine,
    landing: Option<Arc<Landing>>,
    /// When keys that are not in the set led to a fetch.
    forced: Vec<Duration>,
    ended: u64,
}

#[derive(Default)]
struct Model {
    seconds: AtomicU64,
    /// How many keys the issuer has published.
    published: AtomicU64,
    current: Mutex<Option<Set>>,
    flight: Mutex<Flight>,
    under_way: AtomicUsize,
    fetched: AtomicU64,
}

/// Ends a fetch however it ends, as the service does.
struct Ending {
    model: Arc<Model>,
    landing: Arc<Landing>,
    outcome: Result<Set, ()>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (model, before) = (&self.model, *self.model.current.lock().unwrap());
        model.under_way.fetch_sub(1, Ordering::SeqCst);
        if let Ok(set) = self.outcome {
            *model.current.lock().unwrap() = Some(set);
            let mut flight = model.flight.lock().unwrap();
            flight.machine.succeeded();
            (flight.landing, flight.ended) = (None, flight.ended + 1);
        } else {
            let now = model.now();
            let mut flight = model.flight.lock().unwrap();
            assert_eq!(*model.current.lock().unwrap(), before, "a fetch that fails leaves the set as it is");
            flight.machine.failed(now, FetchErrorKind::Transport, 0.0);
            (flight.landing, flight.ended) = (None, flight.ended + 1);
        }
        *self.landing.outcome.lock().unwrap() = Some(self.outcome);
        self.landing.bell.notify_all();
    }
}

impl Model {
    fn now(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }

    /// `Err` where the set that was seen is no longer the current one.
    fn ask(
        self: &Arc<Self>,
        seen: Option<Option<Set>>,
        cause: Cause<'_>,
    ) -> Result<Option<(Decision, u64, Arc<Landing>)>, ()> {
        let now = self.now();
        let mut flight = self.flight.lock().unwrap();
        let current = *self.current.lock().unwrap();
        if seen.is_some_and(|seen| seen != current) {
            return Err(());
        }
        let ended = flight.ended;
        match flight.machine.ask(now, cause) {
            Decision::Refuse => {
                if let (Cause::UnknownKey(kid), Some(set)) = (cause, current) {
                    assert!(kid.parse::<u64>().unwrap() > set.keys, "nobody is refused whose key is there");
                }
                return Ok(None);
            }
            Decision::Join => {
                let landing = flight.landing.clone().expect("whoever joins has something to wait for");
                return Ok(Some((Decision::Join, ended, landing)));
            }
            Decision::Start => {}
        }
        if matches!(cause, Cause::UnknownKey(_)) {
            flight.forced.push(now);
        }
        let landing = Arc::new(Landing::default());
        flight.landing = Some(Arc::clone(&landing));
        drop(flight);
        let (model, outside) = (Arc::clone(self), Arc::clone(&landing));
        thread::spawn(move || model.fetch(outside));
        Ok(Some((Decision::Start, ended, landing)))
    }

    fn fetch(self: Arc<Self>, landing: Arc<Landing>) {
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0, "one fetch is under way at a time");
        let mut ending = Ending { model: Arc::clone(&self), landing, outcome: Err(()) };
        thread::yield_now();
        let keys = self.published.load(Ordering::SeqCst);
        thread::yield_now();
        // One in three fails, or its task is dropped here.
        if thread_rng().gen_range(0..3) > 0 {
            let serial = self.fetched.fetch_add(1, Ordering::SeqCst) + 1;
            ending.outcome = Ok(Set { keys, serial });
        }
    }

    /// Waits, and sees what came of it.
    fn wait(&self, ended: u64, landing: &Landing) -> Result<Set, ()> {
        let mut outcome = landing.outcome.lock().unwrap();
        while outcome.is_none() {
            outcome = landing.bell.wait(outcome).unwrap();
        }
        let outcome = outcome.expect("it has ended");
        assert!(self.flight.lock().unwrap().ended > ended, "it ended after it was asked for");
        if let Ok(set) = outcome {
            let current = self.current.lock().unwrap().expect("a set has come");
            assert!(current.serial >= set.serial, "whoever wakes sees what came, or what came later");
        }
        outcome
    }

    /// One request for the key of this number, which the issuer may publish later or never.
    fn request(self: &Arc<Self>, key: u64) {
        let (kid, published) = (key.to_string(), self.published.load(Ordering::SeqCst) >= key);
        let asked = loop {
            let seen = *self.current.lock().unwrap();
            let cause = match seen {
                Some(set) if set.keys >= key => return,
                Some(_) => Cause::UnknownKey(&kid),
                None => Cause::Age,
            };
            if let Ok(asked) = self.ask(Some(seen), cause) {
                break asked;
            }
        };
        let Some((decision, ended, landing)) = asked else { return };
        let outcome = self.wait(ended, &landing);
        let found = self.current.lock().unwrap().is_some_and(|set| set.keys >= key);
        if decision == Decision::Start && outcome.is_ok() && published {
            assert!(found, "a key that was published before the fetch is in the set after it");
        }
        if !found {
            self.flight.lock().unwrap().machine.remember_absent(self.now(), &kid);
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
        let (_, ended, landing) = asked.ok().flatten().expect("the application may always ask");
        let _ = manual.wait(ended, &landing);
    }));
    for thread in threads {
        thread.join().unwrap();
    }
    let forced = &model.flight.lock().unwrap().forced;
    let crowded = forced.windows(FORCED + 1).any(|window| window[FORCED].saturating_sub(window[0]) < FORCED_WINDOW);
    assert!(!crowded, "{forced:?}");
}

#[test]
fn every_schedule_keeps_the_promises_of_remote_keys() {
    shuttle::check_random(run, 5_000);
    shuttle::check_pct(run, 5_000, 4);
}
