use std::time::Duration;

/// Settings for fetching keys: how long they are used, and the limits of a fetch.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::{TrustedIssuer, keys::KeyRefreshSettings};
///
/// let issuer = TrustedIssuer::discover("https://id.example")
///     .audience("https://api.example")
///     .key_refresh(KeyRefreshSettings::new().stale_if_error(Duration::from_secs(4 * 3600)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct KeyRefreshSettings {
    pub(super) lifetime: Duration,
    pub(crate) least_lifetime: Duration,
    pub(crate) most_lifetime: Duration,
    pub(super) stale_if_error: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) max_keys: usize,
    /// The hosts that documents may be fetched from over plain `http`. `TrustedIssuer` sets them.
    pub(crate) http_hosts: Vec<String>,
}

impl Default for KeyRefreshSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyRefreshSettings {
    /// Creates the default settings.
    pub const fn new() -> Self {
        Self {
            lifetime: Duration::from_secs(600),
            least_lifetime: Duration::from_secs(60),
            most_lifetime: Duration::from_secs(24 * 3600),
            stale_if_error: Duration::from_secs(3600),
            timeout: Duration::from_secs(5),
            max_bytes: 512 * 1024,
            max_keys: 100,
            http_hosts: Vec::new(),
        }
    }

    /// Sets how long a set is fresh if the issuer does not send `Cache-Control: max-age`. Default: 10 minutes.
    ///
    /// If the issuer removes a key, its tokens are accepted until the set is renewed. That takes at most the lifetime
    /// of the set, and up to [`stale_if_error`](Self::stale_if_error) longer if the issuer is down.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Limits the lifetime that the issuer can set with `Cache-Control: max-age`. Default: one minute to one day.
    pub const fn lifetime_between(mut self, least: Duration, most: Duration) -> Self {
        self.least_lifetime = least;
        self.most_lifetime = most;
        self
    }

    /// Sets how long a set is used after its lifetime if it cannot be renewed. Default: one hour. With zero, requests
    /// fail with 503 as soon as the set isn't fresh any more.
    pub const fn stale_if_error(mut self, stale: Duration) -> Self {
        self.stale_if_error = stale;
        self
    }

    /// Sets the time limit for one document, from connecting to the last byte. Default: 5 seconds; at most 30
    /// seconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the largest accepted document, in bytes after decompression. Default: 512 KiB, which is also the maximum.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how many keys a set may have, including the ones that cannot be used. Default: 100; at most 1,000.
    ///
    /// A set with more keys counts as a failed fetch. All of its keys are kept in memory, and parsing them takes time.
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Returns whether every value is in its range.
    pub(crate) fn is_valid(&self) -> bool {
        let bounds = self.least_lifetime..=self.most_lifetime;
        !self.least_lifetime.is_zero()
            && bounds.contains(&self.lifetime)
            && !self.timeout.is_zero()
            && self.timeout <= Duration::from_secs(30)
            && (1..=512 * 1024).contains(&self.max_bytes)
            && (1..=1000).contains(&self.max_keys)
    }
}
