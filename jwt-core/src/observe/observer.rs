use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// Something a verifier did.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A token was verified and passed every check.
    Accepted,
    /// A request or a token was refused.
    Refused(&'e Error),
    /// A request was let pass without a token, where that is allowed.
    Anonymous,
    /// A token was judged, whatever the outcome; for observers that ask for [times](Observer::times). It follows
    /// `Accepted` or `Refused`.
    Judged {
        /// What came of it.
        outcome: Result<(), ErrorKind>,
        /// The issuer that the token names, as it is configured; `None` where it is none that is trusted, or
        /// [any](crate::TrustedIssuer::dangerous_any_issuer) is. In a token that was refused, nothing says that the issuer
        /// made it.
        issuer: Option<&'e str>,
        /// How long it took, including what was waited for.
        took: Duration,
    },
    /// A token was found in the cache, so that its signature was not verified again. Everything that time, keys,
    /// revocation and rules can change is judged anew, and `Accepted` or `Refused` follows.
    CacheHit,
    /// A token was not found in the cache. One of digests is asked only where the signature would be verified.
    CacheMiss,
    /// An accepted token was put into the cache, which now holds this much.
    CacheStored {
        /// How many tokens.
        entries: usize,
        /// How many bytes they take, as the cache counts them.
        bytes: usize,
    },
    /// An issuer's keys were fetched; so many of them can be used.
    KeysLoaded {
        /// The issuer, as it is configured.
        issuer: &'e str,
        /// Whether the verifier's builder was given the issuer; otherwise a resolver found it.
        listed: bool,
        /// How many keys can be used.
        keys: usize,
        /// The time since 1970-01-01T00:00:00Z.
        at: Duration,
    },
    /// An issuer's keys could not be fetched. Those at hand stay in use.
    KeysFailed {
        /// The issuer, as it is configured.
        issuer: &'e str,
        /// Whether the verifier's builder was given the issuer; otherwise a resolver found it.
        listed: bool,
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
/// It runs on the request's path, once or twice for each request or token: count and return. A panic in an observer is a
/// panic in the request. The default is [`NoObserver`], the double [`MemoryObserver`](super::MemoryObserver).
pub trait Observer: fmt::Debug + Send + Sync {
    /// Takes note of `event`.
    fn observe(&self, event: Event<'_>);

    /// Returns whether [`Event::Judged`] is of interest, for which a clock must be read twice. Asked for each token.
    /// Default: `true`.
    fn times(&self) -> bool {
        true
    }
}

/// The observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct NoObserver;

impl Observer for NoObserver {
    fn observe(&self, _event: Event<'_>) {}

    fn times(&self) -> bool {
        false
    }
}
