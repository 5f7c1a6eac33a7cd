use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::authorize::{self, Authorization, Requirement};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::Pending;
use crate::request::HttpView;
use crate::{RefusalBody, ResponseFuture, response};

/// Refuses requests whose verified token does not meet a requirement.
///
/// It stands inside of [`JwtLayer`](crate::JwtLayer): without one, requests are answered 500.
#[derive(Debug)]
#[must_use]
pub struct RequireLayer<R> {
    requirement: Arc<R>,
}

impl<R: Requirement> RequireLayer<R> {
    /// Makes a layer of a requirement, for example [`scopes`](jwt_core::authorize::scopes).
    pub fn new(requirement: R) -> Self {
        Self { requirement: Arc::new(requirement) }
    }
}

// Derived, it would ask for `R: Clone`.
impl<R> Clone for RequireLayer<R> {
    fn clone(&self) -> Self {
        Self { requirement: Arc::clone(&self.requirement) }
    }
}

impl<S, R> Layer<S> for RequireLayer<R> {
    type Service = Require<S, R>;

    fn layer(&self, inner: S) -> Require<S, R> {
        Require { inner, requirement: Arc::clone(&self.requirement) }
    }
}

/// A service behind a requirement; made by [`RequireLayer`].
#[derive(Debug)]
pub struct Require<S, R> {
    inner: S,
    requirement: Arc<R>,
}

impl<S: Clone, R> Clone for Require<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), requirement: Arc::clone(&self.requirement) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Require<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Requirement,
    ReqBody: 'static,
    ResBody: RefusalBody,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let extensions = request.extensions();
        match authorize::permit(&*self.requirement, extensions.get(), extensions.get(), "JwtLayer") {
            Authorization::Ready(Ok(())) => ResponseFuture::calling(self.inner.call(request), None),
            Authorization::Ready(Err(refusal)) => {
                ResponseFuture::refused(response::refuse(&HttpView::of(&request), refusal))
            }
            Authorization::Pending(pending) => {
                // The service that was polled ready is the one to call; its clone may not be.
                let clone = self.inner.clone();
                let service = mem::replace(&mut self.inner, clone);
                ResponseFuture::waiting(Pending::Authorization(pending), service, request)
            }
        }
    }
}
