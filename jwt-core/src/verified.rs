//! [`Verified`]: a token that passed every check.

mod budget;
mod implied_scopes;
mod lifetime;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrayvec::ArrayString;
use serde::de::DeserializeOwned;

use crate::claims::{Actor, Confirmation, Identity, IdentityIndex, NumericDate, RegisteredClaims, Scopes, claim};
use crate::clock::Clock;
use crate::error::{Detail, Error, ErrorKind};
use crate::http::challenge::{Challenger, Rejection, Scheme};
use crate::http::token::Location;
use crate::jose::Algorithm;
use crate::json::{self, Members};
use crate::observe::{self, OptionalObserver, Warned};

pub(crate) use budget::Budget;
use budget::{Charge, decoded_bytes};
pub(crate) use implied_scopes::ImpliedScopes;

/// A token that passed every check. It's immutable and cheap to clone.
///
/// Only a [`Verifier`](crate::Verifier) creates one. The adapters store it in the request's extensions, where extractors and
/// requirements find it. `Debug` shows neither the claims nor the token.
#[derive(Clone)]
pub struct Verified {
    parts: Arc<Parts>,
    location: Option<Location>,
    /// Whether the client should get the next nonce for its proofs.
    nonce_ends: bool,
}

/// A verified token without its location in the request. Tokens with a payload of up to 1024 bytes take one allocation.
pub(crate) struct Parts<P: ?Sized = dyn AsRef<str> + Send + Sync> {
    metadata: TokenMetadata,
    decoded: Decoded,
    /// The JSON of the claims.
    payload: P,
}

/// A token's header fields and context, without its payload.
#[derive(Clone)]
pub(crate) struct TokenMetadata {
    /// The positions of the claims in the payload.
    pub(crate) members: Members,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<Arc<str>>,
    pub(crate) token_type: Option<Cow<'static, str>>,
    /// The key or the certificate that the sender must have, unless it's a bearer token.
    pub(crate) confirmation: Option<Arc<Confirmation>>,
    /// Only if there is a revocation list, and the identity has no escapes.
    pub(crate) identity: Option<IdentityIndex>,
    pub(crate) context: Arc<VerifierContext>,
}

/// The decoded claims, for the first two types that were asked for.
#[derive(Default)]
struct Decoded([OnceLock<SharedClaims>; 2]);

struct SharedClaims {
    claims: Arc<dyn Any + Send + Sync>,
    /// Released when the claims are dropped.
    _charge: Option<Charge>,
}

impl Parts {
    pub(crate) fn new(metadata: TokenMetadata, payload: &str) -> Arc<Self> {
        match payload.len() {
            0..=256 => Self::with_capacity::<256>(metadata, payload),
            257..=384 => Self::with_capacity::<384>(metadata, payload),
            385..=512 => Self::with_capacity::<512>(metadata, payload),
            513..=768 => Self::with_capacity::<768>(metadata, payload),
            _ => Self::with_capacity::<LONGEST>(metadata, payload),
        }
    }

    /// Stores the payload inline if it's no longer than `LENGTH`.
    fn with_capacity<const LENGTH: usize>(metadata: TokenMetadata, payload: &str) -> Arc<Self> {
        let decoded = Decoded::default();
        match ArrayString::<LENGTH>::from(payload) {
            Ok(payload) => Arc::new(Parts { metadata, decoded, payload }),
            Err(_) => Arc::new(Parts { metadata, decoded, payload: Box::<str>::from(payload) }),
        }
    }

    /// Returns a copy with reference counts of its own, so that threads that use it don't slow down threads that use the
    /// original.
    pub(crate) fn detached(&self) -> Arc<Self> {
        Self::new(self.metadata.clone(), self.payload())
    }

    /// Whether the token was verified with these settings.
    pub(crate) fn is_of(&self, context: &Arc<VerifierContext>) -> bool {
        Arc::ptr_eq(&self.metadata.context, context)
    }

    /// Returns a copy with other settings.
    pub(crate) fn in_context(&self, context: &Arc<VerifierContext>) -> Arc<Self> {
        Self::new(TokenMetadata { context: Arc::clone(context), ..self.metadata.clone() }, self.payload())
    }

    fn payload(&self) -> &str {
        self.payload.as_ref()
    }

    /// Returns how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let separate = if self.payload().len() > LONGEST { self.payload().len() } else { 0 };
        size_of_val(self) + separate + self.metadata.members.spilled()
    }
}

/// The longest payload that is stored inline.
const LONGEST: usize = 1024;

/// The verifier settings that a verified token carries. Requirements and extractors need them after verification.
#[derive(Clone)]
pub(crate) struct VerifierContext {
    pub(crate) challenger: Challenger,
    pub(crate) observer: OptionalObserver,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leeway: Duration,
    /// The set-up faults that were logged at `WARN` lately.
    pub(crate) warned: Arc<Warned>,
    /// Repeats the checks whose outcome can change while the token stays the same.
    pub(crate) recheck: Option<Arc<Recheck>>,
    /// Decoded claims are charged to it, if the verifier caches tokens with their claims.
    pub(crate) budget: Option<Arc<Budget>>,
    pub(crate) implied_scopes: ImpliedScopes,
}

pub(crate) type Recheck = dyn Fn(&Verified) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync;

impl VerifierContext {
    /// Reports an error to logs and the observer. Call it once per error.
    pub(crate) fn observe(&self, error: &Error) {
        observe::refused(&self.observer, error);
    }

    pub(crate) fn refuse(&self, error: Error) -> Rejection {
        self.refuse_in(Scheme::Bearer, error)
    }

    /// Refuses a request that uses this scheme.
    pub(crate) fn refuse_in(&self, scheme: Scheme, error: Error) -> Rejection {
        self.observe(&error);
        self.challenger.refuse_in(scheme, error)
    }
}

impl fmt::Debug for VerifierContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.challenger.fmt(f)
    }
}

impl Verified {
    pub(crate) const fn new(parts: Arc<Parts>, location: Option<Location>) -> Self {
        Self { parts, location, nonce_ends: false }
    }

    /// Notes whether the client should get the next nonce for its proofs.
    pub(crate) const fn set_nonce_ending(&mut self, ends: bool) {
        self.nonce_ends = ends;
    }

    pub(crate) const fn nonce_ends(&self) -> bool {
        self.nonce_ends
    }

    /// Returns the key or the certificate that the sender must have, unless it's a bearer token.
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        self.parts.metadata.confirmation.as_deref()
    }

    /// Returns the claims that a revocation can name, or `None` if they have to be read from [`registered`](Self::registered).
    #[inline]
    pub(crate) fn identity(&self) -> Option<Identity<'_>> {
        self.parts.metadata.identity.as_ref()?.read(self.parts.payload())
    }

    pub(crate) const fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// Creates a token with this payload, at the time 1,000,000 and with a leeway of 60 seconds.
    #[cfg(test)]
    pub(crate) fn of_payload(payload: &str) -> Self {
        let context = VerifierContext {
            challenger: Challenger::default(),
            observer: OptionalObserver::default(),
            clock: Arc::new(crate::clock::ManualClock::at(1_000_000)),
            leeway: Duration::from_secs(60),
            warned: Arc::default(),
            recheck: None,
            budget: None,
            implied_scopes: ImpliedScopes::default(),
        };
        let mut members = Members::default();
        json::members(payload, &mut members, |_| ()).expect("an object");
        let metadata = TokenMetadata {
            members,
            algorithm: Algorithm::ES256,
            key_id: None,
            token_type: None,
            confirmation: None,
            identity: None,
            context: Arc::new(context),
        };
        Self::new(Parts::new(metadata, payload), None)
    }

    /// Decodes the claims as `T`, any type that implements [`Deserialize`](serde::Deserialize).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ClaimsMismatch`] if the payload does not fit `T`. The answer is 401: the token is valid, but not meant for this
    /// handler.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // The decoder's message may quote a claim, so it's dropped.
        json::decode(self.payload(), &self.parts.metadata.members).map_err(|_| self.explain_mismatch::<T>())
    }

    #[cold]
    fn explain_mismatch<T: DeserializeOwned>(&self) -> Error {
        let (name, context) = (std::any::type_name::<T>(), &self.parts.metadata.context);
        let mismatch = json::mismatch::<T>(self.payload());
        let detail = match &mismatch {
            Some(mismatch) => format!("the claims don't fit `{name}`: {mismatch}"),
            None => format!("the claims don't fit `{name}`"),
        };
        // Usually the type is wrong and not the token, so it's for the operator. Each type is logged once a minute.
        if context.warned.due(name, context.clock.monotonic()).is_some() {
            tracing::warn!(claims = name, detail, "claims do not fit");
        }
        Error::from(ErrorKind::ClaimsMismatch).with_detail(Detail::Text(detail.into()))
    }

    /// Decodes the claims as `T` once per token, and returns the same value from then on.
    ///
    /// If the verifier [caches tokens](crate::verify::TokenCacheSettings), and not only their digests, every request with the token
    /// gets the same value. Don't put per-request state into `T` (a `Mutex`, for example): every request would see it. Two types
    /// are kept for each token. Other types are decoded at each call, and so are claims that don't fit into the
    /// [cache](crate::verify::TokenCacheSettings::max_bytes).
    ///
    /// # Errors
    ///
    /// The same as [`claims`](Self::claims).
    pub fn shared_claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>, Error> {
        for slot in &self.parts.decoded.0 {
            match slot.get() {
                Some(SharedClaims { claims, .. }) if claims.is::<T>() => {
                    return Arc::clone(claims).downcast().map_err(|_| ErrorKind::ClaimsMismatch.into());
                }
                Some(_) => {}
                None => {
                    let claims = Arc::new(self.claims::<T>()?);
                    if let Some(charge) = self.charge::<T>() {
                        // If another thread was faster, it stored the same claims.
                        let _ = slot.set(SharedClaims { claims: Arc::clone(&claims) as _, _charge: charge });
                    }
                    return Ok(claims);
                }
            }
        }
        self.claims().map(Arc::new)
    }

    /// Charges the token cache for decoded claims. `None` if they don't fit.
    #[expect(clippy::option_option, reason = "without a cache there is nothing to charge")]
    fn charge<T>(&self) -> Option<Option<Charge>> {
        match &self.parts.metadata.context.budget {
            Some(budget) => budget.charge(size_of::<T>() + decoded_bytes(self.payload())).map(Some),
            None => Some(None),
        }
    }

    /// Returns the registered claims: `iss`, `sub`, `aud`, `exp` and so on. Each call reads them from the payload.
    #[must_use]
    pub fn registered(&self) -> RegisteredClaims<'_> {
        // The same text was read when the token was verified, so the fallback is never used.
        RegisteredClaims::again(self.payload(), &self.parts.metadata.members).unwrap_or(RegisteredClaims::NONE)
    }

    /// Returns who acts for the subject, if the token says so: the claim `act`. RFC 8693 section 4.1.
    ///
    /// [`acted_by`](crate::authorize::acted_by) and [`no_delegation`](crate::authorize::no_delegation) are requirements on it. It's
    /// `None` if the claim isn't an object; `no_delegation` refuses such a token.
    #[must_use]
    pub fn actor(&self) -> Option<Actor<'_>> {
        claim(self.payload(), "act").and_then(Actor::from_value)
    }

    /// Returns whether the token has this scope, or one that [implies](crate::VerifierBuilder::scope_implies) it.
    ///
    /// [`registered`](Self::registered) has only the scopes that are written in the token.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.grants(self.registered().scopes(), scope)
    }

    /// Whether one of these scopes, which are the token's, is or implies `scope`.
    pub(crate) fn grants(&self, scopes: Scopes<'_>, scope: &str) -> bool {
        let implied = &self.parts.metadata.context.implied_scopes;
        scopes.contains(scope)
            || (!implied.is_empty() && implied.implying(scope).iter().any(|other| scopes.contains(other)))
    }

    /// Returns the payload as JSON: an object whose members have unique names.
    #[must_use]
    pub fn payload(&self) -> &str {
        self.parts.payload()
    }

    /// Returns the signature's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.parts.metadata.algorithm
    }

    /// Returns the header's `kid`.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.parts.metadata.key_id.as_deref()
    }

    /// Returns the header's `typ`.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.parts.metadata.token_type.as_deref()
    }

    /// Returns where in the request the token was found, or `None` if it did not come in a request.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.location
    }

    /// Returns the time of the verifier's clock.
    pub(crate) fn now(&self) -> NumericDate {
        self.parts.metadata.context.clock.now().into()
    }

    #[cfg(test)]
    pub(crate) fn context(&self) -> &Arc<VerifierContext> {
        &self.parts.metadata.context
    }

    pub(crate) fn recheck(&self) -> Option<&Recheck> {
        self.parts.metadata.context.recheck.as_deref()
    }

    /// Returns the clock difference that the verifier allows.
    pub(crate) fn leeway(&self) -> Duration {
        self.parts.metadata.context.leeway
    }

    /// Turns an error about this token into a rejection, and reports it to the verifier's observer.
    #[must_use]
    pub fn refuse(&self, error: Error) -> Rejection {
        let scheme = self.location.map_or(Scheme::Bearer, Location::scheme);
        self.parts.metadata.context.refuse_in(scheme, error)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("algorithm", &self.parts.metadata.algorithm).finish_non_exhaustive()
    }
}
