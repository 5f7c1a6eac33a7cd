//! The application, with axum.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method};
use axum::routing::get;
use axum::{Json, Router};
use jwt_core::Verifier;
use jwt_core::authorize::scopes;
use jwt_tower::{Claims, JwtLayer, OptionalClaims, RequireLayer};
use tower_http::cors::CorsLayer;

use super::user::{self, Report, User};

pub(super) fn routes(verifier: &Verifier) -> Router {
    let protected = Router::new()
        .route("/me", get(me))
        .route("/reports", get(reports).layer(RequireLayer::new(scopes(["reports:read"]))))
        // `route_layer`, because with `layer` unknown paths would need a token too and be answered 401, not 404.
        .route_layer(JwtLayer::new(verifier.clone()));
    let welcoming = Router::new()
        .route("/optional", get(optional))
        // Without a token a request passes; with a bad one it does not.
        .route_layer(JwtLayer::new(verifier.clone()).optional());
    Router::new().route("/public", get(public)).merge(protected).merge(welcoming)
}

async fn me(Claims(user): Claims<User>) -> Json<User> {
    Json(user)
}

// No claims are taken here: the layers let nobody pass who may not read reports.
async fn reports() -> Json<[Report; 2]> {
    Json(user::REPORTS)
}

async fn public() -> &'static str {
    user::PUBLIC
}

async fn optional(OptionalClaims(user): OptionalClaims<User>) -> String {
    user::greeting(user.as_ref())
}

/// Stands outside of the authentication: a preflight carries no token, and refusals must be readable too.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION])
        .expose_headers([WWW_AUTHENTICATE])
}
