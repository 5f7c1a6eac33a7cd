use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, Responder};
use jwt_core::issue::{RefreshToken, TokenPair};

use crate::extract::{Rejection, verified};
use crate::response;

/// The request's refresh token: behind a [`JwtMiddleware`](crate::JwtMiddleware) with a
/// [`refresh_verifier`](jwt_core::issue::Sessions::refresh_verifier).
///
/// An access token, or any other, is answered 401. [`refresh_endpoint`](jwt_core::issue::Sessions::refresh_endpoint) is a
/// whole handler.
///
/// ```
/// use actix_web::web;
/// use jwt_actix::{JwtMiddleware, Refresh, Rejection, Tokens};
/// use jwt_core::issue::Sessions;
///
/// async fn refresh(sessions: web::Data<Sessions>, Refresh(token): Refresh) -> Result<Tokens, Rejection> {
///     Ok(Tokens(sessions.refresh(&token).await?))
/// }
///
/// fn routes(app: &mut web::ServiceConfig, sessions: &Sessions) {
///     let middleware = JwtMiddleware::new(sessions.refresh_verifier());
///     app.app_data(web::Data::new(sessions.clone()))
///         .service(web::resource("/refresh").wrap(middleware).route(web::post().to(refresh)));
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Refresh(pub RefreshToken);

impl FromRequest for Refresh {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        ready(
            verified(&extensions).and_then(|verified| {
                RefreshToken::of(verified).map(Self).map_err(|error| verified.refuse(error).into())
            }),
        )
    }
}

/// Tokens as a response: JSON that nobody may store. RFC 6749 section 5.1.
///
/// ```
/// use actix_web::{error::ErrorUnauthorized, web};
/// use jwt_actix::{Rejection, Tokens};
/// use jwt_core::issue::Sessions;
///
/// # #[derive(serde::Deserialize)]
/// # struct Credentials { name: String, password: String }
/// # async fn is_right(_: &Credentials) -> bool { false }
/// async fn login(
///     sessions: web::Data<Sessions>,
///     credentials: web::Json<Credentials>,
/// ) -> Result<Tokens, actix_web::Error> {
///     if !is_right(&credentials).await {
///         return Err(ErrorUnauthorized(""));
///     }
///     let login = sessions.login(credentials.name.as_str()).scope(["profile"]);
///     Ok(Tokens(login.start().await.map_err(Rejection::from)?))
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct Tokens(pub TokenPair);

impl Responder for Tokens {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse<BoxBody> {
        response::respond(self.0.answer())
    }
}
