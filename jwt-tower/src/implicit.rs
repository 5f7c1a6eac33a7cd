use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use jwt_core::Verified;
use jwt_core::issue::ImplicitRefresh;
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
    type Future = ImplicitRefreshFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let verified = request.extensions().get::<Verified>().cloned();
        let renewal = verified.map(|verified| (Arc::clone(&self.refresh), verified));
        ImplicitRefreshFuture { inner: self.inner.call(request), renewal }
    }
}

pin_project! {
    /// The response of [`ImplicitRefreshService`].
    pub struct ImplicitRefreshFuture<F> {
        #[pin]
        inner: F,
        renewal: Option<(Arc<ImplicitRefresh>, Verified)>,
    }
}

impl<F, B, E> Future for ImplicitRefreshFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(context))?;
        if let Some((refresh, verified)) = this.renewal.take() {
            let headers = response.headers_mut();
            let values = |name| headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
            if let Some(cookies) = refresh.cookies(&verified, values(SET_COOKIE), values(CACHE_CONTROL)) {
                SetCookies(cookies).apply(headers);
            }
        }
        Poll::Ready(Ok(response))
    }
}

impl<F> fmt::Debug for ImplicitRefreshFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImplicitRefreshFuture").finish_non_exhaustive()
    }
}
