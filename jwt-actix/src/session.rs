use std::future::Ready;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use jwt_core::issue::{RefreshToken, TokenPair};

use crate::extract::{Rejection, read};
use crate::response;

/// The request's refresh token. Use it behind a [`JwtMiddleware`](crate::JwtMiddleware) with
/// [`Sessions::refresh_verifier`](jwt_core::issue::Sessions::refresh_verifier).
///
/// Any other token, including an access token, is rejected with 401. If you need nothing else in the handler, mount
/// [`Sessions::refresh_endpoint`](jwt_core::issue::Sessions::refresh_endpoint) instead.
///
/// ```
/// use actix_web::web;
/// use jwt_actix::{JwtMiddleware, Refresh, Rejection, Tokens};
/// use jwt_actix::jwt_core::issue::Sessions;
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
#[expect(clippy::exhaustive_structs, reason = "destructured in a handler's arguments")]
pub struct Refresh(pub RefreshToken);

impl FromRequest for Refresh {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        read(request, |state| RefreshToken::of_request(state).map(Self))
    }
}

/// A response with an access token and a refresh token as JSON, which caches must not store. RFC 6749 section 5.1.
///
/// ```
/// use jwt_actix::{Rejection, Tokens};
/// use jwt_actix::jwt_core::issue::Sessions;
///
/// // Call it once the password has been checked.
/// async fn log_in(sessions: &Sessions, user: &str) -> Result<Tokens, Rejection> {
///     Ok(Tokens(sessions.login(user).scope(["profile"]).start().await?))
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it only wraps a pair")]
pub struct Tokens(pub TokenPair);

impl Responder for Tokens {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse<BoxBody> {
        response::respond(self.0.answer())
    }
}
