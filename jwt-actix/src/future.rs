use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use jwt_core::gate::{Admission, Answer, Inspection};
use jwt_core::http::{Headers, SetCookies};
use jwt_core::{Pending, Step};
use pin_project_lite::pin_project;

use crate::extract;
use crate::headers::HeadersMut;
use crate::inspect::Reading;
use crate::request::{self, AllowedPath};
use crate::response;

type Entry = Result<Admission, Answer>;

type AfterResponse = Box<dyn FnOnce(&mut dyn Headers) -> Option<Pending<SetCookies>> + Send>;

pin_project! {
    /// The response of a service behind a gate.
    pub struct ResponseFuture<S, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B>
    where
        S: Service<ServiceRequest>,
    {
        Answered { response: Option<ServiceResponse<EitherBody<B>>> },
        // Boxed, because it's rare and would make every future large.
        Waiting { waiting: Option<Box<Waiting<S>>> },
        Calling { #[pin] future: S::Future, after: Option<AfterResponse>, path: AllowedPath },
        Editing { editing: Option<Box<Editing<B>>> },
    }
}

struct Waiting<S> {
    wait: Wait,
    service: Rc<S>,
    request: ServiceRequest,
    path: AllowedPath,
}

/// The work to finish before the service is called.
enum Wait {
    Entry(Pending<Entry>),
    Body(Reading<Entry>),
}

struct Editing<B> {
    response: ServiceResponse<EitherBody<B>>,
    pending: Pending<SetCookies>,
}

impl<S: Service<ServiceRequest>, B> ResponseFuture<S, B> {
    pub(crate) const fn answered(response: ServiceResponse<EitherBody<B>>) -> Self {
        Self { state: State::Answered { response: Some(response) } }
    }

    pub(crate) fn waiting(pending: Pending<Entry>, service: Rc<S>, request: ServiceRequest, path: AllowedPath) -> Self {
        let waiting = Some(Box::new(Waiting { wait: Wait::Entry(pending), service, request, path }));
        Self { state: State::Waiting { waiting } }
    }

    pub(crate) fn inspecting(
        inspection: Inspection<Entry>,
        service: Rc<S>,
        mut request: ServiceRequest,
        path: AllowedPath,
    ) -> Self {
        let wait = Wait::Body(Reading::new(inspection, request.take_payload()));
        Self { state: State::Waiting { waiting: Some(Box::new(Waiting { wait, service, request, path })) } }
    }

    pub(crate) fn calling(service: &S, request: ServiceRequest, admission: Admission, path: AllowedPath) -> Self {
        Self { state: State::calling(service, request, admission, path) }
    }
}

impl<S: Service<ServiceRequest>, B> State<S, B> {
    fn calling(service: &S, mut request: ServiceRequest, mut admission: Admission, path: AllowedPath) -> Self {
        if let Some(state) = admission.state.take() {
            request.extensions_mut().insert(state);
        }
        if let Some(rewrite) = admission.take_rewrite() {
            request::rewrite(&mut request, rewrite);
        }
        Self::Calling { future: service.call(request), after: admission.into_after_response(), path }
    }
}

impl Wait {
    fn poll(&mut self, request: &mut ServiceRequest, context: &mut Context<'_>) -> Poll<Entry> {
        loop {
            let step = match self {
                Self::Entry(pending) => Step::Ready(ready!(Pin::new(pending).poll(context))),
                Self::Body(reading) => {
                    let (step, payload) = ready!(reading.poll(context));
                    request.set_payload(payload);
                    step
                }
            };
            *self = match step {
                Step::Pending(pending) => Self::Entry(pending),
                Step::Ready(Ok(mut admission)) => match admission.take_inspection() {
                    Some(inspection) => Self::Body(Reading::new(inspection, request.take_payload())),
                    None => return Poll::Ready(Ok(admission)),
                },
                Step::Ready(Err(answer)) => return Poll::Ready(Err(answer)),
            };
        }
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, actix_web::Error>;

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
                    let Waiting { service, request, path, .. } = *waiting.take().expect(POLLED_AFTER_COMPLETION);
                    match entry {
                        Ok(admission) => State::calling(&*service, request, admission, path),
                        Err(answer) => return Poll::Ready(Ok(response::reject(request, answer))),
                    }
                }
                StateProjection::Calling { future, after, path } => {
                    let mut response = ready!(future.poll(context))?.map_into_left_body();
                    if path.is_replaced(response.request()) {
                        return Poll::Ready(Ok(response::withhold(response)));
                    }
                    extract::report_ignored(&response);
                    let Some(after) = after.take() else { return Poll::Ready(Ok(response)) };
                    match after(&mut HeadersMut(response.headers_mut())) {
                        None => return Poll::Ready(Ok(response)),
                        Some(pending) => State::Editing { editing: Some(Box::new(Editing { response, pending })) },
                    }
                }
                StateProjection::Editing { editing } => {
                    let Editing { pending, .. } = &mut **editing.as_mut().expect(POLLED_AFTER_COMPLETION);
                    let cookies = ready!(Pin::new(pending).poll(context));
                    let Editing { mut response, .. } = *editing.take().expect(POLLED_AFTER_COMPLETION);
                    cookies.apply(&mut HeadersMut(response.headers_mut()));
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(next);
        }
    }
}
