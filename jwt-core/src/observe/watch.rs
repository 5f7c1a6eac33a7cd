use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

use super::observer::{Event, OptionalObserver};
use crate::clock::Clock;
use crate::error::Error;

/// Measures and reports one verification. Without a listener it reads no clock and stores nothing.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Option<Duration>,
    issuer: Option<Arc<str>>,
    traced: bool,
}

impl Watch {
    pub(crate) fn start(observer: &OptionalObserver, clock: &dyn Clock) -> Self {
        let timed = observer.times() || tracing::enabled!(Level::DEBUG);
        Self { started: timed.then(|| clock.monotonic()), issuer: None, traced: is_traced() }
    }

    /// Notes the trusted issuer that the token names.
    pub(crate) fn set_issuer(&mut self, issuer: Option<&Arc<str>>) {
        if self.traced || self.started.is_some() {
            self.issuer = issuer.cloned();
        }
    }

    /// Reports the outcome.
    pub(crate) fn report(&self, observer: &OptionalObserver, clock: &dyn Clock, outcome: Result<(), &Error>) {
        let took = self.started.map(|started| clock.monotonic().saturating_sub(started));
        let issuer = self.issuer.as_deref();
        let name = outcome.map_or_else(Error::code, |()| "accepted");
        // `DEBUG`, so that clients cannot fill the log by sending bad tokens.
        tracing::debug!(
            outcome = name,
            issuer,
            duration_us = took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            detail = outcome.err().and_then(Error::detail).as_deref(),
            "token checked"
        );
        if self.traced {
            record_outcome(name);
            if let Some(issuer) = issuer {
                Span::current().record("jwt.issuer", issuer);
            }
        }
        observer.observe(match outcome {
            Ok(()) => Event::Accepted,
            Err(error) => Event::Refused(error),
        });
        if let Some(took) = took {
            observer.observe(Event::Verification { outcome: outcome.map_err(Error::kind), issuer, took });
        }
    }

    /// Whether an accepted token is told only to the observer: there is no subscriber, and no times are measured.
    pub(crate) const fn is_silent(&self) -> bool {
        !self.traced && self.started.is_none()
    }

    /// Whether the application's spans are filled in.
    pub(crate) const fn is_traced(&self) -> bool {
        self.traced
    }

    /// Records who sent an accepted request, on a span of the application that declares the fields. Nothing else logs these names.
    pub(crate) fn record_sender<'c>(
        &self,
        subject: impl FnOnce() -> Option<Cow<'c, str>>,
        actor: impl FnOnce() -> Option<Cow<'c, str>>,
    ) {
        let span = Span::current();
        let record = |field, name: Option<Cow<'c, str>>| {
            if let Some(name) = name {
                span.record(field, &*shown(&name));
            }
        };
        record("jwt.subject", span.has_field("jwt.subject").then(subject).flatten());
        record("jwt.actor", span.has_field("jwt.actor").then(actor).flatten());
    }
}

/// Returns the beginning of a name, without characters that could break a log.
fn shown(name: &str) -> String {
    const MAX_CHARS: usize = 100;
    let mut chars = name.chars();
    let start: String = chars.by_ref().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    if chars.next().is_some() { start + "…" } else { start }
}

/// Reports an error without a verification: there was no token, or it had been accepted before.
pub(crate) fn refused(observer: &OptionalObserver, error: &Error) {
    tracing::debug!(outcome = error.code(), detail = error.detail().as_deref(), "request refused");
    if is_traced() {
        record_outcome(error.code());
    }
    observer.observe(Event::Refused(error));
}

/// Reports a request that was let through without a token.
pub(crate) fn anonymous(observer: &OptionalObserver) {
    tracing::debug!(outcome = "anonymous", "request let through");
    if is_traced() {
        record_outcome("anonymous");
    }
    observer.observe(Event::Anonymous);
}

/// Whether `tracing` has a subscriber.
fn is_traced() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// Records the outcome on the application's span, if it declares the field. A span of our own would cost every request.
fn record_outcome(outcome: &'static str) {
    Span::current().record("jwt.outcome", outcome);
}
