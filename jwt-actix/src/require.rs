use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use jwt_core::authorize::{self, Authorization, Requirement};

use crate::future::{Pending, ResponseFuture};
use crate::response;

/// Refuses requests whose verified token does not meet a requirement.
///
/// It stands inside of [`JwtMiddleware`](crate::JwtMiddleware): without one, requests are answered 500.
#[derive(Debug)]
#[must_use]
pub struct Require<R> {
    requirement: Arc<R>,
}

impl<R: Requirement> Require<R> {
    /// Makes middleware of a requirement, for example [`scopes`](jwt_core::authorize::scopes).
    pub fn new(requirement: R) -> Self {
        Self { requirement: Arc::new(requirement) }
    }
}

// Derived, it would ask for `R: Clone`.
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
    type Transform = RequireService<S, R>;
    type InitError = ();
    type Future = Ready<Result<RequireService<S, R>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequireService { service: Rc::new(service), requirement: Arc::clone(&self.requirement) }))
    }
}

#[derive(Debug)]
#[expect(unnameable_types, reason = "the hidden service of a `Transform`")]
pub struct RequireService<S, R> {
    service: Rc<S>,
    requirement: Arc<R>,
}

impl<S, B, R> Service<ServiceRequest> for RequireService<S, R>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    R: Requirement,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = ResponseFuture<S, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let permitted = {
            let extensions = request.extensions();
            authorize::permit(&*self.requirement, extensions.get(), extensions.get(), "JwtMiddleware")
        };
        match permitted {
            Authorization::Ready(Ok(())) => ResponseFuture::calling(self.service.call(request), None),
            Authorization::Ready(Err(refusal)) => ResponseFuture::refused(response::refuse(request, refusal)),
            Authorization::Pending(pending) => {
                ResponseFuture::waiting(Pending::Authorization(pending), Rc::clone(&self.service), request)
            }
        }
    }
}
