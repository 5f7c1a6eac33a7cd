use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use jwt_core::issue::{RefreshToken, TokenPair};

use crate::extract::{Rejection, verified};
use crate::response;

/// The request's refresh token: behind a [`JwtLayer`](crate::JwtLayer) with a
/// [`refresh_verifier`](jwt_core::issue::Sessions::refresh_verifier).
///
/// An access token, or any other, is answered 401. [`refresh_endpoint`](jwt_core::issue::Sessions::refresh_endpoint) is a
/// whole handler.
///
/// ```
/// use axum::extract::State;
/// use axum::{Router, routing::post};
/// use jwt_core::issue::Sessions;
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
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Refresh(pub RefreshToken);

impl<S: Sync> FromRequestParts<S> for Refresh {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let verified = verified(parts)?;
        RefreshToken::of(verified).map(Self).map_err(|error| verified.refuse(error).into())
    }
}

/// Tokens as a response: JSON that nobody may store. RFC 6749 section 5.1.
///
/// ```
/// use axum::{Json, extract::State};
/// use jwt_core::issue::Sessions;
/// use jwt_tower::{Rejection, Tokens};
///
/// # #[derive(serde::Deserialize)]
/// # struct Credentials { name: String, password: String }
/// # async fn is_right(_: &Credentials) -> bool { false }
/// async fn login(
///     State(sessions): State<Sessions>,
///     Json(credentials): Json<Credentials>,
/// ) -> Result<Tokens, axum::response::ErrorResponse> {
///     if !is_right(&credentials).await {
///         return Err(http::StatusCode::UNAUTHORIZED.into());
///     }
///     let pair = sessions.login(credentials.name).scope(["profile"]).start().await.map_err(Rejection::from)?;
///     Ok(Tokens(pair))
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct Tokens(pub TokenPair);

impl IntoResponse for Tokens {
    fn into_response(self) -> Response {
        response::respond::<Body>(self.0.answer())
    }
}
