use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::verify::{Authentication, Authenticator};
use tower_service::Service;

use crate::form::Reading;
use crate::future::Pending;
use crate::request::{self, HttpView};
use crate::{RefusalBody, ResponseFuture, response};

/// A service behind authentication; made by [`JwtLayer`](crate::JwtLayer).
#[derive(Clone, Debug)]
pub struct Jwt<S> {
    inner: S,
    // Routers clone their services for each request: this is one reference to count, however much is behind it.
    authenticator: Arc<Authenticator>,
}

impl<S> Jwt<S> {
    pub(crate) const fn new(inner: S, authenticator: Arc<Authenticator>) -> Self {
        Self { inner, authenticator }
    }
}

impl<S: Clone> Jwt<S> {
    fn wait<B>(&mut self, pending: Pending, request: Request<B>) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        // The service that was polled ready is the one to call; its clone may not be.
        let clone = self.inner.clone();
        let service = mem::replace(&mut self.inner, clone);
        ResponseFuture::waiting(pending, service, request)
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Jwt<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: 'static,
    ResBody: RefusalBody,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if let Some(reading) = Reading::of(&mut request, |view| self.authenticator.form_field(view)) {
            let authenticator = Arc::clone(&self.authenticator);
            return self.wait(Pending::Form { reading, authenticator }, request);
        }
        match self.authenticator.authenticate(&HttpView::of(&request)) {
            Authentication::Ready(Ok(admission)) => {
                let header = request::admit(&mut request, admission);
                ResponseFuture::calling(self.inner.call(request), header)
            }
            Authentication::Ready(Err(refusal)) => {
                ResponseFuture::refused(response::refuse(&HttpView::of(&request), refusal))
            }
            Authentication::Answer(answer) => ResponseFuture::refused(response::answer(answer)),
            Authentication::Pending(pending) => self.wait(Pending::Authentication(pending), request),
        }
    }
}
