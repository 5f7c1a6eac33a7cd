//! Tests of an axum application, with tokens of a test issuer. The guide's page on testing shows them.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use jwt_tower::jwt_core::testing::{TestAuth, TestChallenge, TestToken};
use jwt_tower::jwt_core::{TrustedIssuer, Verifier, authorize::scopes};
use jwt_tower::{Claims, JwtLayer, RequireExt as _};
use tower::ServiceExt as _;

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    format!("reports for {}", user.sub)
}

/// The application. In production, `main` passes it the verifier of your identity provider.
fn app(verifier: Verifier) -> Router {
    let reports = get(reports).requires(scopes(["reports:read"]));
    Router::new().route("/reports", reports).layer(JwtLayer::new(verifier))
}

async fn get_reports(auth: &TestAuth, token: &TestToken) -> Response {
    let request = Request::get("/reports").header(header::AUTHORIZATION, token.bearer()).body(Body::empty());
    app(auth.verifier()).oneshot(request.expect("a request")).await.expect("an answer")
}

#[tokio::test]
async fn reports_need_their_scope() {
    let auth = TestAuth::new();
    let response = get_reports(&auth, &auth.token("ada").scope(["reports:read"])).await;
    assert_eq!(response.status(), StatusCode::OK);

    let response = get_reports(&auth, &auth.token("ada")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenges = TestChallenge::read(response.headers().get_all(header::WWW_AUTHENTICATE));
    assert_eq!(challenges[0].error(), Some("insufficient_scope"));
    assert_eq!(challenges[0].scope(), Some("reports:read"));
}

#[tokio::test]
async fn a_token_ends_after_its_five_minutes_and_the_leeway() {
    let auth = TestAuth::new();
    let token = auth.token("ada").scope(["reports:read"]);
    auth.clock().advance(Duration::from_secs(359));
    assert_eq!(get_reports(&auth, &token).await.status(), StatusCode::OK);
    auth.clock().advance(Duration::from_secs(1));
    assert_eq!(get_reports(&auth, &token).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_verifier_of_production_accepts_an_extension_without_its_provider() {
    let auth = TestAuth::new().issuer("https://id.example").audience("https://api.example");
    let provider = TrustedIssuer::discover("https://id.example").audience("https://api.example");
    let verifier = Verifier::builder().issuer(provider).clock(auth.clock()).build().expect("a verifier");
    for (token, status) in [
        (auth.token("ada").scope(["reports:read"]), StatusCode::OK),
        (auth.token("ada"), StatusCode::FORBIDDEN),
        (auth.token("ada").expired(), StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::get("/reports").extension(token.extension()).body(Body::empty());
        let response = app(verifier.clone()).oneshot(request.expect("a request")).await.expect("an answer");
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn a_handler_is_a_function() {
    let user = User { sub: "ada".to_owned() };
    assert_eq!(reports(Claims(user)).await, "reports for ada");
}
