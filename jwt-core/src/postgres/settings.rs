use std::time::Duration;

use crate::revocation::RevocationSettings;

/// Settings of the stores on Postgres.
#[derive(Clone, Debug)]
#[must_use]
pub struct PostgresSettings {
    pub(super) timeout: Duration,
    pub(super) revocations: RevocationSettings,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresSettings {
    /// Creates settings with every default.
    pub fn new() -> Self {
        Self { timeout: Duration::from_secs(2), revocations: RevocationSettings::new() }
    }

    /// Sets how long to wait for a connection, and for each response. Default: 2 seconds.
    ///
    /// If a response does not come in time, the operation fails, and the next one opens a new connection. If there are several
    /// hosts, each gets its share of the time before the next one is tried as well.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets what revocation lists remember. Default: [`RevocationSettings::new`].
    pub fn revocations(mut self, settings: RevocationSettings) -> Self {
        self.revocations = settings;
        self
    }
}
