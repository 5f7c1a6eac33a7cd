use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::authorize::{self, Requirement};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::response;

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
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Requirement,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future, Response<ResBody>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let extensions = request.extensions();
        match authorize::permit(&*self.requirement, extensions.get(), extensions.get(), "JwtLayer") {
            Ok(()) => RequireFuture { state: State::Calling { future: self.inner.call(request) } },
            Err(refusal) => RequireFuture { state: State::Refused { response: Some(response::refuse(refusal)) } },
        }
    }
}

pin_project! {
    /// The response of [`Require`].
    pub struct RequireFuture<F, R> {
        #[pin]
        state: State<F, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R> {
        Refused { response: Option<R> },
        Calling { #[pin] future: F },
    }
}

impl<F, R, E> Future for RequireFuture<F, R>
where
    F: Future<Output = Result<R, E>>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            // As every future may, this one panics when it is polled again after its end.
            StateProjection::Refused { response } => {
                Poll::Ready(Ok(response.take().expect("`RequireFuture` polled after completion")))
            }
            StateProjection::Calling { future } => future.poll(context),
        }
    }
}

impl<F, R> fmt::Debug for RequireFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
