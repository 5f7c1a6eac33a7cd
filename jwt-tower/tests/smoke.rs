//! A small axum application with a layer, a requirement and an extractor.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use jwt_core::authorize::scopes;
use jwt_core::crypto::SigningKey;
use jwt_core::issue::{KeyRing, TokenIssuer};
use jwt_core::{Algorithm, Verifier};
use jwt_tower::{Claims, JwtLayer, RequireLayer};
use tower::ServiceExt as _;

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    user.name
}

#[tokio::test]
async fn the_status_depends_on_the_token() {
    let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
    let issuer = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build().unwrap();
    let token = |scope| {
        let token = issuer.access("user-1").scope([scope]).claim("name", "Ada").issue().unwrap().token;
        Some(format!("Bearer {token}"))
    };
    let verifier = Verifier::builder().issuer(issuer.trusted()).build().unwrap();
    let app = Router::new()
        .route("/reports", get(reports))
        .route_layer(RequireLayer::new(scopes(["reports:read"])))
        .layer(JwtLayer::new(verifier))
        .route("/no-layer", get(reports));

    for (path, authorization, status) in [
        ("/reports", token("reports:read"), 200),
        ("/reports", None, 401),
        ("/reports", token("profile"), 403),
        ("/no-layer", token("reports:read"), 500),
    ] {
        let request = Request::get(path);
        let request = authorization.iter().fold(request, |request, value| request.header("authorization", value));
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}
