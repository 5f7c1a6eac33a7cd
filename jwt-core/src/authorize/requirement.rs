use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::gate::{Admission, Answer, Gate, RequestState};
use crate::http::challenge::{Rejection, is_scope};
use crate::http::request::RequestView;
use crate::step::Step;
use crate::verified::Verified;

/// A condition that a verified token must meet.
///
/// A requirement sees the token's claims, not the request. The functions of [this module](super) create the common ones;
/// `()` is met by every verified token. A requirement applies wherever you put it: to a route, in an adapter's layer or
/// middleware, or to every token, with [`require_token`](crate::VerifierBuilder::require_token).
///
/// For a condition of your own, pass a closure to [`check`](fn@super::check) or [`check_async`](super::check_async), or
/// implement this trait. A requirement that has to wait implements both methods.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement on verified tokens",
    note = "create one with `scopes([..])`, `roles(path, [..])`, `claim(path)` or `check(name, closure)` from \
            `jwt_core::authorize`, combine several with `all((..))` or `any((..))`, or implement `Requirement`"
)]
pub trait Requirement: fmt::Debug + Send + Sync {
    /// Checks the token without waiting.
    ///
    /// A requirement that cannot decide without waiting must fail here, with
    /// [`ErrorKind::RuleUnavailable`](crate::ErrorKind::RuleUnavailable).
    ///
    /// # Errors
    ///
    /// If the token does not meet the requirement: an error of the class [`Forbidden`](crate::Class::Forbidden) or
    /// [`StepUp`](crate::Class::StepUp). An error of any other class means that the requirement could not be checked;
    /// [`not`](super::not) passes it on instead of reversing it.
    fn check(&self, verified: &Verified) -> Result<(), Error>;

    /// Checks the token, and waits if necessary. Layers, middleware, extractors and verifiers call this method.
    ///
    /// The default implementation calls [`check`](Self::check) and never waits.
    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        Step::Ready(self.check(verified))
    }

    /// Returns the scopes that a client without a token should request, separated by spaces: the challenge's `scope` in the 401
    /// of a request without credentials. RFC 6750 section 3.
    ///
    /// The default implementation returns `None`, and the challenge then has no `scope`. So it has if these are not scope tokens
    /// of RFC 6749 section 3.3.
    fn scope(&self) -> Option<String> {
        None
    }
}

impl Requirement for () {
    fn check(&self, _verified: &Verified) -> Result<(), Error> {
        Ok(())
    }
}

impl<R: Requirement + ?Sized> Requirement for &R {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        (**self).check(verified)
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        (**self).decide(verified)
    }

    fn scope(&self) -> Option<String> {
        (**self).scope()
    }
}

impl<R: Requirement + ?Sized> Requirement for Box<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        (**self).check(verified)
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        (**self).decide(verified)
    }

    fn scope(&self) -> Option<String> {
        (**self).scope()
    }
}

impl<R: Requirement + ?Sized> Requirement for Arc<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        (**self).check(verified)
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        (**self).decide(verified)
    }

    fn scope(&self) -> Option<String> {
        (**self).scope()
    }
}

impl Verified {
    /// Checks the token against a requirement. If the token does not meet it, the error includes the response to send.
    pub fn require(&self, requirement: &dyn Requirement) -> Step<Result<(), Rejection>> {
        match requirement.decide(self) {
            Step::Ready(outcome) => Step::Ready(outcome.map_err(|error| self.refuse(error))),
            Step::Pending(pending) => {
                let verified = self.clone();
                Step::pending(async move { pending.await.map_err(|error| verified.refuse(error)) })
            }
        }
    }
}

/// The error for a request without credentials whose token would have to meet this requirement.
pub(crate) fn no_credentials(requirement: &dyn Requirement) -> Error {
    let error = Error::from(ErrorKind::NoCredentials);
    match requirement.scope() {
        Some(scope) if scope.split(' ').all(is_scope) => error.asking_for_scope(scope),
        _ => error,
    }
}

impl RequestState {
    /// Returns the verified token, which `requirement` is about to check.
    ///
    /// # Errors
    ///
    /// The same as [`token`](Self::token), but the challenge for a request without a token names the
    /// [scopes](Requirement::scope) of the requirement.
    pub fn token_for(&self, requirement: &dyn Requirement) -> Result<&Verified, Rejection> {
        self.token_or(|| no_credentials(requirement))
    }
}

/// Every requirement is a gate. It admits a request if its token meets the requirement, and does not change its state.
impl<R: Requirement> Gate for R {
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let verified = match state.token_for(self) {
            Ok(verified) => verified,
            Err(rejection) => return Step::Ready(Err(rejection.into())),
        };
        match verified.require(self) {
            Step::Ready(outcome) => Step::Ready(outcome.map(|()| Admission::unchanged()).map_err(Answer::from)),
            pending => pending.map(|outcome| outcome.map(|()| Admission::unchanged()).map_err(Answer::from)),
        }
    }
}

/// A mistake in a requirement, for example an empty list. The requirement fails every request.
///
/// Constructors don't return a `Result`, so the mistake is logged when the requirement is created.
#[derive(Clone, Debug)]
pub(super) struct Misconfigured(Arc<str>);

impl Misconfigured {
    /// Logs the requirement and how to correct it.
    pub(super) fn new(detail: impl Into<Arc<str>>, advice: &dyn fmt::Display) -> Self {
        let detail = detail.into();
        let code = ErrorKind::Misconfigured.code();
        tracing::error!(code, requirement = %detail, %advice, "this requirement fails every request with 500");
        Self(detail)
    }

    /// Logs an empty list: "all of nothing" would accept every token.
    pub(super) fn if_empty(requirement: &'static str, is_empty: bool) -> Option<Self> {
        let advice = "the list is empty: add at least one entry, or require `()` to accept any verified token";
        is_empty.then(|| Self::new(requirement, &advice))
    }

    pub(super) fn error(&self) -> Error {
        Error::from(ErrorKind::Misconfigured).with_unmet(Arc::clone(&self.0))
    }
}

/// Fails if the requirement has a mistake.
pub(super) fn ensure_configured(mistake: Option<&Misconfigured>) -> Result<(), Error> {
    mistake.map_or(Ok(()), |mistake| Err(mistake.error()))
}
