use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// What a list of revocations remembers, and for how long.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::{MemoryRevocations, RevocationSettings};
///
/// let hour = Duration::from_secs(3600);
/// let revocations = MemoryRevocations::with(RevocationSettings::new().longest_lifetime(hour));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RevocationSettings {
    pub(crate) capacity: usize,
    pub(crate) longest_lifetime: Duration,
    pub(crate) token_ids: bool,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for RevocationSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl RevocationSettings {
    /// Starts with the defaults.
    pub fn new() -> Self {
        Self {
            capacity: 1_000_000,
            longest_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            token_ids: true,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets how many revocations are remembered at once. Default: 1,000,000, which take about 140 MB.
    ///
    /// With the default of [`longest_lifetime`](Self::longest_lifetime) these are 33,000 logouts a day. Where there is no
    /// room, revoking fails and nothing is forgotten; a list on Redis asks its server instead.
    pub const fn capacity(mut self, revocations: usize) -> Self {
        self.capacity = revocations;
        self
    }

    /// Sets how long tokens live at most, from `iat` to `exp`. Default: 30 days.
    ///
    /// Set it to the longest lifetime of an access token. Revocations of a session, a subject or an issuer are remembered
    /// for this long, and the longer, the fewer find room.
    ///
    /// A token that lives longer would become good again, so it is refused from the start, with the code
    /// `lifetime_too_long`; one that does not say since when it lives, without `iat`, with the code `missing_claim`.
    /// [`Duration::MAX`] stands for tokens without an end, and for revocations without one.
    pub const fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = lifetime;
        self
    }

    /// Accepts tokens without `jti`, which can then be revoked by session, subject or issuer alone. Default: refused,
    /// with the code `missing_claim`, because they could not be revoked one by one.
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
