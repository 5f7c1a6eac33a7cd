use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claim_rules::MAX_LEEWAY;
use crate::clock::Clock;
use crate::crypto::{Backend, PreparedKey, SigningKey};
use crate::jose::Algorithm;
use crate::jose::header::MAX_KID_BYTES;

use super::{IssueError, IssueErrorKind, KeyRingBuilder};

/// The keys of an issuer, each in its turn: published, then signing, then retired, then gone.
///
/// A new key is published for a while before it signs, so that verifiers which keep the key set for a time know it when
/// they meet it; one that no longer signs stays published until the last token that it can have signed has expired. Both
/// follow from the clock alone: nothing runs in the background, and a process that sleeps through a change misses
/// nothing. Clones are the same ring; reading takes no lock, so that keys can be changed while requests run.
///
/// A key without a `kid` gets its thumbprint (RFC 7638), a secret one that is derived from it.
///
/// ```
/// use jwt_core::Algorithm;
/// use jwt_core::crypto::SigningKey;
/// use jwt_core::issue::KeyRing;
///
/// # if jwt_core::crypto::Backend::compiled_in().is_none() { return Ok(()) }
/// // Usually read from PEM, so that the key outlives the process.
/// let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
/// let first = ring.signing_kid();
///
/// // A day later it signs. Until then, and for as long as its tokens live, the first is published with it.
/// ring.rotate(SigningKey::generate(Algorithm::ES256)?)?;
/// assert_eq!(ring.signing_kid(), first);
/// assert_eq!(ring.keys().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    /// By the moment from which they sign, never empty.
    keys: ArcSwap<Keys>,
    changing: Mutex<()>,
    clock: Arc<dyn Clock>,
    backend: Backend,
    publish_ahead: Duration,
    longest_lifetime: Duration,
}

/// The keys between two changes.
struct Keys {
    keys: Vec<RingKey>,
    /// The generation of all of them. There is one more for each of them that the clock ends.
    generation: u64,
}

/// The generation of what a ring holds after its next change.
static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
struct RingKey {
    key: SigningKey,
    kid: Arc<str>,
    prepared: Arc<PreparedKey>,
    signs_from: Duration,
}

/// What a key of a ring is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyPhase {
    /// It is published and does not sign yet.
    Published,
    /// It signs.
    Signing,
    /// It has signed, and stays published while its tokens live.
    Retired,
}

/// A key of a ring, as it stands now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyState {
    /// Its name.
    pub kid: Arc<str>,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// What it is doing.
    pub phase: KeyPhase,
    /// When this ends, since 1970-01-01T00:00:00Z; `None` for a key that signs until another one comes.
    pub until: Option<Duration>,
}

impl KeyRing {
    /// Makes a ring of one key, which signs at once, with everything else as by default.
    ///
    /// # Errors
    ///
    /// As [`KeyRingBuilder::build`].
    pub fn new(key: SigningKey) -> Result<Self, IssueError> {
        Self::builder().key(key).build()
    }

    pub(super) fn of(builder: KeyRingBuilder, backend: Backend) -> Result<Self, IssueError> {
        let keys = builder.keys.into_iter();
        let keys: Result<Vec<_>, _> = keys.map(|(key, moment)| RingKey::new(key, moment, backend)).collect();
        Ok(Self(Arc::new(Ring {
            keys: ArcSwap::from_pointee(Keys::new(in_order(keys?)?)),
            changing: Mutex::new(()),
            clock: builder.clock,
            backend,
            publish_ahead: builder.publish_ahead,
            longest_lifetime: builder.longest_lifetime,
        })))
    }

    /// Starts building a ring.
    pub fn builder() -> KeyRingBuilder {
        KeyRingBuilder::new()
    }

    /// Adds a key: published from now on, signing after the time set by
    /// [`publish_ahead`](KeyRingBuilder::publish_ahead), when it takes the place of the one that signs now. Returns its
    /// `kid`.
    ///
    /// # Errors
    ///
    /// [`DuplicateKey`](IssueErrorKind::DuplicateKey) for a `kid` that the ring has,
    /// [`MixedKeys`](IssueErrorKind::MixedKeys) for a secret among public keys or the other way round, and
    /// [`UnusableKey`](IssueErrorKind::UnusableKey).
    pub fn rotate(&self, key: SigningKey) -> Result<Arc<str>, IssueError> {
        let _changing = self.change();
        let now = self.now();
        let new = RingKey::new(key, now.saturating_add(self.0.publish_ahead), self.0.backend)?;
        let kid = Arc::clone(&new.kid);
        let mut keys = self.kept(now);
        keys.push(new);
        self.0.keys.store(Arc::new(Keys::new(in_order(keys)?)));
        Ok(kid)
    }

    /// Signs with this key from now on, and knows no other any more: for when a key has got into wrong hands. Returns
    /// its `kid`.
    ///
    /// Every token so far is refused from now on here, and elsewhere as soon as verifiers read the key set again.
    ///
    /// # Errors
    ///
    /// [`UnusableKey`](IssueErrorKind::UnusableKey), and [`MixedKeys`](IssueErrorKind::MixedKeys) for a secret in the
    /// place of public keys or the other way round. The ring is then as it was.
    pub fn replace(&self, key: SigningKey) -> Result<Arc<str>, IssueError> {
        let _changing = self.change();
        if key.algorithm().is_symmetric() != self.is_symmetric() {
            return Err(IssueError::new(IssueErrorKind::MixedKeys, "key"));
        }
        let new = RingKey::new(key, self.now(), self.0.backend)?;
        let kid = Arc::clone(&new.kid);
        self.0.keys.store(Arc::new(Keys::new(vec![new])));
        Ok(kid)
    }

    /// Takes the key of this `kid` away at once, whatever its tokens.
    ///
    /// Where it signed, the one before or after it in turn signs from now on. Keys whose time is over stay gone.
    ///
    /// # Errors
    ///
    /// [`MissingKey`](IssueErrorKind::MissingKey) where there is no such key, or no other: then
    /// [`replace`](Self::replace) it.
    pub fn withdraw(&self, kid: &str) -> Result<(), IssueError> {
        let _changing = self.change();
        // Without the one that ended its time, a key that is over would have no end any more.
        let keys = self.kept(self.now());
        let left: Vec<RingKey> = keys.iter().filter(|key| *key.kid != *kid).cloned().collect();
        if left.is_empty() || left.len() == keys.len() {
            return Err(IssueError::new(IssueErrorKind::MissingKey, "kid"));
        }
        self.0.keys.store(Arc::new(Keys::new(left)));
        Ok(())
    }

    /// Forgets keys whose time is over, and returns their names.
    ///
    /// They are refused and not published without this, too; it frees their memory. [`rotate`](Self::rotate) does it by
    /// the way.
    #[expect(clippy::must_use_candidate, reason = "what matters is that they are gone")]
    pub fn tidy(&self) -> Vec<Arc<str>> {
        let _changing = self.change();
        let kept = self.kept(self.now());
        let keys = self.0.keys.load();
        let is_kept = |kid: &Arc<str>| kept.iter().any(|key| key.kid == *kid);
        let gone = keys.iter().map(|key| Arc::clone(&key.kid)).filter(|kid| !is_kept(kid)).collect();
        self.0.keys.store(Arc::new(Keys::new(kept)));
        gone
    }

    /// Returns how long the newest key has been in the ring as one that signs; zero while it is still only published.
    ///
    /// What decides when it is time to [`rotate`](Self::rotate):
    /// `if ring.newest_age() > month { ring.rotate(new_key())?; }`, as often as you like.
    #[must_use]
    pub fn newest_age(&self) -> Duration {
        let newest = self.0.keys.load().last().map_or(Duration::ZERO, |key| key.signs_from);
        self.now().saturating_sub(newest)
    }

    /// Returns the `kid` of the key that signs now.
    #[must_use]
    pub fn signing_kid(&self) -> Arc<str> {
        self.signing_key().1
    }

    /// Returns the keys that are known now, by the moment from which they sign.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyState> {
        let (keys, now) = (self.0.keys.load(), self.now());
        let signing = signing(&keys, now);
        let states = keys.iter().enumerate().filter_map(|(index, key)| {
            let end = self.end(&keys, index);
            let (phase, until) = match index.cmp(&signing) {
                std::cmp::Ordering::Less => (KeyPhase::Retired, end),
                std::cmp::Ordering::Equal => (KeyPhase::Signing, keys.get(index + 1).map(|next| next.signs_from)),
                std::cmp::Ordering::Greater => (KeyPhase::Published, Some(key.signs_from)),
            };
            let state = KeyState { kid: Arc::clone(&key.kid), algorithm: key.key.algorithm(), phase, until };
            is_before(now, end).then_some(state)
        });
        states.collect()
    }

    /// The key that signs now, and its name.
    pub(crate) fn signing_key(&self) -> (SigningKey, Arc<str>) {
        let keys = self.0.keys.load();
        let key = &keys[signing(&keys, self.now())];
        (key.key.clone(), Arc::clone(&key.kid))
    }

    /// The key of this name, unless its time is over.
    pub(crate) fn live_key(&self, kid: &str, algorithm: Algorithm) -> Option<Arc<PreparedKey>> {
        let keys = self.0.keys.load();
        let index = keys.iter().position(|key| *key.kid == *kid && key.prepared.algorithm() == algorithm)?;
        is_before(self.now(), self.end(&keys, index)).then(|| Arc::clone(&keys[index].prepared))
    }

    /// The same number for the same keys: another one after each change, and when the clock ends a key.
    pub(crate) fn epoch(&self) -> u64 {
        let keys = self.0.keys.load();
        // The clock is asked only where it can tell something: the last key has no end.
        let ended = match keys.len() {
            0 | 1 => 0,
            _ => {
                let now = self.now();
                (0..keys.len()).filter(|&index| !is_before(now, self.end(&keys, index))).count()
            }
        };
        keys.generation.wrapping_add(ended as u64)
    }

    /// The public keys that are published now.
    pub(crate) fn public_jwks(&self) -> Vec<serde_json::Value> {
        let (keys, now) = (self.0.keys.load(), self.now());
        let live = (0..keys.len()).filter(|&index| is_before(now, self.end(&keys, index)));
        live.filter_map(|index| keys[index].key.public_jwk()).collect()
    }

    pub(crate) fn is_symmetric(&self) -> bool {
        self.0.keys.load().iter().any(|key| key.key.algorithm().is_symmetric())
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

    fn now(&self) -> Duration {
        self.0.clock.now()
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a key is forgotten: when the last token that it can have signed has expired, for every leeway there is.
    fn end(&self, keys: &[RingKey], index: usize) -> Option<Duration> {
        let stops = keys.get(index + 1)?.signs_from;
        Some(stops.saturating_add(self.0.longest_lifetime).saturating_add(MAX_LEEWAY))
    }

    fn kept(&self, now: Duration) -> Vec<RingKey> {
        let keys = self.0.keys.load();
        let kept = (0..keys.len()).filter(|&index| is_before(now, self.end(&keys, index)));
        kept.map(|index| keys[index].clone()).collect()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.0.keys.load().len()).finish_non_exhaustive()
    }
}

impl Keys {
    fn new(keys: Vec<RingKey>) -> Self {
        let generation = NEXT.fetch_add(keys.len() as u64 + 1, Ordering::Relaxed);
        Self { keys, generation }
    }
}

impl Deref for Keys {
    type Target = [RingKey];

    fn deref(&self) -> &[RingKey] {
        &self.keys
    }
}

impl RingKey {
    fn new(key: SigningKey, signs_from: Duration, backend: Backend) -> Result<Self, IssueError> {
        let kid: Arc<str> = match key.kid() {
            Some(kid) => kid.into(),
            None => derived_kid(&key, backend)?.into(),
        };
        if kid.is_empty() || kid.len() > MAX_KID_BYTES {
            return Err(IssueError::new(IssueErrorKind::OutOfRange, "kid"));
        }
        let key = key.with_kid(Arc::clone(&kid));
        let prepared = backend.prepare(&key.verification_key(), key.algorithm())?;
        Ok(Self { key, kid, prepared: Arc::new(prepared), signs_from })
    }
}

/// RFC 7638; and for a secret, whose hash would help to guess it, a MAC by it: no more than what each of its tokens
/// shows. What is signed holds no dot, so that it is no token.
fn derived_kid(key: &SigningKey, backend: Backend) -> Result<String, IssueError> {
    match backend.thumbprint(&key.verification_key()) {
        Some(thumbprint) => Ok(thumbprint),
        None if key.algorithm().is_symmetric() => {
            let mac = key.sign(b"kid of this secret")?;
            Ok(URL_SAFE_NO_PAD.encode(&mac[..mac.len().min(12)]))
        }
        None => Err(IssueError::new(IssueErrorKind::Undecided, "kid")),
    }
}

fn in_order(mut keys: Vec<RingKey>) -> Result<Vec<RingKey>, IssueError> {
    keys.sort_by_key(|key| key.signs_from);
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].iter().any(|other| other.kid == key.kid) {
            return Err(IssueError::new(IssueErrorKind::DuplicateKey, "key"));
        }
        if key.key.algorithm().is_symmetric() != keys[0].key.algorithm().is_symmetric() {
            return Err(IssueError::new(IssueErrorKind::MixedKeys, "key"));
        }
    }
    Ok(keys)
}

/// The index of the key that signs: the last whose moment has come or, where none has, the first.
fn signing(keys: &[RingKey], now: Duration) -> usize {
    keys.iter().rposition(|key| key.signs_from <= now).unwrap_or_default()
}

fn is_before(now: Duration, end: Option<Duration>) -> bool {
    end.is_none_or(|end| now < end)
}
