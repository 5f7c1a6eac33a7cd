//! Checks signatures.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::crypto::PreparedKey;
use crate::error::{Check, Error, ErrorKind};
use crate::jose::compact::{Compact, SignatureBytes};
use crate::keys::{Lookup, Wanted};
use crate::observe::{Event, OptionalObserver};

use super::cache::{Entry, Store};
use super::explain;
use super::issuers::Issuer;

/// Whether the signature of the token is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Checked,
    /// By a test, which put the token into the request's extensions. No request can do that.
    #[cfg(feature = "testing")]
    Assumed,
}

impl Signature {
    pub(super) const fn is_checked(self) -> bool {
        matches!(self, Self::Checked)
    }
}

/// The outcome of the check of a signature.
pub(super) enum Signed {
    /// `is_known` if the cache of digests remembered it.
    By { key: Arc<PreparedKey>, generation: Option<u64>, is_known: bool },
    /// The key must be fetched first.
    Wait(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Checks signatures with the keys of issuers.
pub(super) struct SignatureCheck<'p> {
    pub(super) cache: Option<&'p Store>,
    pub(super) observer: &'p OptionalObserver,
}

impl SignatureCheck<'_> {
    /// Checks the signature with the issuer's key for the token.
    pub(super) fn run(
        &self,
        token: &str,
        compact: &Compact<'_>,
        issuer: &Arc<Issuer>,
        wanted: &Wanted<'_>,
        claims_fit: impl Fn() -> bool,
    ) -> Result<Signed, Error> {
        // Read before the key is looked up: if the keys change in between, the cache entry is already outdated.
        let generation = self.cache.and_then(|_| issuer.keys.generation(wanted.now?));
        let key = match issuer.keys.find_key(wanted) {
            Lookup::Ready(key) => key,
            Lookup::Fetch(fetch) => return Ok(Signed::Wait(fetch)),
            Lookup::Unknown => return Err(explain::key(issuer, wanted)),
            Lookup::Ambiguous => return Err(Error::from(ErrorKind::AmbiguousKey).at(Check::Key)),
            Lookup::Unavailable(after) => {
                let error = explain::keys_unavailable(issuer);
                return Err(match after {
                    Some(after) => error.with_retry_after(after),
                    None => error,
                });
            }
        };
        // RFC 8725 section 3.1: the key decides the algorithm, not the header.
        if key.algorithm() != wanted.algorithm {
            return Err(Error::from(ErrorKind::BadSignature).at(Check::Signature));
        }
        let is_known = self.has_known_signature(token, issuer, generation);
        let has_signed = |key: &PreparedKey| {
            let mut signature = SignatureBytes::new();
            let malformed = |kind| explain::token(kind, Check::Signature, token);
            Ok::<_, Error>(key.verify(compact.signing_input(), compact.signature(&mut signature).map_err(malformed)?))
        };
        if is_known || has_signed(&key)? {
            return Ok(Signed::By { key, generation, is_known });
        }
        let bad_signature = || Err(explain::signature(issuer, compact, wanted.algorithm));
        // A token that will be refused anyway, or has already waited, must not cause a fetch.
        if wanted.fetched || issuer.keys_are_fixed || !claims_fit() {
            return bad_signature();
        }
        match issuer.keys.find_replacement(wanted, &key) {
            Lookup::Fetch(fetch) => Ok(Signed::Wait(fetch)),
            Lookup::Ready(key) if key.algorithm() == wanted.algorithm && has_signed(&key)? => {
                Ok(Signed::By { key, generation, is_known })
            }
            _ => bad_signature(),
        }
    }

    /// Whether a cache of digests remembers that a current key of the issuer has signed the token.
    fn has_known_signature(&self, token: &str, issuer: &Arc<Issuer>, generation: Option<u64>) -> bool {
        let Some(cache) = self.cache.filter(|cache| cache.keeps_digests()) else { return false };
        let is_current = |entry: &Entry| Arc::ptr_eq(&entry.issuer, issuer) && Some(entry.generation) == generation;
        let entry = cache.read_token(token.as_bytes(), is_current);
        let found = entry == Some(true);
        observe_look_up(self.observer, found);
        if entry == Some(false) {
            cache.forget(token.as_bytes());
        }
        found
    }
}

/// Reports whether the cache had a token.
pub(super) fn observe_look_up(observer: &OptionalObserver, found: bool) {
    observer.observe(if found { Event::CacheHit } else { Event::CacheMiss });
}
