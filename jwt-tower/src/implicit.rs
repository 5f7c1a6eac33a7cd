use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use jwt_core::Verified;
use jwt_core::issue::{ImplicitRefresh, PendingCookies};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::SetCookies;

/// Renews access tokens in cookies while they are used, as [`ImplicitRefresh`] says.
///
/// It stands inside of [`JwtLayer`](crate::JwtLayer), which verifies them; requests without a verified token pass
/// unchanged.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImplicitRefreshLayer {
    refresh: Arc<ImplicitRefresh>,
}

impl ImplicitRefreshLayer {
    /// Makes a layer.
    pub fn new(refresh: ImplicitRefresh) -> Self {
        Self { refresh: Arc::new(refresh) }
    }
}

impl<S> Layer<S> for ImplicitRefreshLayer {
    type Service = ImplicitRefreshService<S>;

    fn layer(&self, inner: S) -> ImplicitRefreshService<S> {
        ImplicitRefreshService { inner, refresh: Arc::clone(&self.refresh) }
    }
}

/// A service whose callers get new tokens; made by [`ImplicitRefreshLayer`].
#[derive(Clone, Debug)]
pub struct ImplicitRefreshService<S> {
    inner: S,
    refresh: Arc<ImplicitRefresh>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ImplicitRefreshService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ImplicitRefreshFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let verified = request.extensions().get::<Verified>().cloned();
        let renewal = verified.map(|verified| (Arc::clone(&self.refresh), verified));
        ImplicitRefreshFuture { inner: self.inner.call(request), renewal, waiting: None }
    }
}

pin_project! {
    /// The response of [`ImplicitRefreshService`].
    pub struct ImplicitRefreshFuture<F, B> {
        #[pin]
        inner: F,
        renewal: Option<(Arc<ImplicitRefresh>, Verified)>,
        // The response, which waits for its cookies.
        waiting: Option<(Response<B>, PendingCookies)>,
    }
}

impl<F, B, E> Future for ImplicitRefreshFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.waiting.is_none() {
            let response = ready!(this.inner.poll(context))?;
            let values = |name| response.headers().get_all(name).into_iter().map(HeaderValue::as_bytes);
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
            Some((_, cookies)) => ready!(Pin::new(cookies).poll(context)),
            None => None,
        };
        // As every future may, this one panics when it is polled again after its end.
        let (mut response, _) = this.waiting.take().expect("`ImplicitRefreshFuture` polled after completion");
        if let Some(cookies) = cookies {
            SetCookies(cookies).apply(response.headers_mut());
        }
        Poll::Ready(Ok(response))
    }
}

impl<F, B> fmt::Debug for ImplicitRefreshFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImplicitRefreshFuture").finish_non_exhaustive()
    }
}
