//! Common mistakes, and their consequences.

use actix_web::web;
use axum::Router;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt as _;
use jwt_core::authorize::{acr, all, any, any_role, any_scope, claim, of_issuer, roles, scopes};
use jwt_core::http::{Csrf, TokenSources};
use jwt_tests::adapter::Adapter;
use jwt_tests::ask::Ask;
use jwt_tests::log::Log;
use jwt_tests::setup::{application, builder, good};
use serde::Deserialize;
use tower::ServiceExt as _;

#[derive(Deserialize)]
struct Numbered {
    #[expect(dead_code, reason = "only decoded")]
    name: u64,
}

jwt_core::policy! {
    Admins = roles("/roles", ["admin"]);
}

/// The status and body of axum's response.
async fn axum(app: Router, path: &str, token: Option<&str>) -> (u16, String) {
    let request = Request::builder().uri(path);
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let request = request.body(axum::body::Body::empty()).expect("a request");
    let response = app.oneshot(request).await.expect("routers return no errors");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// The status and body of actix-web's response with these services.
async fn actix(configure: fn(&mut web::ServiceConfig), path: &str, token: Option<&str>) -> (u16, String) {
    use actix_web::test;
    let middleware = jwt_actix::JwtMiddleware::new(builder().build().expect("a verifier"));
    let app = test::init_service(actix_web::App::new().wrap(middleware).configure(configure)).await;
    let request = test::TestRequest::get().uri(path);
    let request = match token {
        Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
        None => request,
    };
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status().as_u16();
    (status, String::from_utf8_lossy(&test::read_body(response).await).into_owned())
}

#[actix_web::test]
async fn axum_protects_only_routes_before_the_layer_and_actix_web_all_of_them() {
    let layer = || jwt_tower::JwtLayer::new(builder().build().expect("a verifier"));
    let app =
        || Router::new().route("/before", get(async || "secret")).layer(layer()).route("/after", get(async || "open"));
    assert_eq!(axum(app(), "/before", None).await.0, 401);
    assert_eq!(axum(app(), "/after", None).await, (200, "open".to_owned()), "as `JwtLayer` says");

    let app = |config: &mut web::ServiceConfig| {
        config.route("/later", web::get().to(async || "secret"));
    };
    assert_eq!(actix(app, "/later", None).await.0, 401);
    assert_eq!(actix(app, "/nowhere", None).await.0, 401);
    assert_eq!(actix(app, "/later", Some(&good().sign())).await.0, 200);
}

#[actix_web::test]
async fn axum_refuses_optional_claims_of_the_wrong_type() {
    use jwt_tower::{Authorized, Claims, JwtLayer};
    let layer = JwtLayer::new(builder().build().expect("a verifier")).optional();
    let app = Router::new()
        .route("/claims", get(async |claims: Option<Claims<Numbered>>| if claims.is_some() { "some" } else { "none" }))
        .route(
            "/policy",
            get(async |claims: Option<Authorized<Numbered, Admins>>| if claims.is_some() { "some" } else { "none" }),
        )
        .layer(layer);
    let token = good().sign();
    for (path, refused) in [("/claims", 401), ("/policy", 403)] {
        assert_eq!(axum(app.clone(), path, Some(&token)).await.0, refused, "{path}");
        assert_eq!(axum(app.clone(), path, None).await, (200, "none".to_owned()), "{path}");
    }
}

/// actix-web makes every extractor optional, and offers no way to prevent it.
#[actix_web::test]
async fn actix_web_logs_optional_claims_of_the_wrong_type() {
    use jwt_actix::{Authorized, Claims};
    let app = |config: &mut web::ServiceConfig| {
        let claims = async |claims: Option<Claims<Numbered>>| if claims.is_some() { "some" } else { "none" };
        let policy = async |claims: Option<Authorized<String, Admins>>| if claims.is_some() { "some" } else { "none" };
        let handled = async |claims: Result<Claims<u8>, jwt_actix::Rejection>| claims.map(|_| "some");
        let same = async |_: Claims<u16>, _: Claims<u16>| "some";
        config.route("/claims", web::get().to(claims)).route("/policy", web::get().to(policy));
        config.route("/handled", web::get().to(handled)).route("/refused", web::get().to(same));
    };
    let log = Log::start();
    let token = good().sign();
    for _ in 0..3 {
        for path in ["/claims", "/policy"] {
            assert_eq!(actix(app, path, Some(&token)).await, (200, "none".to_owned()), "{path}");
        }
        for path in ["/handled", "/refused"] {
            assert_eq!(actix(app, path, Some(&token)).await.0, 401, "{path}");
        }
    }
    let text = log.text();
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("ERROR jwt_core")).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("Numbered") && errors[1].contains("String"), "{errors:?}");
    assert!(errors.iter().all(|line| line.contains("use `OptionalClaims<T>`")), "{errors:?}");
}

#[test]
fn an_impossible_requirement_is_logged_once_when_it_is_created() {
    let none = Vec::<()>::new;
    let log = Log::start();
    let empty = (
        (scopes::<&str>([]), any_scope::<&str>([]), acr::<&str>([]), all(none()), any(none())),
        (roles::<_, &str>("/roles", []), any_role::<_, &str>("/roles", []), of_issuer("", ())),
    );
    let misspelt = (roles("roles", ["a"]), claim("realm_access/roles").is_present(), scopes(["read write"]));
    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("ERROR ")).collect();
    assert_eq!(lines.len(), 11, "{lines:?}");
    for name in ["scopes", "any_scope", "acr", "all", "any", "roles", "any_role"] {
        let is_it =
            |line: &&&str| line.contains(&format!(" requirement={name} ")) && line.contains("the list is empty");
        assert_eq!(lines.iter().filter(is_it).count(), 1, "{name}: {lines:?}");
    }
    for advice in [
        "write `/roles`",
        "write `/realm_access/roles`",
        "the issuer's name is empty",
        "`read write` is no scope: write one scope in each entry",
    ] {
        assert_eq!(lines.iter().filter(|line| line.contains(advice)).count(), 1, "{advice}: {lines:?}");
    }
    drop((empty, misspelt));
}

#[actix_web::test]
async fn the_log_recognizes_a_cors_preflight() {
    let application = application();
    let preflight = Ask::new("OPTIONS", "/me").header("origin", "https://app.example");
    let preflight = preflight.header("access-control-request-method", "GET");
    for adapter in Adapter::ALL {
        let log = Log::start();
        assert_eq!(adapter.send(&application, &preflight).await.code, Some("no_credentials"), "{adapter:?}");
        let text = log.text();
        assert!(text.contains("it's a CORS preflight") && text.contains("`pass_preflights`"), "{adapter:?}: {text}");
    }
}

#[test]
fn a_method_that_changes_something_is_not_treated_as_safe() {
    let sources = |csrf: Csrf| TokenSources::new().cookie("session").csrf(csrf);
    let error = builder().sources(sources(Csrf::new().safe_methods(["GET", "POST"]))).build().expect_err("a mistake");
    assert!(error.to_string().contains("`safe_methods`"), "{error}");
    for csrf in [Csrf::new().safe_methods(["GET"]), Csrf::new().dangerous_safe_methods(["GET", "PROPFIND"])] {
        builder().sources(sources(csrf)).build().expect("a verifier");
    }
}
