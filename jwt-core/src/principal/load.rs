use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::verified::Verified;

/// What keeps a principal from being loaded. It is logged, and the request is answered 503.
pub type LoadError = Box<dyn std::error::Error + Send + Sync>;

/// Finds the principal of a verified token.
///
/// [`load`] and [`load_async`] make one of a closure. It is asked once for each request, after every check of the token.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not load principals",
    note = "make one with `load(closure)` or `load_async(closure)` of `jwt_core::principal`, or implement `LoadPrincipal`"
)]
pub trait LoadPrincipal: Send + Sync {
    /// What handlers ask for.
    type Principal: Send + Sync + 'static;

    /// Finds the principal, waiting where that is needed.
    fn load(&self, verified: &Verified) -> Loading<Self::Principal>;
}

/// A principal, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Loading<U> {
    /// It was at hand: `None` where there is no such principal, which is refused with 401; an `Err` is an outage.
    Ready(Result<Option<U>, LoadError>),
    /// Something must be waited for.
    Pending(PendingPrincipal<U>),
}

/// A principal that is waited for.
#[must_use = "futures do nothing unless polled"]
pub struct PendingPrincipal<U>(Pin<Box<dyn Future<Output = Result<Option<U>, LoadError>> + Send>>);

impl<U> PendingPrincipal<U> {
    /// Makes one of a future.
    pub fn new(principal: impl Future<Output = Result<Option<U>, LoadError>> + Send + 'static) -> Self {
        Self(Box::pin(principal))
    }
}

impl<U> Future for PendingPrincipal<U> {
    type Output = Result<Option<U>, LoadError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<U> fmt::Debug for PendingPrincipal<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingPrincipal").finish()
    }
}

/// A closure that knows principals at once; made by [`load`].
#[derive(Clone, Copy)]
pub struct Load<F>(F);

/// A closure that waits for principals; made by [`load_async`].
#[derive(Clone, Copy)]
pub struct LoadAsync<F>(F);

/// Loads principals that are at hand. `None` is refused with 401, `unknown_principal`.
///
/// ```
/// use std::collections::HashMap;
/// use jwt_core::principal::load;
///
/// // By issuer and subject: another issuer may use the same subjects for other people.
/// let names: HashMap<(String, String), String> = HashMap::new();
/// let users = load(move |verified| {
///     let claims = verified.registered();
///     names.get(&(claims.issuer()?.to_owned(), claims.subject()?.to_owned())).cloned()
/// });
/// ```
#[must_use]
pub const fn load<F, U>(load: F) -> Load<F>
where
    F: Fn(&Verified) -> Option<U> + Send + Sync + 'static,
{
    Load(load)
}

/// Loads principals that must be waited for. `Ok(None)` is refused with 401, `unknown_principal`; `Err` is an outage: it is
/// logged, and answered 503 `principal_unavailable`.
#[must_use]
pub const fn load_async<F, R, U>(load: F) -> LoadAsync<F>
where
    F: Fn(Verified) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Option<U>, LoadError>> + Send + 'static,
{
    LoadAsync(load)
}

impl<F, U> LoadPrincipal for Load<F>
where
    F: Fn(&Verified) -> Option<U> + Send + Sync,
    U: Send + Sync + 'static,
{
    type Principal = U;

    fn load(&self, verified: &Verified) -> Loading<U> {
        Loading::Ready(Ok((self.0)(verified)))
    }
}

impl<F, R, U> LoadPrincipal for LoadAsync<F>
where
    F: Fn(Verified) -> R + Send + Sync,
    R: Future<Output = Result<Option<U>, LoadError>> + Send + 'static,
    U: Send + Sync + 'static,
{
    type Principal = U;

    fn load(&self, verified: &Verified) -> Loading<U> {
        Loading::Pending(PendingPrincipal::new((self.0)(verified.clone())))
    }
}

impl<F> fmt::Debug for Load<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Load").finish()
    }
}

impl<F> fmt::Debug for LoadAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoadAsync").finish()
    }
}
