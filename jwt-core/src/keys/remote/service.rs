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
use crate::jose::{Algorithm, IgnoredKey};
use crate::keys::discovery::{FetchedSet, Tag};
use crate::keys::{Fetch, FetchError, FetchErrorKind, Fetched, KeyRefreshSettings, Location, Lookup, Quota};
use crate::observe::{Event, OptionalObserver};

use super::schedule::{Cause, FetchDecision, FetchSchedule};
use super::snapshot::Snapshot;

/// An issuer's keys, fetched when they are first needed and kept current.
///
/// Looking up a key takes no lock. Only one fetch runs at a time, in its own task. Requests that need its result wait
/// for it, for a bounded time, and cannot cancel it. A fetch that isn't done within that time counts as failed, even
/// if it still runs.
///
/// A set is renewed in the background before its lifetime ends; [`KeyRefreshSettings`] and the issuer's
/// `Cache-Control` determine when. If it cannot be renewed, it's used for another hour (by default). After that, and
/// before the first set arrives, requests fail with 503. A token whose `kid` isn't in the set causes a fetch, at most
/// twice in 30 seconds, and so does one whose signature isn't good by a key that was fetched more than 5 seconds ago:
/// the issuer may have replaced the key under the same name. After a failed fetch, the next one waits for 1 to 30
/// seconds. A set without usable keys never replaces a set with usable keys.
///
/// Fetching needs a Tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub(crate) struct RemoteKeys(pub(super) Arc<Shared>);

/// The configuration of [`RemoteKeys`].
pub(crate) struct Setup {
    pub(crate) issuer: Arc<str>,
    pub(crate) location: Location,
    pub(crate) settings: KeyRefreshSettings,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: OptionalObserver,
    pub(crate) listed: bool,
    /// Limits the fetches of an issuer that a resolver found.
    pub(crate) quota: Option<Arc<Quota>>,
    pub(crate) backend: Backend,
    pub(crate) algorithms: Vec<Algorithm>,
    /// Whether keys that cannot be told apart are tried in turn.
    pub(crate) in_turn: bool,
    /// Whether only keys for JWT-SVIDs are used.
    pub(crate) spiffe: bool,
}

pub(super) struct Shared {
    pub(super) setup: Setup,
    pub(super) current: ArcSwapOption<Snapshot>,
    /// Never locked while a fetch runs.
    fetches: Mutex<Fetches>,
    /// Whether the last fetch failed, and the moment (in microseconds) before which no fetch may start. Both are
    /// copies of the schedule's state, so that requests don't lock while a set is due for renewal.
    pub(super) failing: AtomicBool,
    /// The unusable keys of the last set, so that they are logged only once.
    pub(super) unusable: Mutex<Vec<IgnoredKey>>,
    retry_after: AtomicU64,
}

pub(super) struct Fetches {
    pub(super) schedule: FetchSchedule,
    /// How many fetches were started.
    number: u64,
    /// Sends the outcome of the fetch in flight, which has this number.
    done: Option<watch::Sender<Option<Outcome>>>,
}

/// How a fetch ended.
pub(super) type Outcome = Result<(), FetchError>;

/// A fetch that a request can wait for.
pub(super) struct InFlightFetch {
    number: u64,
    done: watch::Receiver<Option<Outcome>>,
    /// How much time it has left.
    time_left: Duration,
}

/// Another fetch replaced the set that the caller looked at: look again.
pub(super) struct SetReplaced;

impl RemoteKeys {
    pub(crate) fn new(setup: Setup) -> Self {
        // Two metadata documents, the key set, and a second to parse them.
        let time_limit = setup.settings.timeout.saturating_mul(3).saturating_add(Duration::from_secs(1));
        Self(Arc::new(Shared {
            setup,
            current: ArcSwapOption::empty(),
            fetches: Mutex::new(Fetches { schedule: FetchSchedule::new(time_limit), number: 0, done: None }),
            failing: AtomicBool::new(false),
            unusable: Mutex::default(),
            retry_after: AtomicU64::new(0),
        }))
    }
}

impl Shared {
    pub(super) fn now(&self) -> Duration {
        self.setup.clock.monotonic()
    }

    /// Reads the clocks, except for the reading that the caller already has.
    pub(super) fn moment_at(&self, wall: Option<Duration>) -> Moment {
        Moment { wall: wall.unwrap_or_else(|| self.setup.clock.now()), monotonic: self.now() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Fetches> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, after giving up a fetch that ran out of time. Its runtime may be stopped or its thread blocked, and
    /// that must not keep the next fetch from starting.
    pub(super) fn fetches(&self, now: Duration) -> MutexGuard<'_, Fetches> {
        let fetches = self.lock();
        let Some(end) = fetches.schedule.overdue(now) else { return fetches };
        let number = fetches.number;
        drop(fetches);
        self.end(number, end, Err(FetchErrorKind::Timeout.into()));
        self.lock()
    }

    /// Starts a renewal in the background.
    pub(super) fn renew_in_background(self: &Arc<Self>, now: Duration, seen: Option<&Snapshot>) {
        if micros(now) >= self.retry_after.load(Ordering::Relaxed) {
            // If the set was replaced, it was renewed.
            let _ = self.start_for(seen, now, Cause::Age);
        }
    }

    /// Joins or starts a fetch for a caller that saw this set. Fails if the set was replaced: the new one may have
    /// what was missing.
    pub(super) fn start_for(
        self: &Arc<Self>,
        seen: Option<&Snapshot>,
        now: Duration,
        cause: Cause<'_>,
    ) -> Result<Option<InFlightFetch>, SetReplaced> {
        let fetches = self.fetches(now);
        let current = self.current.load();
        if current.as_deref().map(ptr::from_ref) == seen.map(ptr::from_ref) {
            Ok(self.start(fetches, now, cause))
        } else {
            Err(SetReplaced)
        }
    }

    /// Joins the fetch in flight or starts one, if the schedule and the budget allow it.
    pub(super) fn start(
        self: &Arc<Self>,
        mut fetches: MutexGuard<'_, Fetches>,
        now: Duration,
        cause: Cause<'_>,
    ) -> Option<InFlightFetch> {
        if let Some(quota) = &self.setup.quota
            && cause != Cause::Manual
            && fetches.schedule.would_start(now, cause)
            && !quota.take(now, cause.is_forced())
        {
            return None;
        }
        match fetches.schedule.request_fetch(now, cause) {
            FetchDecision::Join => return fetches.join(now),
            FetchDecision::NotNow => return None,
            FetchDecision::Start => {}
        }
        fetches.number += 1;
        fetches.done = Some(watch::Sender::new(None));
        let joined = fetches.join(now)?;
        self.retry_after.store(micros(now.saturating_add(joined.time_left)), Ordering::Relaxed);
        // Spawning may drop the task, whose `drop` locks.
        drop(fetches);
        let task = FetchTask { shared: Arc::clone(self), number: joined.number, outcome: None };
        let span = tracing::debug_span!("fetch_keys", issuer = %self.setup.issuer);
        match tokio::runtime::Handle::try_current() {
            // It's a task of its own so that a dropped request does not stop the fetch for others.
            Ok(runtime) => drop(runtime.spawn(task.run().instrument(span))),
            Err(_) => tracing::error!(
                "keys can't be fetched outside of a Tokio runtime: build and use the verifier inside one"
            ),
        }
        Some(joined)
    }

    pub(super) fn wait(self: &Arc<Self>, mut fetch: InFlightFetch) -> impl Future<Output = Outcome> + Send + use<> {
        let shared = Arc::clone(self);
        async move {
            // This uses the runtime's time: a test's clock may not move.
            if tokio::time::timeout(fetch.time_left, fetch.done.changed()).await.is_err() {
                shared.end(fetch.number, shared.now(), Err(FetchErrorKind::Timeout.into()));
            }
            fetch.done.borrow().clone().unwrap_or_else(|| Err(FetchErrorKind::Timeout.into()))
        }
    }

    pub(super) fn wait_and_retry(self: &Arc<Self>, fetch: InFlightFetch) -> Lookup {
        let outcome = self.wait(fetch);
        Lookup::Fetch(Box::pin(async {
            let _ = outcome.await;
        }))
    }

    /// Ends fetch `number` at this moment, unless it ended before: it may have been given up.
    fn end(&self, number: u64, at: Duration, outcome: Result<Snapshot, FetchError>) {
        let jitter = self.jitter();
        let mut fetches = self.lock();
        if fetches.number != number {
            return;
        }
        let Some(done) = fetches.done.take() else { return };
        let outcome = match outcome {
            Ok(snapshot) => {
                let keys = snapshot.table.len();
                self.current.store(Some(Arc::new(snapshot)));
                fetches.schedule.succeeded();
                self.retry_after.store(0, Ordering::Relaxed);
                Ok(keys)
            }
            Err(error) => {
                fetches.schedule.failed(at, error.clone(), jitter);
                let wait = fetches.schedule.wait(at).unwrap_or_default();
                self.retry_after.store(micros(at.saturating_add(wait)), Ordering::Relaxed);
                Err(error)
            }
        };
        self.failing.store(fetches.schedule.is_failing(), Ordering::Relaxed);
        drop(fetches);
        self.report(outcome.as_ref().copied());
        // This comes last, so that the waiting requests find the new set.
        done.send_replace(Some(outcome.map(drop)));
    }

    fn report(&self, outcome: Result<usize, &FetchError>) {
        let Setup { issuer, listed, clock, observer, .. } = &self.setup;
        let report = || match outcome {
            Ok(keys) => {
                tracing::debug!(%issuer, "keys fetched");
                observer.observe(Event::KeysLoaded { issuer, listed: *listed, keys, at: clock.now() });
            }
            Err(error) => {
                let (code, detail) = (error.kind().code(), error.detail());
                tracing::warn!(%issuer, error = code, detail, "keys could not be fetched");
                observer.observe(Event::KeysFailed { issuer, listed: *listed, error: code, detail });
            }
        };
        // If the task is already unwinding, a second panic that leaves its `drop` aborts the process. And the waiting
        // requests must be woken in any case.
        if panic::catch_unwind(AssertUnwindSafe(report)).is_err() {
            tracing::error!(%issuer, "the observer panicked");
        }
    }

    fn load_snapshot(
        &self,
        known: Option<&Snapshot>,
        fetched: &Fetched,
        tag: Option<Tag>,
    ) -> Result<Snapshot, FetchError> {
        let (table, keys) = match known {
            Some(known) if fetched.not_modified => (known.table.clone(), Arc::clone(&known.keys)),
            _ => {
                let (table, keys) = self.read_key_set(&fetched.body)?;
                // A server without `ETag` sends an unchanged set again, perhaps in another order. Tokens in the cache belong to
                // the earlier table, so it's kept.
                match known.filter(|known| known.has_same_keys(&keys)) {
                    Some(known) => (known.table.clone(), Arc::clone(&known.keys)),
                    None => (table, keys),
                }
            }
        };
        let (now, jitter) = (self.moment_at(None), self.jitter());
        Ok(Snapshot::new(table, keys, tag, now, fetched.max_age, &self.setup.settings, jitter))
    }

    /// Returns a number between 0 and 1; the middle if there is no randomness.
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

impl Fetches {
    fn join(&self, now: Duration) -> Option<InFlightFetch> {
        let done = self.done.as_ref()?.subscribe();
        Some(InFlightFetch { number: self.number, done, time_left: self.schedule.time_left(now) })
    }
}

/// Ends the fetch when its task ends: with an outcome, by a panic, or with the runtime.
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
        let fetched = setup.location.fetch(setup.fetch.as_ref(), &setup.settings, tag).await;
        self.outcome = Some(fetched.and_then(|FetchedSet { fetched, tag, address }| {
            let snapshot = self.shared.load_snapshot(known.as_deref(), &fetched, tag);
            snapshot.map_err(|error| error.at(&address))
        }));
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
