//! Shows a gRPC server with tonic: the same layers as for other tower services, and refusals as gRPC statuses.
//! ```sh
//! export JWT_SECRET=$(openssl rand -hex 32)
//! cargo run -p jwt-examples --example tonic &
//! ```
//! Without a token, the call ends with `grpc-status: 16` (unauthenticated) and a challenge in `www-authenticate` that names
//! the scope:
//! ```sh
//! printf '\0\0\0\0\0' | curl -i --http2-prior-knowledge http://127.0.0.1:3000/greet.Greeter/Greet \
//!     -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @-
//! ```
//! With a token as in `axum_minimal.rs`, whose claims also contain `"scope":"greet"`, it ends with `grpc-status: 0`.
//!
//! The service is written by hand in the way that `tonic-build` generates it, so you don't need a protocol buffer compiler:
//! `/greet.Greeter/Greet` takes and returns a `google.protobuf.StringValue`.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http;
use jwt_tower::JwtLayer;
use jwt_tower::jwt_core::authorize::scopes;
use jwt_tower::jwt_core::gate::RequestState;
use jwt_tower::jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

#[derive(serde::Deserialize)]
struct User {
    name: String,
}

/// Greets the user that the token names.
fn greet(request: &Request<String>) -> Result<Response<String>, Status> {
    let verified = request
        .extensions()
        .get::<RequestState>()
        .and_then(RequestState::verified)
        .ok_or_else(|| Status::internal("`JwtLayer` is missing"))?;
    let user: User = verified.claims().map_err(|_| Status::unauthenticated("invalid token"))?;
    Ok(Response::new(format!("{}, {}!", request.get_ref(), user.name)))
}

pub(crate) async fn serve(listener: TcpListener, verifier: Verifier) -> Result<(), tonic::transport::Error> {
    Server::builder()
        .layer(JwtLayer::new(verifier).require(scopes(["greet"])))
        .add_service(Greeter)
        .serve_with_incoming(TcpIncoming::from(listener))
        .await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("JWT_SECRET").map_err(|_| "set JWT_SECRET to a secret of at least 32 bytes")?;
    let key = Key::from_secret(Algorithm::HS256, secret)?;
    let issuer = TrustedIssuer::new("https://id.example").key(key).audience("https://api.example");
    let verifier = Verifier::builder().issuer(issuer).build()?;
    serve(TcpListener::bind("127.0.0.1:3000").await?, verifier).await?;
    Ok(())
}

/// The service. From here on, the code is what `tonic-build` would generate.
#[derive(Clone, Debug)]
pub(crate) struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "greet.Greeter";
}

struct Greet;

impl UnaryService<String> for Greet {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        ready(greet(&request))
    }
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            match request.uri().path() {
                "/greet.Greeter/Greet" => Ok(Grpc::new(ProstCodec::default()).unary(Greet, request).await),
                _ => Ok(Status::unimplemented("no such method").into_http()),
            }
        })
    }
}
