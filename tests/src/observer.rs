//! An observer that stores a verifier's events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::observe::{Event, Observer};

/// Stores every event. Clones share one store.
#[derive(Clone, Debug, Default)]
pub struct MemoryObserver {
    outcomes: Arc<Mutex<Vec<Option<ErrorKind>>>>,
    times: Arc<Mutex<Vec<Duration>>>,
    keys: Arc<Mutex<Vec<&'static str>>>,
    cache: Arc<Mutex<Vec<&'static str>>>,
    ignored_outages: Arc<AtomicUsize>,
    sessions: Arc<Mutex<Vec<String>>>,
}

impl MemoryObserver {
    /// Takes the results so far, in order: `None` for an accepted token, and the error's kind for a refused one.
    #[must_use]
    pub fn take(&self) -> Vec<Option<ErrorKind>> {
        std::mem::take(&mut self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes how long the verification of each token took, in order.
    #[must_use]
    pub fn take_times(&self) -> Vec<Duration> {
        std::mem::take(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the events of the token cache so far, in order: `hit`, `miss` or `stored`.
    #[must_use]
    pub fn take_cache(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the events of keys so far, in order: `loaded`, `stale`, or the code of a failure.
    #[must_use]
    pub fn take_keys(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the events of logins, refreshes and ended sessions so far, in order, with their outcomes.
    #[must_use]
    pub fn take_sessions(&self) -> Vec<String> {
        std::mem::take(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns how many tokens were accepted although the revocation list was unavailable.
    #[must_use]
    pub fn ignored_revocation_outages(&self) -> usize {
        self.ignored_outages.load(Ordering::SeqCst)
    }
}

impl Observer for MemoryObserver {
    fn observe(&self, event: Event<'_>) {
        let outcome = |outcome| self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        let keys = |event| self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        let cache = |event| self.cache.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        let session = |event: String| self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        match event {
            Event::Accepted => outcome(None),
            Event::Refused(error) => outcome(Some(error.kind())),
            Event::Verification { took, .. } => self.times.lock().unwrap_or_else(PoisonError::into_inner).push(took),
            Event::CacheHit => cache("hit"),
            Event::CacheMiss => cache("miss"),
            Event::CacheStored { .. } => cache("stored"),
            Event::KeysLoaded { .. } => keys("loaded"),
            Event::KeysFailed { error, .. } => keys(error),
            Event::StaleKeysUsed { .. } => keys("stale"),
            Event::RevocationOutageIgnored => drop(self.ignored_outages.fetch_add(1, Ordering::SeqCst)),
            Event::LoggedIn => session("login accepted".to_owned()),
            Event::LoginFailed(error) => session(format!("login {}", error.code())),
            Event::Refreshed { repeated: false } => session("refresh accepted".to_owned()),
            Event::Refreshed { repeated: true } => session("refresh repeated".to_owned()),
            Event::RefreshFailed(error) => session(format!("refresh {}", error.code())),
            Event::SessionEnded => session("session ended".to_owned()),
            _ => {}
        }
    }
}
