use std::future::{Ready, ready};
use std::mem;

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::Uri;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use jwt_core::challenge::Refusal;
use jwt_core::forward::{ForwardClaims, Line};

use crate::future::ResponseFuture;
use crate::response;

/// Tells what stands behind a gateway who sent the request, in headers that the client cannot set.
///
/// It stands inside of [`JwtMiddleware`](crate::JwtMiddleware): without one, requests are answered 500. Of every request it
/// takes out headers of the configured names, and the token; then it puts in what the token says. See
/// [`jwt_core::forward`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Forward {
    forward: ForwardClaims,
}

impl Forward {
    /// Makes middleware of what is to be forwarded.
    pub const fn new(forward: ForwardClaims) -> Self {
        Self { forward }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Forward
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = ForwardService<S>;
    type InitError = ();
    type Future = Ready<Result<ForwardService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ForwardService { service, forward: self.forward.clone() }))
    }
}

#[derive(Debug)]
#[expect(unnameable_types, reason = "the hidden service of a `Transform`")]
pub struct ForwardService<S> {
    service: S,
    forward: ForwardClaims,
}

impl<S, B> Service<ServiceRequest> for ForwardService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = ResponseFuture<S, B>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        match rewrite(&self.forward, &mut request) {
            Ok(()) => ResponseFuture::calling(self.service.call(request), None),
            Err(refusal) => ResponseFuture::refused(response::refuse(request, refusal)),
        }
    }
}

fn rewrite(forward: &ForwardClaims, request: &mut ServiceRequest) -> Result<(), Refusal> {
    let ours = {
        let extensions = request.extensions();
        forward.headers(extensions.get(), extensions.get(), "JwtMiddleware")?
    };
    let theirs = mem::take(request.headers_mut());
    let mut headers = HeaderMap::with_capacity(theirs.len() + ours.len());
    for (name, value) in &theirs {
        match forward.line(name.as_str(), value.as_bytes()) {
            Line::Keep => headers.append(name.clone(), value.clone()),
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
        let uri = uri(request.uri(), &target);
        request.head_mut().uri = uri;
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
