use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::clock::{Clock, Moment};
use crate::crypto::Backend;
use crate::jose::{Algorithm, KeySet};
use crate::keys::discovery::Tag;
use crate::keys::{
    Fetch, FetchError, FetchErrorKind, Fetched, Health, HealthState, KeyRefreshSettings, KeySource, KeyTable, Location,
    Lookup, Quota, Refresh, Wanted,
};
use crate::observe::{Event, Observer};

use super::machine::{Cause, Decision, Machine};
use super::snapshot::Snapshot;

/// An issuer's keys, fetched from it when they are first needed and kept current.
///
/// Reading takes no lock. A fetch runs in a task of its own, one at a time: whoever needs its outcome waits for it, for
/// a bounded time, and can't cancel it. A fetch that isn't done within that time counts as failed, even if it
/// still runs. A set is renewed in the background before its lifetime ends; what [`KeyRefreshSettings`] says and the issuer
/// asks for decides when. While it cannot be renewed it is used for another hour; then, and before the first set has
/// come, requests are answered 503. A token whose `kid` is not in the set leads to a fetch, at most twice in 30
/// seconds. After a failed fetch the next waits for 1 to 30 seconds. A set without usable keys never replaces one with.
///
/// Fetching needs a Tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Shared>);

/// What remote keys are made of.
pub(crate) struct Setup {
    pub(crate) issuer: Arc<str>,
    pub(crate) location: Location,
    pub(crate) policy: KeyRefreshSettings,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) listed: bool,
    /// Limits the fetches of an issuer that a resolver found.
    pub(crate) quota: Option<Arc<Quota>>,
    pub(crate) backend: Backend,
    pub(crate) algorithms: Vec<Algorithm>,
}

struct Shared {
    setup: Setup,
    current: ArcSwapOption<Snapshot>,
    /// Never locked while a fetch runs.
    flight: Mutex<Flight>,
    /// Copies of what the machine knows, so that requests in a set's last minutes need not lock: whether the last fetch
    /// failed, and the moment, in microseconds, before which asking again is pointless.
    failing: AtomicBool,
    ask_after: AtomicU64,
}

struct Flight {
    machine: Machine,
    /// How many fetches were started.
    number: u64,
    /// Tells the outcome of the fetch under way, the one with this number.
    done: Option<watch::Sender<Option<Outcome>>>,
}

/// How a fetch ended, as its waiters hear of it.
type Outcome = Result<(), FetchErrorKind>;

/// A fetch to wait for.
struct Joined {
    number: u64,
    done: watch::Receiver<Option<Outcome>>,
    /// How long it still may take.
    left: Duration,
}

/// A fetch ended while someone looked at the set before it.
struct Overtaken;

impl RemoteKeys {
    pub(crate) fn new(setup: Setup) -> Self {
        // Two metadata documents and the set, and a moment to read them.
        let bound = setup.policy.timeout.saturating_mul(3).saturating_add(Duration::from_secs(1));
        Self(Arc::new(Shared {
            setup,
            current: ArcSwapOption::empty(),
            flight: Mutex::new(Flight { machine: Machine::new(bound), number: 0, done: None }),
            failing: AtomicBool::new(false),
            ask_after: AtomicU64::new(0),
        }))
    }
}

impl KeySource for RemoteKeys {
    fn find(&self, wanted: &Wanted<'_>) -> Lookup {
        let now = self.0.moment_at(wanted.now);
        loop {
            let current = self.0.current.load();
            // Each turn of this loop takes a fetch that ended meanwhile.
            if let Ok(lookup) = self.0.answer(current.as_deref(), wanted, now) {
                return lookup;
            }
        }
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        let moment = self.0.moment_at(Some(now));
        let current = self.0.current.load();
        // Past their lifetime, `find` decides what is to be done with them.
        let snapshot = current.as_deref().filter(|snapshot| snapshot.state(moment) == HealthState::Fresh)?;
        if snapshot.is_due(moment) {
            self.0.renew_aside(moment.monotonic, Some(snapshot));
        }
        snapshot.table.generation(now)
    }

    fn tend(&self) {
        let now = self.0.moment_at(None);
        let current = self.0.current.load();
        if current.as_deref().is_none_or(|snapshot| snapshot.is_due(now)) {
            self.0.renew_aside(now.monotonic, current.as_deref());
        }
    }

    fn refresh(&self) -> Option<Refresh> {
        let now = self.0.now();
        let fetch = self.0.start(self.0.flight(now), now, Cause::Manual)?;
        let outcome = self.0.wait(fetch);
        Some(Box::pin(async { outcome.await.map_err(Into::into) }))
    }

    fn health(&self) -> Option<Health> {
        let now = self.0.moment_at(None);
        let current = self.0.current.load();
        let state = current.as_deref().map_or(HealthState::NeverLoaded, |snapshot| snapshot.state(now));
        let age = current.as_deref().map(|snapshot| snapshot.age(now));
        let keys = current.as_deref().map_or(0, |snapshot| snapshot.table.len());
        Some(Health { state, age, keys, last_error: self.0.flight(now.monotonic).machine.last_error() })
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.setup.clock.monotonic()
    }

    /// Reads the clock that the caller hasn't read yet.
    fn moment_at(&self, wall: Option<Duration>) -> Moment {
        Moment { wall: wall.unwrap_or_else(|| self.setup.clock.now()), monotonic: self.now() }
    }

    fn lock(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, after giving up a fetch that is past its bound. Its runtime may not be driven, or its thread be blocked: that
    /// must not keep the next from starting.
    fn flight(&self, now: Duration) -> MutexGuard<'_, Flight> {
        let flight = self.lock();
        let Some(end) = flight.machine.overdue(now) else { return flight };
        let number = flight.number;
        drop(flight);
        self.end(number, end, Err(FetchErrorKind::Timeout.into()));
        self.lock()
    }

    fn answer(
        self: &Arc<Self>,
        current: Option<&Snapshot>,
        wanted: &Wanted<'_>,
        moment: Moment,
    ) -> Result<Lookup, Overtaken> {
        let now = moment.monotonic;
        match current.map(|snapshot| (snapshot, snapshot.state(moment))) {
            Some((snapshot, HealthState::Fresh)) => {
                if snapshot.is_due(moment) {
                    self.renew_aside(now, current);
                }
                self.look_up(snapshot, wanted, now)
            }
            Some((snapshot, HealthState::Stale)) => {
                // A set that merely was not asked for is renewed before it is used; one whose issuer fails is used.
                if !wanted.fetched
                    && !self.failing.load(Ordering::Relaxed)
                    && let Some(fetch) = self.start_for(current, now, Cause::Age)?
                {
                    return Ok(self.wait_to_ask_again(fetch));
                }
                self.renew_aside(now, current);
                self.setup.observer.observe(Event::StaleKeysUsed { issuer: &self.setup.issuer });
                self.look_up(snapshot, wanted, now)
            }
            _ if wanted.fetched => Ok(self.unavailable(now)),
            _ => Ok(match self.start_for(current, now, Cause::Age)? {
                Some(fetch) => self.wait_to_ask_again(fetch),
                None => self.unavailable(now),
            }),
        }
    }

    fn look_up(self: &Arc<Self>, snapshot: &Snapshot, wanted: &Wanted<'_>, now: Duration) -> Result<Lookup, Overtaken> {
        let lookup = snapshot.table.find(wanted);
        let (Lookup::Unknown, Some(kid)) = (&lookup, wanted.key_id) else { return Ok(lookup) };
        // A name that the set has, for another algorithm, is not new.
        if snapshot.table.knows(kid) {
            return Ok(lookup);
        }
        if wanted.fetched {
            self.lock().machine.remember_absent(now, kid);
        } else if let Some(fetch) = self.start_for(Some(snapshot), now, Cause::UnknownKey(kid))? {
            return Ok(self.wait_to_ask_again(fetch));
        }
        // The key may well be in a set that cannot be had at the moment.
        if let Some(wait) = self.unpaid(now, Cause::UnknownKey(kid)) {
            return Ok(Lookup::Unavailable(Some(wait)));
        }
        Ok(if self.failing.load(Ordering::Relaxed) { self.unavailable(now) } else { lookup })
    }

    fn unavailable(&self, now: Duration) -> Lookup {
        let wait = self.lock().machine.wait(now);
        Lookup::Unavailable(wait.or_else(|| self.unpaid(now, Cause::Age)))
    }

    /// How long until the budget allows a fetch that nothing else stands against.
    fn unpaid(&self, now: Duration, cause: Cause<'_>) -> Option<Duration> {
        let wait = self.setup.quota.as_ref()?.wait(now, cause.is_forced())?;
        self.lock().machine.would_start(now, cause).then_some(wait)
    }

    /// Starts a renewal that nobody waits for.
    fn renew_aside(self: &Arc<Self>, now: Duration, seen: Option<&Snapshot>) {
        if micros(now) >= self.ask_after.load(Ordering::Relaxed) {
            // Where it was overtaken, it has been renewed.
            let _ = self.start_for(seen, now, Cause::Age);
        }
    }

    /// Joins or starts a fetch for someone who saw this set, unless it is no longer the current one: what was missing may
    /// be in the other.
    fn start_for(
        self: &Arc<Self>,
        seen: Option<&Snapshot>,
        now: Duration,
        cause: Cause<'_>,
    ) -> Result<Option<Joined>, Overtaken> {
        let flight = self.flight(now);
        let current = self.current.load();
        if current.as_deref().map(ptr::from_ref) == seen.map(ptr::from_ref) {
            Ok(self.start(flight, now, cause))
        } else {
            Err(Overtaken)
        }
    }

    /// Joins the fetch under way or starts one, unless the machine refuses.
    fn start(self: &Arc<Self>, mut flight: MutexGuard<'_, Flight>, now: Duration, cause: Cause<'_>) -> Option<Joined> {
        if let Some(quota) = &self.setup.quota
            && cause != Cause::Manual
            && flight.machine.would_start(now, cause)
            && !quota.take(now, cause.is_forced())
        {
            return None;
        }
        match flight.machine.ask(now, cause) {
            Decision::Join => return flight.join(now),
            Decision::Refuse => return None,
            Decision::Start => {}
        }
        flight.number += 1;
        flight.done = Some(watch::Sender::new(None));
        let joined = flight.join(now)?;
        self.ask_after.store(micros(now.saturating_add(joined.left)), Ordering::Relaxed);
        // What follows may drop the task, which locks.
        drop(flight);
        let task = FetchTask { shared: Arc::clone(self), number: joined.number, outcome: None };
        let span = tracing::debug_span!("fetch_keys", issuer = %self.setup.issuer);
        match tokio::runtime::Handle::try_current() {
            // Its own task: a request that is dropped takes nobody's keys with it.
            Ok(runtime) => drop(runtime.spawn(task.run().instrument(span))),
            Err(_) => tracing::error!("keys cannot be fetched outside of a Tokio runtime"),
        }
        Some(joined)
    }

    fn wait(self: &Arc<Self>, mut fetch: Joined) -> impl Future<Output = Outcome> + Send + use<> {
        let shared = Arc::clone(self);
        async move {
            // By the runtime's own time: the verifier's clock may stand still.
            if tokio::time::timeout(fetch.left, fetch.done.changed()).await.is_err() {
                shared.end(fetch.number, shared.now(), Err(FetchErrorKind::Timeout.into()));
            }
            fetch.done.borrow().unwrap_or(Err(FetchErrorKind::Timeout))
        }
    }

    fn wait_to_ask_again(self: &Arc<Self>, fetch: Joined) -> Lookup {
        let outcome = self.wait(fetch);
        Lookup::Fetch(Box::pin(async {
            let _ = outcome.await;
        }))
    }

    /// Ends the fetch of this number at this moment, unless it has ended before: it may have been given up.
    fn end(&self, number: u64, at: Duration, outcome: Result<Snapshot, FetchError>) {
        let jitter = self.jitter();
        let mut flight = self.lock();
        if flight.number != number {
            return;
        }
        let Some(done) = flight.done.take() else { return };
        let outcome = match outcome {
            Ok(snapshot) => {
                let keys = snapshot.table.len();
                self.current.store(Some(Arc::new(snapshot)));
                flight.machine.succeeded();
                self.ask_after.store(0, Ordering::Relaxed);
                Ok(keys)
            }
            Err(error) => {
                flight.machine.failed(at, error.kind(), jitter);
                let wait = flight.machine.wait(at).unwrap_or_default();
                self.ask_after.store(micros(at.saturating_add(wait)), Ordering::Relaxed);
                Err(error.kind())
            }
        };
        self.failing.store(flight.machine.is_failing(), Ordering::Relaxed);
        drop(flight);
        self.tell(outcome);
        // Last, so that the waiters find the set.
        done.send_replace(Some(outcome.map(drop)));
    }

    fn tell(&self, outcome: Result<usize, FetchErrorKind>) {
        let Setup { issuer, listed, clock, observer, .. } = &self.setup;
        let tell = || match outcome {
            Ok(keys) => {
                tracing::debug!(%issuer, "keys fetched");
                observer.observe(Event::KeysLoaded { issuer, listed: *listed, keys, at: clock.now() });
            }
            Err(kind) => {
                tracing::warn!(%issuer, error = kind.code(), "keys could not be fetched");
                observer.observe(Event::KeysFailed { issuer, listed: *listed, error: kind.code() });
            }
        };
        // The task may be unwinding: a second panic that leaves its `drop` would abort the process. And the waiters must be
        // woken in any case.
        if panic::catch_unwind(AssertUnwindSafe(tell)).is_err() {
            tracing::error!(%issuer, "the observer panicked");
        }
    }

    fn load(&self, known: Option<&Snapshot>, fetched: &Fetched, tag: Option<Tag>) -> Result<Snapshot, FetchError> {
        let table = match known {
            Some(known) if fetched.not_modified => known.table.clone(),
            _ => self.read(&fetched.body)?,
        };
        let (now, jitter) = (self.moment_at(None), self.jitter());
        Ok(Snapshot::new(table, tag, now, fetched.max_age, &self.setup.policy, jitter))
    }

    fn read(&self, body: &[u8]) -> Result<KeyTable, FetchError> {
        let content = FetchErrorKind::Content;
        let text = std::str::from_utf8(body).map_err(|_| content)?;
        let set = KeySet::from_jwks(text).map_err(|_| content)?;
        let table = KeyTable::prepare(self.setup.backend, set.keys(), &self.setup.algorithms);
        let left_out = (set.ignored().len() + set.keys().len()).saturating_sub(table.len());
        if left_out > 0 {
            tracing::debug!(left_out, usable = table.len(), "some keys of the set are not used");
        }
        if table.is_empty() { Err(FetchErrorKind::NoUsableKey.into()) } else { Ok(table) }
    }

    /// Between 0 and 1; where there is no randomness, the middle.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        match self.setup.backend.random(&mut bytes) {
            Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
            Err(_) => 0.5,
        }
    }
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}

impl Flight {
    fn join(&self, now: Duration) -> Option<Joined> {
        let done = self.done.as_ref()?.subscribe();
        Some(Joined { number: self.number, done, left: self.machine.left(now) })
    }
}

/// Ends a fetch however its task ends: by its outcome, by a panic in it, or with the runtime.
struct FetchTask {
    shared: Arc<Shared>,
    number: u64,
    outcome: Option<Result<Snapshot, FetchError>>,
}

impl FetchTask {
    async fn run(mut self) {
        let setup = &self.shared.setup;
        let known = self.shared.current.load_full();
        let tag = known.as_deref().and_then(|snapshot| snapshot.tag.as_ref());
        let fetched = setup.location.fetch(setup.fetch.as_ref(), &setup.policy, tag).await;
        self.outcome = Some(fetched.and_then(|(fetched, tag)| self.shared.load(known.as_deref(), &fetched, tag)));
    }
}

impl Drop for FetchTask {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| Err(FetchErrorKind::Transport.into()));
        self.shared.end(self.number, self.shared.now(), outcome);
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("location", &self.0.setup.location).finish_non_exhaustive()
    }
}
