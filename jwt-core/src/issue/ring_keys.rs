use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claim_rules::MAX_LEEWAY;
use crate::crypto::{Backend, PreparedKey, SigningKey};
use crate::jose::header::MAX_KID_BYTES;

use super::key_list::ListedKey;
use crate::error::{BuildError, BuildErrorKind};

/// The keys of a ring between two changes, sorted by the moment from which they sign. At least one of them isn't stopped.
pub(super) struct Keys {
    keys: Vec<RingKey>,
    /// The generation while none of the keys has ended; each key that ends adds one.
    pub(super) generation: u64,
}

/// The generation that the next change of any ring gets.
static NEXT_GENERATION: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub(super) struct RingKey {
    pub(super) key: SigningKey,
    pub(super) kid: Arc<str>,
    pub(super) prepared: Arc<PreparedKey>,
    pub(super) signs_from: Duration,
    /// When the key stopped signing because it's no longer listed. It stays published until its last token has expired.
    pub(super) stopped: Option<Duration>,
    /// Until when the key signed, although a key that was added later should have signed already.
    pub(super) signed_until: Duration,
}

impl Keys {
    /// Sorts the keys, and checks that they fit together.
    pub(super) fn new(mut keys: Vec<RingKey>) -> Result<Self, BuildError> {
        keys.sort_by_key(|key| key.signs_from);
        if keys.iter().all(|key| key.stopped.is_some()) {
            return Err(BuildError::new(BuildErrorKind::Missing, "key").because("is missing: add at least one"));
        }
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|other| other.kid == key.kid) {
                return Err(BuildError::new(BuildErrorKind::Duplicate, "key")
                    .because(format!("has the same `kid` as another key of the ring: `{}`", key.kid)));
            }
            if key.is_symmetric() != keys[0].is_symmetric() {
                return Err(mixed_keys());
            }
        }
        let generation = NEXT_GENERATION.fetch_add(keys.len() as u64 + 1, Ordering::Relaxed);
        Ok(Self { keys, generation })
    }

    /// The same for keys of a list, and the revoked ones. A key that is revoked once isn't used under any name. The list's order
    /// says nothing: of keys with the same moment, every process signs with the same.
    pub(super) fn listed(listed: Vec<ListedKey>, backend: Backend) -> Result<(Self, Vec<RingKey>), BuildError> {
        let (mut keys, mut revoked) = (Vec::new(), Vec::new());
        for listed in listed {
            let key = RingKey::new(listed.key, listed.signs_from.unwrap_or_default(), backend)?;
            if listed.revoked { &mut revoked } else { &mut keys }.push(key);
        }
        keys.retain(|key| !key.is_among(&revoked));
        keys.sort_by(|one, other| one.kid.cmp(&other.kid));
        Ok((Self::new(keys)?, revoked))
    }

    /// The same for keys that succeed others. Tokens that a key has signed until now stay valid, even if the new keys say that
    /// another should have signed long ago.
    pub(super) fn succeeding(old: &Self, mut keys: Vec<RingKey>, now: Duration) -> Result<Self, BuildError> {
        for key in &mut keys {
            key.signed_until = old.iter().find(|old| old.kid == key.kid).map_or(Duration::ZERO, |old| old.signed_until);
        }
        let mut new = Self::new(keys)?;
        let signing = &old[old.signing_index(now)].kid;
        if let Some(index) = new.iter().position(|key| key.kid == *signing)
            && new.stop(index).is_some_and(|stop| stop < now)
        {
            new.keys[index].signed_until = now;
        }
        Ok(new)
    }

    pub(super) fn is_symmetric(&self) -> bool {
        self.keys.iter().any(RingKey::is_symmetric)
    }

    /// The index of the signing key: the last whose moment has come, or else the first.
    pub(super) fn signing_index(&self, now: Duration) -> usize {
        let signs = |key: &RingKey| key.signs_from <= now && key.stopped.is_none();
        let first = || self.iter().position(|key| key.stopped.is_none());
        self.iter().rposition(signs).or_else(first).unwrap_or_default()
    }

    /// When a key stops signing: when the next one begins, or when it was taken from the list.
    pub(super) fn stop(&self, index: usize) -> Option<Duration> {
        let next = || self.keys[index + 1..].iter().find(|key| key.stopped.is_none()).map(|key| key.signs_from);
        let key = &self.keys[index];
        key.stopped.or_else(|| Some(next()?.max(key.signed_until)))
    }

    /// When a key ends: its last token has expired then, even for a verifier with the largest leeway.
    pub(super) fn end(&self, index: usize, longest_lifetime: Duration) -> Option<Duration> {
        Some(self.stop(index)?.saturating_add(longest_lifetime).saturating_add(MAX_LEEWAY))
    }

    /// The keys that have not ended.
    pub(super) fn before_end(&self, now: Duration, longest_lifetime: Duration) -> Vec<RingKey> {
        let kept = (0..self.len()).filter(|&index| is_before(now, self.end(index, longest_lifetime)));
        kept.map(|index| self[index].clone()).collect()
    }
}

impl Deref for Keys {
    type Target = [RingKey];

    fn deref(&self) -> &[RingKey] {
        &self.keys
    }
}

impl RingKey {
    pub(super) fn new(key: SigningKey, signs_from: Duration, backend: Backend) -> Result<Self, BuildError> {
        let kid: Arc<str> = match key.kid() {
            Some(kid) => kid.into(),
            None => derived_kid(&key, backend)?.into(),
        };
        if kid.is_empty() || kid.len() > MAX_KID_BYTES {
            return Err(BuildError::new(BuildErrorKind::OutOfRange, "kid"));
        }
        let key = key.with_kid(Arc::clone(&kid));
        let prepared = backend.prepare(&key.verification_key(), key.algorithm())?;
        Ok(Self { key, kid, prepared: Arc::new(prepared), signs_from, stopped: None, signed_until: Duration::ZERO })
    }

    fn is_symmetric(&self) -> bool {
        self.key.algorithm().is_symmetric()
    }

    /// Whether two keys have the same algorithm and the same public key or secret.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.key.algorithm() == other.key.algorithm()
            && self.key.verification_key().material() == other.key.verification_key().material()
    }

    /// Whether one of these has the same `kid`, or the same key under another.
    pub(super) fn is_among(&self, others: &[Self]) -> bool {
        let own = self.key.verification_key();
        others.iter().any(|other| other.kid == self.kid || other.key.verification_key().material() == own.material())
    }

    /// Whether a change from one to the other would change nothing.
    pub(super) fn is_unchanged(&self, other: &Self) -> bool {
        let times = |key: &Self| (key.signs_from, key.stopped, key.signed_until);
        self.kid == other.kid && times(self) == times(other)
    }
}

/// The thumbprint of RFC 7638. A secret gets a MAC instead, because its hash would help to guess it, while each of its
/// tokens shows a MAC anyway. The signed text has no dot, so it cannot be a token.
fn derived_kid(key: &SigningKey, backend: Backend) -> Result<String, BuildError> {
    match backend.thumbprint(&key.verification_key()) {
        Some(thumbprint) => Ok(thumbprint),
        None if key.algorithm().is_symmetric() => {
            let mac = key.sign(b"kid of this secret")?;
            Ok(URL_SAFE_NO_PAD.encode(&mac[..mac.len().min(12)]))
        }
        None => Err(BuildError::new(BuildErrorKind::Undecided, "kid")),
    }
}

pub(super) fn is_before(now: Duration, end: Option<Duration>) -> bool {
    end.is_none_or(|end| now < end)
}

pub(super) fn mixed_keys() -> BuildError {
    BuildError::new(BuildErrorKind::Contradiction, "key").because("mixes secrets and key pairs: use two rings")
}
