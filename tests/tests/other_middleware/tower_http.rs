//! The layers of tower-http.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use axum::routing::get;
use jwt_core::proof::Dpop;
use jwt_core::{Error, TrustedIssuer};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::proof::{BASE, Device};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{builder, good, issuer, key, trusting};
use jwt_tower::{Claims, JwtLayer};
use tower::Layer as _;
use tower::ServiceExt as _;
use tower::util::{BoxCloneSyncService, MapRequestLayer};
use tower_http::compression::CompressionLayer;
use tower_http::normalize_path::NormalizePathLayer;
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

/// Returns the code of the refusal of a request with a proof, or `None` if it's accepted.
async fn refusal_of_proof<S>(app: S, target: &str, proven: &str) -> Option<(&'static str, String)>
where
    S: tower::Service<Request, Response = Response, Error = std::convert::Infallible>,
{
    let device = Device::default();
    let token = device.good().sign();
    let proof = device.proof("GET", proven, &token).sign();
    let request = Request::get(target).header(AUTHORIZATION, format!("DPoP {token}")).header("dpop", proof);
    let response =
        app.oneshot(request.body(Body::empty()).expect("a request")).await.expect("routers return no errors");
    assert!(matches!(response.status().as_u16(), 200 | 401), "{}", response.status());
    let error = response.extensions().get::<Error>();
    error.map(|error| (error.code(), error.detail().unwrap_or_default().into_owned()))
}

/// `NormalizePath` does not keep the client's path, unless the application keeps it as axum's `OriginalUri`.
#[tokio::test]
async fn a_proof_names_the_path_that_the_layer_sees() {
    let verifier = trusting(issuer().dpop_required()).dpop(Dpop::new(BASE)).build().expect("a verifier");
    let jwt = || JwtLayer::new(verifier.clone());
    let router = || Router::new().route("/reports", get(report));
    let trim = NormalizePathLayer::trim_trailing_slash;
    let keep = MapRequestLayer::new(|mut request: Request| {
        let uri = OriginalUri(request.uri().clone());
        request.extensions_mut().insert(uri);
        request
    });
    for (target, proven) in [("/reports/", "/reports/"), ("/reports/?a=b", "/reports/"), ("/reports", "/reports")] {
        let is_changed = proven != "/reports";
        let outside = trim().layer(router().layer(jwt()));
        let refused = refusal_of_proof(outside.clone(), target, proven).await;
        assert_eq!(refused.as_ref().map(|(code, _)| *code), is_changed.then_some("invalid_dpop_proof"), "{target}");
        assert!(refused.is_none_or(|(_, detail)| detail.contains("`NormalizePath`")), "the log says where to look");
        assert_eq!(refusal_of_proof(outside.clone(), target, "/reports").await, None, "{target}");
        for kept in [
            // Kept, or not changed yet.
            BoxCloneSyncService::new(keep.layer(outside)),
            BoxCloneSyncService::new(jwt().layer(trim().layer(router()))),
        ] {
            assert_eq!(refusal_of_proof(kept.clone(), target, proven).await, None, "{target}");
            assert_eq!(refusal_of_proof(kept, target, "/reports").await.is_some(), is_changed, "{target}");
        }
    }
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
    // The runtime's clock stands still until there is nothing else to do.
    assert_eq!(send(router.clone(), Some(&token)).await.status(), 504);
    // A request that is dropped does not cancel the key fetch.
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
