//! Lists of keys: a ring takes a new one while it runs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::SigningKey;
use crate::error::{BuildError, BuildErrorKind};

use super::KeyRing;
use super::key_list::ListedKey;
use super::ring_keys::{Keys, RingKey, is_before, mixed_keys};

impl KeyRing {
    /// Takes a new list of keys, each with the moment from which it signs, counted from 1970-01-01T00:00:00Z. Returns whether
    /// the keys or their moments changed. Keys that stay get the new list's signers.
    ///
    /// All keys change at once, and after an error the ring is unchanged. A key that isn't in the list any more stops signing
    /// and stays published until its last token has expired; to end it at once, [`withdraw`](Self::withdraw) it. Processes
    /// with the same list change keys at the same time, and accept each other's tokens if each of them has the list before
    /// its newest moment.
    ///
    /// A new key that signs in less than [`publish_ahead`](super::KeyRingBuilder::publish_ahead) is logged as a warning.
    ///
    /// # Errors
    ///
    /// [`Missing`](BuildErrorKind::Missing) for an empty list, [`Duplicate`](BuildErrorKind::Duplicate) for two
    /// keys with the same `kid`, also if one of them is in the ring already,
    /// [`Contradiction`](BuildErrorKind::Contradiction) for a secret instead of key pairs or the other way round, and
    /// [`UnusableKey`](BuildErrorKind::UnusableKey).
    pub fn set_keys(&self, keys: impl IntoIterator<Item = (SigningKey, Duration)>) -> Result<bool, BuildError> {
        self.take(keys.into_iter().map(ListedKey::from).collect())
    }

    /// Reads the keys again, from the place that the builder was given, and takes them as [`set_keys`](Self::set_keys) does.
    /// Returns whether anything changed.
    ///
    /// Keys that were added by [`rotate`](Self::rotate) and are not in the list are removed from use. If the list cannot be
    /// read, or is wrong in any way, the ring keeps its keys and the error is logged. Reading blocks the thread for as long
    /// as the files, or your function, take.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](BuildErrorKind::Unreadable), [`Undecided`](BuildErrorKind::Undecided) if more than one key
    /// states no moment or the ring was built without a place to read from, and the errors of [`set_keys`](Self::set_keys).
    ///
    /// ```no_run
    /// use jwt_core::issue::KeyRing;
    ///
    /// let ring = KeyRing::builder().read_keys("/run/secrets/signing-keys").build()?;
    /// // Later, for example on SIGHUP:
    /// ring.reload()?;
    /// # Ok::<(), jwt_core::BuildError>(())
    /// ```
    pub fn reload(&self) -> Result<bool, BuildError> {
        let missing = || BuildError::new(BuildErrorKind::Undecided, "read_keys");
        let listed = self.0.load.as_ref().ok_or_else(missing).and_then(|load| load());
        let changed = listed.and_then(|listed| self.take(listed));
        match &changed {
            Ok(true) => tracing::info!(keys = self.0.keys.load().len(), "the signing keys have changed"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the signing keys can't be reloaded: the ring keeps those it has"),
        }
        changed
    }

    /// Reloads the keys again and again, until the returned future is dropped. Errors are logged.
    ///
    /// `sleep` is the runtime's: `tokio::time::sleep` or `actix_web::rt::time::sleep`. Reload several times within
    /// [`publish_ahead`](super::KeyRingBuilder::publish_ahead); the kubelet takes a minute or two to update a mounted secret.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), jwt_core::BuildError> {
    /// use std::time::Duration;
    /// use jwt_core::issue::KeyRing;
    ///
    /// let ring = KeyRing::builder().read_keys("/run/secrets/signing-keys").build()?;
    /// tokio::spawn(ring.reload_every(Duration::from_secs(60), tokio::time::sleep));
    /// # Ok(())
    /// # }
    /// ```
    pub fn reload_every<S, F>(&self, interval: Duration, mut sleep: S) -> impl Future<Output = ()> + use<S, F>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        let ring = self.clone();
        async move {
            loop {
                sleep(interval).await;
                // An error is logged by `reload`, and the next attempt may succeed.
                let _ = ring.reload();
            }
        }
    }

    fn take(&self, listed: Vec<ListedKey>) -> Result<bool, BuildError> {
        let _guard = self.lock_changes();
        let (now, old) = (self.now(), self.0.keys.load());
        let (new, revoked) = Keys::listed(listed, self.0.backend)?;
        if new.is_symmetric() != old.is_symmetric() {
            return Err(mixed_keys());
        }
        // If every moment is to come, the first key signs at once.
        let signing = &new[new.signing_index(now)].kid;
        for key in new.iter() {
            match old.iter().find(|old| old.kid == key.kid) {
                Some(old) if !old.is_same(key) => {
                    return Err(BuildError::new(BuildErrorKind::Duplicate, "kid")
                        .because(format!("belongs to another key of the ring already: `{}`", key.kid)));
                }
                Some(_) => {}
                None if key.kid == *signing => self.warn_if_early(key, now, now),
                None => self.warn_if_early(key, key.signs_from, now),
            }
        }
        let signing = old.signing_index(now);
        let is_listed = |kid: &Arc<str>| new.iter().any(|key| key.kid == *kid);
        let is_live = |index| is_before(now, old.end(index, self.0.longest_lifetime));
        let retired = old.iter().enumerate().filter(|(index, key)| {
            // A key that never signed has no tokens.
            let has_tokens = *index == signing || key.signs_from <= now || key.stopped.is_some();
            has_tokens && !is_listed(&key.kid) && !key.is_among(&revoked) && is_live(*index)
        });
        let retired = retired.map(|(index, key)| {
            let stopped = old.stop(index).map_or(now, |stop| stop.min(now));
            RingKey { stopped: Some(stopped), ..key.clone() }
        });
        let mut keys = Keys::succeeding(&old, new.iter().cloned().chain(retired).collect(), now)?;
        // Each change makes verifiers forget the tokens that they know.
        let same = keys.len() == old.len() && keys.iter().zip(old.iter()).all(|(new, old)| new.is_unchanged(old));
        if same {
            keys.generation = old.generation;
        }
        // The same keys may have other signers.
        self.0.keys.store(Arc::new(keys));
        Ok(!same)
    }
}
