use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, forward_ready};
use actix_web::middleware::TrailingSlash;
use jwt_core::gate::{Gate, ResponseFuture};

use crate::exchange::ActixExchange;
use crate::inspect::Reading;
use crate::request::{self, ActixView};

/// A service behind a gate: the gate decides about each request before the service sees it.
#[derive(Debug)]
#[expect(unnameable_types, reason = "the hidden service of a `Transform`")]
pub struct Gated<S, G> {
    service: Rc<S>,
    gate: Arc<G>,
    /// How the wrapped service normalizes paths, if that is known.
    normalization: Option<TrailingSlash>,
}

impl<S, G> Gated<S, G> {
    pub(crate) fn new(service: S, gate: Arc<G>) -> Self {
        Self { service: Rc::new(service), gate, normalization: None }
    }

    pub(crate) const fn normalizing(mut self, normalization: Option<TrailingSlash>) -> Self {
        self.normalization = normalization;
        self
    }
}

impl<S, B, G> Service<ServiceRequest> for Gated<S, G>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    G: Gate,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = ResponseFuture<ActixExchange<S>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (entry, path) = {
            let (extensions, view) = (request.extensions(), ActixView::of(request.request(), self.normalization));
            (self.gate.enter(&view, request::state(&extensions)), view.allowed_path())
        };
        let (service, reading) = (Rc::clone(&self.service), Reading::default());
        ResponseFuture::new(entry, ActixExchange { service, request, path, reading })
    }
}
