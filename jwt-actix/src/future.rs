use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use jwt_core::authorize::PendingAuthorization;
use jwt_core::challenge::Refusal;
use jwt_core::endpoint::Answer;
use jwt_core::principal::{PendingIntroduction, Principals};
use jwt_core::verify::{Admission, Authentication, Authenticator, PendingAuthentication};
use pin_project_lite::pin_project;

use crate::extract;
use crate::form::Reading;
use crate::request::{self, ActixView, ResponseHeader};
use crate::response;

pin_project! {
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
        Refused { response: Option<ServiceResponse<EitherBody<B>>> },
        // Boxed, because it is rare and would make every future as large as itself.
        Waiting { waiting: Option<Box<Waiting<S>>> },
        Calling { #[pin] future: S::Future, header: ResponseHeader },
    }
}

struct Waiting<S> {
    pending: Pending,
    service: Rc<S>,
    request: ServiceRequest,
}

/// What is waited for before the service is called.
pub(crate) enum Pending {
    Authentication(PendingAuthentication),
    Authorization(PendingAuthorization),
    Introduction(PendingIntroduction),
    /// A form, which is in the request again when it has been read.
    Form {
        reading: Reading,
        authenticator: Authenticator,
    },
}

/// What was waited for, to be left in the request.
enum Awaited {
    Admission(Admission),
    Permission,
    Principals(Principals),
    Answer(Answer),
}

impl Pending {
    fn poll(&mut self, request: &mut ServiceRequest, context: &mut Context<'_>) -> Poll<Result<Awaited, Refusal>> {
        match self {
            Self::Authentication(pending) => Pin::new(pending).poll(context).map_ok(Awaited::Admission),
            Self::Authorization(pending) => Pin::new(pending).poll(context).map_ok(|()| Awaited::Permission),
            Self::Introduction(pending) => Pin::new(pending).poll(context).map_ok(Awaited::Principals),
            Self::Form { reading, authenticator } => {
                let field = ready!(reading.poll(request, context));
                let view = ActixView::of(request.request()).with_form_field(field.as_deref());
                match authenticator.authenticate(&view) {
                    Authentication::Ready(outcome) => Poll::Ready(outcome.map(Awaited::Admission)),
                    Authentication::Answer(answer) => Poll::Ready(Ok(Awaited::Answer(answer))),
                    Authentication::Pending(pending) => {
                        *self = Self::Authentication(pending);
                        self.poll(request, context)
                    }
                }
            }
        }
    }
}

impl<S: Service<ServiceRequest>, B> ResponseFuture<S, B> {
    pub(crate) const fn refused(response: ServiceResponse<EitherBody<B>>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(crate) fn waiting(pending: Pending, service: Rc<S>, request: ServiceRequest) -> Self {
        Self { state: State::Waiting { waiting: Some(Box::new(Waiting { pending, service, request })) } }
    }

    pub(crate) const fn calling(future: S::Future, header: ResponseHeader) -> Self {
        Self { state: State::Calling { future, header } }
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, actix_web::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        const POLLED_AFTER_COMPLETION: &str = "`ResponseFuture` polled after completion";
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                // As every future may, this one panics when it is polled again after its end.
                StateProjection::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect(POLLED_AFTER_COMPLETION)));
                }
                StateProjection::Waiting { waiting } => {
                    let Waiting { pending, request, .. } = &mut **waiting.as_mut().expect(POLLED_AFTER_COMPLETION);
                    let outcome = ready!(pending.poll(request, context));
                    let Waiting { service, request, .. } = *waiting.take().expect(POLLED_AFTER_COMPLETION);
                    match outcome {
                        Ok(awaited) => {
                            let header = match awaited {
                                Awaited::Admission(admission) => request::admit(&request, admission),
                                Awaited::Permission => None,
                                Awaited::Principals(principals) => {
                                    request.extensions_mut().insert(principals);
                                    None
                                }
                                Awaited::Answer(answer) => {
                                    let response = response::answer(answer).map_into_right_body();
                                    return Poll::Ready(Ok(request.into_response(response)));
                                }
                            };
                            State::Calling { future: service.call(request), header }
                        }
                        Err(refusal) => return Poll::Ready(Ok(response::refuse(request, refusal))),
                    }
                }
                StateProjection::Calling { future, header } => {
                    let mut response = ready!(future.poll(context))?.map_into_left_body();
                    extract::report_ignored(&response);
                    response::add_header(&mut response, header.take());
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(next);
        }
    }
}
