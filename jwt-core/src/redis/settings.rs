use std::time::Duration;

#[cfg(feature = "redis-tls")]
use ::redis::TlsCertificates;

use crate::revocation::RevocationSettings;

/// Settings of the stores on Redis: keys, time limits, and what revocation lists remember.
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisSettings {
    pub(super) prefix: String,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) recovery_time: Duration,
    pub(super) revocations: RevocationSettings,
    #[cfg(feature = "redis-tls")]
    pub(super) certificates: Option<TlsCertificates>,
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
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_millis(500),
            recovery_time: Duration::from_secs(3),
            revocations: RevocationSettings::new(),
            #[cfg(feature = "redis-tls")]
            certificates: None,
        }
    }

    /// Sets the prefix of keys and channels, so that several applications can share a database. Default: `jwt`.
    ///
    /// It's also the hash tag of revocations, so they are in the same cluster slot. The hash tag of a session is its subject, as
    /// long as the prefix has no braces.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long to wait for a connection, with its TLS handshake and log-in. Default: 2 seconds.
    ///
    /// Only the first operation on a new connection waits for it. With TLS, connecting takes about four round trips.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long to wait for each response. Default: 500 milliseconds.
    ///
    /// It must be longer than a round trip to the server. If a response does not come in time, the operation fails, and the
    /// next one opens a new connection.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long processes wait for others to restore lost revocations. Default: 3 seconds.
    ///
    /// It begins when a process finds the server without revocations, and again with everything that is restored. Until it
    /// ends, a process that starts answers with 503, and the others rely on the revocations that they have. The first process on a
    /// new server waits too.
    pub const fn recovery_time(mut self, time: Duration) -> Self {
        self.recovery_time = time;
        self
    }

    /// Sets the capacity, the longest lifetime and the clock of the revocation list. Default: [`RevocationSettings::new`].
    pub fn revocations(mut self, settings: RevocationSettings) -> Self {
        self.revocations = settings;
        self
    }

    /// Trusts these certificate authorities, and presents this client certificate. Default: those of the operating system,
    /// and none.
    ///
    /// Certificates are in the PEM format. If `root_cert` is set, only authorities in it are trusted.
    #[cfg(feature = "redis-tls")]
    pub fn certificates(mut self, certificates: TlsCertificates) -> Self {
        self.certificates = Some(certificates);
        self
    }

    /// The channel of revocations. A server sends messages to all of its databases, so each has a channel of its own.
    pub(super) fn channel(&self, database: i64) -> String {
        let channel = self.key("revoked");
        if database == 0 { channel } else { format!("{channel}:{database}") }
    }

    /// Keys with the same hash tag share a slot: Redis Cluster Specification, "Hash tags".
    pub(super) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.prefix)
    }
}
