//! Tests of an actix-web application, with tokens of a test issuer. The guide's page on testing shows them.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use jwt_actix::jwt_core::testing::{TestAuth, TestToken};
use jwt_actix::jwt_core::{Verifier, authorize::scopes};
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
    let challenge = response.headers().get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap();
    assert!(challenge.contains(r#"scope="reports:read""#), "{challenge}");
}
