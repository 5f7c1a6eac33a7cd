use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use jwt_core::endpoint::{Answer, Answering, Endpoint, PendingAnswer};
use tower_service::Service;

use crate::form::Reading;
use crate::request::HttpView;
use crate::{RefusalBody, response};

/// Serves an [`Endpoint`] of the core: keys that are published, tokens that are refreshed.
///
/// Under axum, [`endpoint`](crate::endpoint) makes one. For others, `B` is the body of responses.
pub struct EndpointService<B> {
    endpoint: Endpoint,
    body: PhantomData<fn() -> B>,
}

impl<B> EndpointService<B> {
    /// Serves `endpoint`.
    #[must_use]
    pub const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, body: PhantomData }
    }
}

// Derived, it would ask for `B: Clone`.
impl<B> Clone for EndpointService<B> {
    fn clone(&self) -> Self {
        Self::new(self.endpoint.clone())
    }
}

impl<B> fmt::Debug for EndpointService<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointService").field("endpoint", &self.endpoint).finish()
    }
}

impl<R: 'static, B: RefusalBody> Service<Request<R>> for EndpointService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = EndpointFuture<B>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<R>) -> EndpointFuture<B> {
        if let Some(reading) = Reading::of(&mut request, |view| self.endpoint.form_field(view)) {
            let form = Form { reading, request: request.map(drop), endpoint: self.endpoint.clone() };
            return EndpointFuture { state: State::Form(Box::new(form)), body: PhantomData };
        }
        EndpointFuture { state: self.endpoint.answer(&HttpView::of(&request)).into(), body: PhantomData }
    }
}

/// The response of [`EndpointService`].
pub struct EndpointFuture<B> {
    state: State,
    body: PhantomData<fn() -> B>,
}

enum State {
    Ready(Option<Answer>),
    Pending(PendingAnswer),
    Form(Box<Form>),
}

/// What is answered when a form has been read.
struct Form {
    reading: Reading,
    request: Request<()>,
    endpoint: Endpoint,
}

impl From<Answering> for State {
    fn from(answering: Answering) -> Self {
        match answering {
            Answering::Ready(answer) => Self::Ready(Some(answer)),
            Answering::Pending(pending) => Self::Pending(pending),
        }
    }
}

impl<B: RefusalBody> Future for EndpointFuture<B> {
    type Output = Result<Response<B>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let answer = match &mut self.state {
                // As every future may, this one panics when it is polled again after its end.
                State::Ready(answer) => answer.take().expect("`EndpointFuture` polled after completion"),
                State::Pending(pending) => ready!(Pin::new(pending).poll(context)),
                State::Form(form) => {
                    let Form { reading, request, endpoint } = &mut **form;
                    let field = ready!(reading.poll(request, context));
                    let answering = endpoint.answer(&HttpView::of(request).with_form_field(field.as_deref()));
                    self.state = answering.into();
                    continue;
                }
            };
            return Poll::Ready(Ok(response::answer(answer)));
        }
    }
}

impl<B> fmt::Debug for EndpointFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointFuture").finish_non_exhaustive()
    }
}
