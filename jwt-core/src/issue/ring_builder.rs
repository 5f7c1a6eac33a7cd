use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::{Clock, SystemClock};
use crate::crypto::{Backend, SigningKey};
use crate::error::{BuildError, BuildErrorKind};

use super::key_files;
use super::key_list::{self, Load};
use super::ring::{KeyRing, Ring};
use super::ring_keys::{Keys, RingKey};

/// The default of [`KeyRingBuilder::publish_ahead`].
const PUBLISH_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The default of [`KeyRingBuilder::longest_lifetime`].
const LONGEST_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Builds a [`KeyRing`]; made by [`KeyRing::builder`].
#[must_use]
pub struct KeyRingBuilder {
    keys: Vec<(SigningKey, Duration)>,
    load: Option<Load>,
    clock: Arc<dyn Clock>,
    backend: Option<Backend>,
    publish_ahead: Duration,
    longest_lifetime: Duration,
}

impl KeyRing {
    /// Creates a ring of one key, which signs at once, with the default settings.
    ///
    /// # Errors
    ///
    /// The errors of [`KeyRingBuilder::build`].
    pub fn new(key: SigningKey) -> Result<Self, BuildError> {
        Self::builder().key(key).build()
    }

    /// Starts building a ring.
    pub fn builder() -> KeyRingBuilder {
        KeyRingBuilder::new()
    }
}

impl KeyRingBuilder {
    fn new() -> Self {
        Self {
            keys: Vec::new(),
            load: None,
            clock: Arc::new(SystemClock),
            backend: Backend::compiled_in(),
            publish_ahead: PUBLISH_AHEAD,
            longest_lifetime: LONGEST_LIFETIME,
        }
    }

    /// Adds a key that signs at once, until another replaces it. A ring needs at least one key.
    pub fn key(self, key: SigningKey) -> Self {
        self.key_at(key, Duration::ZERO)
    }

    /// Adds a key that is published now and signs from `moment` on, counted from 1970-01-01T00:00:00Z.
    ///
    /// Processes that build their rings from the same keys and moments, say from a vault, change keys at the same time.
    /// Add retired keys too, with the moment from which they signed, so that their tokens stay valid.
    pub fn key_at(mut self, key: SigningKey, moment: Duration) -> Self {
        self.keys.push((key, moment));
        self
    }

    /// Reads the keys from a directory of PEM and JSON files, or from one JSON file, and again at each
    /// [`reload`](KeyRing::reload).
    ///
    /// | file | content | signs from |
    /// | --- | --- | --- |
    /// | `20270101T000000Z.pem` | one private key in PEM | the moment in its name, in UTC |
    /// | `20270101T000000Z.PS256.pem` | the same, for an algorithm that the key does not imply. An RSA key signs with `RS256` otherwise | the same |
    /// | `keys.json` (`.jwk`, `.jwks`) | a private JWK, or a JWK Set of them | the member `nbf`, in seconds since 1970 |
    ///
    /// One of the keys may have no moment: it signs from the beginning, until another key's moment comes. In JSON, the member
    /// `revoked`, with any value, ends a key at once: it neither signs nor is accepted, even if it is listed once more. `nbf`
    /// and `revoked` are those of OpenID Federation 1.0, section 8.7.2. Files whose names begin with a dot, and directories, are
    /// ignored; any other file is an error, and so is a PEM file whose name begins with a digit and is not a moment.
    ///
    /// Symbolic links are followed once for each reading, so a mounted Kubernetes secret is read as a whole, before or after its
    /// change. [The guide](crate::guide::signing_keys) has the commands and the permissions.
    pub fn read_keys(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.load = Some(Box::new(move || key_files::read(&path)));
        self
    }

    /// Calls a function for the list of keys, each with the moment from which it signs, and calls it again at each
    /// [`reload`](KeyRing::reload).
    ///
    /// The function is called on the thread that reloads, so it shouldn't wait for long: for a vault that you ask
    /// asynchronously, call [`KeyRing::set_keys`]. Its error is logged.
    pub fn load_keys<E>(
        mut self,
        load: impl Fn() -> Result<Vec<(SigningKey, Duration)>, E> + Send + Sync + 'static,
    ) -> Self
    where
        E: fmt::Display,
    {
        self.load = Some(key_list::from_function(load));
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
    /// [`Missing`](BuildErrorKind::Missing) without a key, [`Duplicate`](BuildErrorKind::Duplicate),
    /// [`Contradiction`](BuildErrorKind::Contradiction) for secrets beside key pairs,
    /// [`UnusableKey`](BuildErrorKind::UnusableKey), [`OutOfRange`](BuildErrorKind::OutOfRange) for a lifetime of zero,
    /// [`Unreadable`](BuildErrorKind::Unreadable) if the keys cannot be read,
    /// [`Contradiction`](BuildErrorKind::Contradiction) if keys are both read and added, and
    /// [`NoBackend`](BuildErrorKind::NoBackend).
    pub fn build(self) -> Result<KeyRing, BuildError> {
        let backend = self.backend.ok_or_else(|| BuildError::new(BuildErrorKind::NoBackend, "crypto"))?;
        if self.longest_lifetime.is_zero() {
            return Err(BuildError::new(BuildErrorKind::OutOfRange, "longest_lifetime"));
        }
        let keys = match &self.load {
            Some(_) if !self.keys.is_empty() => {
                return Err(BuildError::new(BuildErrorKind::Contradiction, "key")
                    .because("can't be added to keys that are read: put it into their place"));
            }
            Some(load) => Keys::listed(load()?, backend)?.0,
            None => {
                let keys = self.keys.into_iter().map(|(key, moment)| RingKey::new(key, moment, backend));
                Keys::new(keys.collect::<Result<_, _>>()?)?
            }
        };
        Ok(KeyRing(Arc::new(Ring {
            keys: ArcSwap::from_pointee(keys),
            changing: Mutex::new(()),
            load: self.load,
            clock: self.clock,
            backend,
            publish_ahead: self.publish_ahead,
            longest_lifetime: self.longest_lifetime,
        })))
    }
}

impl fmt::Debug for KeyRingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRingBuilder").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
