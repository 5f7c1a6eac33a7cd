use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::principal::{LoadPrincipal, PrincipalGate};

use crate::service::Gated;

/// Loads the application's own user for the request's token.
///
/// It goes inside [`JwtMiddleware`](crate::JwtMiddleware); without one, requests are answered 500. Handlers behind it run only
/// if the token has a principal: if the loader doesn't find one, the response is 401, and if it fails, 503. See
/// [`jwt_core::principal`]. A route can have several, for principals of different types.
///
/// ```
/// use actix_web::{App, web};
/// use jwt_actix::jwt_core::principal::load_async;
/// use jwt_actix::{Principal, PrincipalMiddleware};
///
/// struct User {
///     name: String,
/// }
///
/// async fn find_user(issuer: &str, subject: &str) -> std::io::Result<Option<User>> {
///     Ok(None) // Ask the database.
/// }
///
/// async fn me(Principal(user): Principal<User>) -> String {
///     user.name.clone()
/// }
///
/// let users = load_async(|verified| async move {
///     // Another issuer may use the same subject for another user.
///     let claims = verified.registered();
///     let (Some(issuer), Some(subject)) = (claims.issuer(), claims.subject()) else { return Ok(None) };
///     Ok(find_user(issuer, subject).await?)
/// });
/// let app = App::new().service(web::resource("/me").wrap(PrincipalMiddleware::new(users)).to(me));
/// ```
#[must_use]
pub struct PrincipalMiddleware<L> {
    gate: Arc<PrincipalGate<L>>,
}

impl<L: LoadPrincipal> PrincipalMiddleware<L> {
    /// Creates middleware from a loader, for example [`load_async`](jwt_core::principal::load_async).
    pub fn new(loader: L) -> Self {
        Self { gate: Arc::new(PrincipalGate::new(loader)) }
    }
}

// Derived, it would require `L: Clone`.
impl<L> Clone for PrincipalMiddleware<L> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<L> fmt::Debug for PrincipalMiddleware<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalMiddleware").finish_non_exhaustive()
    }
}

impl<S, B, L> Transform<S, ServiceRequest> for PrincipalMiddleware<L>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    L: LoadPrincipal,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = Gated<S, PrincipalGate<L>>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Gated::new(service, Arc::clone(&self.gate))))
    }
}
