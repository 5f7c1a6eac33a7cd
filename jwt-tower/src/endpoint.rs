use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::gate::{Answer, Endpoint};
use tower_service::Service;

use crate::{Gated, RejectionBody, response};

/// Serves an [`Endpoint`] as a tower service with the response body `B`. With axum, use [`endpoint`](crate::endpoint()).
pub type EndpointService<B> = Gated<NotFound<B>, Endpoint>;

impl<B> EndpointService<B> {
    /// Creates the service from an endpoint, or from anything that converts into one.
    #[must_use]
    pub fn serving(endpoint: impl Into<Endpoint>) -> Self {
        Self::new(NotFound(PhantomData), Arc::new(endpoint.into()))
    }
}

/// The service behind an endpoint. It's never called, because endpoints answer every request.
#[expect(unnameable_types, reason = "a part of `EndpointService`")]
pub struct NotFound<B>(PhantomData<fn() -> B>);

impl<B> Clone for NotFound<B> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<B> fmt::Debug for NotFound<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NotFound").finish()
    }
}

impl<R, B: RejectionBody> Service<Request<R>> for NotFound<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<R>) -> Self::Future {
        ready(Ok(response::respond(Answer::new(404))))
    }
}

/// Serves an [`Endpoint`] as a route: published keys, token refresh, logout, readiness probes, back-channel logout.
///
#[cfg_attr(feature = "issue", doc = "```")]
#[cfg_attr(not(feature = "issue"), doc = "```ignore")]
/// use axum::Router;
/// use jwt_tower::endpoint;
/// use jwt_tower::jwt_core::BuildError;
/// use jwt_tower::jwt_core::issue::{KeyRing, Sessions};
///
/// fn routes(ring: &KeyRing, sessions: &Sessions) -> Result<Router, BuildError> {
///     Ok(Router::new()
///         .route_service("/jwks", endpoint(ring.jwks()?))
///         .route_service("/refresh", endpoint(sessions.refresh_endpoint())))
/// }
/// ```
#[cfg(feature = "axum")]
#[must_use]
pub fn endpoint(endpoint: impl Into<Endpoint>) -> EndpointService<axum_core::body::Body> {
    EndpointService::serving(endpoint)
}
