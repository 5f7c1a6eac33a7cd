//! One request in process: routing, authentication, and a handler that returns a claim.

use std::sync::Arc;

use actix_web::dev::Service as _;
use actix_web::web;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::get;
use http::StatusCode;
use jwt_core::Verifier;
use tower::ServiceExt as _;

use crate::race::Contender;
use crate::stand::User;

pub const NOTHING: &str = "no authentication";
pub const HAND: &str = "jsonwebtoken, by hand";
/// What axum itself takes for any layer: it boxes the service behind it, and its future.
pub const EMPTY: &str = "no authentication, an empty layer";
pub const OURS: &str = "this library";
pub const CACHED: &str = "this library, seen before";
pub const SHARED: &str = "this library, seen before, claims shared";

/// What a hand-written extractor needs.
#[derive(Clone)]
pub struct Hand {
    pub key: Arc<jsonwebtoken::DecodingKey>,
    pub validation: Arc<jsonwebtoken::Validation>,
}

/// What applications write that use `jsonwebtoken` directly.
struct HandClaims(User);

impl Hand {
    fn claims(&self, header: Option<&[u8]>) -> Option<HandClaims> {
        let token = std::str::from_utf8(header?).ok()?.strip_prefix("Bearer ")?;
        jsonwebtoken::decode(token, &self.key, &self.validation).ok().map(|data| HandClaims(data.claims))
    }
}

impl FromRequestParts<Hand> for HandClaims {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut http::request::Parts, hand: &Hand) -> Result<Self, StatusCode> {
        let header = parts.headers.get(http::header::AUTHORIZATION).map(|value| value.as_bytes());
        hand.claims(header).ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl actix_web::FromRequest for HandClaims {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let hand = request.app_data::<web::Data<Hand>>().expect("the application's data");
        let header = request.headers().get("authorization").map(|value| value.as_bytes());
        std::future::ready(hand.claims(header).ok_or_else(|| actix_web::error::ErrorUnauthorized("")))
    }
}

/// A router for each way to do it.
pub fn routers(verifier: &Verifier, cached: &Verifier, hand: &Hand) -> Vec<(&'static str, Router)> {
    use jwt_tower::{Claims, JwtLayer, SharedClaims};
    async fn anyone() -> &'static str {
        "Ada Lovelace"
    }
    async fn by_hand(HandClaims(user): HandClaims) -> String {
        user.name
    }
    async fn owned(Claims(user): Claims<User>) -> String {
        user.name
    }
    async fn shared(user: SharedClaims<User>) -> String {
        user.name.clone()
    }
    let router = || Router::new();
    vec![
        (NOTHING, router().route("/", get(anyone))),
        (HAND, Router::new().route("/", get(by_hand)).with_state(hand.clone())),
        (EMPTY, router().route("/", get(anyone)).layer(tower::layer::util::Identity::new())),
        (OURS, router().route("/", get(owned)).layer(JwtLayer::new(verifier.clone()))),
        (CACHED, router().route("/", get(owned)).layer(JwtLayer::new(cached.clone()))),
        (SHARED, router().route("/", get(shared)).layer(JwtLayer::new(cached.clone()))),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn request(token: &str) -> http::Request<axum::body::Body> {
    let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    request.body(axum::body::Body::empty()).expect("a request")
}

/// A router that is asked with one token, and answers with this status.
pub fn axum(name: &str, router: Router, token: &str, expected: u16) -> Contender {
    let (runtime, token) = (runtime(), token.to_owned());
    let answer = runtime.block_on(router.clone().oneshot(request(&token))).expect("a router does not fail");
    assert_eq!(answer.status().as_u16(), expected, "{name}");
    Contender::new(name, move |times| {
        runtime.block_on(async {
            for _ in 0..times {
                let answer = router.clone().oneshot(request(&token)).await;
                assert_eq!(answer.map(|answer| answer.status().as_u16()).ok(), Some(expected));
            }
        });
    })
}

/// The same under actix-web.
pub fn actix(verifier: &Verifier, cached: &Verifier, hand: &Hand, token: &str) -> Vec<Contender> {
    use jwt_actix::{Claims, JwtMiddleware, SharedClaims};
    async fn anyone() -> &'static str {
        "Ada Lovelace"
    }
    async fn by_hand(HandClaims(user): HandClaims) -> String {
        user.name
    }
    async fn owned(Claims(user): Claims<User>) -> String {
        user.name
    }
    async fn shared(user: SharedClaims<User>) -> String {
        user.name.clone()
    }
    let jwt = |verifier: &Verifier| JwtMiddleware::new(verifier.clone());
    macro_rules! contender {
        ($name:expr, $resource:expr) => {{
            let system = actix_web::rt::System::new();
            let app = actix_web::App::new().app_data(web::Data::new(hand.clone())).service($resource);
            let service = system.block_on(actix_web::test::init_service(app));
            let header = format!("Bearer {token}");
            let ask =
                move || actix_web::test::TestRequest::get().uri("/").insert_header(("authorization", header.as_str()));
            let answer = system.block_on(service.call(ask().to_request())).expect("a response");
            assert_eq!(answer.status().as_u16(), 200, "{}", $name);
            drop(answer);
            Contender::new($name, move |times| {
                system.block_on(async {
                    for _ in 0..times {
                        let answer = service.call(ask().to_request()).await.expect("a response");
                        assert!(answer.status().is_success());
                    }
                });
            })
        }};
    }
    vec![
        contender!(NOTHING, web::resource("/").route(web::get().to(anyone))),
        contender!(HAND, web::resource("/").route(web::get().to(by_hand))),
        contender!(OURS, web::resource("/").wrap(jwt(verifier)).route(web::get().to(owned))),
        contender!(CACHED, web::resource("/").wrap(jwt(cached)).route(web::get().to(owned))),
        contender!(SHARED, web::resource("/").wrap(jwt(cached)).route(web::get().to(shared))),
    ]
}
