use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::authorize::{Requirement, decide_all, is_not_met};
use crate::claim_rules::{RequestedResource, Times};
use crate::claims::{IdentityIndex, RegisteredClaims};
use crate::clock::Moment;
use crate::error::{Check, Error, ErrorKind};
use crate::gate::ResourceMetadata;
use crate::http::request::RequestView;
use crate::http::token::Location;
use crate::jose::compact::{Bytes, Compact, Limits};
use crate::jose::header_cache;
use crate::json::Members;
use crate::keys::Wanted;
use crate::observe::{Event, Watch};
use crate::proof::{ProofUsed, Sender};
use crate::step::Step;
use crate::verified::{Parts, TokenMetadata, Verified, VerifierContext};

use super::cache::{CachedClaims, Entry, NewEntry, Store, TokenCacheStatus};
use super::explain;
use super::issuers::{FoundIssuer, Issuer, IssuerSet};
use super::revocation_check::RevocationCheck;
use super::sender_check::SenderCheck;
use super::signature::{Signature, SignatureCheck, Signed, observe_look_up};

/// The checks of a verifier, which its clones share, and the state that they need.
#[derive(Clone)]
pub(super) struct Pipeline {
    pub(super) issuers: Arc<IssuerSet>,
    pub(super) limits: Limits,
    pub(super) revocations: Option<Arc<RevocationCheck>>,
    pub(super) requirements: Arc<[Box<dyn Requirement>]>,
    pub(super) cache: Option<Arc<Store>>,
    pub(super) resource: RequestedResource,
    pub(super) metadata: Option<ResourceMetadata>,
    /// Whether tokens may come only in the header `Authorization`.
    pub(super) header_only: bool,
    /// Only if tokens may be bound to their sender.
    pub(super) senders: Option<Arc<SenderCheck>>,
    pub(super) context: Arc<VerifierContext>,
}

/// The result of one run of the checks that refuses nothing.
enum Attempt {
    Done(ValidToken),
    Wait(Wait),
}

/// A token whose signature and claims are valid. Revocation and the application's requirements still have to be checked.
struct ValidToken {
    verified: Verified,
    /// To be stored in the cache once the token has passed these checks too.
    new_entry: Option<NewEntry>,
}

/// The reason to wait before the next attempt.
enum Wait {
    Keys(Pin<Box<dyn Future<Output = ()> + Send>>),
    #[cfg(feature = "remote")]
    Issuer(super::issuers::Resolution),
}

/// The waits that the token has behind it. It waits for nothing twice.
#[derive(Clone, Copy, Default)]
struct Waited {
    issuer: bool,
    keys: bool,
}

impl Pipeline {
    /// Returns the same checks for a protected resource, to whose metadata challenges link.
    pub(super) fn of_resource(&self, resource: RequestedResource, metadata: &ResourceMetadata) -> Self {
        let challenger = self.context.challenger.clone().with_resource_metadata(metadata.url());
        let context = Arc::new(VerifierContext { challenger, ..VerifierContext::clone(&self.context) });
        Self { resource, metadata: Some(metadata.clone()), context, ..self.clone() }
    }

    /// Reads from a request who sends its token, if tokens may be bound to their sender.
    fn sender<'r>(&self, request: Option<&'r dyn RequestView>, location: Option<Location>) -> Option<Sender<'r>> {
        Some(self.senders.as_ref()?.sender(request?, location?))
    }

    /// Returns the nonce that clients should use in their proofs, if they need one.
    pub(super) fn proof_nonce(&self) -> Option<String> {
        self.senders.as_ref()?.current_nonce(self.context.clock.now())
    }

    /// Verifies raw bytes, which may not be UTF-8. `text` is called only if the cache does not know them, and who sends them is read
    /// from `request` only if that matters.
    pub(super) fn start<'t>(
        self: &Arc<Self>,
        token: &'t [u8],
        text: impl Fn() -> Result<&'t str, ErrorKind>,
        location: Option<Location>,
        request: Option<&dyn RequestView>,
        signature: Signature,
    ) -> Step<Result<Verified, Error>> {
        let mut watch = self.watch();
        let sender = || self.sender(request, location);
        if signature.is_checked()
            && let Some(cached) = self.find_cached(token, location, &mut watch)
        {
            return match cached {
                Ok(verified) => self.conclude(token, verified, None, sender, watch),
                Err(error) => Step::Ready(self.refuse(&watch, error)),
            };
        }
        let attempt = match text() {
            Ok(text) => self.check_token(text, location, Waited::default(), signature, &mut watch),
            Err(kind) => Err(explain::credentials(kind, token)),
        };
        match attempt {
            Err(error) => Step::Ready(self.refuse(&watch, error)),
            Ok(Attempt::Done(valid)) => self.conclude(token, valid.verified, valid.new_entry, sender, watch),
            Ok(Attempt::Wait(wait)) => {
                // The text was read above, so the fallback is never used.
                let (pipeline, token) = (Arc::clone(self), text().unwrap_or_default().to_owned());
                let sender = sender().map(Sender::into_owned);
                Step::pending(async move {
                    match pipeline.attempt_after(&token, location, (wait, signature), &mut watch).await {
                        Ok(ValidToken { verified, new_entry }) => {
                            let bytes = token.as_bytes();
                            pipeline.conclude(bytes, verified, new_entry, || sender, watch).wait().await
                        }
                        Err(error) => pipeline.refuse(&watch, error),
                    }
                })
            }
        }
    }

    /// Checks everything that can change while the token stays the same, and reports the outcome. A new token is stored in the cache
    /// once it has passed these checks too.
    #[inline]
    fn conclude<'s>(
        self: &Arc<Self>,
        token: &[u8],
        mut verified: Verified,
        new_entry: Option<NewEntry>,
        sender: impl FnOnce() -> Option<Sender<'s>>,
        watch: Watch,
    ) -> Step<Result<Verified, Error>> {
        match self.check_current(token, &mut verified, sender) {
            Step::Ready(checked) => {
                let outcome = checked.map(|()| verified);
                if let Some(new_entry) = new_entry {
                    self.store(token, new_entry, &outcome);
                }
                self.report(&watch, &outcome);
                Step::Ready(outcome)
            }
            Step::Pending(pending) => {
                let pipeline = Arc::clone(self);
                let token = if new_entry.is_some() { token.to_owned() } else { Vec::new() };
                Step::pending(async move {
                    let outcome = pending.await.map(|()| verified);
                    if let Some(new_entry) = new_entry {
                        pipeline.store(&token, new_entry, &outcome);
                    }
                    pipeline.report(&watch, &outcome);
                    outcome
                })
            }
        }
    }

    /// Finds a token in the cache and repeats the checks that depend on more than the token: its issuer, the issuer's keys, the
    /// time. `None` if it must be verified from the start.
    fn find_cached(
        &self,
        token: &[u8],
        location: Option<Location>,
        watch: &mut Watch,
    ) -> Option<Result<Verified, Error>> {
        let cache = self.cache.as_ref().filter(|cache| !cache.keeps_digests())?;
        let found = cache.read_token(token, |entry| {
            let now = self.context.clock.now();
            let cached = self.current_claims(entry, now)?;
            watch.set_issuer(entry.issuer.name.as_ref());
            Some(self.check_cached(&entry.issuer, cached, now))
        });
        observe_look_up(&self.context.observer, matches!(found, Some(Some(_))));
        let (parts, issuer) = match found? {
            Some(Ok(found)) => found,
            outdated => {
                cache.forget(token);
                return outdated.map(|times| times.map(|(parts, _)| Verified::new(parts, location)));
            }
        };
        let verified = Verified::new(parts, location);
        if let Some(issuer) = issuer {
            let claims = verified.registered();
            if let Err(error) = issuer.policy.check_resource(&claims, verified.payload(), &self.resource) {
                return Some(Err(error));
            }
        }
        Some(Ok(verified))
    }

    /// Checks the times of a cached token. Returns its claims, and its issuer if the audience must be checked too.
    fn check_cached(
        &self,
        issuer: &Arc<Issuer>,
        cached: &CachedClaims,
        now: Duration,
    ) -> Result<(Arc<Parts>, Option<Arc<Issuer>>), Error> {
        if !cached.fitting.contain(now.into()) {
            let leeway = self.context.leeway;
            let times = issuer.policy.check_times(&cached.times, now.into(), leeway);
            times.map_err(|error| explain::times(error, issuer, &cached.times, now, leeway))?;
        }
        let parts = match cached.parts.is_of(&self.context) {
            true => Arc::clone(&cached.parts),
            false => other_context(&cached.parts, &self.context),
        };
        Ok((parts, (!matches!(self.resource, RequestedResource::Any)).then(|| Arc::clone(issuer))))
    }

    /// Returns the claims of a cached token if its issuer and key are still in use.
    fn current_claims<'e>(&self, entry: &'e Entry, now: Duration) -> Option<&'e CachedClaims> {
        let Entry { issuer, generation, .. } = entry;
        let cached = entry.claims()?;
        let is_trusted = !cached.resolved || self.issuers.still_resolves(issuer);
        (is_trusted && issuer.keys.generation(now) == Some(*generation)).then_some(cached)
    }

    /// Stores a new token in the cache if it was accepted.
    fn store(&self, token: &[u8], new_entry: NewEntry, outcome: &Result<Verified, Error>) {
        if let (Some(cache), Ok(verified)) = (&self.cache, outcome) {
            cache.insert(token, new_entry, verified.parts());
            let TokenCacheStatus { entries, bytes } = cache.status();
            self.context.observer.observe(Event::CacheStored { entries, bytes });
        }
    }

    /// Waits and repeats the checks from the start: nothing half verified is kept across a wait.
    async fn attempt_after(
        &self,
        token: &str,
        location: Option<Location>,
        (mut wait, signature): (Wait, Signature),
        watch: &mut Watch,
    ) -> Result<ValidToken, Error> {
        let mut waited = Waited::default();
        loop {
            let already = match wait {
                Wait::Keys(fetch) => {
                    fetch.await;
                    std::mem::replace(&mut waited.keys, true)
                }
                #[cfg(feature = "remote")]
                Wait::Issuer(resolution) => {
                    resolution.await.map_err(|error| error.at(Check::Issuer))?;
                    std::mem::replace(&mut waited.issuer, true)
                }
            };
            // A key source that breaks its contract would wait forever.
            if already {
                return Err(Error::from(ErrorKind::KeysUnavailable).at(Check::Key));
            }
            match self.check_token(token, location, waited, signature, watch)? {
                Attempt::Done(valid) => return Ok(valid),
                Attempt::Wait(next) => wait = next,
            }
        }
    }

    /// Runs the checks. Cheap checks come first, and nothing from the token is trusted before the check it depends on.
    fn check_token(
        &self,
        token: &str,
        location: Option<Location>,
        waited: Waited,
        signature: Signature,
        watch: &mut Watch,
    ) -> Result<Attempt, Error> {
        let malformed = |check| move |kind| explain::token(kind, check, token);
        let compact = Compact::split(token.as_bytes(), self.limits).map_err(malformed(Check::Form))?;
        let mut buffer = Bytes::new();
        let header = header_cache::read(&compact, &mut buffer).map_err(malformed(Check::Header))?;
        let mut payload = Bytes::new();
        let text = compact.payload(&mut payload).map_err(malformed(Check::Claims))?;
        let mut members = Members::default();
        let claims = RegisteredClaims::read_members(text, &mut members).map_err(explain::payload)?;
        // RFC 8725 section 3.8: only the issuer's own keys are used. A token of an untrusted issuer is refused here, before any
        // key is looked up or fetched.
        #[cfg(feature = "remote")]
        let found;
        #[cfg_attr(not(feature = "remote"), expect(unused_mut, reason = "only a resolver sets it"))]
        let mut resolved = false;
        let issuer = match self.issuers.find_issuer(&claims, header.token_type.as_deref(), waited.issuer) {
            FoundIssuer::Given(issuer) => issuer,
            #[cfg(feature = "remote")]
            FoundIssuer::Resolved(issuer) => {
                (found, resolved) = (issuer, true);
                &found
            }
            FoundIssuer::Unknown => return Err(explain::issuer(&self.issuers, claims.issuer())),
            #[cfg(feature = "remote")]
            FoundIssuer::Unavailable(error) => return Err(error.at(Check::Issuer)),
            #[cfg(feature = "remote")]
            FoundIssuer::Resolve(resolution) => return Ok(Attempt::Wait(Wait::Issuer(resolution))),
        };
        watch.set_issuer(issuer.name.as_ref());
        if signature.is_checked() && !issuer.algorithms.contains(&header.algorithm) {
            return Err(explain::algorithm(issuer, header.algorithm));
        }
        if let Err(error) = issuer.policy.check_type(header.token_type.as_deref()) {
            return Err(explain::token_type(error, issuer, header.token_type.as_deref()));
        }
        issuer.policy.check_identifiers(&claims)?;

        let now = self.context.clock.now();
        let check_claims = || {
            issuer.policy.check_claims(&claims, text, now.into(), self.context.leeway)?;
            issuer.policy.check_resource(&claims, text, &self.resource)?;
            issuer.policy.check_id_token(header.token_type.as_deref(), &claims)
        };
        let signed = if signature.is_checked() {
            let wanted = Wanted {
                now: Some(now),
                fetched: waited.keys,
                ..Wanted::new(header.key_id.as_deref(), header.algorithm)
            };
            let check = SignatureCheck { cache: self.cache.as_deref(), observer: &self.context.observer };
            match check.run(token, &compact, issuer, &wanted, || check_claims().is_ok())? {
                Signed::By { key, generation, is_known } => Some((key, generation, is_known)),
                Signed::Wait(fetch) => return Ok(Attempt::Wait(Wait::Keys(fetch))),
            }
        } else {
            None
        };
        let is_known = matches!(signed, Some((_, _, true)));
        if let Err(error) = check_claims() {
            if is_known && let Some(cache) = &self.cache {
                cache.forget(token.as_bytes());
            }
            return Err(explain::claims(error, issuer, &claims, text, now, self.context.leeway));
        }
        // It was read with the other claims.
        let confirmation = issuer.policy.sender.confirmation(&claims, text);
        let confirmation = confirmation.map_err(|error| error.at(Check::Confirmation))?;
        self.issuers.note_verified(issuer);
        let times = Times::of(&claims);
        header.remember(&compact);
        let metadata = TokenMetadata {
            algorithm: header.algorithm,
            key_id: header.key_id.as_deref().map(|kid| match &signed {
                Some((key, ..)) => key.shared_kid(kid),
                None => kid.into(),
            }),
            token_type: header.token_type.as_deref().map(owned_type),
            confirmation: confirmation.map(Arc::new),
            identity: self.revocations.as_ref().and_then(|_| IdentityIndex::of(text, &claims)),
            context: Arc::clone(&self.context),
            members,
        };
        let generation = signed.and_then(|(_, generation, is_known)| generation.filter(|_| !is_known));
        let new_entry = generation.map(|generation| {
            let fitting = issuer.policy.fitting_seconds(&times, self.context.leeway);
            NewEntry { issuer: Arc::clone(issuer), resolved, generation, times, fitting }
        });
        Ok(Attempt::Done(ValidToken { verified: Verified::new(Parts::new(metadata, text), location), new_entry }))
    }

    /// Checks everything that can change while the token stays the same: who sends it, whether it was revoked, and the application's
    /// requirements. The use of a proof is recorded last.
    #[inline]
    fn check_current<'s>(
        self: &Arc<Self>,
        token: &[u8],
        verified: &mut Verified,
        sender: impl FnOnce() -> Option<Sender<'s>>,
    ) -> Step<Result<(), Error>> {
        // Most tokens are bearer tokens. They need no look at proofs and certificates.
        if verified.confirmation().is_none() && !matches!(verified.location(), Some(Location::Dpop)) {
            return self.check_standing(verified);
        }
        self.check_sender_and_standing(token, verified, sender().as_ref())
    }

    #[cold]
    fn check_sender_and_standing(
        self: &Arc<Self>,
        token: &[u8],
        verified: &mut Verified,
        sender: Option<&Sender<'_>>,
    ) -> Step<Result<(), Error>> {
        let used = match self.check_sender(token, verified, sender) {
            Ok(used) => used,
            Err(error) => return Step::Ready(Err(error.at(Check::Confirmation))),
        };
        let standing = self.check_standing(verified);
        let Some(used) = used else { return standing };
        verified.set_nonce_ending(used.nonce_ends);
        standing.then(|outcome| match outcome {
            Ok(()) => used.record().map(|recorded| recorded.map_err(|error| error.at(Check::Confirmation))),
            Err(error) => Step::Ready(Err(error)),
        })
    }

    fn check_sender(
        &self,
        token: &[u8],
        verified: &Verified,
        sender: Option<&Sender<'_>>,
    ) -> Result<Option<ProofUsed>, Error> {
        let Some(senders) = &self.senders else {
            // Without the settings to check it, a bound token is refused, and never treated as a bearer token.
            let is_bound = verified.confirmation().is_some();
            return if is_bound { Err(ErrorKind::UnsupportedConfirmation.into()) } else { Ok(None) };
        };
        senders.check(token, verified, sender, Moment::of(&*self.context.clock))
    }

    #[inline]
    fn check_standing(self: &Arc<Self>, verified: &Verified) -> Step<Result<(), Error>> {
        let Some(revocations) = &self.revocations else { return self.check_requirements(verified) };
        match revocations.start(verified) {
            Ok(None) => self.check_requirements(verified),
            Ok(Some(standing)) => {
                let (pipeline, revocations, verified) = (Arc::clone(self), Arc::clone(revocations), verified.clone());
                Step::pending(async move {
                    revocations.accept(standing.await).map_err(|error| error.at(Check::Revocation))?;
                    pipeline.check_requirements(&verified).wait().await
                })
            }
            Err(error) => Step::Ready(Err(error.at(Check::Revocation))),
        }
    }

    #[inline]
    fn check_requirements(&self, verified: &Verified) -> Step<Result<(), Error>> {
        if self.requirements.is_empty() {
            return Step::Ready(Ok(()));
        }
        decide_all(&self.requirements, verified).map(|outcome| outcome.map_err(refused))
    }

    fn watch(&self) -> Watch {
        Watch::start(&self.context.observer, &*self.context.clock)
    }

    /// Reports the outcome of a verification.
    #[inline]
    fn report(&self, watch: &Watch, outcome: &Result<Verified, Error>) {
        // Most requests: the token is good, and nothing is logged or measured.
        if outcome.is_ok() && watch.is_silent() {
            self.context.observer.observe(Event::Accepted);
        } else {
            self.report_in_full(watch, outcome);
        }
    }

    #[cold]
    fn report_in_full(&self, watch: &Watch, outcome: &Result<Verified, Error>) {
        let VerifierContext { observer, clock, warned, .. } = &*self.context;
        watch.report(observer, &**clock, outcome.as_ref().map(drop));
        if watch.is_traced()
            && let Ok(verified) = outcome
        {
            let subject = || Some(Cow::Owned(verified.registered().subject()?.to_owned()));
            watch.record_sender(subject, || verified.actor()?.subject());
        }
        if let Err(error) = outcome
            && error.is_setup_fault()
            && warned.due(error.code(), clock.monotonic()).is_some()
        {
            tracing::warn!(
                outcome = error.code(),
                detail = error.detail().as_deref(),
                "tokens are refused, probably because of a setting"
            );
        }
    }

    /// Reports an error and returns it.
    #[cold]
    fn refuse(&self, watch: &Watch, error: Error) -> Result<Verified, Error> {
        let outcome = Err(error);
        self.report(watch, &outcome);
        outcome
    }
}

/// Returns a copy of a token that was verified for another resource.
#[cold]
fn other_context(parts: &Parts, context: &Arc<VerifierContext>) -> Arc<Parts> {
    parts.in_context(context)
}

/// Returns a header's `typ`. The two most common ones are not copied.
fn owned_type(token_type: &str) -> Cow<'static, str> {
    match token_type {
        "JWT" => Cow::Borrowed("JWT"),
        "at+jwt" => Cow::Borrowed("at+jwt"),
        _ => Cow::Owned(token_type.to_owned()),
    }
}

/// The error for a token that does not meet a requirement of the verifier: the token is not valid, so 401 instead of 403.
fn refused(mut error: Error) -> Error {
    if !is_not_met(&error) {
        return error.at(Check::Requirements);
    }
    Error::from(ErrorKind::RuleRefused).at(Check::Requirements).with_detail(error.take_detail())
}
