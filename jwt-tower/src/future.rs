use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use jwt_core::authorize::PendingAuthorization;
use jwt_core::challenge::Refusal;
use jwt_core::endpoint::Answer;
use jwt_core::principal::{PendingIntroduction, Principals};
use jwt_core::verify::{Admission, Authentication, Authenticator, PendingAuthentication};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::form::Reading;
use crate::request::{self, HttpView, ResponseHeader};
use crate::{RefusalBody, response};

pin_project! {
    /// The response of [`Jwt`](crate::Jwt) and of [`Require`](crate::Require).
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
        Refused { response: Option<S::Response> },
        // Boxed, because it is rare and would make every future as large as itself.
        Waiting { waiting: Option<Box<Waiting<S, B>>> },
        Calling { #[pin] future: S::Future, header: ResponseHeader },
    }
}

struct Waiting<S, B> {
    pending: Pending,
    service: S,
    request: Request<B>,
}

/// What is waited for before the service is called.
pub(crate) enum Pending {
    Authentication(PendingAuthentication),
    Authorization(PendingAuthorization),
    Introduction(PendingIntroduction),
    /// A form, which is in the request again when it has been read.
    Form {
        reading: Reading,
        authenticator: Arc<Authenticator>,
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
    fn poll<B: 'static>(
        &mut self,
        request: &mut Request<B>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Awaited, Refusal>> {
        match self {
            Self::Authentication(pending) => Pin::new(pending).poll(context).map_ok(Awaited::Admission),
            Self::Authorization(pending) => Pin::new(pending).poll(context).map_ok(|()| Awaited::Permission),
            Self::Introduction(pending) => Pin::new(pending).poll(context).map_ok(Awaited::Principals),
            Self::Form { reading, authenticator } => {
                let field = ready!(reading.poll(request, context));
                let view = HttpView::of(request).with_form_field(field.as_deref());
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

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(crate) const fn refused(response: S::Response) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(crate) fn waiting(pending: Pending, service: S, request: Request<B>) -> Self {
        Self { state: State::Waiting { waiting: Some(Box::new(Waiting { pending, service, request })) } }
    }

    pub(crate) const fn calling(future: S::Future, header: ResponseHeader) -> Self {
        Self { state: State::Calling { future, header } }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: 'static,
    ResBody: RefusalBody,
{
    type Output = Result<Response<ResBody>, S::Error>;

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
                    let Waiting { mut service, mut request, .. } = *waiting.take().expect(POLLED_AFTER_COMPLETION);
                    match outcome {
                        Ok(awaited) => {
                            let header = match awaited {
                                Awaited::Admission(admission) => request::admit(&mut request, admission),
                                Awaited::Permission => None,
                                Awaited::Principals(principals) => {
                                    request.extensions_mut().insert(principals);
                                    None
                                }
                                Awaited::Answer(answer) => return Poll::Ready(Ok(response::answer(answer))),
                            };
                            State::Calling { future: service.call(request), header }
                        }
                        Err(refusal) => {
                            return Poll::Ready(Ok(response::refuse(&HttpView::of(&request), refusal)));
                        }
                    }
                }
                StateProjection::Calling { future, header } => {
                    let mut response = ready!(future.poll(context))?;
                    response::add_header(&mut response, header.take());
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
