use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// Something that a verifier, a revocation list or login sessions did.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A token was verified and passed every check.
    Accepted,
    /// A request or a token was refused.
    Refused(&'e Error),
    /// A request without a token was let through, on a route that allows it.
    Anonymous,
    /// Verifying a token has ended. Only sent to observers that ask for [times](Observer::times), after `Accepted` or `Refused`.
    Verification {
        /// The outcome.
        outcome: Result<(), ErrorKind>,
        /// The issuer that the token names, as it's configured. `None` if it isn't trusted, or if
        /// [any issuer](crate::TrustedIssuer::dangerous_any_issuer) is. A refused token may be forged, so don't conclude that
        /// the issuer created it.
        issuer: Option<&'e str>,
        /// How long it took, including fetches and other waits.
        took: Duration,
    },
    /// A token was found in the cache, so its signature was not verified again. Times, keys, revocation and requirements are still
    /// checked, and `Accepted` or `Refused` follows.
    CacheHit,
    /// A token was not found in the cache. A cache of digests is only asked before the signature would be verified.
    CacheMiss,
    /// An accepted token was stored in the cache, which now has this size.
    CacheStored {
        /// The number of tokens.
        entries: usize,
        /// The bytes that they take, as the cache counts them.
        bytes: usize,
    },
    /// An issuer's keys were fetched.
    KeysLoaded {
        /// The issuer, as it's configured.
        issuer: &'e str,
        /// Whether the verifier's builder was given the issuer; otherwise a resolver found it.
        listed: bool,
        /// The number of usable keys.
        keys: usize,
        /// When, as the time since 1970-01-01T00:00:00Z.
        at: Duration,
    },
    /// An issuer's keys could not be fetched. The keys that were fetched earlier stay in use.
    KeysFailed {
        /// The issuer, as it's configured.
        issuer: &'e str,
        /// Whether the verifier's builder was given the issuer; otherwise a resolver found it.
        listed: bool,
        /// The [code](crate::keys::FetchErrorKind::code) of the reason.
        error: &'static str,
        /// The address and the cause, as [`FetchError::detail`](crate::keys::FetchError::detail) says it, for an alert or a log. Don't
        /// make a metric's label of it, because there is no limit to how many different ones there are.
        detail: Option<&'e str>,
    },
    /// A token was checked with keys past their lifetime, because the issuer's keys could not be fetched.
    StaleKeysUsed {
        /// The issuer, as it's configured.
        issuer: &'e str,
    },
    /// A token was accepted although the revocation list was unavailable, because the verifier is configured to.
    RevocationOutageIgnored,
    /// A list on Redis or Postgres has compared the clock with its server's. Sent to the observer of `RevocationSettings::observer`.
    ClockOffset {
        /// How far the clock of this process is ahead of the server's, in milliseconds, or behind it if this is negative. It is
        /// exact to half a second.
        millis: i64,
    },
    /// A login began a session.
    LoggedIn,
    /// A login failed: the session store is unavailable or full, or the tokens could not be issued.
    LoginFailed(&'e Error),
    /// A refresh token was exchanged for the next pair.
    Refreshed {
        /// Whether it had been exchanged before, and was accepted again: the answer may have got lost, or two tabs refreshed at once.
        repeated: bool,
    },
    /// A refresh failed. The token was refused, a store is unavailable, or the request had no token.
    RefreshFailed(&'e Error),
    /// A session ended early: by a logout or another call, because it was revoked or a refresh token was reused, or because the user
    /// has too many. Sessions that expire aren't reported.
    SessionEnded,
}

/// Receives the events of a verifier, for metrics or an audit log. Set it with
/// [`VerifierBuilder::observer`](crate::VerifierBuilder::observer). A revocation list on a server has one of its own, by
/// `RevocationSettings::observer`, and so have login sessions, by `SessionsBuilder::observer`.
///
/// It's called while a request is handled, once or twice for each token: don't block in it. If it panics, the request panics. By
/// default there is no observer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not observe a verifier",
    note = "use `MetricsObserver` (feature `metrics`), or implement `Observer` for it"
)]
pub trait Observer: fmt::Debug + Send + Sync {
    /// Handles an event.
    fn observe(&self, event: Event<'_>);

    /// Returns whether to send [`Event::Verification`], which costs two readings of a clock. It's called for each token. Default:
    /// `true`.
    fn times(&self) -> bool {
        true
    }
}

/// The observer of a verifier, if it has one. Without one, an event costs a comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptionalObserver(Option<Arc<dyn Observer>>);

impl OptionalObserver {
    pub(crate) fn new(observer: impl Observer + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    #[inline]
    pub(crate) fn observe(&self, event: Event<'_>) {
        if let Some(observer) = &self.0 {
            observer.observe(event);
        }
    }

    #[inline]
    pub(crate) fn times(&self) -> bool {
        self.0.as_ref().is_some_and(|observer| observer.times())
    }
}
