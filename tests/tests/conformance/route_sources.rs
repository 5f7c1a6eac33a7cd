//! A route whose tokens come from another place than those of the rest of the table.

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use axum::Router;
use axum::routing::get;
use jwt_core::Verifier;
use jwt_core::authorize::Routes;
use jwt_core::http::TokenSources;
use jwt_tests::setup::{builder, good};
use serde::Deserialize;
use tower::ServiceExt as _;

#[derive(Deserialize)]
struct User {
    name: String,
}

fn routes() -> Routes {
    Routes::new().require("/me", ()).public("/refresh")
}

/// The verifier of the route that takes its token from a cookie.
fn of_cookie(verifier: &Verifier) -> Verifier {
    verifier.with_sources(TokenSources::none().cookie("refresh"))
}

async fn axum_status(verifier: &Verifier, path: &str, headers: &[(&str, String)]) -> u16 {
    use jwt_tower::{Claims, JwtLayer};
    async fn me(Claims(user): Claims<User>) -> String {
        user.name
    }
    let app: Router = Router::new()
        .route("/me", get(me))
        .route("/refresh", get(me).layer(JwtLayer::new(of_cookie(verifier))))
        .layer(JwtLayer::new(verifier.clone()).routes(routes()));
    let request = headers.iter().fold(http::Request::get(path), |request, (name, value)| request.header(*name, value));
    app.oneshot(request.body(axum::body::Body::empty()).expect("a request")).await.expect("an answer").status().as_u16()
}

async fn actix_status(verifier: &Verifier, path: &str, headers: &[(&str, String)]) -> u16 {
    use jwt_actix::{Claims, JwtMiddleware};
    async fn me(Claims(user): Claims<User>) -> String {
        user.name
    }
    let app = App::new()
        .service(web::resource("/me").to(me))
        .service(web::resource("/refresh").wrap(JwtMiddleware::new(of_cookie(verifier))).to(me))
        .wrap(JwtMiddleware::new(verifier.clone()).routes(routes()));
    let request = TestRequest::get().uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.insert_header((*name, value.as_str())));
    call_service(&init_service(app).await, request.to_request()).await.status().as_u16()
}

#[actix_web::test]
async fn a_route_that_the_table_leaves_public_may_have_a_layer_with_its_own_sources() {
    let verifier = builder().build().expect("a verifier");
    let header = || ("authorization", format!("Bearer {}", good().sign()));
    let cookie = || ("cookie", format!("refresh={}", good().sign()));
    let broken = || ("authorization", "Bearer x".to_owned());
    for (path, headers, expected) in [
        ("/refresh", vec![cookie()], 200),
        // The table's layer does not look at credentials of a public route, so the header does not matter.
        ("/refresh", vec![broken(), cookie()], 200),
        ("/refresh", vec![header()], 401),
        ("/refresh", vec![], 401),
        ("/refresh", vec![("cookie", "refresh=x".to_owned())], 401),
        ("/me", vec![header()], 200),
        ("/me", vec![cookie()], 401),
        ("/me", vec![broken(), cookie()], 401),
    ] {
        let answers = (axum_status(&verifier, path, &headers).await, actix_status(&verifier, path, &headers).await);
        assert_eq!(answers, (expected, expected), "{path}: {} headers", headers.len());
    }
}
