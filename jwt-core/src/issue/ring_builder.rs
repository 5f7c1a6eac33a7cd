use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::crypto::{Backend, SigningKey};

use super::{IssueError, IssueErrorKind, KeyRing};

/// The default of [`KeyRingBuilder::publish_ahead`].
const PUBLISH_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The default of [`KeyRingBuilder::longest_lifetime`].
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Builds a [`KeyRing`]; made by [`KeyRing::builder`].
#[derive(Debug)]
#[must_use]
pub struct KeyRingBuilder {
    pub(super) keys: Vec<(SigningKey, Duration)>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backend: Option<Backend>,
    pub(super) publish_ahead: Duration,
    pub(super) longest_lifetime: Duration,
}

impl KeyRingBuilder {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::new(),
            clock: Arc::new(SystemClock),
            backend: Backend::compiled_in(),
            publish_ahead: PUBLISH_AHEAD,
            longest_lifetime: LONGEST_LIFETIME,
        }
    }

    /// Adds a key that signs at once, until another replaces it. A ring needs at least one key.
    pub fn key(self, key: SigningKey) -> Self {
        self.key_from(key, Duration::ZERO)
    }

    /// Adds a key that is published now and signs from `moment` on, counted from 1970-01-01T00:00:00Z.
    ///
    /// Processes that build their rings from the same keys and moments, say from a vault, change keys at the same time.
    /// Add retired keys too, with the moment from which they signed, so that their tokens stay valid.
    pub fn key_from(mut self, key: SigningKey, moment: Duration) -> Self {
        self.keys.push((key, moment));
        self
    }

    /// Sets how long a key added by [`rotate`](KeyRing::rotate) is published before it signs. Default: 24 hours.
    ///
    /// Choose more than the time for which any verifier caches the key set.
    pub const fn publish_ahead(mut self, ahead: Duration) -> Self {
        self.publish_ahead = ahead;
        self
    }

    /// Sets the longest lifetime of tokens of this ring, refresh tokens included. Default: 30 days.
    ///
    /// A key stays published for this long, and 300 seconds of leeway, after it stopped signing. Issuers refuse to issue
    /// tokens that live longer.
    pub const fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = lifetime;
        self
    }

    /// Sets the clock of the ring and of its issuers. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the back end for thumbprints, random bytes and verification. Default: [`Backend::compiled_in`].
    pub const fn crypto(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Builds the ring.
    ///
    /// # Errors
    ///
    /// [`MissingKey`](IssueErrorKind::MissingKey) without a key, [`DuplicateKey`](IssueErrorKind::DuplicateKey),
    /// [`MixedKeys`](IssueErrorKind::MixedKeys) for secrets beside key pairs,
    /// [`UnusableKey`](IssueErrorKind::UnusableKey), [`OutOfRange`](IssueErrorKind::OutOfRange) for a lifetime of zero, and
    /// [`NoBackend`](IssueErrorKind::NoBackend).
    pub fn build(self) -> Result<KeyRing, IssueError> {
        let backend = self.backend.ok_or_else(|| IssueError::new(IssueErrorKind::NoBackend, "crypto"))?;
        if self.longest_lifetime.is_zero() {
            return Err(IssueError::new(IssueErrorKind::OutOfRange, "longest_lifetime"));
        }
        if self.keys.is_empty() {
            return Err(IssueError::new(IssueErrorKind::MissingKey, "key"));
        }
        KeyRing::from_builder(self, backend)
    }
}
