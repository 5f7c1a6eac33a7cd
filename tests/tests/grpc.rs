//! A real gRPC client and a real server on sockets: rejections reach the client as gRPC statuses.

use std::convert::Infallible;
use std::net::Ipv4Addr;

use http::{Method, Version};
use jwt_core::TrustedIssuer;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{builder, good, trusting};
use jwt_tower::{JwtLayer, RejectionBody};
use tokio::net::TcpListener;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::{Layer as _, ServiceExt as _};

#[expect(dead_code, reason = "the example's own `main` is not run")]
#[path = "../../examples/examples/tonic.rs"]
mod server;

async fn start(verifier: jwt_core::Verifier) -> Grpc<Channel> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(server::serve(listener, verifier));
    Grpc::new(Endpoint::from_shared(address).expect("an address").connect().await.expect("a connection"))
}

async fn greet(client: &mut Grpc<Channel>, token: Option<&str>) -> Result<String, Status> {
    let mut request = Request::new("Hello".to_owned());
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    }
    client.ready().await.expect("ready");
    let path = http::uri::PathAndQuery::from_static("/greet.Greeter/Greet");
    let codec: ProstCodec<String, String> = ProstCodec::default();
    client.unary(request, path, codec).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_rejection_reaches_the_client_as_a_status() {
    let mut client = start(builder().build().expect("a verifier")).await;
    let token = good().claim("scope", "greet").sign();
    assert_eq!(greet(&mut client, Some(&token)).await.expect("a greeting"), "Hello, Ada!");
    for (token, code, message, challenge) in [
        (None, Code::Unauthenticated, "no credentials", r#"Bearer realm="api", scope="greet""#),
        (Some("a"), Code::Unauthenticated, "invalid token", r#"Bearer realm="api", error="invalid_token""#),
        (Some("a b"), Code::Unauthenticated, "malformed credentials", r#"Bearer realm="api", error="invalid_request""#),
        (
            Some(&*good().sign()),
            Code::PermissionDenied,
            "not allowed",
            r#"Bearer realm="api", error="insufficient_scope", scope="greet""#,
        ),
    ] {
        let status = greet(&mut client, token).await.expect_err("a refusal");
        assert_eq!((status.code(), status.message()), (code, message));
        let seen = status.metadata().get("www-authenticate").and_then(|value| value.to_str().ok());
        assert_eq!(seen, Some(challenge));
    }
    // The connection still works after all of this.
    assert_eq!(greet(&mut client, Some(&token)).await.expect("a greeting"), "Hello, Ada!");
}

#[tokio::test]
async fn an_outage_of_the_issuer_is_unavailable() {
    let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
    let verifier = trusting(issuer).fetch(Remote::failing().fetch()).build().expect("a verifier");
    let status = greet(&mut start(verifier).await, Some(&good().sign())).await.expect_err("an outage");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "unavailable"));
    assert_eq!(status.metadata().get("retry-after").and_then(|value| value.to_str().ok()), Some("1"));
}

/// The HTTP and gRPC statuses with which a service with this response body is rejected.
async fn refused<B: RejectionBody>(request: http::Request<()>) -> (u16, Option<String>) {
    // It never answers, and is never called.
    let inner = tower::service_fn(|_| std::future::pending::<Result<http::Response<B>, Infallible>>());
    let service = JwtLayer::new(builder().build().expect("a verifier")).layer(inner);
    let response = service.oneshot(request).await.unwrap_or_else(|never| match never {});
    let status = response.headers().get("grpc-status").and_then(|value| value.to_str().ok());
    (response.status().as_u16(), status.map(str::to_owned))
}

#[tokio::test]
async fn only_a_service_that_can_be_grpc_is_rejected_with_a_grpc_status() {
    let request = |method: Method, version, content_type: &str| {
        let request = http::Request::builder().method(method).version(version).uri("/greet.Greeter/Greet");
        request.header("content-type", content_type).body(()).expect("a request")
    };
    let grpc = || request(Method::POST, Version::HTTP_2, "application/grpc");
    assert_eq!(refused::<tonic::body::Body>(grpc()).await, (200, Some("16".to_owned())));
    assert_eq!(refused::<axum::body::Body>(grpc()).await, (401, None));
    for (method, version, content_type) in [
        (Method::GET, Version::HTTP_2, "application/grpc"),
        (Method::PUT, Version::HTTP_2, "application/grpc"),
        (Method::POST, Version::HTTP_11, "application/grpc"),
        (Method::POST, Version::HTTP_10, "application/grpc"),
        (Method::POST, Version::HTTP_2, "application/grpc-web"),
        (Method::POST, Version::HTTP_2, "application/json"),
    ] {
        let case = format!("{method} {version:?} {content_type}");
        assert_eq!(refused::<tonic::body::Body>(request(method, version, content_type)).await, (401, None), "{case}");
    }
}
