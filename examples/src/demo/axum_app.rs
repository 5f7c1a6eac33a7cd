//! The application on axum.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::routing::get;
use axum::{Json, Router};
use jwt_core::Verifier;
use jwt_core::authorize::scopes;
use jwt_tower::{Claims, JwtLayer, OptionalClaims};
use tower_http::cors::CorsLayer;

use super::user::{self, Report, User};

pub(super) fn routes(verifier: &Verifier) -> Router {
    let protected = Router::new()
        .route("/me", get(me))
        // With `layer` instead of `route_layer`, unknown paths would need a token too, and be answered 401 instead of 404.
        .route_layer(JwtLayer::new(verifier.clone()));
    let reports_routes = Router::new()
        .route("/reports", get(reports))
        // A request without a token is told the scope too.
        .route_layer(JwtLayer::new(verifier.clone()).require(scopes(["reports:read"])));
    let optional_routes = Router::new()
        .route("/optional", get(optional))
        // A request without a token is let in. One with an invalid token isn't.
        .route_layer(JwtLayer::new(verifier.clone()).optional());
    Router::new().route("/public", get(public)).merge(protected).merge(reports_routes).merge(optional_routes)
}

async fn me(Claims(user): Claims<User>) -> Json<User> {
    Json(user)
}

// The layer has checked the scope, so the handler doesn't need the claims.
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
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION, HeaderName::from_static("dpop")])
        .expose_headers([WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")])
}
