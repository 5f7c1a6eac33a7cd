use std::mem;
use std::task::{Context, Poll};

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use jwt_core::challenge::Refusal;
use jwt_core::forward::{ForwardClaims, Line};
use tower_layer::Layer;
use tower_service::Service;

use crate::request::HttpView;
use crate::{RefusalBody, ResponseFuture, response};

/// Tells what stands behind a gateway who sent the request, in headers that the client cannot set.
///
/// It stands inside of [`JwtLayer`](crate::JwtLayer): without one, requests are answered 500. Of every request it takes out
/// headers of the configured names, and the token; then it puts in what the token says. See [`jwt_core::forward`].
///
/// A token in the address is taken out of the request's own. axum keeps the address as it came in the extension
/// `OriginalUri`: do not send that one on.
#[derive(Clone, Debug)]
#[must_use]
pub struct ForwardLayer {
    forward: ForwardClaims,
}

impl ForwardLayer {
    /// Makes a layer of what is to be forwarded.
    pub const fn new(forward: ForwardClaims) -> Self {
        Self { forward }
    }
}

impl<S> Layer<S> for ForwardLayer {
    type Service = Forward<S>;

    fn layer(&self, inner: S) -> Forward<S> {
        Forward { inner, forward: self.forward.clone() }
    }
}

/// A service that is told who sent a request; made by [`ForwardLayer`].
#[derive(Clone, Debug)]
pub struct Forward<S> {
    inner: S,
    forward: ForwardClaims,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Forward<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
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
        match rewrite(&self.forward, &mut request) {
            Ok(()) => ResponseFuture::calling(self.inner.call(request), None),
            Err(refusal) => ResponseFuture::refused(response::refuse(&HttpView::of(&request), refusal)),
        }
    }
}

fn rewrite<B>(forward: &ForwardClaims, request: &mut Request<B>) -> Result<(), Refusal> {
    let extensions = request.extensions();
    let ours = forward.headers(extensions.get(), extensions.get(), "JwtLayer")?;
    let theirs = mem::take(request.headers_mut());
    let mut headers = HeaderMap::with_capacity(theirs.len() + ours.len());
    for (name, value) in &theirs {
        match forward.line(name.as_str(), value.as_bytes()) {
            Line::Keep => drop(headers.append(name, value.clone())),
            Line::Replace(left) => append(&mut headers, name.as_str(), left),
            Line::Drop => {}
        }
    }
    for (name, value) in ours {
        append(&mut headers, name, value.into_bytes());
    }
    *request.headers_mut() = headers;

    let target = request.uri().path_and_query().and_then(|target| forward.target(target.as_str()));
    if let Some(target) = target {
        *request.uri_mut() = uri(request.uri(), &target);
    }
    Ok(())
}

/// The core makes names and values that headers may have; others would be left out, not let through.
fn append(headers: &mut HeaderMap, name: &str, value: Vec<u8>) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.append(name, value);
    }
}

/// The same address with another path and query; where that is none, with neither.
fn uri(uri: &Uri, target: &str) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).unwrap_or(PathAndQuery::from_static("/")));
    Uri::from_parts(parts).unwrap_or_default()
}
