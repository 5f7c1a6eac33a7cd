//! Tests of an actix-web application, with tokens of a test issuer. The guide's page on testing shows them.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpMessage as _, web};
use jwt_actix::jwt_core::testing::{TestAuth, TestChallenge, TestToken};
use jwt_actix::jwt_core::{TrustedIssuer, Verifier, authorize::scopes};
use jwt_actix::{Claims, JwtMiddleware, RequireMiddleware};

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    format!("reports for {}", user.sub)
}

/// The routes. In production, `main` passes them the verifier of your identity provider.
fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let reports = web::resource("/reports").wrap(RequireMiddleware::new(scopes(["reports:read"]))).get(reports);
        config.service(web::scope("").wrap(JwtMiddleware::new(verifier)).service(reports));
    }
}

async fn get_reports(auth: &TestAuth, token: &TestToken) -> ServiceResponse<BoxBody> {
    let app = init_service(App::new().configure(routes(auth.verifier()))).await;
    let request = TestRequest::get().uri("/reports").insert_header((header::AUTHORIZATION, token.bearer()));
    call_service(&app, request.to_request()).await.map_into_boxed_body()
}

#[actix_web::test]
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

#[actix_web::test]
async fn the_verifier_of_production_accepts_an_extension_without_its_provider() {
    let auth = TestAuth::new().issuer("https://id.example").audience("https://api.example");
    let provider = TrustedIssuer::discover("https://id.example").audience("https://api.example");
    let verifier = Verifier::builder().issuer(provider).clock(auth.clock()).build().expect("a verifier");
    let app = init_service(App::new().configure(routes(verifier))).await;
    for (token, status) in [
        (auth.token("ada").scope(["reports:read"]), StatusCode::OK),
        (auth.token("ada"), StatusCode::FORBIDDEN),
        (auth.token("ada").expired(), StatusCode::UNAUTHORIZED),
    ] {
        let request = TestRequest::get().uri("/reports").to_request();
        request.extensions_mut().insert(token.extension());
        assert_eq!(call_service(&app, request).await.status(), status);
    }
}
