//! The middleware of actix-web and actix-extras.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::SessionMiddleware;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::{Cookie, Key};
use actix_web::middleware::{Compress, Logger, NormalizePath, TrailingSlash};
use actix_web::test::{self, TestRequest};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, web};
use jwt_actix::{Claims, JwtMiddleware, OptionalClaims};
use jwt_core::authorize::Routes;
use jwt_core::proof::Dpop;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{builder, good, issuer, trusting};
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

/// Sends requests with and without a valid token to an application. The type of its service cannot be named.
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

/// The code and the detail of the refusal of a request with a proof, or `None` if it's accepted.
macro_rules! refusal_of_proof {
    ($app:expr, $target:expr, $proven:expr) => {{
        let (app, device) = (test::init_service($app).await, Device::default());
        let token = device.good().sign();
        let proof = device.proof("GET", $proven, &token).sign();
        let request = TestRequest::get().uri($target).insert_header(("authorization", format!("DPoP {token}")));
        let response = test::call_service(&app, request.insert_header(("dpop", proof)).to_request()).await;
        assert!(matches!(response.status().as_u16(), 200 | 401), "{}", response.status());
        let response = response.response();
        let extensions = response.extensions();
        extensions.get::<jwt_core::Error>().map(|error| (error.code(), error.detail().unwrap_or_default().into_owned()))
    }};
}

/// actix-web does not keep the client's path when `NormalizePath` changes it.
#[actix_web::test]
async fn a_proof_names_the_path_that_the_middleware_sees() {
    let jwt = || {
        let verifier = trusting(issuer().dpop_required()).dpop(Dpop::new(BASE)).build().expect("a verifier");
        JwtMiddleware::new(verifier)
    };
    let routed = || jwt().routes(Routes::new().require("/reports", ())).normalized_inside(TrailingSlash::Trim);
    let app = || App::new().route("/reports", web::get().to(report));
    for (target, proven) in [("/reports/", "/reports/"), ("//reports?a=b", "//reports"), ("/reports", "/reports")] {
        // The last `wrap` is the outermost.
        assert_eq!(refusal_of_proof!(app().wrap(NormalizePath::trim()).wrap(jwt()), target, proven), None, "{target}");
        assert_eq!(
            refusal_of_proof!(app().wrap(NormalizePath::trim()).wrap(routed()), target, proven),
            None,
            "{target}"
        );
        let outside = refusal_of_proof!(app().wrap(jwt()).wrap(NormalizePath::trim()), target, proven);
        let is_changed = target != "/reports";
        assert_eq!(outside.as_ref().map(|(code, _)| *code), is_changed.then_some("invalid_dpop_proof"), "{target}");
        assert!(outside.is_none_or(|(_, detail)| detail.contains("`NormalizePath`")), "the log says where to look");
        // The changed path is the only one that can be compared there.
        assert_eq!(
            refusal_of_proof!(app().wrap(jwt()).wrap(NormalizePath::trim()), target, "/reports"),
            None,
            "{target}"
        );
        let inside = refusal_of_proof!(app().wrap(NormalizePath::trim()).wrap(jwt()), target, "/reports");
        assert_eq!(inside.is_some(), is_changed, "{target}");
    }
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
