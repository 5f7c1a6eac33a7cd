use std::time::Duration;

use crate::revocation::RevocationSettings;

/// Settings of the stores on Redis: keys, time limits, and what revocation lists remember.
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisSettings {
    pub(super) prefix: String,
    pub(super) timeout: Duration,
    pub(super) staleness: Duration,
    pub(super) resync: Duration,
    pub(super) revocations: RevocationSettings,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl RedisSettings {
    /// Creates settings with every default.
    pub fn new() -> Self {
        Self {
            prefix: "jwt".to_owned(),
            timeout: Duration::from_millis(500),
            staleness: Duration::from_secs(10),
            resync: Duration::from_secs(300),
            revocations: RevocationSettings::new(),
        }
    }

    /// Sets the prefix of keys and channels, so that several applications can share a server. Default: `jwt`.
    ///
    /// It's also their hash tag, so all keys of revocations and sessions are in the same cluster slot.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long to wait for a connection or a response. Default: 500 milliseconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum staleness of the local revocation list. Default: 10 seconds.
    ///
    /// A process pings the server every quarter of this time. If no response has come for this long, requests are answered
    /// with 503 until one comes. The time counts on the system clock and on the monotonic clock, whichever is ahead, so it
    /// includes a machine's sleep.
    pub const fn staleness(mut self, bound: Duration) -> Self {
        self.staleness = bound;
        self
    }

    /// Sets how often a process reads all revocations again and restores its own ones that the server lost. Default: 5
    /// minutes.
    ///
    /// Both also happen after each reconnect.
    pub const fn resync_every(mut self, interval: Duration) -> Self {
        self.resync = interval;
        self
    }

    /// Sets the capacity, the longest lifetime and the clock of the revocation list. Default: [`RevocationSettings::new`].
    pub fn revocations(mut self, settings: RevocationSettings) -> Self {
        self.revocations = settings;
        self
    }

    /// Keys with the same hash tag share a slot: Redis Cluster Specification, "Hash tags".
    pub(super) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.prefix)
    }
}
