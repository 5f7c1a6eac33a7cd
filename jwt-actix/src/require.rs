use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::authorize::Requirement;

use crate::service::Gated;

/// Refuses requests whose verified token does not meet a requirement.
///
/// It goes inside [`JwtMiddleware`](crate::JwtMiddleware): without one, requests are answered 500.
#[derive(Debug)]
#[must_use]
pub struct Require<R> {
    requirement: Arc<R>,
}

impl<R: Requirement> Require<R> {
    /// Creates middleware from a requirement, for example [`scopes`](jwt_core::authorize::scopes).
    pub fn new(requirement: R) -> Self {
        Self { requirement: Arc::new(requirement) }
    }
}

// Derived, it would require `R: Clone`.
impl<R> Clone for Require<R> {
    fn clone(&self) -> Self {
        Self { requirement: Arc::clone(&self.requirement) }
    }
}

impl<S, B, R> Transform<S, ServiceRequest> for Require<R>
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
