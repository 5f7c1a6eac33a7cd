//! A process that gets no requests but readiness probes.

use actix_web::App;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use jwt_core::Verifier;
use jwt_core::testing::Script;
use jwt_tests::adapter::Adapter;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::lab::{Lab, seconds};

/// Status and body of a probe's response, from an application on this framework.
async fn probe(adapter: Adapter, verifier: &Verifier) -> (u16, Value) {
    let (status, body) = match adapter {
        Adapter::Actix => {
            let app = App::new().route("/ready", jwt_actix::endpoint(verifier.readiness_endpoint()));
            let app = actix_web::test::init_service(app).await;
            let request = actix_web::test::TestRequest::get().uri("/ready").to_request();
            let response = actix_web::test::call_service(&app, request).await;
            (response.status().as_u16(), actix_web::test::read_body(response).await)
        }
        _ => {
            let app: Router = Router::new().route_service("/ready", jwt_tower::endpoint(verifier.readiness_endpoint()));
            let request = Request::get("/ready").body(Body::empty()).expect("a request");
            let response = app.oneshot(request).await.expect("infallible");
            (response.status().as_u16(), response.into_body().collect().await.expect("a body").to_bytes())
        }
    };
    (status, serde_json::from_slice(&body).expect("JSON"))
}

async fn becomes_ready(adapter: Adapter) {
    let lab = Lab::new().await;
    lab.all(Script::HangUp);
    let expect = async |status: u16, state: &str, last_error: Value| {
        let (code, body) = probe(adapter, &lab.verifier).await;
        let issuer = &body["issuers"][0];
        assert_eq!((code, &issuer["state"], &issuer["last_error"]), (status, &json!(state), &last_error));
        assert_eq!(body["ready"], status == 200);
    };
    let (code, _) = probe(adapter, &lab.verifier).await;
    assert_eq!(code, 503);
    lab.ended(1).await;
    for _ in 0..5 {
        expect(503, "never_loaded", json!("transport")).await;
    }
    assert_eq!((lab.issuer.received().len(), lab.told()), (1, vec!["transport"]), "no more often than requests do");

    lab.all(Script::Well);
    lab.pass(seconds(1));
    let (code, _) = probe(adapter, &lab.verifier).await;
    lab.ended(2).await;
    expect(200, "fresh", Value::Null).await;
    assert_eq!((code, lab.sets(), lab.told()), (503, 1, vec!["loaded"]), "a probe does not wait");

    lab.grow_old();
    expect(200, "fresh", Value::Null).await;
    lab.ended(3).await;
    assert_eq!((lab.sets(), lab.told()), (2, vec!["loaded"]), "a probe starts a due renewal");
}

#[tokio::test]
async fn an_axum_process_that_only_gets_probes_becomes_ready() {
    becomes_ready(Adapter::Axum).await;
}

#[actix_web::test]
async fn an_actix_web_process_that_only_gets_probes_becomes_ready() {
    becomes_ready(Adapter::Actix).await;
}

#[tokio::test]
async fn a_custom_probe_starts_a_fetch_too() {
    let lab = Lab::new().await;
    assert!(!lab.verifier.is_ready());
    lab.ended(1).await;
    assert!(lab.verifier.is_ready());
}
