use axum_core::body::Body;
use jwt_core::endpoint::Endpoint;

use crate::EndpointService;

/// Serves an [`Endpoint`] of the core under axum: keys that are published, tokens that are refreshed.
///
#[cfg_attr(feature = "issue", doc = "```")]
#[cfg_attr(not(feature = "issue"), doc = "```ignore")]
/// use axum::Router;
/// use jwt_tower::endpoint;
/// # use jwt_core::crypto::SigningKey;
/// # use jwt_core::issue::{KeyRing, TokenIssuer};
/// # use jwt_core::session::{MemorySessions, Sessions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
/// # let tokens = TokenIssuer::builder("https://id.example", ring.clone()).audience("https://api.example").build()?;
/// # let sessions = Sessions::builder(tokens, MemorySessions::new()).build()?;
/// let app: Router = Router::new()
///     .route_service("/jwks", endpoint(ring.jwks()?))
///     .route_service("/refresh", endpoint(sessions.refresh_endpoint()));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub const fn endpoint(endpoint: Endpoint) -> EndpointService<Body> {
    EndpointService::new(endpoint)
}
