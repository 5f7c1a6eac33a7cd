use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::body::Body;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use jwt_core::logout::BackChannelLogout;
use tower_service::Service;

use crate::response;

/// Serves [`BackChannelLogout`] under axum: the address that an OpenID provider posts logout tokens to.
///
/// ```
/// # use jwt_core::revocation::MemoryRevocations;
/// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
/// use axum::Router;
/// use jwt_core::logout::BackChannelLogout;
/// use jwt_tower::back_channel_logout;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
/// # let (builder, revocations) = (Verifier::builder().issuer(issuer.audience("client-id")), MemoryRevocations::new());
/// let logout = BackChannelLogout::new(builder, revocations)?;
/// let app: Router = Router::new().route_service("/backchannel-logout", back_channel_logout(logout));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub const fn back_channel_logout(logout: BackChannelLogout) -> BackChannelLogoutService {
    BackChannelLogoutService { logout }
}

/// A service that takes logout tokens; made by [`back_channel_logout`].
#[derive(Clone, Debug)]
pub struct BackChannelLogoutService {
    logout: BackChannelLogout,
}

impl Service<Request<Body>> for BackChannelLogoutService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let logout = self.logout.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // One that is too long or breaks off has no token.
            let body = Limited::new(body, BackChannelLogout::MAX_BODY).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let content_type = parts.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
            Ok(response::answer(logout.answer(parts.method.as_str(), content_type, &body).await))
        })
    }
}
