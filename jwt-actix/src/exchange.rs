use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use jwt_core::gate::{Admission, Answer, Exchange};
use jwt_core::http::Headers;
use pin_project_lite::pin_project;

use crate::headers::HeadersMut;
use crate::inspect::Reading;
use crate::request::{self, AllowedPath};
use crate::{extract, response};

/// A request at a gate.
#[expect(missing_debug_implementations, unnameable_types, reason = "a part of the hidden service's future")]
pub struct ActixExchange<S> {
    pub(crate) service: Rc<S>,
    pub(crate) request: ServiceRequest,
    pub(crate) path: AllowedPath,
    pub(crate) reading: Reading,
}

pin_project! {
    /// A call, and the path that it was allowed for.
    pub struct Call<F> {
        #[pin]
        future: F,
        path: AllowedPath,
    }
}

impl<S, B> Exchange for ActixExchange<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Call = Call<S::Future>;

    fn poll_body(&mut self, take: &mut dyn FnMut(&[u8]) -> usize, context: &mut Context<'_>) -> Poll<bool> {
        self.reading.poll(self.request.parts_mut().1, take, context)
    }

    fn restore_body(&mut self, taken: Vec<u8>) {
        let payload = self.request.take_payload();
        self.request.set_payload(self.reading.restore(payload, taken));
    }

    fn call(mut self, admission: &mut Admission) -> Self::Call {
        request::admit(&mut self.request, admission);
        Call { future: self.service.call(self.request), path: self.path }
    }

    fn poll_call(
        call: Pin<&mut Self::Call>,
        context: &mut Context<'_>,
    ) -> Poll<Result<ControlFlow<Self::Response, Self::Response>, actix_web::Error>> {
        let call = call.project();
        let response = ready!(call.future.poll(context))?.map_into_left_body();
        if call.path.is_replaced(response.request()) {
            return Poll::Ready(Ok(ControlFlow::Break(response::withhold(response))));
        }
        extract::report_ignored(&response);
        Poll::Ready(Ok(ControlFlow::Continue(response)))
    }

    fn answer(self, answer: Answer) -> Self::Response {
        response::reject(self.request, answer)
    }

    fn headers(response: &mut Self::Response) -> impl Headers {
        HeadersMut(response.headers_mut())
    }
}
