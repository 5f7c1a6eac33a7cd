//! Readiness probes.

use actix_web::App;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use jwt_core::{TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup;
use tower::ServiceExt as _;

/// Status, content type, cache control and body of a response.
type Probe = (u16, String, String, String);

async fn ask_tower(verifier: &Verifier) -> Probe {
    let probe = jwt_tower::endpoint(verifier.readiness_endpoint());
    let response = probe.oneshot(Request::new(Body::empty())).await.expect("infallible");
    let header = |name| response.headers()[name].to_str().expect("text").to_owned();
    let (status, content_type, cache_control) =
        (response.status().as_u16(), header("content-type"), header("cache-control"));
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, content_type, cache_control, String::from_utf8(body.to_vec()).expect("text"))
}

async fn ask_actix(verifier: &Verifier) -> Probe {
    let app = App::new().route("/", jwt_actix::endpoint(verifier.readiness_endpoint()));
    let app = actix_web::test::init_service(app).await;
    let response = actix_web::test::call_service(&app, actix_web::test::TestRequest::get().to_request()).await;
    let header = |name| response.headers().get(name).expect("sent").to_str().expect("text").to_owned();
    let (status, content_type, cache_control) =
        (response.status().as_u16(), header("content-type"), header("cache-control"));
    let body = actix_web::test::read_body(response).await;
    (status, content_type, cache_control, String::from_utf8(body.to_vec()).expect("text"))
}

fn remote(remote: &Remote) -> Verifier {
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    setup::trusting(issuer).fetch(remote.fetch()).build().expect("a verifier")
}

#[actix_web::test]
async fn both_adapters_answer_a_probe_by_the_state_of_the_keys() {
    // The first probe starts a fetch, which has not ended by the second.
    let issuer = Remote::failing().hold();
    let verifier = remote(&issuer);
    for (serve, status, expected) in [
        (None, 503, r#""keys":0,"last_error":null,"state":"never_loaded""#),
        (Some(false), 503, r#""keys":0,"last_error":"transport","state":"never_loaded""#),
        (Some(true), 200, r#""keys":1,"last_error":null,"state":"fresh""#),
        (Some(false), 200, r#""keys":1,"last_error":"transport","state":"fresh""#),
    ] {
        match serve {
            Some(true) => issuer.serve(&[&setup::key()]),
            Some(false) => issuer.fail(),
            None => {}
        }
        if serve.is_some() {
            issuer.release();
            assert_eq!(verifier.fetch_keys().await.is_ok(), serve == Some(true));
        }
        let (tower, actix) = (ask_tower(&verifier).await, ask_actix(&verifier).await);
        assert_eq!(tower, actix);
        assert_eq!((tower.0, &*tower.1, &*tower.2), (status, "application/json", "no-store"));
        assert!(tower.3.contains(expected) && tower.3.contains(ISSUER), "{}", tower.3);
    }
}

#[actix_web::test]
async fn a_verifier_with_fixed_keys_is_always_ready() {
    let verifier = setup::trusting(setup::issuer()).build().expect("a verifier");
    assert_eq!(ask_tower(&verifier).await.3, r#"{"issuers":[],"ready":true}"#);
    assert!(verifier.is_ready() && verifier.fetch_keys().await.is_ok());
}
