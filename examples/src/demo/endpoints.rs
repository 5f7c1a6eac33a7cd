//! The development issuer's HTTP endpoints: metadata, keys and tokens.

use std::future::ready;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, PRAGMA};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Json, Router};
use jwt_core::http::Peer;
use serde_json::{Value, json};

use super::client;
use super::issuer::{DevIssuer, PATH, TokenRequest};

/// Answers with tokens must not be cached (RFC 6749 section 5.1).
const NO_STORE: [(axum::http::HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];

pub(super) fn routes(issuer: &Arc<DevIssuer>) -> Router {
    let (metadata, jwks) = (issuer.metadata(), issuer.jwks());
    let lifetime = "public, max-age=300";
    let issuer_routes = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(move || ready(([(CACHE_CONTROL, lifetime)], Json(metadata.clone())))),
        )
        .route(
            "/jwks",
            get(move || {
                let headers = [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, lifetime)];
                ready((headers, jwks.to_string()))
            }),
        )
        .route("/token", post(token))
        .layer(DefaultBodyLimit::max(4096))
        .layer(middleware::from_fn(loopback_only))
        .with_state(Arc::clone(issuer));
    Router::new().nest(PATH, issuer_routes)
}

/// Refuses requests for any other host. The server only listens on 127.0.0.1, but a website could point its own name there, and a
/// tunnel could publish the port.
async fn loopback_only(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    if matches!(name, "127.0.0.1" | "localhost") {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "The development issuer only answers requests to 127.0.0.1 or localhost.")
            .into_response()
    }
}

/// The client credentials grant (RFC 6749 section 4.4), except that clients don't authenticate.
async fn token(
    State(issuer): State<Arc<DevIssuer>>,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    form: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
    let Ok(Form(request)) = form else {
        return refuse(
            "invalid_request",
            "send a form of at most 4096 bytes, with each parameter once and lifetime in whole seconds",
        );
    };
    match request.grant_type.as_str() {
        "client_credentials" => {}
        "" => return refuse("invalid_request", "grant_type is missing"),
        _ => return refuse("unsupported_grant_type", "grant_type must be client_credentials"),
    }
    if !is_scope(&request.scope) {
        return refuse("invalid_scope", "scope must be words separated by single spaces");
    }
    let bound_to = match headers.get("dpop").map(|proof| client::thumbprint(proof.as_bytes())) {
        None => None,
        Some(Some(thumbprint)) => Some(thumbprint),
        Some(None) => return refuse("invalid_dpop_proof", "the header DPoP isn't a proof signed with ES256"),
    };
    let certificate = peer.as_ref().and_then(|peer| peer.peer_certificate()).map(client::hash);
    let request = request.bound_to(bound_to).certificate(certificate);
    match issuer.token(&request) {
        Ok(token) => {
            let mut answer = json!({
                "access_token": token,
                "token_type": request.token_type(),
                "expires_in": request.seconds().max(0),
            });
            if !request.scope.is_empty() {
                answer["scope"] = request.scope.into();
            }
            (NO_STORE, Json(answer)).into_response()
        }
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "server_error"})),
    }
}

/// Whether this is a valid scope (RFC 6749 section 3.3). An empty parameter counts as absent (section 3.1).
fn is_scope(scope: &str) -> bool {
    let is_token =
        |token: &str| !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    scope.is_empty() || scope.split(' ').all(is_token)
}

/// An error response (RFC 6749 section 5.2).
fn refuse(error: &str, description: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, json!({"error": error, "error_description": description}))
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, NO_STORE, Json(body)).into_response()
}
