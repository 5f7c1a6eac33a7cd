use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::crypto::{Backend, PreparedKey, SigningKey};
use crate::error::{BuildError, BuildErrorKind};
use crate::jose::Algorithm;
use crate::keys::{KeySource, Lookup, Wanted};

use super::key_list::Load;
use super::ring_keys::{Keys, RingKey, is_before, mixed_keys};

/// The signing keys of an issuer, which rotate: each is published, then signs, then is retired, then removed.
///
/// A new key is published for a while before it signs, so verifiers that cache the key set know it in time. A key that
/// stopped signing stays published until its last token has expired. Both depend only on the clock: nothing runs in the
/// background, and a process that sleeps through a rotation misses nothing. Clones are the same ring. Reading takes no
/// lock, so you can rotate keys while requests run.
///
/// Processes that issue or verify each other's tokens need the same keys, and change them at the same moments: read them with
/// [`read_keys`](super::KeyRingBuilder::read_keys) or [`load_keys`](super::KeyRingBuilder::load_keys). A
/// [generated](SigningKey::generate) key exists only in its process, until you export it.
///
/// A key without a `kid` gets its thumbprint as `kid` (RFC 7638); a secret gets one that is derived from it.
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::crypto::SigningKey;
/// use jwt_core::issue::KeyRing;
///
/// # if jwt_core::crypto::Backend::compiled_in().is_none() { return Ok(()) }
/// // In production, read the key from PEM, so that it outlives the process.
/// let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
/// let first = ring.signing_kid();
///
/// // The second key signs in 24 hours. The first stays published until its last token has expired.
/// ring.rotate(SigningKey::generate(Algorithm::ES256)?)?;
/// assert_eq!(ring.signing_kid(), first);
/// assert_eq!(ring.keys().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(pub(super) Arc<Ring>);

pub(super) struct Ring {
    pub(super) keys: ArcSwap<Keys>,
    pub(super) changing: Mutex<()>,
    /// Reads the list of keys again.
    pub(super) load: Option<Load>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backend: Backend,
    pub(super) publish_ahead: Duration,
    pub(super) longest_lifetime: Duration,
}

/// The phase that a key of a ring is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyPhase {
    /// The key is published and does not sign yet.
    Published,
    /// The key signs.
    Signing,
    /// The key stopped signing, and stays published until its last token has expired.
    Retired,
}

/// A key of a ring and its current phase.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SigningKeyStatus {
    /// The `kid`.
    pub kid: Arc<str>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The phase.
    pub phase: KeyPhase,
    /// When the phase ends, counted from 1970-01-01T00:00:00Z; `None` if the key signs until another is added.
    pub until: Option<Duration>,
}

impl KeyRing {
    /// Adds a key that replaces the signing key after [`publish_ahead`](super::KeyRingBuilder::publish_ahead). Returns its `kid`.
    ///
    /// The key is published at once.
    ///
    /// # Errors
    ///
    /// [`Duplicate`](BuildErrorKind::Duplicate) for a `kid` that the ring has already,
    /// [`Contradiction`](BuildErrorKind::Contradiction) for a secret among key pairs or the other way round, and
    /// [`UnusableKey`](BuildErrorKind::UnusableKey).
    pub fn rotate(&self, key: SigningKey) -> Result<Arc<str>, BuildError> {
        self.rotate_at(key, self.now().saturating_add(self.0.publish_ahead))
    }

    /// Adds a key that replaces the signing key at `moment`, counted from 1970-01-01T00:00:00Z. Returns its `kid`.
    ///
    /// The key is published at once. If every process of a fleet calls this with the same key and moment, in any order and
    /// before the moment, all of them change keys together and accept each other's tokens throughout. A key that signs in
    /// less than [`publish_ahead`](super::KeyRingBuilder::publish_ahead) is logged as a warning, because verifiers that cache the
    /// key set may not know it in time.
    ///
    /// # Errors
    ///
    /// The errors of [`rotate`](Self::rotate). After an error the ring is unchanged.
    pub fn rotate_at(&self, key: SigningKey, moment: Duration) -> Result<Arc<str>, BuildError> {
        let _guard = self.lock_changes();
        let now = self.now();
        let new = RingKey::new(key, moment, self.0.backend)?;
        let kid = Arc::clone(&new.kid);
        self.warn_if_early(&new, moment, now);
        let mut keys = self.keys_before_end(now);
        keys.push(new);
        let keys = Keys::succeeding(&self.0.keys.load(), keys, now)?;
        self.0.keys.store(Arc::new(keys));
        Ok(kid)
    }

    /// Replaces every key with this one immediately: call it after a key compromise. Returns its `kid`.
    ///
    /// This process refuses all earlier tokens at once, refresh tokens included. Other verifiers do so when they next
    /// fetch the key set.
    ///
    /// # Errors
    ///
    /// [`UnusableKey`](BuildErrorKind::UnusableKey), and [`Contradiction`](BuildErrorKind::Contradiction) for a secret instead of
    /// key pairs or the other way round. After an error the ring is unchanged.
    pub fn replace(&self, key: SigningKey) -> Result<Arc<str>, BuildError> {
        let _guard = self.lock_changes();
        if key.algorithm().is_symmetric() != self.is_symmetric() {
            return Err(mixed_keys());
        }
        let new = RingKey::new(key, self.now(), self.0.backend)?;
        let kid = Arc::clone(&new.kid);
        self.0.keys.store(Arc::new(Keys::new(vec![new])?));
        Ok(kid)
    }

    /// Removes the key with this `kid` immediately, so that its tokens are refused.
    ///
    /// If it was the signing key, the previous key signs again, or else the next one. Keys that have ended stay removed.
    ///
    /// # Errors
    ///
    /// [`Missing`](BuildErrorKind::Missing) if the ring has no such key, or no other one: call
    /// [`replace`](Self::replace) then.
    pub fn withdraw(&self, kid: &str) -> Result<(), BuildError> {
        let _guard = self.lock_changes();
        // A key's end depends on its successor, so drop the ended keys before a successor goes.
        let keys = self.keys_before_end(self.now());
        let left: Vec<RingKey> = keys.iter().filter(|key| *key.kid != *kid).cloned().collect();
        if left.is_empty() || left.len() == keys.len() {
            return Err(BuildError::new(BuildErrorKind::Missing, "kid")
                .because("matches no key of the ring, or its only one: call `replace` for that"));
        }
        let left = Keys::new(left).map_err(|_| {
            BuildError::new(BuildErrorKind::Missing, "kid")
                .because("matches no key of the ring, or its only one: call `replace` for that")
        })?;
        self.0.keys.store(Arc::new(left));
        Ok(())
    }

    /// Frees the memory of keys that have ended, and returns their `kid`s.
    ///
    /// Such keys are neither accepted nor published even if you never call this. [`rotate`](Self::rotate) does it as well.
    #[expect(clippy::must_use_candidate, reason = "it is called to remove the keys")]
    pub fn remove_expired(&self) -> Vec<Arc<str>> {
        let _guard = self.lock_changes();
        let kept = self.keys_before_end(self.now());
        let keys = self.0.keys.load();
        let is_kept = |kid: &Arc<str>| kept.iter().any(|key| key.kid == *kid);
        let gone: Vec<_> = keys.iter().map(|key| Arc::clone(&key.kid)).filter(|kid| !is_kept(kid)).collect();
        // Keys that fit together before still do.
        if let (false, Ok(kept)) = (gone.is_empty(), Keys::new(kept)) {
            self.0.keys.store(Arc::new(kept));
        }
        gone
    }

    /// Returns how long ago the newest key began to sign; zero if it's only published so far.
    ///
    /// Use it to decide when to [`rotate`](Self::rotate), as often as you like:
    /// `if ring.newest_age() > month { ring.rotate(new_key())?; }`.
    #[must_use]
    pub fn newest_age(&self) -> Duration {
        let keys = self.0.keys.load();
        let newest = keys.iter().rfind(|key| key.stopped.is_none()).map_or(Duration::ZERO, |key| key.signs_from);
        self.now().saturating_sub(newest)
    }

    /// Returns the `kid` of the current signing key.
    #[must_use]
    pub fn signing_kid(&self) -> Arc<str> {
        self.signing_key().1
    }

    /// Returns the keys that have not ended, sorted by when they start to sign.
    #[must_use]
    pub fn keys(&self) -> Vec<SigningKeyStatus> {
        let (keys, now) = (self.0.keys.load(), self.now());
        let signing = keys.signing_index(now);
        let states = keys.iter().enumerate().filter_map(|(index, key)| {
            let end = self.end(&keys, index);
            let (phase, until) = match index.cmp(&signing) {
                std::cmp::Ordering::Equal => (KeyPhase::Signing, keys.stop(index)),
                std::cmp::Ordering::Greater if key.stopped.is_none() => (KeyPhase::Published, Some(key.signs_from)),
                _ => (KeyPhase::Retired, end),
            };
            let state = SigningKeyStatus { kid: Arc::clone(&key.kid), algorithm: key.key.algorithm(), phase, until };
            is_before(now, end).then_some(state)
        });
        states.collect()
    }

    /// The current signing key and its `kid`.
    pub(crate) fn signing_key(&self) -> (SigningKey, Arc<str>) {
        let keys = self.0.keys.load();
        let key = &keys[keys.signing_index(self.now())];
        (key.key.clone(), Arc::clone(&key.kid))
    }

    /// The key with this `kid`, unless it has ended.
    fn live_key(&self, kid: &str, algorithm: Algorithm) -> Option<Arc<PreparedKey>> {
        let keys = self.0.keys.load();
        let index = keys.iter().position(|key| *key.kid == *kid && key.prepared.algorithm() == algorithm)?;
        is_before(self.now(), self.end(&keys, index)).then(|| Arc::clone(&keys[index].prepared))
    }

    /// A number that changes whenever the ring changes and whenever a key ends.
    fn current_generation(&self) -> u64 {
        let keys = self.0.keys.load();
        // The last key has no end, so a single key needs no look at the clock.
        let ended = match keys.len() {
            0 | 1 => 0,
            _ => {
                let now = self.now();
                (0..keys.len()).filter(|&index| !is_before(now, self.end(&keys, index))).count()
            }
        };
        keys.generation.wrapping_add(ended as u64)
    }

    /// The public keys of these algorithms that are published now.
    pub(crate) fn public_jwks(&self, algorithms: &[Algorithm]) -> Vec<serde_json::Value> {
        let (keys, now) = (self.0.keys.load(), self.now());
        let live = (0..keys.len()).filter(|&index| is_before(now, self.end(&keys, index)));
        let wanted = live.map(|index| &keys[index].key).filter(|key| algorithms.contains(&key.algorithm()));
        wanted.filter_map(SigningKey::public_jwk).collect()
    }

    pub(crate) fn is_symmetric(&self) -> bool {
        self.0.keys.load().is_symmetric()
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub(crate) fn backend(&self) -> Backend {
        self.0.backend
    }

    pub(crate) fn longest_lifetime(&self) -> Duration {
        self.0.longest_lifetime
    }

    pub(crate) fn publish_ahead(&self) -> Duration {
        self.0.publish_ahead
    }

    pub(super) fn now(&self) -> Duration {
        self.0.clock.now()
    }

    pub(super) fn lock_changes(&self) -> MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, keys: &Keys, index: usize) -> Option<Duration> {
        keys.end(index, self.0.longest_lifetime)
    }

    fn keys_before_end(&self, now: Duration) -> Vec<RingKey> {
        self.0.keys.load().before_end(now, self.0.longest_lifetime)
    }

    /// Warns if verifiers that cache the key set may not know a key when it begins to sign.
    pub(super) fn warn_if_early(&self, key: &RingKey, signs_from: Duration, now: Duration) {
        if signs_from < now.saturating_add(self.0.publish_ahead) {
            tracing::warn!(
                kid = &*key.kid,
                "a new key signs sooner than it's published ahead: verifiers that cache the key set may refuse its tokens"
            );
        }
    }
}

/// Finds the current keys of the ring. A token without a `kid` is refused, because tokens of a ring always have one.
impl KeySource for KeyRing {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        let key = wanted.key_id.and_then(|kid| self.live_key(kid, wanted.algorithm));
        key.map_or(Lookup::Unknown, Lookup::Ready)
    }

    fn generation(&self, _now: Duration) -> Option<u64> {
        Some(self.current_generation())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.0.keys.load().len()).finish_non_exhaustive()
    }
}
