//! The demo's web page.

use std::future::ready;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::{MethodRouter, get};
use serde_json::json;

use super::options::{DpopMode, Provider};

/// `axum` and `actix` are the addresses of the servers. `proofs` is the address that proofs name, if clients use another one.
pub(super) fn routes(
    (axum, actix): (&str, &str),
    provider: &Provider,
    embedded: bool,
    dpop: DpopMode,
    proofs: Option<&str>,
) -> Router {
    let mut settings = json!({
        "axum": axum,
        "actix": actix,
        "issuer": provider.issuer,
        "audience": provider.audience,
        "embedded": embedded,
    });
    if dpop != DpopMode::Off {
        settings["dpop"] = true.into();
        settings["public"] = proofs.into();
    }
    // Allows the page's own files and requests to the two servers.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' {actix}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let file = |content_type: &'static str, text: String| -> MethodRouter {
        let headers = headers(content_type, &policy);
        get(move || ready((headers.clone(), text.clone())))
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html").to_owned()))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("page/style.css").to_owned()))
        .route("/app.js", file("text/javascript; charset=utf-8", include_str!("page/app.js").to_owned()))
        .route("/dpop.js", file("text/javascript; charset=utf-8", include_str!("page/dpop.js").to_owned()))
        .route("/demo.json", file("application/json", settings.to_string()))
}

fn headers(content_type: &str, policy: &str) -> [(HeaderName, String); 5] {
    [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}
