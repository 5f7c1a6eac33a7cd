use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use jwt_core::issue::{RefreshToken, TokenPair};

use crate::extract::{Rejection, read};
use crate::response;

/// The request's refresh token. Use it behind a [`JwtLayer`](crate::JwtLayer) with
/// [`Sessions::refresh_verifier`](jwt_core::issue::Sessions::refresh_verifier).
///
/// Any other token, including an access token, is rejected with 401. If you need nothing else in the handler, mount
/// [`Sessions::refresh_endpoint`](jwt_core::issue::Sessions::refresh_endpoint) instead.
///
/// ```
/// use axum::extract::State;
/// use axum::{Router, routing::post};
/// use jwt_tower::jwt_core::issue::Sessions;
/// use jwt_tower::{JwtLayer, Refresh, Rejection, Tokens};
///
/// async fn refresh(State(sessions): State<Sessions>, Refresh(token): Refresh) -> Result<Tokens, Rejection> {
///     Ok(Tokens(sessions.refresh(&token).await?))
/// }
///
/// fn routes(sessions: Sessions) -> Router {
///     let layer = JwtLayer::new(sessions.refresh_verifier());
///     Router::new().route("/refresh", post(refresh)).route_layer(layer).with_state(sessions)
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "destructured in a handler's arguments")]
pub struct Refresh(pub RefreshToken);

impl<S: Sync> FromRequestParts<S> for Refresh {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| RefreshToken::of_request(state).map(Self))
    }
}

/// A response with an access token and a refresh token as JSON, which caches must not store. RFC 6749 section 5.1.
///
/// ```
/// use jwt_tower::jwt_core::issue::Sessions;
/// use jwt_tower::{Rejection, Tokens};
///
/// // Call it once the password has been checked.
/// async fn log_in(sessions: &Sessions, user: &str) -> Result<Tokens, Rejection> {
///     Ok(Tokens(sessions.login(user).scope(["profile"]).start().await?))
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it only wraps a pair")]
pub struct Tokens(pub TokenPair);

impl IntoResponse for Tokens {
    fn into_response(self) -> Response {
        response::respond::<Body>(self.0.answer())
    }
}
