use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use jwt_core::gate::{Admission, Answer, Inspection};
use jwt_core::http::{Headers, SetCookies};
use jwt_core::{Pending, Step};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::headers::HeadersMut;
use crate::inspect::Reading;
use crate::request::{self, HttpView};
use crate::{RejectionBody, response};

type Entry = Result<Admission, Answer>;

pub(crate) type AfterResponse = Box<dyn FnOnce(&mut dyn Headers) -> Option<Pending<SetCookies>> + Send>;

pin_project! {
    /// The response of [`Gated`](crate::Gated).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        Answered { response: Option<S::Response> },
        // Boxed, because it's rare and would make every future large.
        Waiting { waiting: Option<Box<Waiting<S, B>>> },
        Calling { #[pin] future: S::Future, after: Option<AfterResponse> },
        Editing { editing: Option<Box<(S::Response, Pending<SetCookies>)>> },
    }
}

struct Waiting<S, B> {
    wait: Wait,
    service: S,
    request: Request<B>,
}

/// The work to finish before the service is called.
enum Wait {
    Entry(Pending<Entry>),
    Body(Reading<Entry>),
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(crate) const fn answered(response: S::Response) -> Self {
        Self { state: State::Answered { response: Some(response) } }
    }

    pub(crate) fn waiting(pending: Pending<Entry>, service: S, request: Request<B>) -> Self {
        let waiting = Some(Box::new(Waiting { wait: Wait::Entry(pending), service, request }));
        Self { state: State::Waiting { waiting } }
    }

    pub(crate) fn inspecting(inspection: Inspection<Entry>, service: S, mut request: Request<B>) -> Self
    where
        B: 'static,
    {
        let wait = Wait::Body(Reading::start(inspection, &mut request));
        Self { state: State::Waiting { waiting: Some(Box::new(Waiting { wait, service, request })) } }
    }

    pub(crate) const fn calling(future: S::Future, after: Option<AfterResponse>) -> Self {
        Self { state: State::Calling { future, after } }
    }
}

impl Wait {
    fn poll<B: 'static>(&mut self, request: &mut Request<B>, context: &mut Context<'_>) -> Poll<Entry> {
        loop {
            let step = match self {
                Self::Entry(pending) => Step::Ready(ready!(Pin::new(pending).poll(context))),
                Self::Body(reading) => ready!(reading.poll(request, context)),
            };
            *self = match step {
                Step::Pending(pending) => Self::Entry(pending),
                Step::Ready(Ok(mut admission)) => match admission.take_inspection() {
                    Some(inspection) => Self::Body(Reading::start(inspection, request)),
                    None => return Poll::Ready(Ok(admission)),
                },
                Step::Ready(Err(answer)) => return Poll::Ready(Err(answer)),
            };
        }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: 'static,
    ResBody: RejectionBody,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Like any future, this one may panic if it's polled again after completion.
        const POLLED_AFTER_COMPLETION: &str = "`ResponseFuture` polled after completion";
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Answered { response } => {
                    return Poll::Ready(Ok(response.take().expect(POLLED_AFTER_COMPLETION)));
                }
                StateProjection::Waiting { waiting } => {
                    let Waiting { wait, request, .. } = &mut **waiting.as_mut().expect(POLLED_AFTER_COMPLETION);
                    let entry = ready!(wait.poll(request, context));
                    let Waiting { mut service, mut request, .. } = *waiting.take().expect(POLLED_AFTER_COMPLETION);
                    match entry {
                        Ok(admission) => {
                            let after = request::admit(&mut request, admission);
                            State::Calling { future: service.call(request), after }
                        }
                        Err(answer) => return Poll::Ready(Ok(response::reject(&HttpView::of(&request), answer))),
                    }
                }
                StateProjection::Calling { future, after } => {
                    let mut response = ready!(future.poll(context))?;
                    let Some(after) = after.take() else { return Poll::Ready(Ok(response)) };
                    match after(&mut HeadersMut(response.headers_mut())) {
                        None => return Poll::Ready(Ok(response)),
                        Some(pending) => State::Editing { editing: Some(Box::new((response, pending))) },
                    }
                }
                StateProjection::Editing { editing } => {
                    let (_, pending) = &mut **editing.as_mut().expect(POLLED_AFTER_COMPLETION);
                    let cookies = ready!(Pin::new(pending).poll(context));
                    let (mut response, _) = *editing.take().expect(POLLED_AFTER_COMPLETION);
                    cookies.apply(&mut HeadersMut(response.headers_mut()));
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(next);
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
