//! What a handler receives: a token that passed every check.

mod budget;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrayvec::ArrayString;
use serde::de::DeserializeOwned;

use crate::claims::{NumericDate, RegisteredClaims};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::http::challenge::{Challenger, Rejection};
use crate::http::token::Location;
use crate::jose::Algorithm;
use crate::json::{self, Members};
use crate::observe::{self, Observer};

pub(crate) use budget::Budget;
use budget::{Charge, decoded_bytes};

/// A token that passed every check. Cheap to clone; immutable.
///
/// Only a [`Verifier`](crate::Verifier) makes one. The adapters store it in the request's extensions, where typed
/// extractors and requirements find it. `Debug` shows neither claims nor token.
#[derive(Clone)]
pub struct Verified {
    parts: Arc<Parts>,
    location: Option<Location>,
}

/// What is the same for a token wherever it is found, in one allocation up to a certain length.
pub(crate) struct Parts<P: ?Sized = dyn AsRef<str> + Send + Sync> {
    facts: Facts,
    decoded: Decoded,
    /// The text that the claims were read from when the token was verified.
    payload: P,
}

/// What is known of a token besides its payload.
#[derive(Clone)]
pub(crate) struct Facts {
    /// Where the claims stand in the payload.
    pub(crate) members: Members,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<Arc<str>>,
    pub(crate) token_type: Option<Cow<'static, str>>,
    pub(crate) context: Arc<VerifierContext>,
}

/// The claims as the types that were asked for first.
#[derive(Default)]
struct Decoded([OnceLock<Shared>; 2]);

struct Shared {
    claims: Arc<dyn Any + Send + Sync>,
    /// Given back when the claims are dropped.
    _charge: Option<Charge>,
}

impl Parts {
    pub(crate) fn new(facts: Facts, payload: &str) -> Arc<Self> {
        match payload.len() {
            0..=256 => Self::around::<256>(facts, payload),
            257..=384 => Self::around::<384>(facts, payload),
            385..=512 => Self::around::<512>(facts, payload),
            513..=768 => Self::around::<768>(facts, payload),
            _ => Self::around::<LONGEST>(facts, payload),
        }
    }

    /// With the payload in their midst, if it is no longer than this.
    fn around<const LENGTH: usize>(facts: Facts, payload: &str) -> Arc<Self> {
        let decoded = Decoded::default();
        match ArrayString::<LENGTH>::from(payload) {
            Ok(payload) => Arc::new(Parts { facts, decoded, payload }),
            Err(_) => Arc::new(Parts { facts, decoded, payload: Box::<str>::from(payload) }),
        }
    }

    /// The same token, sharing as little as can be: for another thread, which would otherwise count references where this
    /// one does.
    pub(crate) fn apart(&self) -> Arc<Self> {
        Self::new(self.facts.clone(), self.payload())
    }

    fn payload(&self) -> &str {
        self.payload.as_ref()
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let apart = if self.payload().len() > LONGEST { self.payload().len() } else { 0 };
        size_of_val(self) + apart + self.facts.members.spilled()
    }
}

/// The longest payload that takes no allocation of its own.
const LONGEST: usize = 1024;

/// What judging takes besides the token. A verifier has one, which each of its tokens shares, because requirements judge
/// and extractors refuse after the verifier is done.
pub(crate) struct VerifierContext {
    pub(crate) challenger: Challenger,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leeway: Duration,
    /// Asks again what can change while the token does not.
    pub(crate) recheck: Option<Arc<Recheck>>,
    /// What decoded claims are charged to, if tokens are kept with their claims.
    pub(crate) budget: Option<Arc<Budget>>,
}

pub(crate) type Recheck = dyn Fn(&Verified) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync;

impl VerifierContext {
    /// Tells of an error, once for each.
    pub(crate) fn observe(&self, error: &Error) {
        observe::refused(&*self.observer, error);
    }

    pub(crate) fn refuse(&self, error: Error) -> Rejection {
        self.observe(&error);
        self.challenger.refuse(error)
    }
}

impl fmt::Debug for VerifierContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.challenger.fmt(f)
    }
}

impl Verified {
    pub(crate) const fn new(parts: Arc<Parts>, location: Option<Location>) -> Self {
        Self { parts, location }
    }

    pub(crate) const fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// A token of this payload, at the second 1,000,000 and with a leeway of 60 seconds.
    #[cfg(test)]
    pub(crate) fn of_payload(payload: &str) -> Self {
        let context = VerifierContext {
            challenger: Challenger::default(),
            observer: Arc::new(observe::NoObserver),
            clock: Arc::new(crate::clock::ManualClock::at(1_000_000)),
            leeway: Duration::from_secs(60),
            recheck: None,
            budget: None,
        };
        let mut members = Members::default();
        json::members(payload, &mut members, |_| ()).expect("an object");
        let facts =
            Facts { members, algorithm: Algorithm::ES256, key_id: None, token_type: None, context: Arc::new(context) };
        Self::new(Parts::new(facts, payload), None)
    }

    /// Decodes the claims as `T`, which needs no knowledge of this library.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ClaimsMismatch`] where the payload does not fit `T`: the token is sound, but not one for this
    /// handler, so the answer is 401.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::decode(self.payload(), &self.parts.facts.members).map_err(|_| {
            // The decoder's message may quote a claim, so it goes nowhere.
            tracing::debug!(claims = std::any::type_name::<T>(), "claims do not fit");
            ErrorKind::ClaimsMismatch.into()
        })
    }

    /// Decodes the claims as `T` once for this token, and shares them from then on.
    ///
    /// With a [cache of tokens](crate::verify::TokenCacheSettings) that keeps them, and not their digests, that is once for all
    /// requests of the token: what `T` lets change through a shared reference, all of them see. Of each token two types
    /// are kept; others are decoded at each call, and so are claims that don't fit into
    /// [the cache's bytes](crate::verify::TokenCacheSettings::max_bytes).
    ///
    /// # Errors
    ///
    /// As of [`claims`](Self::claims).
    pub fn shared_claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        for place in &self.parts.decoded.0 {
            match place.get() {
                Some(Shared { claims, .. }) if claims.is::<T>() => {
                    return Arc::clone(claims).downcast().map_err(|_| ErrorKind::ClaimsMismatch.into());
                }
                Some(_) => {}
                None => {
                    let claims = Arc::new(self.claims::<T>()?);
                    if let Some(charge) = self.charge::<T>() {
                        // If another thread was faster, it decoded the same.
                        let _ = place.set(Shared { claims: Arc::clone(&claims) as _, _charge: charge });
                    }
                    return Ok(claims);
                }
            }
        }
        self.claims().map(Arc::new)
    }

    /// Charges the token cache for claims that are decoded. `None` if they don't fit into its bytes.
    #[expect(clippy::option_option, reason = "without a cache there is nothing to charge")]
    fn charge<T>(&self) -> Option<Option<Charge>> {
        match &self.parts.facts.context.budget {
            Some(budget) => budget.charge(size_of::<T>() + decoded_bytes(self.payload())).map(Some),
            None => Some(None),
        }
    }

    /// Returns the registered claims, put together anew at each call.
    #[must_use]
    pub fn registered(&self) -> RegisteredClaims<'_> {
        // The same text was read when the token was verified, so the fallback is never taken.
        RegisteredClaims::again(self.payload(), &self.parts.facts.members).unwrap_or(RegisteredClaims::NONE)
    }

    /// Returns the payload: the text of a JSON object whose members have unique names.
    #[must_use]
    pub fn payload(&self) -> &str {
        self.parts.payload()
    }

    /// Returns the algorithm of the signature.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.parts.facts.algorithm
    }

    /// Returns the header's `kid`.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.parts.facts.key_id.as_deref()
    }

    /// Returns the header's `typ`.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.parts.facts.token_type.as_deref()
    }

    /// Returns where in the request the token was found, or `None` for one that was verified by itself.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.location
    }

    /// The time, as the verifier's clock tells it.
    pub(crate) fn now(&self) -> NumericDate {
        self.parts.facts.context.clock.now().into()
    }

    #[cfg(test)]
    pub(crate) fn context(&self) -> &Arc<VerifierContext> {
        &self.parts.facts.context
    }

    pub(crate) fn recheck(&self) -> Option<&Recheck> {
        self.parts.facts.context.recheck.as_deref()
    }

    /// The clock difference that the verifier tolerates.
    pub(crate) fn leeway(&self) -> Duration {
        self.parts.facts.context.leeway
    }

    /// Adds the answer to an error that arose from this token, and tells the verifier's observer of it.
    #[must_use]
    pub fn refuse(&self, error: Error) -> Rejection {
        self.parts.facts.context.refuse(error)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("algorithm", &self.parts.facts.algorithm).finish_non_exhaustive()
    }
}
