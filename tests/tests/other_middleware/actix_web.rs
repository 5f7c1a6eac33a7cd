//! The middleware of actix-web and actix-extras.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::SessionMiddleware;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::{Cookie, Key};
use actix_web::middleware::{Compress, Logger, NormalizePath};
use actix_web::test::{self, TestRequest};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, web};
use jwt_actix::{Claims, JwtMiddleware, OptionalClaims};
use jwt_tests::setup::{builder, good};
use serde_json::Value;

fn jwt() -> JwtMiddleware {
    JwtMiddleware::new(builder().build().expect("a verifier"))
}

async fn report(Claims(claims): Claims<Value>) -> String {
    claims["name"].as_str().unwrap_or_default().repeat(100)
}

fn ask(token: Option<&str>) -> TestRequest {
    let request = TestRequest::get().uri("/").insert_header(("accept-encoding", "gzip"));
    match token {
        Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
        None => request,
    }
}

/// Sends requests with and without a valid token to an application. The type of its service can't be named.
macro_rules! check {
    ($app:expr) => {{
        let app = test::init_service($app).await;
        let (good, expired) = (good().sign(), good().claim("exp", 1).sign());
        let response = test::call_service(&app, ask(Some(&good)).to_request()).await;
        assert_eq!(response.status(), 200);
        for (token, code) in [(None, "no_credentials"), (Some(&*expired), "expired")] {
            let response = test::call_service(&app, ask(token).to_request()).await;
            let told = response.response().extensions().get::<jwt_core::Error>().map(jwt_core::Error::code);
            assert_eq!((response.status().as_u16(), told), (401, Some(code)));
            assert_eq!(response.headers().get_all("www-authenticate").count(), 1);
        }
    }};
}

#[actix_web::test]
async fn the_middleware_works_inside_and_outside_of_every_other() {
    let app = || App::new().route("/", web::get().to(report));
    // The last `wrap` is the outermost.
    check!(app().wrap(jwt()).wrap(Logger::default()));
    check!(app().wrap(Logger::default()).wrap(jwt()));
    check!(app().wrap(jwt()).wrap(Compress::default()));
    check!(app().wrap(Compress::default()).wrap(jwt()));
    check!(app().wrap(jwt()).wrap(NormalizePath::trim()));
    check!(app().wrap(jwt()).wrap(Compress::default()).wrap(NormalizePath::trim()).wrap(Logger::default()));
}

async fn who(OptionalClaims(claims): OptionalClaims<Value>, session: Option<Identity>) -> String {
    match (claims, session) {
        (Some(claims), _) => format!("token of {}", claims["name"].as_str().unwrap_or_default()),
        (None, Some(identity)) => format!("session of {}", identity.id().unwrap_or_default()),
        (None, None) => "nobody".to_owned(),
    }
}

async fn log_in(request: HttpRequest) -> HttpResponse {
    Identity::login(&request.extensions(), "Grace".to_owned()).expect("a session");
    HttpResponse::Ok().finish()
}

#[actix_web::test]
async fn one_handler_serves_sessions_and_tokens() {
    let store = SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[7; 64]));
    let app = App::new()
        .service(web::resource("/").wrap(jwt().optional()).route(web::get().to(who)))
        .route("/login", web::post().to(log_in))
        .wrap(IdentityMiddleware::default())
        .wrap(store);
    let app = test::init_service(app).await;
    let login = test::call_service(&app, TestRequest::post().uri("/login").to_request()).await;
    let session: Cookie<'static> = login.response().cookies().next().expect("a session cookie").into_owned();
    let good = good().sign();
    for (with_session, token, expected) in [
        (false, None, Ok("nobody")),
        (true, None, Ok("session of Grace")),
        (false, Some(&*good), Ok("token of Ada")),
        (true, Some(&*good), Ok("token of Ada")),
        // A bad token is rejected even if the session is valid.
        (true, Some("a"), Err(401)),
        (false, Some("a"), Err(401)),
    ] {
        let mut request = ask(token);
        if with_session {
            request = request.cookie(session.clone());
        }
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        let seen = if status == 200 { Ok(std::str::from_utf8(&body).expect("text")) } else { Err(status) };
        assert_eq!(seen, expected, "session: {with_session}, token: {token:?}");
    }
}
