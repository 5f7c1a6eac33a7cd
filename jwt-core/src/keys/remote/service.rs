use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::clock::Clock;
use crate::crypto::Backend;
use crate::jose::{Algorithm, KeySet};
use crate::keys::discovery::Location;
use crate::keys::{
    Fetch, FetchError, FetchErrorKind, Fetched, Health, HealthState, KeySource, KeyTable, Lookup, Quota, Wanted,
};
use crate::observe::{Event, Observer};

use super::machine::{Cause, Decision, Machine};
use super::policy::RefreshPolicy;
use super::snapshot::Snapshot;

/// An issuer's keys, fetched from it when they are first needed and kept current.
///
/// Reading takes no lock. A fetch runs in a task of its own, one at a time: whoever needs its outcome waits for it, for
/// a bounded time, and nobody can cancel it. A set is renewed in the background before its lifetime ends; what
/// [`RefreshPolicy`] says and the issuer asks for decides when. While it cannot be renewed it is used for another hour;
/// then, and before the first set has come, requests are answered 503. A token whose `kid` is not in the set leads to a
/// fetch, at most twice in 30 seconds. After a failed fetch the next waits for 1 to 30 seconds. A set without usable
/// keys never replaces one with.
///
/// Fetching needs a Tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Shared>);

/// What remote keys are made of.
pub(crate) struct Setup {
    pub(crate) issuer: Arc<str>,
    pub(crate) location: Location,
    pub(crate) policy: RefreshPolicy,
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

#[derive(Default)]
struct Flight {
    machine: Machine,
    /// Closed when the fetch under way has ended.
    landing: Option<watch::Receiver<()>>,
}

/// A fetch ended while someone looked at the set before it.
struct Overtaken;

impl RemoteKeys {
    pub(crate) fn new(setup: Setup) -> Self {
        Self(Arc::new(Shared {
            setup,
            current: ArcSwapOption::empty(),
            flight: Mutex::default(),
            failing: AtomicBool::new(false),
            ask_after: AtomicU64::new(0),
        }))
    }
}

impl KeySource for RemoteKeys {
    fn find(&self, wanted: &Wanted<'_>) -> Lookup {
        let now = self.0.now();
        loop {
            let current = self.0.current.load();
            // Each turn of this loop takes a fetch that ended meanwhile.
            if let Ok(lookup) = self.0.answer(current.as_deref(), wanted, now) {
                return lookup;
            }
        }
    }

    fn generation(&self) -> Option<u64> {
        let now = self.0.now();
        let current = self.0.current.load();
        // Past their lifetime, `find` decides what is to be done with them.
        let snapshot = current.as_deref().filter(|snapshot| now < snapshot.fresh_until)?;
        if now >= snapshot.renew_at {
            self.0.renew_aside(now, Some(snapshot));
        }
        snapshot.table.generation()
    }

    fn tend(&self) {
        let now = self.0.now();
        let current = self.0.current.load();
        if current.as_deref().is_none_or(|snapshot| now >= snapshot.renew_at) {
            self.0.renew_aside(now, current.as_deref());
        }
    }

    fn refresh(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        let landing = self.0.start(self.0.flight(), self.0.now(), Cause::Manual)?;
        Some(Box::pin(self.0.wait(landing)))
    }

    fn health(&self) -> Option<Health> {
        let now = self.0.now();
        let current = self.0.current.load();
        let state = match current.as_deref() {
            None => HealthState::NeverLoaded,
            Some(snapshot) if now < snapshot.fresh_until => HealthState::Fresh,
            Some(snapshot) if now < snapshot.gone_at => HealthState::Stale,
            Some(_) => HealthState::Outage,
        };
        let age = current.as_deref().map(|snapshot| now.saturating_sub(snapshot.loaded_at));
        let keys = current.as_deref().map_or(0, |snapshot| snapshot.table.len());
        Some(Health { state, age, keys, last_error: self.0.flight().machine.last_error() })
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.setup.clock.monotonic()
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(
        self: &Arc<Self>,
        current: Option<&Snapshot>,
        wanted: &Wanted<'_>,
        now: Duration,
    ) -> Result<Lookup, Overtaken> {
        match current {
            Some(snapshot) if now < snapshot.fresh_until => {
                if now >= snapshot.renew_at {
                    self.renew_aside(now, current);
                }
                self.look_up(snapshot, wanted, now)
            }
            Some(snapshot) if now < snapshot.gone_at => {
                // A set that merely was not asked for is renewed before it is used; one whose issuer fails is used.
                if !wanted.fetched
                    && !self.failing.load(Ordering::Relaxed)
                    && let Some(landing) = self.start_for(current, now, Cause::Age)?
                {
                    return Ok(Lookup::Fetch(Box::pin(self.wait(landing))));
                }
                self.renew_aside(now, current);
                self.setup.observer.observe(Event::StaleKeysUsed { issuer: &self.setup.issuer });
                self.look_up(snapshot, wanted, now)
            }
            _ if wanted.fetched => Ok(self.unavailable(now)),
            _ => Ok(match self.start_for(current, now, Cause::Age)? {
                Some(landing) => Lookup::Fetch(Box::pin(self.wait(landing))),
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
            self.flight().machine.remember_absent(now, kid);
        } else if let Some(landing) = self.start_for(Some(snapshot), now, Cause::UnknownKey(kid))? {
            return Ok(Lookup::Fetch(Box::pin(self.wait(landing))));
        }
        // The key may well be in a set that cannot be had at the moment.
        if let Some(wait) = self.unpaid(now, Cause::UnknownKey(kid)) {
            return Ok(Lookup::Unavailable(Some(wait)));
        }
        Ok(if self.failing.load(Ordering::Relaxed) { self.unavailable(now) } else { lookup })
    }

    fn unavailable(&self, now: Duration) -> Lookup {
        let wait = self.flight().machine.wait(now);
        Lookup::Unavailable(wait.or_else(|| self.unpaid(now, Cause::Age)))
    }

    /// How long until the budget allows a fetch that nothing else stands against.
    fn unpaid(&self, now: Duration, cause: Cause<'_>) -> Option<Duration> {
        let wait = self.setup.quota.as_ref()?.wait(now, cause.is_forced())?;
        self.flight().machine.would_start(now, cause).then_some(wait)
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
    ) -> Result<Option<watch::Receiver<()>>, Overtaken> {
        let flight = self.flight();
        let current = self.current.load();
        if current.as_deref().map(ptr::from_ref) == seen.map(ptr::from_ref) {
            Ok(self.start(flight, now, cause))
        } else {
            Err(Overtaken)
        }
    }

    /// Joins the fetch under way or starts one, unless the machine refuses.
    fn start(
        self: &Arc<Self>,
        mut flight: MutexGuard<'_, Flight>,
        now: Duration,
        cause: Cause<'_>,
    ) -> Option<watch::Receiver<()>> {
        if let Some(quota) = &self.setup.quota
            && cause != Cause::Manual
            && flight.machine.would_start(now, cause)
            && !quota.take(now, cause.is_forced())
        {
            return None;
        }
        match flight.machine.ask(now, cause) {
            Decision::Join => return flight.landing.clone(),
            Decision::Refuse => return None,
            Decision::Start => {}
        }
        let (departed, landing) = watch::channel(());
        flight.landing = Some(landing.clone());
        self.ask_after.store(micros(now + self.max_wait()), Ordering::Relaxed);
        // What follows may drop the landing, which locks.
        drop(flight);
        let task = Landing { shared: Arc::clone(self), outcome: None, departed: Some(departed) };
        let span = tracing::debug_span!("fetch_keys", issuer = %self.setup.issuer);
        match tokio::runtime::Handle::try_current() {
            // Its own task: a request that is dropped takes nobody's keys with it.
            Ok(runtime) => drop(runtime.spawn(task.fetch().instrument(span))),
            Err(_) => tracing::error!("keys cannot be fetched outside of a Tokio runtime"),
        }
        Some(landing)
    }

    /// Two metadata documents and the set, and a moment to read them.
    fn max_wait(&self) -> Duration {
        self.setup.policy.timeout * 3 + Duration::from_secs(1)
    }

    fn wait(&self, mut landing: watch::Receiver<()>) -> impl Future<Output = ()> + Send + use<> {
        let max_wait = self.max_wait();
        async move {
            // Nothing is ever sent: the channel closes when the fetch has ended.
            let _ = tokio::time::timeout(max_wait, landing.changed()).await;
        }
    }

    fn load(&self, fetched: &Fetched) -> Result<Snapshot, FetchError> {
        let (table, etag) = if fetched.not_modified {
            let current = self.current.load();
            // An answer to a question that was not asked.
            let current = current.as_deref().ok_or(FetchErrorKind::Content)?;
            (current.table.clone(), current.etag.clone())
        } else {
            (self.read(&fetched.body)?, fetched.etag.clone())
        };
        let jitter = self.jitter();
        Ok(Snapshot::new(table, etag, self.now(), fetched.max_age, &self.setup.policy, jitter))
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

/// Ends a fetch however its task ends: by its outcome, by a panic in it, or with the runtime.
struct Landing {
    shared: Arc<Shared>,
    outcome: Option<Result<Snapshot, FetchError>>,
    departed: Option<watch::Sender<()>>,
}

impl Landing {
    async fn fetch(mut self) {
        let setup = &self.shared.setup;
        let etag = self.shared.current.load().as_deref().and_then(|snapshot| snapshot.etag.clone());
        let fetched = setup.location.fetch(setup.fetch.as_ref(), &setup.policy, etag.as_deref()).await;
        self.outcome = Some(fetched.and_then(|fetched| self.shared.load(&fetched)));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let (shared, Setup { issuer, listed, .. }) = (&self.shared, &self.shared.setup);
        let outcome = self.outcome.take().unwrap_or_else(|| Err(FetchErrorKind::Transport.into()));
        let event = match outcome {
            Ok(snapshot) => {
                let keys = snapshot.table.len();
                // Before the machine learns of it, so that whoever it lets pass finds the set.
                shared.current.store(Some(Arc::new(snapshot)));
                let mut flight = shared.flight();
                flight.machine.succeeded();
                flight.landing = None;
                shared.failing.store(flight.machine.is_failing(), Ordering::Relaxed);
                shared.ask_after.store(0, Ordering::Relaxed);
                Event::KeysLoaded { issuer, listed: *listed, keys, at: shared.setup.clock.now() }
            }
            Err(error) => {
                let (now, jitter) = (shared.now(), shared.jitter());
                let mut flight = shared.flight();
                flight.machine.failed(now, error.kind(), jitter);
                flight.landing = None;
                shared.failing.store(flight.machine.is_failing(), Ordering::Relaxed);
                let wait = flight.machine.wait(now).unwrap_or_default();
                shared.ask_after.store(micros(now + wait), Ordering::Relaxed);
                Event::KeysFailed { issuer, listed: *listed, error: error.kind().code() }
            }
        };
        match event {
            Event::KeysFailed { error, .. } => tracing::warn!(%issuer, error, "keys could not be fetched"),
            _ => tracing::debug!(%issuer, "keys fetched"),
        }
        shared.setup.observer.observe(event);
        // Last, so that those who wake see the outcome.
        drop(self.departed.take());
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("location", &self.0.setup.location).finish_non_exhaustive()
    }
}
