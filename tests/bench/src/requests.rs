//! One request in process: routing, authentication, and a handler that returns a claim.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::dev::Service as _;
use actix_web::web;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::{MethodRouter, get};
use http::StatusCode;
use jwt_core::{Step, Verifier};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::race::Contender;
use crate::stand::{Stand, User};

pub const NOTHING: &str = "no authentication";
pub const HAND: &str = "jsonwebtoken, by hand";
/// The cost of any layer in axum, which boxes the service behind it and its future.
pub const EMPTY: &str = "no authentication, an empty layer";
pub const OURS: &str = "this library";
pub const CACHED: &str = "this library, seen before";
pub const SHARED: &str = "this library, seen before, claims shared";

/// The name of a service behind the layer.
pub const LAYER: &str = "a service behind the layer";

/// The state of a hand-written extractor.
#[derive(Clone)]
pub struct Hand {
    pub key: Arc<jsonwebtoken::DecodingKey>,
    pub validation: Arc<jsonwebtoken::Validation>,
}

/// The extractor that an application writes if it uses `jsonwebtoken` directly.
struct HandClaims(User);

impl Hand {
    pub fn new(stand: &Stand) -> Self {
        Self { key: stand.decoding_key().into(), validation: stand.validation().into() }
    }

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

/// Returns a router for each way to authenticate.
pub fn routers(verifier: &Verifier, cached: &Verifier, hand: &Hand) -> Vec<(&'static str, Router)> {
    use jwt_tower::{Claims, JwtLayer, SharedClaims};
    async fn anyone() -> String {
        "Ada Lovelace".to_owned()
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
    let route = |handler: MethodRouter| Router::new().route("/", handler);
    let ours = |handler, verifier: &Verifier| route(handler).layer(JwtLayer::new(verifier.clone()));
    let routers = [
        (NOTHING, route(get(anyone))),
        (HAND, Router::new().route("/", get(by_hand)).with_state(hand.clone())),
        (EMPTY, route(get(anyone)).layer(tower::layer::util::Identity::new())),
        (OURS, ours(get(owned), verifier)),
        (CACHED, ours(get(owned), cached)),
        (SHARED, ours(get(shared), cached)),
    ];
    // `axum::serve` also does this, once. Without it, a router would apply its layers to each request.
    routers.map(|(name, router)| (name, router.with_state(()))).into()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn request<B: Default>(token: &str) -> http::Request<B> {
    let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    request.body(B::default()).expect("a request")
}

/// Returns the status of a service's response to this token.
pub async fn status<S, B, R>(service: &S, token: &str) -> Option<u16>
where
    S: Service<http::Request<B>, Response = http::Response<R>> + Clone,
    B: Default,
{
    service.clone().oneshot(request(token)).await.map(|answer| answer.status().as_u16()).ok()
}

/// Returns a contender that sends requests with one token to a service, and expects this status.
pub fn axum<S, B, R>(name: &str, service: S, token: &str, expected: u16) -> Contender
where
    S: Service<http::Request<B>, Response = http::Response<R>> + Clone + 'static,
    B: Default + 'static,
    R: 'static,
{
    let (runtime, token) = (runtime(), token.to_owned());
    assert_eq!(runtime.block_on(status::<S, B, R>(&service, &token)), Some(expected), "{name}");
    Contender::new(name, move |times| {
        runtime.block_on(async {
            for _ in 0..times {
                assert_eq!(status::<S, B, R>(&service, &token).await, Some(expected));
            }
        });
    })
}

/// Returns contenders that show the cost of the layer itself: a service, with verification, and with the layer.
pub fn bare(verifier: &Verifier, token: &str) -> Vec<Contender> {
    async fn serve(_: http::Request<axum::body::Body>) -> Result<http::Response<axum::body::Body>, Infallible> {
        Ok(http::Response::default())
    }
    let service = tower::service_fn(serve);
    let layer = jwt_tower::JwtLayer::new(verifier.clone());
    let (verifier, own) = (verifier.clone(), token.to_owned());
    let verified = tower::service_fn(move |request| {
        assert!(matches!(verifier.verify_step(&own, None), Step::Ready(Ok(_))));
        serve(request)
    });
    vec![
        axum("a service", service, token, 200),
        axum("a service that verifies first", verified, token, 200),
        axum(LAYER, layer.layer(service), token, 200),
    ]
}

/// Returns the same contenders for actix-web. Each of them, except for no authentication, refuses a tampered token.
pub fn actix(verifier: &Verifier, cached: &Verifier, hand: &Hand, token: &str, tampered: &str) -> Vec<Contender> {
    use jwt_actix::{Claims, JwtMiddleware, SharedClaims};
    async fn anyone() -> String {
        "Ada Lovelace".to_owned()
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
            let of = |token: &str| {
                let header = format!("Bearer {token}");
                move || actix_web::test::TestRequest::get().uri("/").insert_header(("authorization", header.as_str()))
            };
            let (ask, wrong) = (of(token), of(tampered));
            let accepts =
                |request| system.block_on(service.call(request)).is_ok_and(|answer| answer.status().is_success());
            assert!(accepts(ask().to_request()), "{}", $name);
            assert_eq!(accepts(wrong().to_request()), $name == NOTHING, "{}", $name);
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
    #[cfg_attr(not(feature = "peers"), expect(unused_mut, reason = "only peers are added"))]
    let mut field = vec![
        contender!(NOTHING, web::resource("/").route(web::get().to(anyone))),
        contender!(HAND, web::resource("/").route(web::get().to(by_hand))),
        contender!(OURS, web::resource("/").wrap(jwt(verifier)).route(web::get().to(owned))),
        contender!(CACHED, web::resource("/").wrap(jwt(cached)).route(web::get().to(owned))),
        contender!(SHARED, web::resource("/").wrap(jwt(cached)).route(web::get().to(shared))),
    ];
    #[cfg(feature = "peers")]
    {
        use actix_web::HttpMessage as _;
        use actix_web::dev::ServiceRequest;
        use actix_web_httpauth::extractors::bearer::BearerAuth;
        use actix_web_httpauth::middleware::HttpAuthentication;
        async fn validate(
            request: ServiceRequest,
            bearer: BearerAuth,
        ) -> Result<ServiceRequest, (actix_web::Error, ServiceRequest)> {
            let hand = request.app_data::<web::Data<Hand>>().expect("the application's data");
            match jsonwebtoken::decode::<User>(bearer.token(), &hand.key, &hand.validation) {
                Ok(data) => {
                    request.extensions_mut().insert(data.claims);
                    Ok(request)
                }
                Err(_) => Err((actix_web::error::ErrorUnauthorized(""), request)),
            }
        }
        async fn inserted(user: web::ReqData<User>) -> String {
            user.into_inner().name
        }
        let name = format!("{} and jsonwebtoken", crate::peers::versioned("actix-web-httpauth"));
        let auth = HttpAuthentication::bearer(validate);
        field.push(contender!(name.as_str(), web::resource("/").wrap(auth).route(web::get().to(inserted))));
    }
    field
}
