use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{BoxError, Error, ErrorKind};
use crate::keys::{Budget, Quota};
use crate::verify::prepare::{Issuer, Means};
use crate::verify::trust::{Resolution, Trust};
use crate::verify::{BuildError, TrustedIssuer};

use super::memory::{Refusals, Refused, Warnings};
use super::settings::{Answer, IssuerResolver};
use super::table::{Left, Order, Table};
use super::tenancy::{Lifetimes, Standing, Tenancy};

/// The longest that `look_up` may take.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a token waits: the look-up's own timeout comes first.
const LONGEST_WAIT: Duration = Duration::from_secs(11);

/// An [`IssuerResolver`] at work. Clones are the same one.
#[derive(Clone)]
pub(in crate::verify) struct Resolver(Arc<Parts>);

struct Parts {
    settings: IssuerResolver,
    means: Means,
    look_ups: Budget,
    fetches: Arc<Budget>,
    table: Table,
    /// Not locked for tokens of live issuers, and never while something is looked up.
    book: Mutex<Book>,
}

/// What changes only when issuers come and go.
struct Book {
    order: Order,
    flights: HashMap<Arc<str>, Flight>,
    started: u64,
    refusals: Refusals,
    warnings: Warnings,
}

/// A look-up under way.
struct Flight {
    number: u64,
    started: Duration,
    landing: watch::Receiver<Option<Outcome>>,
}

/// What came of a look-up.
#[derive(Clone, Copy)]
enum Outcome {
    Known,
    Unknown,
    /// It may be tried again after this time.
    Failed(Option<Duration>),
}

/// Why a look-up brought no issuer that can be used.
enum Failure {
    LookUp(BoxError),
    Settings(BuildError),
    OtherIssuer,
    Timeout,
    /// The task panicked, or its runtime is gone.
    Dropped,
}

impl IssuerResolver {
    pub(in crate::verify) fn prepare(self, means: Means) -> Result<Resolver, BuildError> {
        self.check()?;
        let budget = |(at_once, per_second)| Budget::new(at_once, per_second);
        Ok(Resolver(Arc::new(Parts {
            look_ups: budget(self.look_ups),
            fetches: Arc::new(budget(self.key_fetches)),
            table: Table::new(),
            book: Mutex::new(Book {
                order: Order::new(self.max_issuers, self.unproven_issuers()),
                flights: HashMap::new(),
                started: 0,
                refusals: Refusals::default(),
                warnings: Warnings::default(),
            }),
            means: Means { hosts: self.hosts.clone(), ..means },
            settings: self,
        })))
    }
}

impl Resolver {
    /// Finds the issuer of a token. `waited` says that a look-up has been waited for already.
    pub(in crate::verify) fn find(&self, name: &str, waited: bool) -> Trust<'static> {
        // Before any I/O: a forged name leads nowhere.
        if !(self.0.settings.admits)(name) {
            return Trust::Unknown;
        }
        let now = self.0.now();
        if let Some(issuer) = self.0.table.find(name)
            && self.serves(&issuer, now)
        {
            return Trust::Resolved(issuer);
        }
        if waited {
            return Trust::Unavailable(ErrorKind::KeysUnavailable.into());
        }
        self.look_up(name, now)
    }

    /// Whether tokens of this issuer that were verified before are still good as far as the resolver is concerned.
    pub(in crate::verify) fn still_trusts(&self, issuer: &Arc<Issuer>) -> bool {
        let (Some(tenancy), Some(name)) = (&issuer.tenancy, &issuer.name) else { return false };
        let is_good = !tenancy.has_ended() && (self.0.settings.admits)(name) && self.serves(issuer, self.0.now());
        if is_good {
            tenancy.note_use();
        }
        is_good
    }

    /// Notes that a token of this issuer was verified: nothing else counts as use.
    pub(in crate::verify) fn note_verified(&self, issuer: &Arc<Issuer>) {
        let Some(tenancy) = &issuer.tenancy else { return };
        if tenancy.quota.is_proven() {
            tenancy.note_use();
        } else {
            self.0.with_book(|book, left| book.order.prove(&self.0.table, issuer, left));
        }
    }

    /// Forgets all that's known about a name, its issuer included.
    pub(in crate::verify) fn forget(&self, name: &str) {
        let Parts { table, .. } = &*self.0;
        self.0.with_book(|book, left| {
            // An answer that is under way may be older than the reason to forget.
            book.flights.remove(name);
            book.refusals.forget(table.hash(name));
            if let Some(issuer) = table.find(name) {
                book.order.end(table, issuer, left);
            }
        });
    }

    /// Returns the issuers whose keys are kept current: the ones in use.
    pub(in crate::verify) fn in_use(&self) -> Vec<Arc<Issuer>> {
        let now = self.0.now();
        let is_in_use = |issuer: &Arc<Issuer>| {
            issuer.tenancy.as_ref().is_some_and(|tenancy| tenancy.standing(now) != Standing::Over)
        };
        self.0.table.proven().into_iter().filter(is_in_use).collect()
    }

    /// Whether the issuer may be used now. Looks it up beside the traffic if that is due.
    fn serves(&self, issuer: &Arc<Issuer>, now: Duration) -> bool {
        let (Some(tenancy), Some(name)) = (&issuer.tenancy, &issuer.name) else { return false };
        match tenancy.standing(now) {
            Standing::Current => true,
            Standing::Due => {
                // The others need not ask while this is under way.
                tenancy.ask_after(now.saturating_add(LONGEST_WAIT));
                let task = self.0.with_book(|book, _| match book.flight(name, now) {
                    Some(_) => None,
                    None => Some(self.start(book, name, now).1),
                });
                task.into_iter().for_each(Landing::spawn);
                true
            }
            Standing::Over => false,
        }
    }

    /// Looks a name up for a token that waits for it, unless its answer is known.
    fn look_up(&self, name: &str, now: Duration) -> Trust<'static> {
        let Parts { table, look_ups, .. } = &*self.0;
        let outage = |after| (Trust::Unavailable(unavailable(Some(after))), None);
        let (trust, task) = self.0.with_book(|book, _| {
            let before = table.find(name);
            if let Some(issuer) = &before
                && issuer.tenancy.as_ref().is_some_and(|tenancy| tenancy.standing(now) != Standing::Over)
            {
                // It has come meanwhile.
                return (Trust::Resolved(Arc::clone(issuer)), None);
            }
            if let Some(landing) = book.flight(name, now) {
                return (Trust::Resolve(wait(landing)), None);
            }
            match book.refusals.find(table.hash(name), now) {
                Some(Refused::Unknown) => return (Trust::Unknown, None),
                Some(Refused::Failing(after)) => return outage(after),
                None => {}
            }
            let tenancy = before.as_ref().and_then(|issuer| issuer.tenancy.as_ref());
            if let Some(after) = tenancy.and_then(|tenancy| tenancy.wait(now)) {
                return outage(after);
            }
            // With a verified token, it's looked up once in a lifetime, no matter how many tokens name it.
            if !tenancy.is_some_and(|tenancy| tenancy.quota.is_proven())
                && let Err(after) = look_ups.take(now)
            {
                return outage(after);
            }
            let (landing, task) = self.start(book, &Arc::from(name), now);
            (Trust::Resolve(wait(landing)), Some(task))
        });
        task.into_iter().for_each(Landing::spawn);
        trust
    }

    /// Registers a look-up; the caller spawns it when the book is unlocked.
    fn start(&self, book: &mut Book, name: &Arc<str>, now: Duration) -> (watch::Receiver<Option<Outcome>>, Landing) {
        let (sender, landing) = watch::channel(None);
        book.started += 1;
        let number = book.started;
        book.flights.insert(Arc::clone(name), Flight { number, started: now, landing: landing.clone() });
        let (resolver, name) = (self.clone(), Arc::clone(name));
        (landing, Landing { resolver, name, number, answer: None, sender: Some(sender) })
    }
}

impl Parts {
    fn now(&self) -> Duration {
        self.means.clock.monotonic()
    }

    /// Does something with the book. Issuers that leave are dropped after it's unlocked.
    fn with_book<R>(&self, act: impl FnOnce(&mut Book, &mut Left) -> R) -> R {
        let mut left = Left::new();
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut book, &mut left);
        drop(book);
        drop(left);
        result
    }

    /// Stores the answer of a look-up, unless the name was forgotten meanwhile.
    fn land(&self, name: &Arc<str>, number: u64, answer: Result<Option<TrustedIssuer>, Failure>) -> Outcome {
        let (now, hash) = (self.now(), self.table.hash(name));
        let before = self.table.find(name);
        let found = answer.and_then(|answer| self.read(name, answer, before.as_ref(), now));
        let (outcome, warned) = self.with_book(|book, left| {
            // If the name was forgotten, or the look-up given up, this answer is not wanted.
            if book.flights.get(name).is_none_or(|flight| flight.number != number) {
                return (Outcome::Failed(None), None);
            }
            book.flights.remove(name);
            match found {
                Ok(Found::Same(tenancy)) => {
                    tenancy.confirm(now);
                    book.refusals.forget(hash);
                    (Outcome::Known, None)
                }
                Ok(Found::New(issuer)) => {
                    book.order.insert(&self.table, name, &issuer, left);
                    book.refusals.forget(hash);
                    (Outcome::Known, None)
                }
                Ok(found @ (Found::Nothing | Found::Other)) => {
                    if let Some(issuer) = before {
                        book.order.end(&self.table, issuer, left);
                    }
                    book.refusals.remember_unknown(hash, now.saturating_add(self.settings.unknown_lifetime));
                    let is_warned = matches!(found, Found::Other) && book.warnings.may_warn(hash, now);
                    (Outcome::Unknown, is_warned.then_some(Failure::OtherIssuer))
                }
                Err(failure) => {
                    let known = before.as_ref().and_then(|issuer| issuer.tenancy.as_ref());
                    let after = match known.filter(|tenancy| tenancy.quota.is_proven()) {
                        Some(tenancy) => tenancy.fail(now),
                        None => book.refusals.remember_failure(hash, now),
                    };
                    let warned = book.warnings.may_warn(hash, now).then_some(failure);
                    (Outcome::Failed(Some(after)), warned)
                }
            }
        });
        if let Some(failure) = warned {
            failure.warn(name);
        }
        outcome
    }

    /// Prepares the issuer that `look_up` answered with, unless it's the live one.
    fn read(
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
        // Its next keys are as good as those before.
        let proven = before.is_some_and(|before| before.quota.is_proven());
        let quota = Arc::new(Quota::new(&self.fetches, proven));
        let means = Means { quota: Some(Arc::clone(&quota)), ..self.means.clone() };
        let issuer = settings.clone().prepare(&means).map_err(Failure::Settings)?;
        let tenancy = Tenancy::new(settings, quota, self.lifetimes(name), now);
        Ok(Found::New(Arc::new(Issuer { tenancy: Some(Arc::new(tenancy)), ..issuer })))
    }

    fn lifetimes(&self, name: &str) -> Lifetimes {
        let IssuerResolver { lifetime, stale_if_error, .. } = self.settings;
        // Between nothing and a tenth, different for each name and process.
        let share = f64::from(self.table.hash(name) as u16) / f64::from(u16::MAX);
        Lifetimes { lifetime, stale_if_error, sooner: (lifetime / 10).mul_f64(share) }
    }
}

enum Found {
    Nothing,
    /// An issuer of another name.
    Other,
    /// The live issuer, with the settings that it has.
    Same(Arc<Tenancy>),
    New(Arc<Issuer>),
}

impl Book {
    /// Returns the look-up of a name that is under way. One past its time counts as failed.
    fn flight(&mut self, name: &str, now: Duration) -> Option<watch::Receiver<Option<Outcome>>> {
        let flight = self.flights.get(name)?;
        if now.saturating_sub(flight.started) < LONGEST_WAIT {
            return Some(flight.landing.clone());
        }
        self.flights.remove(name);
        None
    }
}

fn wait(mut landing: watch::Receiver<Option<Outcome>>) -> Resolution {
    Box::pin(async move {
        let outcome = tokio::time::timeout(LONGEST_WAIT, landing.wait_for(Option::is_some)).await;
        let outcome = outcome.ok().and_then(|landed| *landed.ok()?);
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
            // The name may be an invention: it's not logged.
            Self::LookUp(error) => tracing::warn!(%error, "issuer could not be looked up"),
            Self::Timeout => tracing::warn!("issuer could not be looked up: no answer in 10 seconds"),
            Self::Dropped => tracing::warn!("issuer could not be looked up: the look-up panicked or was dropped"),
            Self::OtherIssuer => {
                tracing::error!("`look_up` answered with another issuer than the one it was asked for");
            }
            Self::Settings(error) => {
                tracing::error!(issuer = ?name, %error, "the issuer that the resolver answered with cannot be used");
            }
        }
    }
}

/// Ends a look-up however its task ends: by its answer, by a panic in it, or with the runtime.
struct Landing {
    resolver: Resolver,
    name: Arc<str>,
    number: u64,
    answer: Option<Result<Option<TrustedIssuer>, Failure>>,
    sender: Option<watch::Sender<Option<Outcome>>>,
}

impl Landing {
    /// Not with the book locked: a runtime that ends drops the task at once, which locks it.
    fn spawn(self) {
        match tokio::runtime::Handle::try_current() {
            // Its own task: a request that is dropped takes no other's answer with it.
            Ok(runtime) => drop(runtime.spawn(self.run())),
            Err(_) => tracing::error!("issuers cannot be looked up outside of a Tokio runtime"),
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

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            let answer = self.answer.take().unwrap_or(Err(Failure::Dropped));
            let outcome = self.resolver.0.land(&self.name, self.number, answer);
            // Last, so that waiting tokens see the outcome.
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
