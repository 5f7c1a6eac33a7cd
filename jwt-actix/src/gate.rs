use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::gate::Gate;

use crate::service::Gated;

/// Puts a [`Gate`] in front of a service. If the gate needs a token, it goes inside [`JwtMiddleware`](crate::JwtMiddleware).
///
/// The core has two gates without middleware of their own: [`ForwardClaims`](jwt_core::forward::ForwardClaims) tells an
/// upstream service who sent the request, in headers that clients cannot set. `jwt_core::issue::ImplicitRefresh` renews access
/// tokens in cookies while they are in use.
///
/// ```
/// use actix_web::{App, web};
/// use jwt_actix::GateMiddleware;
/// use jwt_actix::jwt_core::BuildError;
/// use jwt_actix::jwt_core::forward::ForwardClaims;
///
/// async fn upstream() -> &'static str {
///     "upstream"
/// }
///
/// fn gateway() -> Result<(), BuildError> {
///     let forward = ForwardClaims::keeping_token([("/sub", "x-user")])?;
///     let app = App::new().service(web::resource("/").wrap(GateMiddleware::new(forward)).to(upstream));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct GateMiddleware<G> {
    gate: Arc<G>,
}

impl<G: Gate> GateMiddleware<G> {
    /// Creates middleware from a gate.
    pub fn new(gate: G) -> Self {
        Self { gate: Arc::new(gate) }
    }
}

// Derived, it would require `G: Clone`.
impl<G> Clone for GateMiddleware<G> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<S, B, G> Transform<S, ServiceRequest> for GateMiddleware<G>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    G: Gate + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = Gated<S, G>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Gated::new(service, Arc::clone(&self.gate))))
    }
}

/// Rejects requests whose verified token does not meet a requirement.
///
/// It needs a verified token: without a [`JwtMiddleware`](crate::JwtMiddleware) outside it, every request is answered 500.
/// "Outside" means around an enclosing scope or the `App`, or wrapped later: middleware that you wrap later runs first.
///
/// ```
/// use actix_web::{App, web};
/// use jwt_actix::jwt_core::{Verifier, authorize::scopes};
/// use jwt_actix::{JwtMiddleware, RequireMiddleware};
///
/// async fn reports() -> &'static str {
///     "reports"
/// }
///
/// fn configure(verifier: Verifier) {
///     let reports = web::resource("/reports").wrap(RequireMiddleware::new(scopes(["reports:read"]))).to(reports);
///     let app = App::new().wrap(JwtMiddleware::new(verifier)).service(reports);
/// }
/// ```
///
/// A request without a token is answered by the `JwtMiddleware` outside, which does not know this requirement. If its 401 should name the
/// scopes that are required, give the requirement to that one: [`JwtMiddleware::require`](crate::JwtMiddleware::require), or a table to
/// [`JwtMiddleware::routes`](crate::JwtMiddleware::routes).
pub type RequireMiddleware<R> = GateMiddleware<R>;

/// Loads the application's own user for the request's token.
///
/// It goes inside [`JwtMiddleware`](crate::JwtMiddleware); without one, requests are answered 500. Handlers behind it run only
/// if the token has a principal: if the loader does not find one, the response is 401, and if it fails, 503. See
/// [`load_async`](jwt_core::gate::load_async). A route can have several, for principals of different types.
///
/// ```
/// use actix_web::{App, web};
/// use jwt_actix::jwt_core::gate::load_async;
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
pub type PrincipalMiddleware<L> = GateMiddleware<L>;
