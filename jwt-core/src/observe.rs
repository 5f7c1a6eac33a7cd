//! What a verifier tells about its work: constants and codes, never a token, a claim or a key.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind};

/// Something a verifier did.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A token was verified and passed every check.
    Accepted,
    /// A request or a token was refused.
    Refused(&'e Error),
}

/// A listener to a verifier's events.
///
/// It runs on the request's path, once for each request or token: count and return. The default is [`NoObserver`]; a
/// verifier besides writes refusals to `tracing` at the level `DEBUG`, with the stable code and nothing else. The double
/// is [`MemoryObserver`]. A panic in an observer is a panic in the request.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Takes note of `event`.
    fn observe(&self, event: Event<'_>);
}

/// The observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoObserver;

impl Observer for NoObserver {
    fn observe(&self, _event: Event<'_>) {}
}

/// The observer that remembers. Clones share one memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryObserver {
    outcomes: Arc<Mutex<Vec<Option<ErrorKind>>>>,
}

impl MemoryObserver {
    /// Takes what was observed so far, in its order: `None` for an accepted token, the kind of the error for a refusal.
    #[must_use]
    pub fn take(&self) -> Vec<Option<ErrorKind>> {
        std::mem::take(&mut self.outcomes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for MemoryObserver {
    fn observe(&self, event: Event<'_>) {
        let outcome = match event {
            Event::Accepted => None,
            Event::Refused(error) => Some(error.kind()),
        };
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
    }
}
