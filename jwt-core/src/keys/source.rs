use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::PreparedKey;
use crate::jose::Algorithm;

use super::{FetchError, Health};

/// What a token's header asks for. The issuer is known already: each has a source of its own.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Wanted<'t> {
    /// The header's `kid`.
    pub key_id: Option<&'t str>,
    /// The header's `alg`, which the issuer's allow-list contains.
    pub algorithm: Algorithm,
    /// The reading of the verifier's [`Clock::now`](crate::clock::Clock::now); `None` if it wasn't read.
    pub now: Option<Duration>,
    /// Whether a [`Lookup::Fetch`] has been waited for already. A source must not answer with another.
    pub fetched: bool,
}

impl<'t> Wanted<'t> {
    /// Asks for the key of a token with this `kid` and `alg`, for the first time.
    #[must_use]
    pub const fn new(key_id: Option<&'t str>, algorithm: Algorithm) -> Self {
        Self { key_id, algorithm, now: None, fetched: false }
    }
}

// A `kid` is attacker's text until the signature is verified.
impl fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The answer of a [`KeySource`].
#[non_exhaustive]
pub enum Lookup {
    /// The one key that fits.
    Ready(Arc<PreparedKey>),
    /// No key fits; asking again now would not help. Answered 401.
    Unknown,
    /// Several keys fit, and the token does not say which. Answered 401.
    Ambiguous,
    /// The keys are out of reach, perhaps until the given time has passed. Answered 503.
    Unavailable(Option<Duration>),
    /// Wait for this, then ask again with [`Wanted::fetched`] set. It does its work elsewhere: dropping it, as happens
    /// when a client disconnects, must not disturb anyone else who waits.
    Fetch(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// What [`KeySource::refresh`] started. It does its work elsewhere: dropping this disturbs no other waiter.
pub type Refresh = Pin<Box<dyn Future<Output = Result<(), FetchError>> + Send>>;

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
/// Called on the path of every request: it must not block, and answers from memory where it can. It fails closed: when
/// in doubt, [`Lookup::Unknown`] or [`Lookup::Unavailable`]. [`KeyTable`](super::KeyTable) is the fixed source and the double,
/// [`NoKeys`] the null object.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Finds the key for a token.
    fn find(&self, wanted: &Wanted<'_>) -> Lookup;

    /// Returns a number that stands for the keys as they are now, or `None` where no token that was verified with them
    /// may be remembered.
    ///
    /// A verifier with a [cache](crate::verify::TokenCacheSettings) asks at each token. While the number is the same as when the
    /// token was verified, its signature counts as good without [`find`](Self::find) being asked. So the number must be
    /// another one, never used before, as soon as a key was removed or replaced, and `None` where the keys must not be
    /// used without further ado: past their lifetime, or out of reach. `now` is the reading of the verifier's
    /// [`Clock::now`](crate::clock::Clock::now). Default: `None`, every token is verified.
    fn generation(&self, now: Duration) -> Option<u64> {
        let _ = now;
        None
    }

    /// Starts work that is due, such as a renewal, without waiting. Called by readiness probes, and about once a second if
    /// the application asks for it. Default: nothing.
    fn tend(&self) {}

    /// Starts getting the keys anew and returns what to wait for. It succeeds only if keys were loaded after this call.
    /// Default: `None`, for keys that are always at hand.
    fn refresh(&self) -> Option<Refresh> {
        None
    }

    /// Returns how the keys are doing. Default: `None`, for keys that are always at hand.
    fn health(&self) -> Option<Health> {
        None
    }
}

/// A shared source: verifiers that get clones of the `Arc` use the same keys.
impl<S: KeySource + ?Sized> KeySource for Arc<S> {
    fn find(&self, wanted: &Wanted<'_>) -> Lookup {
        (**self).find(wanted)
    }

    fn generation(&self, now: Duration) -> Option<u64> {
        (**self).generation(now)
    }

    fn tend(&self) {
        (**self).tend();
    }

    fn refresh(&self) -> Option<Refresh> {
        (**self).refresh()
    }

    fn health(&self) -> Option<Health> {
        (**self).health()
    }
}

/// The source without keys: every token is refused.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct NoKeys;

impl KeySource for NoKeys {
    fn find(&self, _wanted: &Wanted<'_>) -> Lookup {
        Lookup::Unknown
    }
}
