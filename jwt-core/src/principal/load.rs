use std::future::Future;

use crate::step::Step;
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

    /// Finds the principal, waiting if necessary. `Ok(None)` means that there is no such principal, which is refused with
    /// 401; an `Err` is an outage, which is answered 503.
    fn load(&self, verified: &Verified) -> Step<Result<Option<Self::Principal>, LoadError>>;
}

/// Loads principals that are available at once. `None` is refused with 401, `unknown_principal`.
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
pub const fn load<F, U>(load: F) -> impl LoadPrincipal<Principal = U> + Clone
where
    F: Fn(&Verified) -> Option<U> + Clone + Send + Sync + 'static,
    U: Send + Sync + 'static,
{
    Load(load)
}

/// Loads principals that have to be waited for. `Ok(None)` is refused with 401, `unknown_principal`; `Err` is an outage: it
/// is logged, and answered 503 `principal_unavailable`.
#[must_use]
pub const fn load_async<F, R, U>(load: F) -> impl LoadPrincipal<Principal = U> + Clone
where
    F: Fn(Verified) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Option<U>, LoadError>> + Send + 'static,
    U: Send + Sync + 'static,
{
    LoadAsync(load)
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

    fn load(&self, verified: &Verified) -> Step<Result<Option<U>, LoadError>> {
        Step::Ready(Ok((self.0)(verified)))
    }
}

impl<F, R, U> LoadPrincipal for LoadAsync<F>
where
    F: Fn(Verified) -> R + Send + Sync,
    R: Future<Output = Result<Option<U>, LoadError>> + Send + 'static,
    U: Send + Sync + 'static,
{
    type Principal = U;

    fn load(&self, verified: &Verified) -> Step<Result<Option<U>, LoadError>> {
        Step::pending((self.0)(verified.clone()))
    }
}
