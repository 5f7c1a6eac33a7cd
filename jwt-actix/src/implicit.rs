use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready as poll_ready};

use actix_web::HttpMessage as _;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE};
use jwt_core::Verified;
use jwt_core::issue::{ImplicitRefresh, PendingCookies};
use pin_project_lite::pin_project;

use crate::cookies;

/// Renews access tokens in cookies while they are used, as [`ImplicitRefresh`] says.
///
/// It stands inside of [`JwtMiddleware`](crate::JwtMiddleware), which verifies them; requests without a verified token
/// pass unchanged.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImplicitRefreshMiddleware {
    refresh: Arc<ImplicitRefresh>,
}

impl ImplicitRefreshMiddleware {
    /// Makes middleware.
    pub fn new(refresh: ImplicitRefresh) -> Self {
        Self { refresh: Arc::new(refresh) }
    }
}

impl<S, B> Transform<S, ServiceRequest> for ImplicitRefreshMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Transform = ImplicitRefreshService<S>;
    type InitError = ();
    type Future = Ready<Result<ImplicitRefreshService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ImplicitRefreshService { service, refresh: Arc::clone(&self.refresh) }))
    }
}

#[derive(Debug)]
#[expect(unnameable_types, reason = "the hidden service of a `Transform`")]
pub struct ImplicitRefreshService<S> {
    service: S,
    refresh: Arc<ImplicitRefresh>,
}

impl<S, B> Service<ServiceRequest> for ImplicitRefreshService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Future = ImplicitRefreshFuture<S::Future, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let verified = request.extensions().get::<Verified>().cloned();
        let renewal = verified.map(|verified| (Arc::clone(&self.refresh), verified));
        ImplicitRefreshFuture { inner: self.service.call(request), renewal, waiting: None }
    }
}

pin_project! {
    pub struct ImplicitRefreshFuture<F, B> {
        #[pin]
        inner: F,
        renewal: Option<(Arc<ImplicitRefresh>, Verified)>,
        // The response, which waits for its cookies.
        waiting: Option<(ServiceResponse<B>, PendingCookies)>,
    }
}

impl<F, B> Future for ImplicitRefreshFuture<F, B>
where
    F: Future<Output = Result<ServiceResponse<B>, actix_web::Error>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.waiting.is_none() {
            let response = poll_ready!(this.inner.poll(context))?;
            let values = |name| response.headers().get_all(name).map(HeaderValue::as_bytes);
            let cookies = this
                .renewal
                .take()
                .and_then(|(refresh, verified)| refresh.cookies(&verified, values(SET_COOKIE), values(CACHE_CONTROL)));
            match cookies {
                Some(cookies) => *this.waiting = Some((response, cookies)),
                None => return Poll::Ready(Ok(response)),
            }
        }
        let cookies = match this.waiting {
            Some((_, cookies)) => poll_ready!(Pin::new(cookies).poll(context)),
            None => None,
        };
        // As every future may, this one panics when it is polled again after its end.
        let (mut response, _) = this.waiting.take().expect("`ImplicitRefreshFuture` polled after completion");
        if let Some(cookies) = cookies {
            cookies::apply(cookies, response.headers_mut());
        }
        Poll::Ready(Ok(response))
    }
}
