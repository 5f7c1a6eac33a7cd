use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::Step;
use jwt_core::gate::Gate;
use tower_service::Service;

use crate::exchange::HttpExchange;
use crate::request::{self, HttpView};
use crate::{RejectionBody, ResponseFuture, response};

/// A service behind a gate: the gate decides about each request before the service sees it.
///
/// All layers of this crate create it: [`JwtLayer`](crate::JwtLayer), [`RequireLayer`](crate::RequireLayer),
/// [`PrincipalLayer`](crate::PrincipalLayer) and [`GateLayer`](crate::GateLayer).
#[derive(Debug)]
pub struct Gated<S, G> {
    inner: S,
    // Routers clone their services for each request. With the `Arc`, a clone is cheap no matter how large the gate is.
    gate: Arc<G>,
}

impl<S, G> Gated<S, G> {
    pub(crate) const fn new(inner: S, gate: Arc<G>) -> Self {
        Self { inner, gate }
    }
}

// Derived, it would require `G: Clone`.
impl<S: Clone, G> Clone for Gated<S, G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<S, G, ReqBody, ResBody> Service<Request<ReqBody>> for Gated<S, G>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    G: Gate,
    ReqBody: 'static,
    ResBody: RejectionBody,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let view = HttpView::of(&request);
        match self.gate.enter(&view, request::state(request.extensions())) {
            Step::Ready(Ok(mut admission)) if !admission.needs_body() => {
                request::admit(&mut request, &mut admission);
                ResponseFuture::calling(self.inner.call(request), admission)
            }
            Step::Ready(Err(answer)) => ResponseFuture::answered(response::reject(&view, answer)),
            entry => ResponseFuture::new(entry, HttpExchange::new(self.take_ready_service(), request)),
        }
    }
}

impl<S: Clone, G> Gated<S, G> {
    /// Takes the service that was polled ready. Its clone may not be ready.
    fn take_ready_service(&mut self) -> S {
        let clone = self.inner.clone();
        mem::replace(&mut self.inner, clone)
    }
}
