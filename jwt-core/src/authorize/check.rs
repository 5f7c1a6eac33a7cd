use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;

/// What keeps a check from deciding. It is logged, and the request is answered 503.
pub type CheckError = Box<dyn std::error::Error + Send + Sync>;

type Outcome = Pin<Box<dyn Future<Output = Result<bool, CheckError>> + Send>>;

/// A requirement of the application's own; made by [`check`].
#[derive(Clone)]
pub struct Check {
    name: Arc<str>,
    check: Arc<dyn Fn(&Verified) -> bool + Send + Sync>,
}

/// A requirement of the application's own that waits for something; made by [`check_async`].
#[derive(Clone)]
pub struct CheckAsync {
    name: Arc<str>,
    check: Arc<dyn Fn(Verified) -> Outcome + Send + Sync>,
}

/// Requires what a closure requires. Where it returns `false`, the refusal is 403 `requirement_not_met`, with the name
/// as its detail.
///
/// ```
/// use jwt_core::authorize::check;
///
/// let requirement = check("a person", |verified| verified.registered().client_id().is_none());
/// ```
#[must_use]
pub fn check(name: impl Into<Arc<str>>, check: impl Fn(&Verified) -> bool + Send + Sync + 'static) -> Check {
    Check { name: name.into(), check: Arc::new(check) }
}

/// Requires what a closure requires that waits for something, such as a directory or a database.
///
/// `Ok(false)` is refused as by [`check`]. `Err` is an outage: it is logged, and answered 503 `rule_unavailable`.
///
/// ```
/// use jwt_core::authorize::check_async;
///
/// # async fn is_member(_issuer: Option<&str>, _subject: Option<&str>) -> std::io::Result<bool> { Ok(true) }
/// // By issuer and subject: another issuer may use the same subjects for other people.
/// let requirement = check_async("member", |verified| async move {
///     let claims = verified.registered();
///     Ok(is_member(claims.issuer(), claims.subject()).await?)
/// });
/// ```
#[must_use]
pub fn check_async<F, R>(name: impl Into<Arc<str>>, check: F) -> CheckAsync
where
    F: Fn(Verified) -> R + Send + Sync + 'static,
    R: Future<Output = Result<bool, CheckError>> + Send + 'static,
{
    CheckAsync { name: name.into(), check: Arc::new(move |verified| Box::pin(check(verified))) }
}

impl Requirement for Check {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        if (self.check)(verified) { Ok(()) } else { Err(error(ErrorKind::RequirementNotMet, &self.name)) }
    }
}

impl Requirement for CheckAsync {
    fn check(&self, _verified: &Verified) -> Result<(), Error> {
        Err(error(ErrorKind::RuleUnavailable, &self.name))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        let (this, verified) = (self.clone(), verified.clone());
        // The closure itself runs when the future is polled, so that what is not waited for is not asked either.
        Step::pending(async move {
            match (this.check)(verified).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(error(ErrorKind::RequirementNotMet, &this.name)),
                Err(cause) => {
                    tracing::warn!(requirement = %this.name, error = %cause, "requirement could not decide");
                    Err(error(ErrorKind::RuleUnavailable, &this.name))
                }
            }
        })
    }
}

fn error(kind: ErrorKind, name: &Arc<str>) -> Error {
    Error::from(kind).with_detail(Arc::clone(name))
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

impl fmt::Debug for CheckAsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckAsync").field(&self.name).finish()
    }
}
