use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::crypto::{Backend, SigningKey};

use super::{IssueError, IssueErrorKind, KeyRing};

/// How long a new key is published before it signs, unless it is said.
const PUBLISH_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the tokens of a ring can live, unless it is said.
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

    /// Adds a key that signs until another takes its place. At least one must be given.
    pub fn key(self, key: SigningKey) -> Self {
        self.key_from(key, Duration::ZERO)
    }

    /// Adds a key that signs from a moment on, given since 1970-01-01T00:00:00Z, and is published before that.
    ///
    /// Processes that build their rings from the same keys and moments change keys together: for fleets, whose keys come
    /// from a vault. Keys of moments that have passed are those that have signed.
    pub fn key_from(mut self, key: SigningKey, moment: Duration) -> Self {
        self.keys.push((key, moment));
        self
    }

    /// Sets how long a new key is published before it signs: longer than any verifier keeps the key set. Default: 24
    /// hours.
    pub const fn publish_ahead(mut self, ahead: Duration) -> Self {
        self.publish_ahead = ahead;
        self
    }

    /// Sets how long tokens of this ring can live, refresh tokens among them; a key is kept for so long after it has
    /// stopped to sign. Issuers refuse to make tokens that live longer. Default: 30 days.
    pub const fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = lifetime;
        self
    }

    /// Takes the time from `clock`; issuers of this ring take it from there. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes thumbprints and random bytes from `backend`, and verifies with it. Default: [`Backend::compiled_in`].
    pub const fn crypto(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Builds the ring.
    ///
    /// # Errors
    ///
    /// [`MissingKey`](IssueErrorKind::MissingKey) without a key, [`DuplicateKey`](IssueErrorKind::DuplicateKey),
    /// [`MixedKeys`](IssueErrorKind::MixedKeys) for secrets beside public keys,
    /// [`UnusableKey`](IssueErrorKind::UnusableKey), [`OutOfRange`](IssueErrorKind::OutOfRange) for a lifetime of zero and
    /// [`NoBackend`](IssueErrorKind::NoBackend).
    pub fn build(self) -> Result<KeyRing, IssueError> {
        let backend = self.backend.ok_or_else(|| IssueError::new(IssueErrorKind::NoBackend, "crypto"))?;
        if self.longest_lifetime.is_zero() {
            return Err(IssueError::new(IssueErrorKind::OutOfRange, "longest_lifetime"));
        }
        if self.keys.is_empty() {
            return Err(IssueError::new(IssueErrorKind::MissingKey, "key"));
        }
        KeyRing::of(self, backend)
    }
}
