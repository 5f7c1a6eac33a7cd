use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::BoxError;
use crate::error::BuildError;
use crate::error::{Error, ErrorKind};
use crate::keys::{Budget, Quota};
use crate::verify::issuers::issuer::{FoundIssuer, Issuer, Resolution};
use crate::verify::issuers::prepare::PrepareContext;
use crate::verify::issuers::trusted_issuer::TrustedIssuer;

use super::rejected_names::{RejectReason, RejectedNames, Warnings};
use super::settings::{Answer, IssuerResolver};
use super::table::{EvictionOrder, Removed, Table};
use super::tenancy::{Freshness, Lifetimes, Tenancy};

/// The longest that `look_up` may take.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a token waits. The look-up's own timeout ends first.
const LONGEST_WAIT: Duration = Duration::from_secs(11);

/// A running [`IssuerResolver`]. Clones share their state.
#[derive(Clone)]
pub(in crate::verify) struct Resolver(Arc<Inner>);

struct Inner {
    settings: IssuerResolver,
    context: PrepareContext,
    look_ups: Budget,
    fetches: Arc<Budget>,
    table: Table,
    /// Tokens of live issuers don't lock it, and it's never locked during a look-up.
    state: Mutex<State>,
}

/// State that changes only when issuers come and go.
struct State {
    order: EvictionOrder,
    in_flight: HashMap<Arc<str>, LookUp>,
    /// How many look-ups have started.
    started: u64,
    rejected: RejectedNames,
    warnings: Warnings,
}

/// A look-up in flight.
struct LookUp {
    number: u64,
    started: Duration,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// The outcome of a look-up.
#[derive(Clone, Copy)]
enum Outcome {
    Known,
    Unknown,
    /// The next may start after this time.
    Failed(Option<Duration>),
}

/// Why a look-up gave no usable issuer.
enum Failure {
    LookUp(BoxError),
    Settings(BuildError),
    OtherIssuer,
    Timeout,
    /// The task panicked, or its runtime is gone.
    Dropped,
}

impl IssuerResolver {
    pub(in crate::verify) fn prepare(self, context: PrepareContext) -> Result<Resolver, BuildError> {
        self.check_settings()?;
        let budget = |(at_once, per_second)| Budget::new(at_once, per_second);
        Ok(Resolver(Arc::new(Inner {
            look_ups: budget(self.look_ups),
            fetches: Arc::new(budget(self.key_fetches)),
            table: Table::new(),
            state: Mutex::new(State {
                order: EvictionOrder::new(self.max_issuers, self.unproven_issuers()),
                in_flight: HashMap::new(),
                started: 0,
                rejected: RejectedNames::default(),
                warnings: Warnings::default(),
            }),
            context: PrepareContext { hosts: self.hosts.clone(), ..context },
            settings: self,
        })))
    }
}

impl Resolver {
    /// Finds the issuer of a token. `waited` says that the token has already waited for a look-up.
    pub(in crate::verify) fn find_issuer(&self, name: &str, waited: bool) -> FoundIssuer<'static> {
        // This comes before any I/O, so a forged name costs nothing.
        if !(self.0.settings.admits)(name) {
            return FoundIssuer::Unknown;
        }
        let now = self.0.now();
        if let Some(issuer) = self.0.table.find_live(name)
            && self.is_usable(&issuer, now)
        {
            return FoundIssuer::Resolved(issuer);
        }
        if waited {
            return FoundIssuer::Unavailable(ErrorKind::KeysUnavailable.into());
        }
        self.look_up(name, now)
    }

    /// Whether cached tokens of this issuer may still be accepted.
    pub(in crate::verify) fn still_trusts(&self, issuer: &Arc<Issuer>) -> bool {
        let (Some(tenancy), Some(name)) = (&issuer.tenancy, &issuer.name) else { return false };
        let is_good = !tenancy.has_ended() && (self.0.settings.admits)(name) && self.is_usable(issuer, self.0.now());
        if is_good {
            tenancy.note_use();
        }
        is_good
    }

    /// Notes that a token of this issuer was verified. Only that counts as use.
    pub(in crate::verify) fn note_verified(&self, issuer: &Arc<Issuer>) {
        let Some(tenancy) = &issuer.tenancy else { return };
        if tenancy.quota.is_proven() {
            tenancy.note_use();
        } else {
            self.0.with_state(|state, removed| state.order.prove(&self.0.table, issuer, removed));
        }
    }

    /// Forgets everything about a name, including its issuer.
    pub(in crate::verify) fn forget(&self, name: &str) {
        let Inner { table, .. } = &*self.0;
        self.0.with_state(|state, removed| {
            // The answer of a look-up in flight may be older than this call.
            state.in_flight.remove(name);
            state.rejected.forget(table.hash(name));
            if let Some(issuer) = table.find_live(name) {
                state.order.end(table, issuer, removed);
            }
        });
    }

    /// Returns the issuers in use, whose keys are kept current.
    pub(in crate::verify) fn in_use(&self) -> Vec<Arc<Issuer>> {
        let now = self.0.now();
        let is_in_use = |issuer: &Arc<Issuer>| {
            issuer.tenancy.as_ref().is_some_and(|tenancy| tenancy.freshness(now) != Freshness::Expired)
        };
        self.0.table.proven().into_iter().filter(is_in_use).collect()
    }

    /// Whether the issuer may be used now. Starts a look-up in the background if that is due.
    fn is_usable(&self, issuer: &Arc<Issuer>, now: Duration) -> bool {
        let (Some(tenancy), Some(name)) = (&issuer.tenancy, &issuer.name) else { return false };
        match tenancy.freshness(now) {
            Freshness::Fresh => true,
            Freshness::Due => {
                // Other tokens need not start another look-up meanwhile.
                tenancy.renew_after(now.saturating_add(LONGEST_WAIT));
                let task = self.0.with_state(|state, _| match state.look_up_in_flight(name, now) {
                    Some(_) => None,
                    None => Some(self.start(state, name, now).1),
                });
                task.into_iter().for_each(LookUpTask::spawn);
                true
            }
            Freshness::Expired => false,
        }
    }

    /// Looks a name up for a token that waits for it, unless the answer is known.
    fn look_up(&self, name: &str, now: Duration) -> FoundIssuer<'static> {
        let Inner { table, look_ups, .. } = &*self.0;
        let outage = |after| (FoundIssuer::Unavailable(unavailable(Some(after))), None);
        let (found, task) = self.0.with_state(|state, _| {
            let before = table.find_live(name);
            if let Some(issuer) = &before
                && issuer.tenancy.as_ref().is_some_and(|tenancy| tenancy.freshness(now) != Freshness::Expired)
            {
                // Another thread has stored it meanwhile.
                return (FoundIssuer::Resolved(Arc::clone(issuer)), None);
            }
            if let Some(outcome) = state.look_up_in_flight(name, now) {
                return (FoundIssuer::Resolve(wait_for(outcome)), None);
            }
            match state.rejected.find_reason(table.hash(name), now) {
                Some(RejectReason::Unknown) => return (FoundIssuer::Unknown, None),
                Some(RejectReason::Failing(after)) => return outage(after),
                None => {}
            }
            let tenancy = before.as_ref().and_then(|issuer| issuer.tenancy.as_ref());
            if let Some(after) = tenancy.and_then(|tenancy| tenancy.backoff_left(now)) {
                return outage(after);
            }
            // A name with a verified token is looked up once per lifetime, no matter how many tokens name it.
            if !tenancy.is_some_and(|tenancy| tenancy.quota.is_proven())
                && let Err(after) = look_ups.take(now)
            {
                return outage(after);
            }
            let (outcome, task) = self.start(state, &Arc::from(name), now);
            (FoundIssuer::Resolve(wait_for(outcome)), Some(task))
        });
        task.into_iter().for_each(LookUpTask::spawn);
        found
    }

    /// Registers a look-up. The caller spawns it after the state is unlocked.
    fn start(
        &self,
        state: &mut State,
        name: &Arc<str>,
        now: Duration,
    ) -> (watch::Receiver<Option<Outcome>>, LookUpTask) {
        let (sender, outcome) = watch::channel(None);
        state.started += 1;
        let number = state.started;
        state.in_flight.insert(Arc::clone(name), LookUp { number, started: now, outcome: outcome.clone() });
        let (resolver, name) = (self.clone(), Arc::clone(name));
        (outcome, LookUpTask { resolver, name, number, answer: None, sender: Some(sender) })
    }
}

impl Inner {
    fn now(&self) -> Duration {
        self.context.clock.monotonic()
    }

    /// Runs `act` on the locked state. Removed issuers are dropped after it's unlocked.
    fn with_state<R>(&self, act: impl FnOnce(&mut State, &mut Removed) -> R) -> R {
        let mut removed = Removed::new();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state, &mut removed);
        drop(state);
        drop(removed);
        result
    }

    /// Stores the answer of a look-up, unless the name was forgotten meanwhile.
    fn store_answer(&self, name: &Arc<str>, number: u64, answer: Result<Option<TrustedIssuer>, Failure>) -> Outcome {
        let (now, hash) = (self.now(), self.table.hash(name));
        let before = self.table.find_live(name);
        let found = answer.and_then(|answer| self.prepare_answer(name, answer, before.as_ref(), now));
        let (outcome, warned) = self.with_state(|state, removed| {
            // If the name was forgotten or the look-up was given up, the answer is discarded.
            if state.in_flight.get(name).is_none_or(|look_up| look_up.number != number) {
                return (Outcome::Failed(None), None);
            }
            state.in_flight.remove(name);
            match found {
                Ok(Found::Same(tenancy)) => {
                    tenancy.confirm(now);
                    state.rejected.forget(hash);
                    (Outcome::Known, None)
                }
                Ok(Found::New(issuer)) => {
                    state.order.insert(&self.table, name, &issuer, removed);
                    state.rejected.forget(hash);
                    (Outcome::Known, None)
                }
                Ok(found @ (Found::Nothing | Found::Other)) => {
                    if let Some(issuer) = before {
                        state.order.end(&self.table, issuer, removed);
                    }
                    state.rejected.remember_unknown(hash, now.saturating_add(self.settings.unknown_lifetime));
                    let is_warned = matches!(found, Found::Other) && state.warnings.may_warn(hash, now);
                    (Outcome::Unknown, is_warned.then_some(Failure::OtherIssuer))
                }
                Err(failure) => {
                    let known = before.as_ref().and_then(|issuer| issuer.tenancy.as_ref());
                    let after = match known.filter(|tenancy| tenancy.quota.is_proven()) {
                        Some(tenancy) => tenancy.fail(now),
                        None => state.rejected.remember_failure(hash, now),
                    };
                    let warned = state.warnings.may_warn(hash, now).then_some(failure);
                    (Outcome::Failed(Some(after)), warned)
                }
            }
        });
        if let Some(failure) = warned {
            failure.warn(name);
        }
        outcome
    }

    /// Prepares the issuer that `look_up` returned, unless it's the live one.
    fn prepare_answer(
        &self,
        name: &Arc<str>,
        answer: Option<TrustedIssuer>,
        before: Option<&Arc<Issuer>>,
        now: Duration,
    ) -> Result<Found, Failure> {
        let Some(settings) = answer else { return Ok(Found::Nothing) };
        if settings.name.as_deref() != Some(&**name) {
            return Ok(Found::Other);
        }
        let before = before.and_then(|issuer| issuer.tenancy.as_ref());
        if let Some(before) = before
            && !before.has_ended()
            && before.settings.has_same_settings(&settings)
        {
            return Ok(Found::Same(Arc::clone(before)));
        }
        // A proven issuer stays proven when its settings change.
        let proven = before.is_some_and(|before| before.quota.is_proven());
        let quota = Arc::new(Quota::new(&self.fetches, proven));
        let context = PrepareContext { quota: Some(Arc::clone(&quota)), ..self.context.clone() };
        let issuer = settings.clone().prepare(&context).map_err(Failure::Settings)?;
        let tenancy = Tenancy::new(settings, quota, self.lifetimes(name), now);
        Ok(Found::New(Arc::new(Issuer { tenancy: Some(Arc::new(tenancy)), ..issuer })))
    }

    fn lifetimes(&self, name: &str) -> Lifetimes {
        let IssuerResolver { lifetime, stale_if_error, .. } = self.settings;
        // Between zero and a tenth of the lifetime, different for each name and process.
        let share = f64::from(self.table.hash(name) as u16) / f64::from(u16::MAX);
        Lifetimes { lifetime, stale_if_error, sooner: (lifetime / 10).mul_f64(share) }
    }
}

enum Found {
    Nothing,
    /// An issuer of another name.
    Other,
    /// The live issuer, with unchanged settings.
    Same(Arc<Tenancy>),
    New(Arc<Issuer>),
}

impl State {
    /// Returns the outcome of a name's look-up in flight. A look-up that takes too long counts as failed.
    fn look_up_in_flight(&mut self, name: &str, now: Duration) -> Option<watch::Receiver<Option<Outcome>>> {
        let look_up = self.in_flight.get(name)?;
        if now.saturating_sub(look_up.started) < LONGEST_WAIT {
            return Some(look_up.outcome.clone());
        }
        self.in_flight.remove(name);
        None
    }
}

fn wait_for(mut outcome: watch::Receiver<Option<Outcome>>) -> Resolution {
    Box::pin(async move {
        let outcome = tokio::time::timeout(LONGEST_WAIT, outcome.wait_for(Option::is_some)).await;
        let outcome = outcome.ok().and_then(|outcome| *outcome.ok()?);
        match outcome.unwrap_or(Outcome::Failed(None)) {
            Outcome::Known => Ok(()),
            Outcome::Unknown => Err(ErrorKind::UnknownIssuer.into()),
            Outcome::Failed(after) => Err(unavailable(after)),
        }
    })
}

fn unavailable(after: Option<Duration>) -> Error {
    let error = Error::from(ErrorKind::KeysUnavailable);
    match after {
        Some(after) => error.with_retry_after(after),
        None => error,
    }
}

impl Failure {
    fn warn(&self, name: &str) {
        match self {
            // Anyone can make up the name, so it isn't logged.
            Self::LookUp(error) => tracing::warn!(%error, "issuer could not be looked up"),
            Self::Timeout => tracing::warn!("issuer could not be looked up: `look_up` didn't answer within 10 seconds"),
            Self::Dropped => tracing::warn!("issuer could not be looked up: `look_up` panicked, or the runtime ended"),
            Self::OtherIssuer => {
                tracing::error!("`look_up` returned another issuer than the one it was asked for");
            }
            Self::Settings(error) => {
                tracing::error!(issuer = ?name, %error, "the issuer that `look_up` returned cannot be used");
            }
        }
    }
}

/// A look-up's task. It reports an outcome even if `look_up` panics or the runtime ends.
struct LookUpTask {
    resolver: Resolver,
    name: Arc<str>,
    number: u64,
    answer: Option<Result<Option<TrustedIssuer>, Failure>>,
    sender: Option<watch::Sender<Option<Outcome>>>,
}

impl LookUpTask {
    /// Don't call it with the state locked: a runtime that is shutting down drops the task at once, which locks the state.
    fn spawn(self) {
        match tokio::runtime::Handle::try_current() {
            // A task of its own, because other requests may wait for it when this one is dropped.
            Ok(runtime) => drop(runtime.spawn(self.run())),
            Err(_) => {
                tracing::error!("issuers can't be looked up outside of a Tokio runtime: verify tokens inside one")
            }
        }
    }

    async fn run(mut self) {
        let look_up = (self.resolver.0.settings.look_up)(Arc::clone(&self.name));
        let answer: Result<Answer, _> = tokio::time::timeout(LOOK_UP_TIMEOUT, look_up).await;
        self.answer = Some(match answer {
            Ok(answer) => answer.map_err(Failure::LookUp),
            Err(_) => Err(Failure::Timeout),
        });
    }
}

impl Drop for LookUpTask {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            let answer = self.answer.take().unwrap_or(Err(Failure::Dropped));
            let outcome = self.resolver.0.store_answer(&self.name, self.number, answer);
            // Last, so that waiting tokens find the stored answer.
            let _ = sender.send(Some(outcome));
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("settings", &self.0.settings)
            .field("issuers", &self.0.table.len())
            .finish_non_exhaustive()
    }
}
