use std::fmt;
use std::future::Future;

use super::admission::{Admission, Gate};
use super::answer::Answer;
use super::state::RequestState;
use crate::error::{BoxError, ErrorKind};
use crate::http::request::RequestView;
use crate::step::Step;
use crate::verified::Verified;

/// Creates a gate that loads the request's principal with a closure that returns it at once, for example from a map in memory.
///
/// It's [`load_async`] without the waiting. `None` means that there is no such principal: the request fails with 401
/// `unknown_principal`.
///
/// ```
/// use std::collections::HashMap;
/// use jwt_core::gate::load;
///
/// let names: HashMap<(String, String), String> = HashMap::new();
/// let users = load(move |verified| {
///     let claims = verified.registered();
///     names.get(&(claims.issuer()?.to_owned(), claims.subject()?.to_owned())).cloned()
/// });
/// ```
#[must_use]
pub fn load<F, U>(load: F) -> impl Gate + Clone + 'static
where
    F: Fn(&Verified) -> Option<U> + Clone + Send + Sync + 'static,
    U: Send + Sync + 'static,
{
    load_step(move |verified| Step::Ready(Ok(load(verified))))
}

/// Creates a gate that loads the request's principal: your application's own user for the verified token.
///
/// Pass it to the adapter's `PrincipalLayer` or `PrincipalMiddleware`, and take `Principal<U>` in your handlers. The closure is
/// called once for each request, after the token has passed all other checks:
///
/// ```
/// use jwt_core::gate::load_async;
///
/// # struct User;
/// # async fn find_user(_issuer: &str, _subject: &str) -> std::io::Result<Option<User>> { Ok(Some(User)) }
/// let users = load_async(|verified| async move {
///     let claims = verified.registered();
///     match (claims.issuer(), claims.subject()) {
///         (Some(issuer), Some(subject)) => Ok(find_user(issuer, subject).await?),
///         _ => Ok(None),
///     }
/// });
/// ```
///
/// **Look up users by issuer *and* subject.** A subject is unique only within its issuer (RFC 7519 section 4.1.2). If your
/// verifier trusts several issuers and you look up users by `sub` only, each issuer can impersonate the users of the others.
///
/// The gate applies to every request, even if the handler does not take the principal:
///
/// - If the user does not exist (`Ok(None)`), the request fails with 401 `unknown_principal`.
/// - If your store is unavailable (`Err`), the error is logged, and the request fails with 503 `principal_unavailable`.
/// - If an optional layer allowed a request without a token, nothing is loaded and the request has no principal.
///
/// Each request costs one query of your store. So put the gate only on routes that need it, and inside of requirements that
/// can be checked without it. If you cache users, [`load_step`] returns the ones you have without waiting.
#[must_use]
pub fn load_async<F, R, U>(load: F) -> impl Gate + Clone + 'static
where
    F: Fn(Verified) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Option<U>, BoxError>> + Send + 'static,
    U: Send + Sync + 'static,
{
    load_step(move |verified| Step::pending(load(verified.clone())))
}

/// Creates a gate that loads the request's principal, now or after waiting. [`load_async`] describes the results.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use jwt_core::{BoxError, Step, gate::load_step};
///
/// # #[derive(Clone)]
/// # struct User;
/// # async fn find_user(_subject: String) -> Result<Option<User>, BoxError> { Ok(Some(User)) }
/// let cached: Arc<HashMap<String, User>> = Arc::default();
/// let users = load_step(move |verified| match verified.registered().subject() {
///     None => Step::Ready(Ok(None)),
///     Some(subject) => match cached.get(subject) {
///         Some(user) => Step::Ready(Ok(Some(user.clone()))),
///         None => Step::pending(find_user(subject.to_owned())),
///     },
/// });
/// ```
#[must_use]
pub fn load_step<F, U>(load: F) -> impl Gate + Clone + 'static
where
    F: Fn(&Verified) -> Step<Result<Option<U>, BoxError>> + Clone + Send + Sync + 'static,
    U: Send + Sync + 'static,
{
    PrincipalGate(load)
}

#[derive(Clone)]
struct PrincipalGate<F>(F);

impl<F, U> Gate for PrincipalGate<F>
where
    F: Fn(&Verified) -> Step<Result<Option<U>, BoxError>> + Send + Sync,
    U: Send + Sync + 'static,
{
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let verified = match state.optional_token() {
            Ok(Some(verified)) => verified,
            Ok(None) => return Step::Ready(Ok(Admission::with_state(state.without_principals()))),
            Err(rejection) => return Step::Ready(Err(rejection.into())),
        };
        match (self.0)(verified) {
            Step::Ready(loaded) => Step::Ready(admit(state, verified, loaded)),
            Step::Pending(pending) => {
                let (state, verified) = (state.clone(), verified.clone());
                Step::pending(async move { admit(&state, &verified, pending.await) })
            }
        }
    }
}

fn admit<U: Send + Sync + 'static>(
    state: &RequestState,
    verified: &Verified,
    loaded: Result<Option<U>, BoxError>,
) -> Result<Admission, Answer> {
    let kind = match loaded {
        Ok(Some(principal)) => return Ok(Admission::with_state(state.with_principal(principal))),
        Ok(None) => ErrorKind::UnknownPrincipal,
        Err(error) => {
            tracing::warn!(%error, "principal could not be loaded");
            ErrorKind::PrincipalUnavailable
        }
    };
    Err(verified.refuse(kind.into()).into())
}

impl<F> fmt::Debug for PrincipalGate<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrincipalGate").finish()
    }
}
