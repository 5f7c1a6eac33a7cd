use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::authorize::Requirement;

use crate::service::Gated;

/// Rejects requests whose verified token doesn't meet a requirement.
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
#[derive(Debug)]
#[must_use]
pub struct RequireMiddleware<R> {
    requirement: Arc<R>,
}

impl<R: Requirement> RequireMiddleware<R> {
    /// Creates middleware from a requirement, for example [`scopes`](jwt_core::authorize::scopes).
    pub fn new(requirement: R) -> Self {
        Self { requirement: Arc::new(requirement) }
    }
}

// Derived, it would require `R: Clone`.
impl<R> Clone for RequireMiddleware<R> {
    fn clone(&self) -> Self {
        Self { requirement: Arc::clone(&self.requirement) }
    }
}

impl<S, B, R> Transform<S, ServiceRequest> for RequireMiddleware<R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    R: Requirement,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = Gated<S, R>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Gated::new(service, Arc::clone(&self.requirement))))
    }
}
