//! What tower requires of a service and its layer, and what only an adapter for `http` requests can guarantee.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::routing::get;
use http::{HeaderValue, Request, Response};
use jwt_core::authorize::{check_async, scopes};
use jwt_core::gate::RequestState;
use jwt_core::http::TokenSources;
use jwt_core::{Error, ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{builder, good, key, trusting};
use jwt_tower::{Claims, Gated, JwtLayer, RejectionBody, RequireLayer, ResponseFuture};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt as _};

/// A body type that no framework knows. The layers only need to create one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Body(&'static str);

impl RejectionBody for Body {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(if bytes.is_empty() { "" } else { "rendered" })
    }
}

/// The error type of the inner service.
#[derive(Debug, PartialEq)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// An inner service that checks its contract: it's called once each time it was polled ready, and a clone has not been
/// polled.
#[derive(Debug, Default)]
struct Strict {
    ready: bool,
    /// How often `poll_ready` returns `Pending` before it is ready.
    reluctant: usize,
    fails_ready: bool,
    fails_call: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls), ..*self }
    }
}

impl Service<Request<Body>> for Strict {
    type Response = Response<Body>;
    type Error = Broken;
    type Future = Ready<Result<Response<Body>, Broken>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.fails_ready {
            return Poll::Ready(Err(Broken));
        }
        if self.reluctant > 0 {
            self.reluctant -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being polled ready");
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fails_call {
            return ready(Err(Broken));
        }
        let known = request.extensions().get::<RequestState>().is_some_and(|state| state.verified().is_some());
        ready(Ok(Response::new(Body(if known { "verified" } else { "unknown" }))))
    }
}

/// A verifier that has its keys, and one that must fetch them for the first token.
fn verifiers() -> [Verifier; 2] {
    let remote = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let remote = trusting(remote).fetch(Remote::serving(&[&key()]).fetch());
    [builder().build().expect("a verifier"), remote.build().expect("a verifier")]
}

fn request(token: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::default());
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a token");
        request.headers_mut().insert("authorization", value);
    }
    request
}

fn good_request() -> Request<Body> {
    request(Some(&good().sign()))
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    for verifier in verifiers() {
        let inner = Strict::default();
        let calls = Arc::clone(&inner.calls);
        let mut service = JwtLayer::new(verifier).layer(RequireLayer::new(scopes(["reports:read"])).layer(inner));
        for _ in 0..3 {
            let response = service.ready().await.expect("ready").call(good_request()).await.expect("a response");
            assert_eq!(*response.body(), Body("verified"));
        }
        let clone = service.clone();
        assert_eq!(clone.oneshot(good_request()).await.expect("a response").status(), 200);
        assert_eq!(calls.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test]
async fn a_rejected_request_does_not_reach_the_inner_service() {
    for verifier in verifiers() {
        let inner = Strict::default();
        let calls = Arc::clone(&inner.calls);
        let service = JwtLayer::new(verifier).layer(inner);
        let expired = good().claim("exp", 1).sign();
        for (request, kind) in
            [(request(None), ErrorKind::NoCredentials), (request(Some(&expired)), ErrorKind::Expired)]
        {
            let response = service.clone().oneshot(request).await.expect("rejections are responses");
            assert_eq!((response.status().as_u16(), response.body()), (401, &Body::default()));
            assert_eq!(response.extensions().get::<Error>().map(Error::kind), Some(kind));
        }
        assert_eq!(calls.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_limit_of_one_concurrent_request_is_respected_and_released() {
    for verifier in verifiers() {
        let service = JwtLayer::new(verifier).layer(ConcurrencyLimit::new(Strict::default(), 1));
        let (fine, expired) = (good().sign(), good().claim("exp", 1).sign());
        for (token, status) in [(Some(&fine), 200), (Some(&expired), 401), (None, 401), (Some(&fine), 200)] {
            let request = request(token.map(String::as_str));
            let response = service.clone().oneshot(request).await.expect("a response");
            assert_eq!(response.status().as_u16(), status);
        }
    }
    for verifier in verifiers() {
        let service = ConcurrencyLimit::new(JwtLayer::new(verifier).layer(Strict::default()), 1);
        let both = (service.clone().oneshot(good_request()), service.oneshot(good_request()));
        let (first, second) = tokio::join!(both.0, both.1);
        assert!(first.expect("a response").status() == 200 && second.expect("a response").status() == 200);
    }
}

#[tokio::test]
async fn the_layer_works_inside_and_outside_of_a_buffer() {
    for verifier in verifiers() {
        let inside = Buffer::new(JwtLayer::new(verifier.clone()).layer(Strict::default()), 4);
        assert_eq!(inside.oneshot(good_request()).await.expect("a response").status(), 200);
        let outside = JwtLayer::new(verifier).layer(Buffer::new(Strict::default(), 4));
        assert_eq!(outside.oneshot(good_request()).await.expect("a response").status(), 200);
    }
}

#[test]
fn the_service_is_ready_when_the_inner_service_is() {
    let [verifier, _] = verifiers();
    let mut context = Context::from_waker(Waker::noop());
    let mut service = JwtLayer::new(verifier.clone()).layer(Strict { reluctant: 2, ..Strict::default() });
    assert!(service.poll_ready(&mut context).is_pending());
    assert!(service.poll_ready(&mut context).is_pending());
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
    let mut service = JwtLayer::new(verifier).layer(Strict { fails_ready: true, ..Strict::default() });
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Err(Broken)));
    let mut service = RequireLayer::new(()).layer(Strict { reluctant: 1, ..Strict::default() });
    assert!(service.poll_ready(&mut context).is_pending());
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
    let mut service = RequireLayer::new(()).layer(Strict { fails_ready: true, ..Strict::default() });
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Err(Broken)));
}

/// `Strict` panics if it's called without having been ready.
#[tokio::test]
async fn an_async_requirement_calls_the_service_that_was_ready() {
    for verifier in verifiers() {
        let later = check_async("later", |_| async {
            tokio::task::yield_now().await;
            Ok(true)
        });
        let mut service = JwtLayer::new(verifier).layer(RequireLayer::new(later).layer(Strict::default()));
        for _ in 0..3 {
            let response = service.ready().await.expect("ready").call(good_request());
            assert_eq!(response.await.expect("a response").status(), 200);
        }
    }
}

#[tokio::test]
async fn a_request_dropped_while_its_requirement_waits_releases_the_service() {
    let [verifier, _] = verifiers();
    let never = check_async("never", |_| std::future::pending());
    let inner = ConcurrencyLimit::new(Strict::default(), 1);
    let mut service = JwtLayer::new(verifier).layer(RequireLayer::new(never).layer(inner));
    for _ in 0..3 {
        let mut response = Box::pin(service.ready().await.expect("ready").call(good_request()));
        assert!(response.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

#[tokio::test]
async fn an_error_of_the_inner_service_is_passed_on_unchanged() {
    for verifier in verifiers() {
        let inner = Strict { fails_call: true, ..Strict::default() };
        let service = JwtLayer::new(verifier).layer(RequireLayer::new(()).layer(inner));
        assert_eq!(service.oneshot(good_request()).await.expect_err("an error"), Broken);
    }
}

#[tokio::test]
async fn a_request_dropped_while_it_waits_for_keys_releases_the_service() {
    let remote = Remote::serving(&[&key()]).hold();
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let verifier = trusting(issuer).fetch(remote.fetch()).build().expect("a verifier");
    let service = JwtLayer::new(verifier).layer(ConcurrencyLimit::new(Strict::default(), 1));
    let waiting = tokio::spawn(service.clone().oneshot(good_request()));
    remote.until_asked(1).await;
    waiting.abort();
    assert!(waiting.await.expect_err("aborted").is_cancelled());
    remote.release();
    assert_eq!(service.oneshot(good_request()).await.expect("a response").status(), 200);
    assert_eq!(remote.asked().len(), 1);
}

#[test]
fn layers_services_and_futures_can_be_sent_between_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<JwtLayer>();
    shared::<RequireLayer<()>>();
    shared::<Gated<Strict, jwt_core::verify::Authenticator>>();
    shared::<Gated<Strict, ()>>();
    shared::<jwt_tower::Verified>();
    sent::<ResponseFuture<Strict, Body>>();
}

#[tokio::test]
async fn a_response_to_a_token_in_the_query_is_private_unless_the_handler_says_otherwise() {
    for verifier in verifiers() {
        let verifier = verifier.with_sources(TokenSources::new().query("t"));
        for (own, expected) in [(None, Some("private")), (Some("no-store"), Some("no-store"))] {
            let inner = tower::service_fn(move |_: Request<Body>| {
                let mut response = Response::new(Body::default());
                if let Some(own) = own {
                    response.headers_mut().insert("cache-control", HeaderValue::from_static(own));
                }
                ready(Ok::<_, Infallible>(response))
            });
            let service = JwtLayer::new(verifier.clone()).layer(inner);
            let mut request = Request::new(Body::default());
            *request.uri_mut() = format!("/?t={}", good().sign()).parse().expect("an address");
            let response = service.clone().oneshot(request).await.expect("a response");
            let value = response.headers().get("cache-control").and_then(|value| value.to_str().ok());
            assert_eq!((value, response.headers().get_all("cache-control").iter().count()), (expected, 1));
            let response = service.oneshot(good_request()).await.expect("a response");
            let value = response.headers().get("cache-control").and_then(|value| value.to_str().ok());
            assert_eq!(value, own, "the token is in a header");
        }
    }
}

/// Only for axum: actix-web turns every extractor into an optional one.
#[tokio::test]
async fn an_optional_extractor_is_none_only_for_absent_credentials() {
    #[derive(serde::Deserialize)]
    struct User {
        name: String,
    }
    async fn claims(user: Option<Claims<User>>) -> String {
        user.map_or_else(|| "nobody".to_owned(), |Claims(user)| user.name)
    }
    async fn verified(verified: Option<jwt_tower::Verified>) -> String {
        verified.map_or_else(|| "nobody".to_owned(), |verified| format!("{:?}", verified.location()))
    }
    let layer = JwtLayer::new(builder().build().expect("a verifier")).optional();
    let router: Router = Router::new().route("/claims", get(claims)).route("/verified", get(verified)).layer(layer);
    let bare: Router = Router::new().route("/claims", get(claims)).route("/verified", get(verified));
    let numbered = good().claim("name", 5).sign();
    for (router, target, token, status, body) in [
        (&router, "/claims", None, 200, "nobody"),
        (&router, "/claims", Some(good().sign()), 200, "Ada"),
        (&router, "/claims", Some(numbered), 401, ""),
        (&router, "/claims", Some("x".to_owned()), 401, ""),
        (&router, "/verified", None, 200, "nobody"),
        (&router, "/verified", Some(good().sign()), 200, "Some(Authorization)"),
        (&bare, "/claims", None, 500, ""),
        (&bare, "/verified", Some(good().sign()), 500, ""),
    ] {
        let mut request = request(token.as_deref()).map(|_| axum::body::Body::empty());
        *request.uri_mut() = http::Uri::from_static(target);
        let response = router.clone().oneshot(request).await.expect("routers return no errors");
        assert_eq!(response.status().as_u16(), status, "{target}");
        let read = axum::body::to_bytes(response.into_body(), 1024).await.expect("a body");
        assert_eq!(read, body.as_bytes(), "{target}");
    }
}
