//! The layers of tower-http.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use axum::routing::get;
use jwt_core::{Error, TrustedIssuer};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{builder, good, key, trusting};
use jwt_tower::{Claims, JwtLayer};
use tower::ServiceExt as _;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn jwt() -> JwtLayer {
    JwtLayer::new(builder().build().expect("a verifier"))
}

/// Long enough to be compressed.
async fn report(Claims(claims): Claims<serde_json::Value>) -> String {
    claims["name"].as_str().unwrap_or_default().repeat(100)
}

fn router() -> Router {
    Router::new().route("/", get(report))
}

async fn send(router: Router, token: Option<&str>) -> Response {
    let mut request = Request::get("/").header(ACCEPT_ENCODING, "gzip");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("routers return no errors")
}

#[tokio::test]
async fn the_layer_works_inside_and_outside_of_every_other() {
    let timeout = || TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(5));
    let request_id = || SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid);
    let sensitive = || SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]);
    // The last layer added is the outermost.
    let routers = [
        ("trace outside", router().layer(jwt()).layer(TraceLayer::new_for_http())),
        ("trace inside", router().layer(TraceLayer::new_for_http()).layer(jwt())),
        ("timeout outside", router().layer(jwt()).layer(timeout())),
        ("timeout inside", router().layer(timeout()).layer(jwt())),
        ("compression outside", router().layer(jwt()).layer(CompressionLayer::new())),
        ("compression inside", router().layer(CompressionLayer::new()).layer(jwt())),
        ("request id outside", router().layer(jwt()).layer(request_id())),
        ("request id inside", router().layer(request_id()).layer(jwt())),
        ("sensitive outside", router().layer(jwt()).layer(sensitive())),
        ("sensitive inside", router().layer(sensitive()).layer(jwt())),
        (
            "all outside",
            router().layer(jwt()).layer(
                tower::ServiceBuilder::new()
                    .layer(sensitive())
                    .layer(request_id())
                    .layer(TraceLayer::new_for_http())
                    .layer(timeout())
                    .layer(CompressionLayer::new())
                    .layer(PropagateRequestIdLayer::new(REQUEST_ID)),
            ),
        ),
    ];
    let (good, expired) = (good().sign(), good().claim("exp", 1).sign());
    for (name, router) in routers {
        let response = send(router.clone(), Some(&good)).await;
        assert_eq!(response.status(), 200, "{name}");
        for (token, code) in [(None, "no_credentials"), (Some(&*expired), "expired")] {
            let response = send(router.clone(), token).await;
            assert_eq!(response.status(), 401, "{name}");
            assert_eq!(response.headers().get_all(WWW_AUTHENTICATE).iter().count(), 1, "{name}");
            assert_eq!(response.extensions().get::<Error>().map(Error::code), Some(code), "{name}");
        }
    }
}

#[tokio::test]
async fn responses_are_compressed_and_rejections_have_no_body_to_compress() {
    for router in
        [router().layer(jwt()).layer(CompressionLayer::new()), router().layer(CompressionLayer::new()).layer(jwt())]
    {
        let encoding = |response: &Response| response.headers().get(CONTENT_ENCODING).cloned();
        let response = send(router.clone(), Some(&good().sign())).await;
        assert_eq!(encoding(&response).expect("compressed"), "gzip");
        assert_eq!(encoding(&send(router, None).await), None);
    }
}

#[tokio::test]
async fn a_rejection_has_a_request_id_if_the_id_layer_is_outside() {
    let ids = || {
        tower::ServiceBuilder::new()
            .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
            .layer(PropagateRequestIdLayer::new(REQUEST_ID))
    };
    let has_id = |response: &Response| response.headers().contains_key(REQUEST_ID);
    let outside = router().layer(jwt()).layer(ids());
    assert!(has_id(&send(outside.clone(), None).await) && has_id(&send(outside, Some(&good().sign())).await));
    let inside = router().layer(ids()).layer(jwt());
    assert!(!has_id(&send(inside.clone(), None).await) && has_id(&send(inside, Some(&good().sign())).await));
}

#[tokio::test(start_paused = true)]
async fn an_outer_timeout_limits_the_wait_for_keys() {
    let issuer = Remote::serving(&[&key()]).hold();
    let trusted = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let verifier = trusting(trusted).fetch(issuer.fetch()).build().expect("a verifier");
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(2));
    let router = router().layer(JwtLayer::new(verifier)).layer(timeout);
    let token = good().sign();
    // The runtime's clock stands still until there's nothing else to do.
    assert_eq!(send(router.clone(), Some(&token)).await.status(), 504);
    // A request that is dropped doesn't cancel the key fetch.
    issuer.release();
    assert_eq!(send(router, Some(&token)).await.status(), 200);
    assert_eq!(issuer.asked().len(), 1);
}

#[tokio::test]
async fn a_header_marked_as_sensitive_is_read_and_stays_sensitive() {
    let seen = Arc::new(Mutex::new(String::new()));
    let look = {
        let seen = Arc::clone(&seen);
        move |headers: HeaderMap| {
            *seen.lock().expect("not poisoned") = format!("{headers:?}");
            std::future::ready(())
        }
    };
    let router = Router::new().route("/", get(look)).layer(jwt());
    let router = router.layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]));
    let token = good().sign();
    assert_eq!(send(router, Some(&token)).await.status(), 200);
    let seen = seen.lock().expect("not poisoned");
    assert!(seen.contains("authorization") && !seen.contains(&token), "{seen}");
}
