#[cfg(any(feature = "postgres", feature = "redis"))]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
#[cfg(any(feature = "postgres", feature = "redis"))]
use crate::observe::{Observer, OptionalObserver};

/// How many revocations a list remembers, for how long, and which tokens it accepts.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::{MemoryRevocations, RevocationSettings};
///
/// let hour = Duration::from_secs(3600);
/// let revocations = MemoryRevocations::with_settings(RevocationSettings::new().longest_lifetime(hour));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RevocationSettings {
    pub(crate) capacity: usize,
    pub(crate) exact_capacity: usize,
    pub(crate) longest_lifetime: Duration,
    pub(crate) refresh_lifetime: Duration,
    pub(crate) token_ids: bool,
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) staleness: Duration,
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) snapshot_file: Option<PathBuf>,
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) observer: OptionalObserver,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl RevocationSettings {
    /// Creates settings with every default.
    pub fn new() -> Self {
        Self {
            capacity: 1_000_000,
            exact_capacity: 50_000,
            longest_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            refresh_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            token_ids: true,
            #[cfg(any(feature = "postgres", feature = "redis"))]
            staleness: Duration::from_secs(10),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            snapshot_file: None,
            #[cfg(any(feature = "postgres", feature = "redis"))]
            observer: OptionalObserver::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets how many revocations the list holds at once. Default: 1,000,000, which take about 100 MB in a list of one process,
    /// and 13 MB in one that follows a server.
    ///
    /// If the list is full, revoking fails and every earlier revocation stays; a list on Redis or Postgres asks its server
    /// instead. [The guide](crate::guide::revocation) says how many logouts a day fill a list.
    pub const fn capacity(mut self, revocations: usize) -> Self {
        self.capacity = revocations;
        self
    }

    /// Sets how many revocations a list on Redis or Postgres holds exactly. Default: 50,000, which take about 5 MB.
    ///
    /// Of the older ones it keeps fingerprints, which take about 2.5 bytes each if there are many, and asks the server if a token has the
    /// fingerprint of a revoked one. [The guide](crate::guide::revocation) says what that means in an outage. Revocations of
    /// subjects and issuers are always held exactly, and so is every revocation in [`MemoryRevocations`](super::MemoryRevocations).
    pub const fn exact_capacity(mut self, revocations: usize) -> Self {
        self.exact_capacity = revocations;
        self
    }

    /// Sets the longest lifetime of a token, from `iat` to `exp`. Default: 30 days.
    ///
    /// Set it to the longest lifetime of your access tokens. The list remembers the revocation of a session, a subject or
    /// an issuer for this long and about ten minutes more, so a shorter lifetime lets the list hold more logouts a day.
    ///
    /// A token that lives longer would be accepted again once its revocation is dropped, so it is always refused, with the
    /// code `lifetime_too_long`. A token without `iat` is refused with `missing_claim`, because its age is unknown. With
    /// [`Duration::MAX`] both are accepted, and these revocations are never dropped.
    pub const fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = lifetime;
        self
    }

    /// Sets the longest lifetime of the refresh tokens of your `Sessions` (feature `issue`). Default: 7 days, the default of
    /// `SessionsBuilder::idle`.
    ///
    /// A [`Revocation`](super::Revocation) of a session, a subject or an issuer also ends login sessions, so it's remembered for
    /// this long if that is longer than [`longest_lifetime`](Self::longest_lifetime). Revocations by `Sessions` itself are not,
    /// because the sessions have ended. If you don't use `Sessions`, set it to zero, so that the list holds more.
    pub const fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime;
        self
    }

    /// How long the revocation of a session, a subject or an issuer is remembered at least.
    pub(crate) fn remembers_for(&self) -> Duration {
        self.longest_lifetime.max(self.refresh_lifetime)
    }

    /// Accepts tokens without `jti`, which you can then revoke only by session, subject or issuer. Default: they are
    /// refused with the code `missing_claim`, because a single one could not be revoked.
    pub const fn without_token_ids(mut self) -> Self {
        self.token_ids = false;
        self
    }

    /// Sets the maximum staleness of a list on Redis or Postgres. Default: 10 seconds.
    ///
    /// Every quarter of this time a process asks the server for changes, in a way that only a primary can answer. If no answer
    /// has come for this long, requests are answered with 503 until one comes. The time counts on the system clock and on the
    /// monotonic clock, and the greater value counts, so it includes a machine's sleep.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub const fn staleness(mut self, bound: Duration) -> Self {
        self.staleness = bound;
        self
    }

    /// Sets a snapshot file for a list on Redis or Postgres, so that a start need not read everything from the server. Default:
    /// none.
    ///
    /// The list writes the file at most once a minute while revocations come in, and when its last clone is dropped. A list that
    /// starts reads the file and then only the newer revocations. If it cannot use the file, it logs a warning and reads everything:
    /// [the guide](crate::guide::revocation) says when.
    ///
    /// Creating the list reads the file, about 15 milliseconds for a million revocations, without yielding to other tasks. Dropping
    /// the last clone writes it in the same way, and waits until it's on the disk: if that is too long for a thread of your
    /// runtime, drop the list in `tokio::task::spawn_blocking`.
    ///
    /// Each process needs a file of its own. It takes about 33 bytes for each revocation that is held exactly, and 2.5 to 3 for
    /// each other. It has keyed digests, and no subject, session or token id. Only the user of the process may read it.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub fn snapshot_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot_file = Some(path.into());
        self
    }

    /// Reports to `observer` how far the clock is from the server's, with each answer of the server. Default: no
    /// observer.
    ///
    /// The event is [`Event::ClockOffset`](crate::observe::Event::ClockOffset). A list on Redis or Postgres sends it. The observer of
    /// the verifier doesn't get it, because one list may serve several verifiers.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = OptionalObserver::new(observer);
        self
    }

    /// Takes the time from `clock`. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}
