use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum_core::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use jwt_core::Verifier;
use tower_service::Service;

use crate::response;

/// Answers readiness probes: 200 when tokens of every issuer can be verified, otherwise 503, with the health of each
/// issuer as JSON. A probe starts a fetch of keys that are missing or due and doesn't wait for it: see
/// [`Verifier::readiness`].
///
/// Not for the public: it names the issuers.
///
/// ```
/// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
/// use axum::Router;
/// use jwt_tower::Readiness;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
/// # let verifier = Verifier::builder().issuer(issuer.audience("https://api.example")).build()?;
/// let app: Router = Router::new().route_service("/ready", Readiness::new(verifier));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Readiness {
    verifier: Verifier,
}

impl Readiness {
    /// Watches the keys of `verifier`.
    #[must_use]
    pub const fn new(verifier: Verifier) -> Self {
        Self { verifier }
    }
}

impl<B> Service<Request<B>> for Readiness {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        let readiness = self.verifier.readiness();
        let mut response = Response::new(Body::from(readiness.body));
        *response.status_mut() = response::status(readiness.status);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(readiness.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        ready(Ok(response))
    }
}
