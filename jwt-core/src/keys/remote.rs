use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::crypto::Backend;
use crate::jose::{Algorithm, KeySet};

use super::discovery::{Location, TIMEOUT};
use super::{Fetch, FetchError, FetchErrorKind, Fetched, KeySource, KeyTable, Lookup, Wanted};

/// How long a set is fresh when the issuer does not say, and the bounds of what it may say.
const LIFETIME: Duration = Duration::from_secs(600);
const MIN_LIFETIME: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long after its lifetime a set is still used while it cannot be renewed.
const STALE: Duration = Duration::from_secs(3600);
/// Refetches for a `kid` that is not in the set: so many in each window.
const FORCED: usize = 2;
const FORCED_WINDOW: Duration = Duration::from_secs(30);
/// After a failure nothing is fetched for a second, doubled with each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// Two documents, and a moment to read them.
const MAX_WAIT: Duration = Duration::from_secs(2 * TIMEOUT.as_secs() + 1);

/// An issuer's keys, fetched from it when they are first needed and kept current.
///
/// Reading takes no lock. A fetch runs in a task of its own, one at a time: those who need its outcome wait for it, at
/// most 11 seconds, and none of them can cancel it. A set is fresh for what its `max-age` says, between a minute and a
/// day (10 minutes where it says nothing), and renewed in the background from 80 % of that time on. While it cannot be
/// renewed it is used for another hour; then, and before the first set has come, requests are answered 503. A token
/// whose `kid` is not in the set leads to a fetch, at most twice in 30 seconds. After a failed fetch the next waits for
/// 1 to 30 seconds. A set without usable keys never replaces one with.
///
/// Fetching needs a Tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Shared>);

/// What remote keys are made of.
pub(crate) struct Setup {
    pub(crate) location: Location,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) backend: Backend,
    pub(crate) algorithms: Vec<Algorithm>,
}

struct Shared {
    setup: Setup,
    current: ArcSwapOption<Snapshot>,
    flight: Mutex<Flight>,
}

struct Snapshot {
    table: KeyTable,
    loaded_at: Duration,
    lifetime: Duration,
}

/// The state of fetching; never locked while a fetch runs.
#[derive(Default)]
struct Flight {
    /// Closed when the fetch under way has ended.
    landing: Option<watch::Receiver<()>>,
    failures: u32,
    not_before: Duration,
    forced: [Option<Duration>; FORCED],
}

impl RemoteKeys {
    pub(crate) fn new(setup: Setup) -> Self {
        Self(Arc::new(Shared { setup, current: ArcSwapOption::empty(), flight: Mutex::default() }))
    }
}

impl KeySource for RemoteKeys {
    fn find(&self, wanted: &Wanted<'_>) -> Lookup {
        let shared = &self.0;
        let now = shared.setup.clock.monotonic();
        let current = shared.current.load();
        let Some(snapshot) = current.as_deref().filter(|snapshot| snapshot.age(now) < snapshot.lifetime + STALE) else {
            return if wanted.fetched { shared.unavailable(now) } else { shared.await_fetch(now) };
        };
        // Ahead of its end, so that nobody waits for a renewal.
        if snapshot.age(now) * 5 >= snapshot.lifetime * 4 {
            drop(shared.start(now, Cause::Age));
        }
        match (snapshot.table.find(wanted), wanted.key_id) {
            (Lookup::Unknown, Some(kid)) if !snapshot.table.knows(kid) => {
                if !wanted.fetched
                    && let Some(landing) = shared.start(now, Cause::UnknownKey)
                {
                    return Lookup::Fetch(Box::pin(wait(landing)));
                }
                // The key may well be in a set that cannot be had at the moment.
                if shared.flight().failures > 0 { shared.unavailable(now) } else { Lookup::Unknown }
            }
            (lookup, _) => lookup,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// There is no set, or it grows old.
    Age,
    /// A token names a key that is not in the set.
    UnknownKey,
}

impl Shared {
    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, now: Duration) -> Lookup {
        let wait = self.flight().not_before.saturating_sub(now);
        Lookup::Unavailable((!wait.is_zero()).then_some(wait))
    }

    fn await_fetch(self: &Arc<Self>, now: Duration) -> Lookup {
        match self.start(now, Cause::Age) {
            Some(landing) => Lookup::Fetch(Box::pin(wait(landing))),
            None => self.unavailable(now),
        }
    }

    /// Joins the fetch under way or starts one, unless it is too early for the next.
    fn start(self: &Arc<Self>, now: Duration, cause: Cause) -> Option<watch::Receiver<()>> {
        let mut flight = self.flight();
        if let Some(landing) = &flight.landing {
            return Some(landing.clone());
        }
        if now < flight.not_before || (cause == Cause::UnknownKey && !flight.take_permit(now)) {
            return None;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::error!("keys cannot be fetched outside of a Tokio runtime");
            return None;
        };
        let (departed, landing) = watch::channel(());
        flight.landing = Some(landing.clone());
        // A runtime that shuts down drops the task at once, and with it the landing, which locks.
        drop(flight);
        // Its own task: a request that is dropped takes nobody's keys with it.
        let task = Landing { shared: Arc::clone(self), departed: Some(departed) };
        runtime.spawn(task.fetch());
        Some(landing)
    }

    fn load(&self, fetched: &Fetched) -> Result<Snapshot, FetchError> {
        let content = FetchErrorKind::Content;
        let text = std::str::from_utf8(&fetched.body).map_err(|_| content)?;
        let set = KeySet::from_jwks(text).map_err(|_| content)?;
        let table = KeyTable::prepare(self.setup.backend, set.keys(), &self.setup.algorithms);
        let left_out = set.ignored().len() + set.keys().len() - table.len();
        if left_out > 0 {
            tracing::debug!(left_out, usable = table.len(), "some keys of the set are not used");
        }
        if table.is_empty() {
            return Err(FetchErrorKind::NoUsableKey.into());
        }
        let lifetime = fetched.max_age.unwrap_or(LIFETIME).clamp(MIN_LIFETIME, MAX_LIFETIME);
        Ok(Snapshot { table, loaded_at: self.setup.clock.monotonic(), lifetime })
    }
}

/// Ends the flight however the task ends: by its outcome, by a panic of the fetch, or with the runtime.
struct Landing {
    shared: Arc<Shared>,
    departed: Option<watch::Sender<()>>,
}

impl Landing {
    async fn fetch(self) {
        let setup = &self.shared.setup;
        let fetched = setup.location.fetch(setup.fetch.as_ref()).await;
        match fetched.and_then(|fetched| self.shared.load(&fetched)) {
            Ok(snapshot) => {
                self.shared.current.store(Some(Arc::new(snapshot)));
                self.shared.flight().succeeded();
            }
            Err(error) => tracing::warn!(%error, "keys could not be fetched"),
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flight = self.shared.flight();
        // A success has ended the flight already.
        if flight.landing.take().is_some() {
            flight.failed(self.shared.setup.clock.monotonic());
        }
        drop(flight);
        // Last, so that those who wake see the outcome.
        drop(self.departed.take());
    }
}

impl Flight {
    fn succeeded(&mut self) {
        self.landing = None;
        self.failures = 0;
        self.not_before = Duration::ZERO;
    }

    fn failed(&mut self, now: Duration) {
        let backoff = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(5)).min(LAST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + backoff;
    }

    fn take_permit(&mut self, now: Duration) -> bool {
        let free = self.forced.iter_mut().find(|taken| taken.is_none_or(|at| now.saturating_sub(at) >= FORCED_WINDOW));
        match free {
            Some(permit) => {
                *permit = Some(now);
                true
            }
            None => false,
        }
    }
}

impl Snapshot {
    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.loaded_at)
    }
}

async fn wait(mut landing: watch::Receiver<()>) {
    // Nothing is ever sent: the channel closes when the flight has ended.
    let _ = tokio::time::timeout(MAX_WAIT, landing.changed()).await;
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("location", &self.0.setup.location).finish_non_exhaustive()
    }
}
