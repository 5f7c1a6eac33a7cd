use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::PreparedKey;
use crate::jose::Algorithm;
use crate::step::Pending;

use super::FetchError;

/// The properties of a token that a [`KeySource`] needs. The issuer isn't part of it: each issuer has its own source.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Wanted<'t> {
    /// The header's `kid`.
    pub key_id: Option<&'t str>,
    /// The header's `alg`, which is on the issuer's allow-list.
    pub algorithm: Algorithm,
    /// The verifier's reading of [`Clock::now`](crate::Clock::now); `None` if it did not read the clock.
    pub now: Option<Duration>,
    /// Whether the caller has already waited for a [`Lookup::Fetch`]. A source must not return another one then.
    pub fetched: bool,
}

impl<'t> Wanted<'t> {
    /// Creates the first query for a token with this `kid` and `alg`.
    #[must_use]
    pub const fn new(key_id: Option<&'t str>, algorithm: Algorithm) -> Self {
        Self { key_id, algorithm, now: None, fetched: false }
    }
}

// Until the signature is verified, an attacker controls the `kid`.
impl fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The result of [`KeySource::find_key`].
#[non_exhaustive]
pub enum Lookup {
    /// The only matching key.
    Ready(Arc<PreparedKey>),
    /// No key matches, and asking again now would not help. The request fails with 401.
    Unknown,
    /// Several keys match, and the token does not say which. The request fails with 401.
    Ambiguous,
    /// The keys are unavailable, perhaps until this time has passed. The request fails with 503.
    Unavailable(Option<Duration>),
    /// Wait for this future, then ask again with [`Wanted::fetched`] set. It only waits for work that runs elsewhere.
    /// If it's dropped, for example because a client disconnects, others must still get their keys.
    Fetch(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "Ready",
            Self::Unknown => "Unknown",
            Self::Ambiguous => "Ambiguous",
            Self::Unavailable(_) => "Unavailable",
            Self::Fetch(_) => "Fetch",
        })
    }
}

/// The verification keys of one issuer.
///
/// Every request calls it, so it must not block, and should answer from memory if it can. When in doubt, it must
/// return [`Lookup::Unknown`] or [`Lookup::Unavailable`].
///
/// For fixed keys, and for tests, use a [`KeyTable`](super::KeyTable). An empty one refuses every token.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    note = "keys that you have go into `TrustedIssuer::key` or `keys`; for keys from elsewhere, implement `KeySource`"
)]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Finds the key for a token.
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup;

    /// Finds another key for a token whose signature isn't good by `failed`, the key that [`find_key`](Self::find_key)
    /// returned. The issuer may have replaced that key without a new `kid`.
    ///
    /// A verifier asks once for each token whose claims are good, unless the token has already waited. Anyone can send
    /// such tokens, so limit the work that they cause. Default: [`Lookup::Unknown`], there is no other key.
    fn find_replacement(&self, wanted: &Wanted<'_>, failed: &Arc<PreparedKey>) -> Lookup {
        let _ = (wanted, failed);
        Lookup::Unknown
    }

    /// Returns a number that identifies the current keys, or `None` if tokens verified with them must not be cached.
    ///
    /// A verifier with a [cache](crate::verify::TokenCacheSettings) calls it for each token. As long as the number is
    /// the same as when the token was verified, the cached result is used and [`find_key`](Self::find_key) isn't
    /// called. So as soon as a key is removed or replaced, return a number that was never used before. Return `None`
    /// while the keys need a closer look, for example because they are past their lifetime or unavailable. `now` is
    /// the verifier's reading of [`Clock::now`](crate::Clock::now). Default: `None`, every token is verified.
    fn generation(&self, now: Duration) -> Option<u64> {
        let _ = now;
        None
    }

    /// Returns whether one of the current keys is for this algorithm. It explains to the operator why a token's key is unknown,
    /// and decides nothing. Default: `None`, not known.
    fn has_key_for(&self, algorithm: Algorithm) -> Option<bool> {
        let _ = algorithm;
        None
    }

    /// Starts work that is due, such as a renewal, without waiting for it. Readiness probes call it, and so does
    /// `Verifier::keep_keys_fresh`, about once a second. Default: does nothing.
    fn renew_if_due(&self) {}

    /// Starts fetching the keys again, and returns a future that succeeds only if keys were loaded after this call. It only waits
    /// for work that runs elsewhere, so dropping it does not affect anyone else.
    /// Default: `None`, for keys that are never fetched.
    fn refresh(&self) -> Option<Pending<Result<(), FetchError>>> {
        None
    }

    /// Returns the status of the keys. Default: `None`, for keys that are never fetched.
    fn status(&self) -> Option<KeySetStatus> {
        None
    }
}

/// A shared source: verifiers that get clones of the `Arc` use the same keys.
impl<S: KeySource + ?Sized> KeySource for Arc<S> {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        (**self).find_key(wanted)
    }

    fn find_replacement(&self, wanted: &Wanted<'_>, failed: &Arc<PreparedKey>) -> Lookup {
        (**self).find_replacement(wanted, failed)
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        (**self).generation(now)
    }

    fn has_key_for(&self, algorithm: Algorithm) -> Option<bool> {
        (**self).has_key_for(algorithm)
    }

    fn renew_if_due(&self) {
        (**self).renew_if_due();
    }

    fn refresh(&self) -> Option<Pending<Result<(), FetchError>>> {
        (**self).refresh()
    }

    fn status(&self) -> Option<KeySetStatus> {
        (**self).status()
    }
}

/// The status of an issuer's fetched keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySetStatus {
    /// Whether tokens can be verified.
    pub state: KeySetState,
    /// The time since the set was fetched; `None` before the first fetch.
    pub age: Option<Duration>,
    /// How many keys of the set can be used.
    pub keys: usize,
    /// Why the last fetch failed; `None` if it succeeded. Its [detail](FetchError::detail) has the address and the cause.
    pub last_error: Option<FetchError>,
}

/// Whether an issuer's tokens can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySetState {
    /// No set has been fetched yet. Requests wait for the first one, or fail with 503.
    NeverLoaded,
    /// The set is within its lifetime.
    Fresh,
    /// The set is past its lifetime. It's renewed before it's used. If the issuer fails, it's used as it is.
    Stale,
    /// The set is too old to be used. Requests fail with 503.
    Outage,
}

impl KeySetState {
    /// Returns whether tokens can be verified now.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale)
    }

    /// Returns the stable name in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NeverLoaded => "never_loaded",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Outage => "outage",
        }
    }
}
