use std::fmt;

use crate::error::Error;

/// Something a verifier did.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A token was verified and passed every check.
    Accepted,
    /// A request or a token was refused.
    Refused(&'e Error),
    /// An issuer's keys were fetched; so many of them can be used.
    KeysLoaded {
        /// The issuer, as it is configured.
        issuer: &'e str,
        /// How many keys can be used.
        keys: usize,
    },
    /// An issuer's keys could not be fetched. Those at hand stay in use.
    KeysFailed {
        /// The issuer, as it is configured.
        issuer: &'e str,
        /// The code of the reason.
        error: &'static str,
    },
    /// A token was looked at with keys past their lifetime, because the issuer fails.
    StaleKeysUsed {
        /// The issuer, as it is configured.
        issuer: &'e str,
    },
    /// A token was accepted although the list of revocations could not tell, because the verifier is told to.
    RevocationOutageIgnored,
}

/// A listener to a verifier's events.
///
/// It runs on the request's path, once for each request or token: count and return. The default is [`NoObserver`]; a
/// verifier besides writes refusals to `tracing` at the level `DEBUG`, with the stable code and nothing else. The double
/// is [`MemoryObserver`](super::MemoryObserver). A panic in an observer is a panic in the request.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Takes note of `event`.
    fn observe(&self, event: Event<'_>);
}

/// The observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct NoObserver;

impl Observer for NoObserver {
    fn observe(&self, _event: Event<'_>) {}
}
