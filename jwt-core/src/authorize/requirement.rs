use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::step::Step;
use crate::verified::Verified;

/// A condition on verified tokens, checked once for each request.
///
/// Requirements see claims, not requests. The functions of [this module](super) make them; `()` is the null object,
/// which every verified token meets. One of your own implements [`check`](Self::check); one that waits for something is
/// made by [`check_async`](super::check_async), or implements both methods.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement on verified tokens",
    note = "make one with `scopes([..])`, `roles(path, [..])`, `claim(path)` or `check(name, closure)` of \
            `jwt_core::authorize`, join several with `all((..))` or `any((..))`, or implement `Requirement`"
)]
pub trait Requirement: fmt::Debug + Send + Sync {
    /// Judges `verified` at once.
    ///
    /// A requirement that cannot judge without waiting refuses here, with
    /// [`ErrorKind::RuleUnavailable`](crate::ErrorKind::RuleUnavailable).
    ///
    /// # Errors
    ///
    /// Why the operation is not allowed: usually of the class [`Forbidden`](crate::Class::Forbidden), or
    /// [`StepUp`](crate::Class::StepUp). Any other class says that the requirement could not be judged, so that
    /// [`not`](super::not) does not take it for a refusal.
    fn check(&self, verified: &Verified) -> Result<(), Error>;

    /// Judges `verified`, waiting where that is needed. Layers, middleware and extractors ask this.
    ///
    /// As provided, it is [`check`](Self::check), and nothing is waited for.
    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        Step::Ready(self.check(verified))
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
}

impl<R: Requirement + ?Sized> Requirement for Box<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        (**self).check(verified)
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        (**self).decide(verified)
    }
}

impl<R: Requirement + ?Sized> Requirement for Arc<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        (**self).check(verified)
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        (**self).decide(verified)
    }
}
