use std::time::Duration;

use crate::revocation::RevocationSettings;

/// How stores on Redis are reached and what they remember.
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
    /// Starts with the defaults.
    pub fn new() -> Self {
        Self {
            prefix: "jwt".to_owned(),
            timeout: Duration::from_millis(500),
            staleness: Duration::from_secs(10),
            resync: Duration::from_secs(300),
            revocations: RevocationSettings::new(),
        }
    }

    /// Sets what keys and channels begin with, so that applications can share a server. It is their hash tag: the
    /// keys of revocations and of sessions all lie in one slot. Default: `jwt`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long the server may take for an answer. Default: 500 milliseconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how old knowledge may be that tokens are accepted by. Default: 10 seconds.
    ///
    /// The server is asked four times as often whether everything has arrived. When it has not said so for this long,
    /// requests are answered 503 until it has. Both clocks count: the machine's, also while it sleeps, and the one that
    /// nobody sets back.
    pub const fn staleness(mut self, bound: Duration) -> Self {
        self.staleness = bound;
        self
    }

    /// Sets how often everything is read anew besides. Default: 5 minutes.
    pub const fn resync_every(mut self, interval: Duration) -> Self {
        self.resync = interval;
        self
    }

    /// Sets what is remembered, for how long, and by which clock. Default: [`RevocationSettings::new`].
    pub fn revocations(mut self, settings: RevocationSettings) -> Self {
        self.revocations = settings;
        self
    }

    /// Keys of one tag share a slot: Redis Cluster Specification, "Hash tags".
    pub(super) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.prefix)
    }
}
