//! Finds keys in the current set, and decides when a token needs a newer one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock::Moment;
use crate::crypto::PreparedKey;
use crate::jose::Algorithm;
use crate::keys::{FetchError, KeySetState, KeySetStatus, KeySource, Lookup, Wanted};
use crate::observe::Event;
use crate::step::Pending;

use super::schedule::Cause;
use super::service::{InFlightFetch, RemoteKeys, SetReplaced, Shared};
use super::snapshot::Snapshot;

/// The age from which on a set may lack a key that replaced another without a new `kid`. A younger set has just been
/// asked for.
const MAY_BE_OUTDATED_AFTER: Duration = Duration::from_secs(5);

impl KeySource for RemoteKeys {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        let now = self.0.moment_at(wanted.now);
        loop {
            let current = self.0.current.load();
            // Each further pass means that a fetch replaced the set in the meantime.
            if let Ok(lookup) = self.0.find_at(current.as_deref(), wanted, now) {
                return lookup;
            }
        }
    }

    fn find_replacement(&self, wanted: &Wanted<'_>, failed: &Arc<PreparedKey>) -> Lookup {
        let now = self.0.moment_at(wanted.now);
        loop {
            let current = self.0.current.load();
            let Some(snapshot) = current.as_deref() else { return Lookup::Unknown };
            // Another request's fetch may have replaced the key since this one found it.
            if let Lookup::Ready(key) = snapshot.table.find_key(wanted)
                && !Arc::ptr_eq(&key, failed)
            {
                return Lookup::Ready(key);
            }
            if let Ok(fetch) = self.0.start_for_replacement(snapshot, now) {
                return fetch.map_or(Lookup::Unknown, |fetch| self.0.wait_and_retry(fetch));
            }
        }
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        let moment = self.0.moment_at(Some(now));
        let current = self.0.current.load();
        // Once the set is past its lifetime, `find_key` decides whether it's used.
        let snapshot = current.as_deref().filter(|snapshot| snapshot.state(moment) == KeySetState::Fresh)?;
        if snapshot.is_due(moment) {
            self.0.renew_in_background(moment.monotonic, Some(snapshot));
        }
        snapshot.table.generation(now)
    }

    fn has_key_for(&self, algorithm: Algorithm) -> Option<bool> {
        self.0.current.load().as_deref()?.table.has_key_for(algorithm)
    }

    fn renew_if_due(&self) {
        let now = self.0.moment_at(None);
        let current = self.0.current.load();
        if current.as_deref().is_none_or(|snapshot| snapshot.is_due(now)) {
            self.0.renew_in_background(now.monotonic, current.as_deref());
        }
    }

    fn refresh(&self) -> Option<Pending<Result<(), FetchError>>> {
        let now = self.0.now();
        let fetch = self.0.start(self.0.fetches(now), now, Cause::Manual)?;
        let outcome = self.0.wait(fetch);
        Some(Pending::new(outcome))
    }

    fn status(&self) -> Option<KeySetStatus> {
        let now = self.0.moment_at(None);
        let current = self.0.current.load();
        let state = current.as_deref().map_or(KeySetState::NeverLoaded, |snapshot| snapshot.state(now));
        let age = current.as_deref().map(|snapshot| snapshot.age(now));
        let keys = current.as_deref().map_or(0, |snapshot| snapshot.table.len());
        let last_error = self.0.fetches(now.monotonic).schedule.last_error().cloned();
        Some(KeySetStatus { state, age, keys, last_error })
    }
}

impl Shared {
    fn find_at(
        self: &Arc<Self>,
        current: Option<&Snapshot>,
        wanted: &Wanted<'_>,
        moment: Moment,
    ) -> Result<Lookup, SetReplaced> {
        let now = moment.monotonic;
        match current.map(|snapshot| (snapshot, snapshot.state(moment))) {
            Some((snapshot, KeySetState::Fresh)) => {
                if snapshot.is_due(moment) {
                    self.renew_in_background(now, current);
                }
                self.find_in_snapshot(snapshot, wanted, moment)
            }
            Some((snapshot, KeySetState::Stale)) => {
                // A stale set is renewed before it's used. Only if the issuer fails is it used as it is.
                if !wanted.fetched
                    && !self.failing.load(Ordering::Relaxed)
                    && let Some(fetch) = self.start_for(current, now, Cause::Age)?
                {
                    return Ok(self.wait_and_retry(fetch));
                }
                self.renew_in_background(now, current);
                self.setup.observer.observe(Event::StaleKeysUsed { issuer: &self.setup.issuer });
                self.find_in_snapshot(snapshot, wanted, moment)
            }
            _ if wanted.fetched => Ok(self.unavailable(now)),
            _ => Ok(match self.start_for(current, now, Cause::Age)? {
                Some(fetch) => self.wait_and_retry(fetch),
                None => self.unavailable(now),
            }),
        }
    }

    fn find_in_snapshot(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        wanted: &Wanted<'_>,
        moment: Moment,
    ) -> Result<Lookup, SetReplaced> {
        let now = moment.monotonic;
        let lookup = snapshot.table.find_key(wanted);
        let kid = match (&lookup, wanted.key_id) {
            (Lookup::Ready(_), _) => return Ok(lookup),
            (Lookup::Unknown, Some(kid)) if !snapshot.table.knows(kid) => kid,
            // The token names no new key, but the keys may have changed since this set was fetched.
            _ if wanted.fetched => return Ok(lookup),
            _ => {
                let fetch = self.start_for_replacement(snapshot, moment)?;
                return Ok(fetch.map_or(lookup, |fetch| self.wait_and_retry(fetch)));
            }
        };
        if wanted.fetched {
            self.lock().schedule.remember_absent(now, kid);
        } else if let Some(fetch) = self.start_for(Some(snapshot), now, Cause::UnknownKey(kid))? {
            return Ok(self.wait_and_retry(fetch));
        }
        // The key may be in a set that cannot be fetched at the moment.
        if let Some(wait) = self.budget_wait(now, Cause::UnknownKey(kid)) {
            return Ok(Lookup::Unavailable(Some(wait)));
        }
        Ok(if self.failing.load(Ordering::Relaxed) { self.unavailable(now) } else { lookup })
    }

    /// Joins or starts a fetch for a token that names no new key, unless the set has just been fetched.
    fn start_for_replacement(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        now: Moment,
    ) -> Result<Option<InFlightFetch>, SetReplaced> {
        if snapshot.age(now) < MAY_BE_OUTDATED_AFTER {
            return Ok(None);
        }
        self.start_for(Some(snapshot), now.monotonic, Cause::ReplacedKey)
    }

    fn unavailable(&self, now: Duration) -> Lookup {
        let wait = self.lock().schedule.wait(now);
        Lookup::Unavailable(wait.or_else(|| self.budget_wait(now, Cause::Age)))
    }

    /// How long it takes until the budget allows this fetch; `None` if something else forbids it.
    fn budget_wait(&self, now: Duration, cause: Cause<'_>) -> Option<Duration> {
        let wait = self.setup.quota.as_ref()?.wait(now, cause.is_forced())?;
        self.lock().schedule.would_start(now, cause).then_some(wait)
    }
}
