use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

use super::observer::{Event, Observer};
use crate::clock::Clock;
use crate::error::Error;

/// Watches one verification. Where nobody listens it reads no clock and keeps nothing.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Option<Duration>,
    issuer: Option<Arc<str>>,
    traced: bool,
}

impl Watch {
    pub(crate) fn start(observer: &dyn Observer, clock: &dyn Clock) -> Self {
        let timed = observer.times() || tracing::enabled!(Level::DEBUG);
        Self { started: timed.then(|| clock.monotonic()), issuer: None, traced: traced() }
    }

    /// Takes note of the trusted issuer that the token names, by the name that the configuration has for it.
    pub(crate) fn saw(&mut self, issuer: Option<&Arc<str>>) {
        if self.traced || self.started.is_some() {
            self.issuer = issuer.cloned();
        }
    }

    /// Tells of the outcome.
    pub(crate) fn end(&self, observer: &dyn Observer, clock: &dyn Clock, outcome: Result<(), &Error>) {
        let took = self.started.map(|started| clock.monotonic().saturating_sub(started));
        let issuer = self.issuer.as_deref();
        let name = outcome.map_or_else(Error::code, |()| "accepted");
        // Not at a level above: whoever sends bad tokens must not be able to fill the log.
        tracing::debug!(
            outcome = name,
            detail = outcome.err().and_then(Error::detail),
            issuer,
            duration_us = took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            "token judged"
        );
        if self.traced {
            record(name);
            if let Some(issuer) = issuer {
                Span::current().record("jwt.issuer", issuer);
            }
        }
        observer.observe(match outcome {
            Ok(()) => Event::Accepted,
            Err(error) => Event::Refused(error),
        });
        if let Some(took) = took {
            observer.observe(Event::Judged { outcome: outcome.map_err(Error::kind), issuer, took });
        }
    }
}

/// Tells of a refusal that no token was judged for, or that followed its acceptance.
pub(crate) fn refused(observer: &dyn Observer, error: &Error) {
    tracing::debug!(outcome = error.code(), detail = error.detail(), "request refused");
    if traced() {
        record(error.code());
    }
    observer.observe(Event::Refused(error));
}

/// Tells of a request that was let pass without a token.
pub(crate) fn anonymous(observer: &dyn Observer) {
    tracing::debug!(outcome = "anonymous", "request let pass");
    if traced() {
        record("anonymous");
    }
    observer.observe(Event::Anonymous);
}

/// Whether anything listens to `tracing` at all.
fn traced() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// A span of our own would cost every request; the one that the application has takes what it declares.
fn record(outcome: &'static str) {
    Span::current().record("jwt.outcome", outcome);
}
