//! A small actix-web application with a requirement, authentication and an extractor.

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use jwt_actix::{Claims, JwtMiddleware, RequireMiddleware};
use jwt_core::authorize::scopes;
use jwt_core::crypto::SigningKey;
use jwt_core::issue::{KeyRing, TokenIssuer};
use jwt_core::{Algorithm, Verifier};

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

async fn reports(Claims(user): Claims<User>) -> String {
    user.name
}

#[actix_web::test]
async fn the_status_depends_on_the_token() {
    let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
    let issuer = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build().unwrap();
    let token = |scope| {
        let token = issuer.access("user-1").scope([scope]).claim("name", "Ada").issue().unwrap().token;
        Some(format!("Bearer {token}"))
    };
    let verifier = Verifier::builder().issuer(issuer.trusted()).build().unwrap();
    let protected = web::resource("/reports")
        .wrap(RequireMiddleware::new(scopes(["reports:read"])))
        .wrap(JwtMiddleware::new(verifier))
        .route(web::get().to(reports));
    let app = init_service(App::new().service(protected).route("/no-layer", web::get().to(reports))).await;

    for (path, authorization, status) in [
        ("/reports", token("reports:read"), 200),
        ("/reports", None, 401),
        ("/reports", token("profile"), 403),
        ("/no-layer", token("reports:read"), 500),
    ] {
        let request = TestRequest::get().uri(path);
        let request = authorization.into_iter().fold(request, |r, value| r.insert_header(("authorization", value)));
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), status, "{path}");
    }
}
