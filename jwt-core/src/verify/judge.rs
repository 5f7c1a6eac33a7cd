use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::authorize::{Requirement, decide_all, is_not_met};
use crate::claim_rules::Times;
use crate::claims::{ClaimsError, RegisteredClaims};
use crate::error::{Error, ErrorKind};
use crate::gate::ResourceMetadata;
use crate::http::token::Location;
use crate::jose::compact::{Bytes, Compact, Limits};
use crate::jose::header_cache;
use crate::json::Members;
use crate::keys::{Lookup, Wanted};
use crate::observe::{Event, Watch};
use crate::revocation::Standing;
use crate::step::{Pending, Step};
use crate::verified::{Facts, Parts, Verified, VerifierContext};

use super::cache::{CacheStatus, Entry, Known, Proven, Store};
use super::issuers::Issuers;
use super::prepare::Issuer;
use super::revocations::Revocations;
use super::trust::Trust;

/// What a verifier and its clones share: what judges.
pub(super) struct Judge {
    pub(super) issuers: Issuers,
    pub(super) limits: Limits,
    pub(super) revocations: Option<Arc<Revocations>>,
    pub(super) requirements: Vec<Box<dyn Requirement>>,
    pub(super) cache: Option<Store>,
    pub(super) metadata: Option<ResourceMetadata>,
    pub(super) context: Arc<VerifierContext>,
}

/// One attempt's outcome.
enum Attempt {
    Decided(Result<Sound, Error>),
    Wait(Wait),
}

/// A token of which nothing is left to ask but what its examination does.
struct Sound {
    verified: Verified,
    /// What the cache is to know of it, once it has passed that too.
    proven: Option<Proven>,
}

/// What must be waited for before the next attempt.
enum Wait {
    Keys(Pin<Box<dyn Future<Output = ()> + Send>>),
    #[cfg(feature = "remote")]
    Issuer(super::trust::Resolution),
}

/// What has been waited for already: nothing twice.
#[derive(Clone, Copy, Default)]
struct Waited {
    issuer: bool,
    keys: bool,
}

/// What is left to do about a sound token.
enum Examination {
    Passed,
    Waits(ExaminationStep),
}

/// What an examination waits for.
enum ExaminationStep {
    /// The revocation list. The requirements come after it.
    Revocations(Pending<Standing>),
    Requirements(Pending<Result<(), Error>>),
}

impl Judge {
    /// Judges a token of which nobody knows yet whether it is text. One that is known is looked at no further.
    pub(super) fn begin<'t>(
        self: &Arc<Self>,
        token: &'t [u8],
        text: impl Fn() -> Result<&'t str, ErrorKind>,
        location: Option<Location>,
    ) -> Step<Result<Verified, Error>> {
        let mut watch = self.watch();
        let attempt = match self.recall(token, location, &mut watch) {
            Some(outcome) => Attempt::Decided(outcome),
            None => match text() {
                Ok(text) => self.attempt(text, location, Waited::default(), &mut watch),
                Err(kind) => Attempt::Decided(Err(kind.into())),
            },
        };
        match attempt {
            Attempt::Decided(Err(error)) => Step::Ready(self.report(&watch, Err(error))),
            Attempt::Decided(Ok(sound)) => match self.examine(&sound.verified) {
                Ok(Examination::Passed) => Step::Ready(self.report(&watch, Ok(self.keep(token, sound)))),
                Err(error) => Step::Ready(self.report(&watch, Err(error))),
                Ok(Examination::Waits(step)) => {
                    let judge = Arc::clone(self);
                    let token = if sound.proven.is_some() { token.to_owned() } else { Vec::new() };
                    Step::pending(async move {
                        let examined = judge.examine_later(&sound.verified, step).await;
                        judge.report(&watch, examined.map(|()| judge.keep(&token, sound)))
                    })
                }
            },
            Attempt::Wait(wait) => {
                // It was read already, so the fallback is never taken.
                let (judge, token) = (Arc::clone(self), text().unwrap_or_default().to_owned());
                Step::pending(async move {
                    let outcome = judge.attempt_and_examine(&token, location, wait, &mut watch).await;
                    judge.report(&watch, outcome.map(|sound| judge.keep(token.as_bytes(), sound)))
                })
            }
        }
    }

    /// Judges a token that was verified before, by what may have changed since: its issuer, the issuer's keys, the time.
    /// `None` for all others.
    fn recall(&self, token: &[u8], location: Option<Location>, watch: &mut Watch) -> Option<Result<Sound, Error>> {
        let cache = self.cache.as_ref().filter(|cache| !cache.keeps_digests())?;
        let found = cache.find(token);
        let standing = found.as_ref().and_then(|entry| {
            let now = self.context.clock.now();
            Some((entry, self.standing(entry, now)?, now))
        });
        self.looked_up(standing.is_some());
        let Some((entry, known, now)) = standing else {
            if found.is_some() {
                cache.forget(token);
            }
            return None;
        };
        watch.saw(entry.issuer.name.as_ref());
        let leeway = self.context.leeway;
        if let Err(error) = entry.issuer.policy.check_times(&known.times, now.into(), leeway) {
            cache.forget(token);
            return Some(Err(error));
        }
        let verified = Verified::new(Arc::clone(&known.parts), location);
        Some(Ok(Sound { verified, proven: None }))
    }

    /// What is known of a token whose signature would be verified by the same key of the same issuer.
    fn standing<'e>(&self, entry: &'e Entry, now: Duration) -> Option<&'e Known> {
        let Entry { issuer, generation, .. } = entry;
        let known = entry.known()?;
        let is_there = !known.resolved || self.issuers.still_resolves(issuer);
        (is_there && issuer.keys.generation(now) == Some(*generation)).then_some(known)
    }

    /// Whether the cache knows, by the token's digest, that this generation of the issuer's keys has signed it.
    fn is_signed(&self, token: &str, issuer: &Arc<Issuer>, generation: Option<u64>) -> bool {
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.keeps_digests()) else { return false };
        let entry = cache.find(token.as_bytes());
        let is_of_it = |entry: &Arc<Entry>| Arc::ptr_eq(&entry.issuer, issuer) && Some(entry.generation) == generation;
        let found = entry.as_ref().is_some_and(is_of_it);
        self.looked_up(found);
        if entry.is_some() && !found {
            cache.forget(token.as_bytes());
        }
        found
    }

    fn looked_up(&self, found: bool) {
        self.context.observer.observe(if found { Event::CacheHit } else { Event::CacheMiss });
    }

    /// Remembers a token that was accepted.
    fn keep(&self, token: &[u8], sound: Sound) -> Verified {
        if let (Some(cache), Some(proven)) = (&self.cache, sound.proven) {
            cache.keep(token, proven, sound.verified.parts());
            let CacheStatus { entries, bytes } = cache.status();
            self.context.observer.observe(Event::CacheStored { entries, bytes });
        }
        sound.verified
    }

    /// Waits, and judges anew from the start: nothing that was half verified is kept across a wait.
    async fn attempt_again(
        &self,
        token: &str,
        location: Option<Location>,
        mut wait: Wait,
        watch: &mut Watch,
    ) -> Result<Sound, Error> {
        let mut waited = Waited::default();
        loop {
            let already = match wait {
                Wait::Keys(fetch) => {
                    fetch.await;
                    std::mem::replace(&mut waited.keys, true)
                }
                #[cfg(feature = "remote")]
                Wait::Issuer(resolution) => {
                    resolution.await?;
                    std::mem::replace(&mut waited.issuer, true)
                }
            };
            // A source that does not keep its contract ends here.
            if already {
                return Err(ErrorKind::KeysUnavailable.into());
            }
            match self.attempt(token, location, waited, watch) {
                Attempt::Decided(outcome) => return outcome,
                Attempt::Wait(next) => wait = next,
            }
        }
    }

    fn attempt(&self, token: &str, location: Option<Location>, waited: Waited, watch: &mut Watch) -> Attempt {
        match self.check(token, location, waited, watch) {
            Ok(attempt) => attempt,
            Err(error) => Attempt::Decided(Err(error)),
        }
    }

    /// The checks, in their order: each costs more than the one before, and none that follows needs trust in one that
    /// has not been made.
    fn check(
        &self,
        token: &str,
        location: Option<Location>,
        waited: Waited,
        watch: &mut Watch,
    ) -> Result<Attempt, Error> {
        let compact = Compact::split(token, self.limits)?;
        let mut buffer = Bytes::new();
        let header = header_cache::read(&compact, &mut buffer)?;
        let mut payload = Bytes::new();
        let text = compact.payload(&mut payload)?;
        let mut members = Members::default();
        let claims = RegisteredClaims::read_members(text, &mut members).map_err(malformed)?;
        // RFC 8725 section 3.8: the issuer chooses the keys, so that a key never speaks for another issuer. What is not
        // trusted ends here, before any key is looked for or fetched.
        #[cfg(feature = "remote")]
        let found;
        #[cfg_attr(not(feature = "remote"), expect(unused_mut, reason = "only a resolver finds some"))]
        let mut resolved = false;
        let issuer = match self.issuers.find(claims.issuer(), waited.issuer) {
            Trust::Given(issuer) => issuer,
            #[cfg(feature = "remote")]
            Trust::Resolved(issuer) => {
                (found, resolved) = (issuer, true);
                &found
            }
            Trust::Unknown => return Err(ErrorKind::UnknownIssuer.into()),
            #[cfg(feature = "remote")]
            Trust::Unavailable(error) => return Err(error),
            #[cfg(feature = "remote")]
            Trust::Resolve(resolution) => return Ok(Attempt::Wait(Wait::Issuer(resolution))),
        };
        watch.saw(issuer.name.as_ref());
        if !issuer.algorithms.contains(&header.algorithm) {
            return Err(ErrorKind::AlgorithmNotAllowed.into());
        }
        issuer.policy.check_type(header.token_type.as_deref())?;

        let now = self.context.clock.now();
        // Before the key is looked for: should the keys change now, nothing is remembered for longer than it holds.
        let generation = self.cache.as_ref().and_then(|_| issuer.keys.generation(now));
        let wanted =
            Wanted { now: Some(now), fetched: waited.keys, ..Wanted::new(header.key_id.as_deref(), header.algorithm) };
        let key = match issuer.keys.find_key(&wanted) {
            Lookup::Ready(key) => key,
            Lookup::Fetch(fetch) => return Ok(Attempt::Wait(Wait::Keys(fetch))),
            Lookup::Unknown => return Err(ErrorKind::UnknownKey.into()),
            Lookup::Ambiguous => return Err(ErrorKind::AmbiguousKey.into()),
            Lookup::Unavailable(after) => {
                let error = Error::from(ErrorKind::KeysUnavailable);
                return Err(match after {
                    Some(after) => error.with_retry_after(after),
                    None => error,
                });
            }
        };
        // RFC 8725 section 3.1: the key, not the header, decides the algorithm.
        if key.algorithm() != header.algorithm {
            return Err(ErrorKind::BadSignature.into());
        }
        let known = self.is_signed(token, issuer, generation);
        if !known && !key.verify(compact.signing_input(), compact.signature(&mut Bytes::new())?) {
            return Err(ErrorKind::BadSignature.into());
        }

        if let Err(error) = issuer.policy.check_claims(&claims, text, now.into(), self.context.leeway) {
            if known && let Some(cache) = &self.cache {
                cache.forget(token.as_bytes());
            }
            return Err(error);
        }
        self.issuers.note_verified(issuer);
        let times = Times::of(&claims);
        header.remember(&compact);
        let facts = Facts {
            algorithm: header.algorithm,
            key_id: header.key_id.as_deref().map(|kid| key.shared_kid(kid)),
            token_type: header.token_type.as_deref().map(shared_type),
            context: Arc::clone(&self.context),
            members,
        };
        let news = generation.filter(|_| !known);
        let proven = news.map(|generation| Proven { issuer: Arc::clone(issuer), resolved, generation, times });
        Ok(Attempt::Decided(Ok(Sound { verified: Verified::new(Parts::new(facts, text), location), proven })))
    }

    async fn attempt_and_examine(
        &self,
        token: &str,
        location: Option<Location>,
        wait: Wait,
        watch: &mut Watch,
    ) -> Result<Sound, Error> {
        let sound = self.attempt_again(token, location, wait, watch).await?;
        match self.examine(&sound.verified)? {
            Examination::Passed => {}
            Examination::Waits(step) => self.examine_later(&sound.verified, step).await?,
        }
        Ok(sound)
    }

    /// Checks what can change while the token stays the same: whether it was revoked, and the application's requirements.
    fn examine(&self, verified: &Verified) -> Result<Examination, Error> {
        if let Some(revocations) = &self.revocations
            && let Some(standing) = revocations.ask(verified)?
        {
            return Ok(Examination::Waits(ExaminationStep::Revocations(standing)));
        }
        match decide_all(&self.requirements, verified) {
            Step::Ready(outcome) => outcome.map(|()| Examination::Passed).map_err(refused),
            Step::Pending(pending) => Ok(Examination::Waits(ExaminationStep::Requirements(pending))),
        }
    }

    /// Does what is left of an examination that waits.
    async fn examine_later(&self, verified: &Verified, step: ExaminationStep) -> Result<(), Error> {
        let outcome = match step {
            ExaminationStep::Revocations(standing) => {
                if let Some(revocations) = &self.revocations {
                    revocations.judge(standing.await)?;
                }
                decide_all(&self.requirements, verified).wait().await
            }
            ExaminationStep::Requirements(pending) => pending.await,
        };
        outcome.map_err(refused)
    }

    fn watch(&self) -> Watch {
        Watch::start(&*self.context.observer, &*self.context.clock)
    }

    fn report(&self, watch: &Watch, outcome: Result<Verified, Error>) -> Result<Verified, Error> {
        let VerifierContext { observer, clock, .. } = &*self.context;
        watch.end(&**observer, &**clock, outcome.as_ref().map(drop));
        outcome
    }
}

/// The error for a token that doesn't meet a requirement of the verifier: the token is not valid, so 401 instead of 403.
fn refused(error: Error) -> Error {
    if !is_not_met(&error) {
        return error;
    }
    let refused = Error::from(ErrorKind::RuleRefused);
    match error.detail() {
        Some(detail) => refused.with_detail(detail),
        None => refused,
    }
}

/// The types that nearly every token has are not copied.
fn shared_type(token_type: &str) -> Cow<'static, str> {
    match token_type {
        "JWT" => Cow::Borrowed("JWT"),
        "at+jwt" => Cow::Borrowed("at+jwt"),
        _ => Cow::Owned(token_type.to_owned()),
    }
}

fn malformed(error: ClaimsError) -> Error {
    let kind = Error::from(ErrorKind::MalformedClaims);
    match error {
        ClaimsError::Payload => kind,
        ClaimsError::Claim(name) => kind.with_detail(name),
    }
}
