use std::future::Future as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::gate::{Admission, Answer, Exchange};
use jwt_core::http::Headers;
use tower_service::Service;

use crate::headers::HeadersMut;
use crate::inspect::Reading;
use crate::request::{self, HttpView};
use crate::{RejectionBody, response};

/// The response of [`Gated`](crate::Gated).
pub type ResponseFuture<S, B> = jwt_core::gate::ResponseFuture<HttpExchange<S, B>>;

/// A request that waits for a gate, and the service that was ready for it.
#[expect(unnameable_types, missing_debug_implementations, reason = "a part of `ResponseFuture`")]
pub struct HttpExchange<S, B> {
    service: S,
    request: Request<B>,
    reading: Reading,
}

impl<S, B> HttpExchange<S, B> {
    pub(crate) fn new(service: S, request: Request<B>) -> Self {
        Self { service, request, reading: Reading::default() }
    }
}

impl<S, ReqBody, ResBody> Exchange for HttpExchange<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: 'static,
    ResBody: RejectionBody,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Call = S::Future;

    fn poll_body(&mut self, take: &mut dyn FnMut(&[u8]) -> usize, context: &mut Context<'_>) -> Poll<bool> {
        self.reading.poll(&mut self.request, take, context)
    }

    fn restore_body(&mut self, taken: Vec<u8>) {
        self.reading.restore(&mut self.request, taken);
    }

    fn call(mut self, admission: &mut Admission) -> S::Future {
        request::admit(&mut self.request, admission);
        self.service.call(self.request)
    }

    fn poll_call(
        call: Pin<&mut S::Future>,
        context: &mut Context<'_>,
    ) -> Poll<Result<ControlFlow<Self::Response, Self::Response>, S::Error>> {
        call.poll(context).map_ok(ControlFlow::Continue)
    }

    fn answer(self, answer: Answer) -> Self::Response {
        response::reject(&HttpView::of(&self.request), answer)
    }

    fn headers(response: &mut Self::Response) -> impl Headers {
        HeadersMut(response.headers_mut())
    }
}
