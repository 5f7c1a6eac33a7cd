use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

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
            exact_capacity: 100_000,
            longest_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            refresh_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            token_ids: true,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets how many revocations the list holds at once. Default: 1,000,000, which take about 140 MB in a list of one process,
    /// and 17 MB in one that follows a server.
    ///
    /// If the list is full, revoking fails and every earlier revocation stays; a list on Redis or Postgres asks its server
    /// instead. [The guide](crate::guide::revocation) says how many logouts a day fill a list.
    pub const fn capacity(mut self, revocations: usize) -> Self {
        self.capacity = revocations;
        self
    }

    /// Sets how many revocations a list on Redis or Postgres holds exactly. Default: 100,000, which take about 14 MB.
    ///
    /// Of the older ones it keeps fingerprints, which take less than 3 bytes each, and asks the server if a token has the
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
    /// this long if that is longer than [`longest_lifetime`](Self::longest_lifetime). Revocations by `Sessions` itself aren't,
    /// because the sessions have ended. If you don't use `Sessions`, set it to zero, so that the list holds more.
    pub const fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime;
        self
    }

    /// Accepts tokens without `jti`, which you can then revoke only by session, subject or issuer. Default: they are
    /// refused with the code `missing_claim`, because a single one couldn't be revoked.
    pub const fn without_token_ids(mut self) -> Self {
        self.token_ids = false;
        self
    }

    /// Takes the time from `clock`. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}
