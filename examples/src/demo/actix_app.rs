//! The application on actix-web.

use actix_cors::Cors;
use actix_web::http::header::{AUTHORIZATION, HeaderName, WWW_AUTHENTICATE};
use actix_web::web::{self, Json, ServiceConfig};
use jwt_actix::{Claims, JwtMiddleware, OptionalClaims};
use jwt_core::Verifier;
use jwt_core::authorize::scopes;

use super::user::{self, Report, User};

pub(super) fn routes(verifier: &Verifier) -> impl FnOnce(&mut ServiceConfig) {
    let jwt = JwtMiddleware::new(verifier.clone());
    move |app| {
        app.route("/public", web::get().to(public))
            .service(web::resource("/me").wrap(jwt.clone()).route(web::get().to(me)))
            .service(
                web::resource("/reports")
                    // A request without a token is told the scope too.
                    .wrap(jwt.clone().require(scopes(["reports:read"])))
                    .route(web::get().to(reports)),
            )
            // A request without a token is let in. One with an invalid token isn't.
            .service(web::resource("/optional").wrap(jwt.optional()).route(web::get().to(optional)));
    }
}

async fn me(Claims(user): Claims<User>) -> Json<User> {
    Json(user)
}

// The middleware has checked the scope, so the handler doesn't need the claims.
async fn reports() -> Json<[Report; 2]> {
    Json(user::REPORTS)
}

async fn public() -> &'static str {
    user::PUBLIC
}

async fn optional(OptionalClaims(user): OptionalClaims<User>) -> String {
    user::greeting(user.as_ref())
}

/// Goes around the authentication: preflight requests have no token, and the page must be able to read refusals.
pub(super) fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET"])
        .allowed_headers([AUTHORIZATION, HeaderName::from_static("dpop")])
        .expose_headers([WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")]);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
