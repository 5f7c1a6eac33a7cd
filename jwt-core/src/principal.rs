//! Principals: your application's own user for a verified token, loaded once for each request.
//!
//! Pass a loader to the adapter's `PrincipalLayer` or `PrincipalMiddleware`, and take `Principal<U>` in your handlers:
//!
//! ```
//! use jwt_core::principal::load_async;
//!
//! # struct User;
//! # async fn find_user(_issuer: &str, _subject: &str) -> std::io::Result<Option<User>> { Ok(Some(User)) }
//! let users = load_async(|verified| async move {
//!     let claims = verified.registered();
//!     match (claims.issuer(), claims.subject()) {
//!         (Some(issuer), Some(subject)) => Ok(find_user(issuer, subject).await?),
//!         _ => Ok(None),
//!     }
//! });
//! ```
//!
//! **Look up users by issuer *and* subject.** A subject is unique only within its issuer (RFC 7519 section 4.1.2). If your
//! verifier trusts several issuers and you look up users by `sub` only, each issuer can impersonate the users of the others.
//!
//! The layer applies to every request, even if the handler doesn't take the principal:
//!
//! - If the user doesn't exist, the request fails with 401 `unknown_principal`.
//! - If your store is unavailable, the request fails with 503 `principal_unavailable`.
//! - If an optional layer allowed a request without a token, nothing is loaded and the request has no principal.
//!
//! Each request costs one query of your store. So put the layer only on routes that need it, and inside of requirements that
//! can be checked without it.

use std::fmt;
use std::future::Future;

use crate::error::{BoxError, ErrorKind};
use crate::gate::{Admission, Answer, Gate, RequestState};
use crate::http::request::RequestView;
use crate::step::Step;
use crate::verified::Verified;

/// Loads the principal of a verified token.
///
/// Create a loader from a closure with [`load`] or [`load_async`], or implement this trait. It's called once for each
/// request, after the token has passed all other checks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not load principals",
    note = "create a loader with `load(closure)` or `load_async(closure)` from `jwt_core::principal`, or implement \
            `LoadPrincipal`"
)]
pub trait LoadPrincipal: Send + Sync {
    /// The type of the principal, which handlers name.
    type Principal: Send + Sync + 'static;

    /// Loads the principal, and waits if necessary.
    ///
    /// `Ok(None)` means that there is no such principal: the request fails with 401 `unknown_principal`. `Err` means that it
    /// couldn't be loaded: the error is logged, and the request fails with 503 `principal_unavailable`.
    fn load(&self, verified: &Verified) -> Step<Result<Option<Self::Principal>, BoxError>>;
}

/// Creates a loader from a closure that returns the principal at once, for example from a map in memory.
///
/// `None` means that there is no such principal: the request fails with 401 `unknown_principal`.
///
/// ```
/// use std::collections::HashMap;
/// use jwt_core::principal::load;
///
/// let names: HashMap<(String, String), String> = HashMap::new();
/// let users = load(move |verified| {
///     let claims = verified.registered();
///     names.get(&(claims.issuer()?.to_owned(), claims.subject()?.to_owned())).cloned()
/// });
/// ```
#[must_use]
pub const fn load<F, U>(load: F) -> impl LoadPrincipal<Principal = U> + Clone
where
    F: Fn(&Verified) -> Option<U> + Clone + Send + Sync + 'static,
    U: Send + Sync + 'static,
{
    Load(load)
}

/// Creates a loader from an asynchronous closure, for example one that queries a database.
///
/// `Ok(None)` means that there is no such principal: the request fails with 401 `unknown_principal`. `Err` means that it
/// couldn't be loaded: the error is logged, and the request fails with 503 `principal_unavailable`.
#[must_use]
pub const fn load_async<F, R, U>(load: F) -> impl LoadPrincipal<Principal = U> + Clone
where
    F: Fn(Verified) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Option<U>, BoxError>> + Send + 'static,
    U: Send + Sync + 'static,
{
    LoadAsync(load)
}

/// The gate that loads the principal of each request. The adapters' `PrincipalLayer` and `PrincipalMiddleware` use it.
pub struct PrincipalGate<L>(L);

impl<L: LoadPrincipal> PrincipalGate<L> {
    /// Creates a gate from a loader.
    pub const fn new(loader: L) -> Self {
        Self(loader)
    }
}

impl<L: LoadPrincipal> Gate for PrincipalGate<L> {
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let verified = match state.optional_token() {
            Ok(Some(verified)) => verified,
            Ok(None) => return Step::Ready(Ok(Admission::with_state(state.without_principals()))),
            Err(rejection) => return Step::Ready(Err(rejection.into())),
        };
        match self.0.load(verified) {
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

impl<L> fmt::Debug for PrincipalGate<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrincipalGate").finish()
    }
}

#[derive(Clone, Copy)]
struct Load<F>(F);

#[derive(Clone, Copy)]
struct LoadAsync<F>(F);

impl<F, U> LoadPrincipal for Load<F>
where
    F: Fn(&Verified) -> Option<U> + Send + Sync,
    U: Send + Sync + 'static,
{
    type Principal = U;

    fn load(&self, verified: &Verified) -> Step<Result<Option<U>, BoxError>> {
        Step::Ready(Ok((self.0)(verified)))
    }
}

impl<F, R, U> LoadPrincipal for LoadAsync<F>
where
    F: Fn(Verified) -> R + Send + Sync,
    R: Future<Output = Result<Option<U>, BoxError>> + Send + 'static,
    U: Send + Sync + 'static,
{
    type Principal = U;

    fn load(&self, verified: &Verified) -> Step<Result<Option<U>, BoxError>> {
        Step::pending((self.0)(verified.clone()))
    }
}
