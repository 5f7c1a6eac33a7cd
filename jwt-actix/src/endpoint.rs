use actix_web::{HttpResponse, Route, web};
use jwt_core::gate::Endpoint;

use crate::GateMiddleware;

/// Serves an [`Endpoint`] as a route: published keys, token refresh, logout, readiness probes, back-channel logout.
///
#[cfg_attr(feature = "issue", doc = "```")]
#[cfg_attr(not(feature = "issue"), doc = "```ignore")]
/// use actix_web::web::ServiceConfig;
/// use jwt_actix::endpoint;
/// use jwt_actix::jwt_core::BuildError;
/// use jwt_actix::jwt_core::issue::{KeyRing, Sessions};
///
/// fn routes(app: &mut ServiceConfig, ring: &KeyRing, sessions: &Sessions) -> Result<(), BuildError> {
///     app.route("/jwks", endpoint(ring.jwks()?))
///         .route("/refresh", endpoint(sessions.refresh_endpoint()));
///     Ok(())
/// }
/// ```
#[must_use]
pub fn endpoint(endpoint: impl Into<Endpoint>) -> Route {
    // The handler is never called, because endpoints answer every request.
    web::route().to(HttpResponse::NotFound).wrap(GateMiddleware::new(endpoint.into()))
}
