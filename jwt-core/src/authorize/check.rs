use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::error::{BoxError, Error, ErrorKind};
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;

/// Requires that a closure returns `true`.
///
/// If it returns `false`, the request fails with 403 `requirement_not_met`. The name is the [detail](Error::detail) of the
/// error.
///
/// ```
/// use jwt_core::authorize::check;
///
/// let requirement = check("a person", |verified| verified.registered().client_id().is_none());
/// ```
#[must_use]
pub fn check(
    name: impl Into<Arc<str>>,
    check: impl Fn(&Verified) -> bool + Send + Sync + 'static,
) -> impl Requirement + Clone + 'static {
    Check { name: name.into(), check: Arc::new(check) }
}

/// Requires that an asynchronous closure returns `Ok(true)`, for example after asking a directory or a database.
///
/// `Ok(false)` means that the token does not meet the requirement, as with [`check`]. An `Err` means that the closure
/// could not decide: it is logged, and the request fails with 503 `rule_unavailable`.
///
/// Look up a user by issuer and subject. A subject is unique only within its issuer, so another trusted issuer may use the
/// same one for a different user.
///
/// ```
/// use jwt_core::authorize::check_async;
///
/// # async fn is_member(_issuer: Option<&str>, _subject: Option<&str>) -> std::io::Result<bool> { Ok(true) }
/// let requirement = check_async("member", |verified| async move {
///     let claims = verified.registered();
///     Ok(is_member(claims.issuer(), claims.subject()).await?)
/// });
/// ```
#[must_use]
pub fn check_async<F, R>(name: impl Into<Arc<str>>, check: F) -> impl Requirement + Clone + 'static
where
    F: Fn(Verified) -> R + Send + Sync + 'static,
    R: Future<Output = Result<bool, BoxError>> + Send + 'static,
{
    CheckAsync { name: name.into(), check: Arc::new(check) }
}

struct Check<F> {
    name: Arc<str>,
    check: Arc<F>,
}

struct CheckAsync<F> {
    name: Arc<str>,
    check: Arc<F>,
}

impl<F: Fn(&Verified) -> bool + Send + Sync> Requirement for Check<F> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        if (self.check)(verified) { Ok(()) } else { Err(error(ErrorKind::RequirementNotMet, &self.name)) }
    }
}

impl<F, R> Requirement for CheckAsync<F>
where
    F: Fn(Verified) -> R + Send + Sync + 'static,
    R: Future<Output = Result<bool, BoxError>> + Send + 'static,
{
    fn check(&self, _verified: &Verified) -> Result<(), Error> {
        Err(error(ErrorKind::RuleUnavailable, &self.name))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        let (this, verified) = (self.clone(), verified.clone());
        // The closure runs only when the future is polled, so a step that is dropped does not send a query.
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
    Error::from(kind).with_unmet(Arc::clone(name))
}

// A derive would require `F: Clone` and `F: Debug`.
impl<F> Clone for Check<F> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), check: Arc::clone(&self.check) }
    }
}

impl<F> Clone for CheckAsync<F> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), check: Arc::clone(&self.check) }
    }
}

impl<F> fmt::Debug for Check<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("check").field(&self.name).finish()
    }
}

impl<F> fmt::Debug for CheckAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("check_async").field(&self.name).finish()
    }
}
