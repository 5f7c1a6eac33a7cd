use std::sync::Arc;

use jwt_core::authorize::Requirement;
use tower_layer::Layer;

use crate::Gated;

/// Rejects requests whose verified token doesn't meet a requirement.
///
/// It needs a verified token: without a [`JwtLayer`](crate::JwtLayer) outside it, every request is answered 500. "Outside"
/// means added later, because layers that you add later run first:
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_tower::jwt_core::{Verifier, authorize::scopes};
/// use jwt_tower::{JwtLayer, RequireLayer};
///
/// async fn reports() {}
///
/// fn app(verifier: Verifier) -> Router {
///     Router::new()
///         .route("/reports", get(reports))
///         .route_layer(RequireLayer::new(scopes(["reports:read"])))
///         .layer(JwtLayer::new(verifier))
/// }
/// ```
///
/// For a single route, [`RequireExt`](crate::RequireExt) is shorter: `get(reports).requires(scopes(["reports:read"]))`.
///
/// Don't chain two layers on one method router, as in `post(h).layer(require).layer(jwt)`: rustc can't infer the error type between
/// them and reports E0283, "type annotations needed". Use `.requires(..)`, or `route_layer` on a router.
#[derive(Debug)]
#[must_use]
pub struct RequireLayer<R> {
    requirement: Arc<R>,
}

impl<R: Requirement> RequireLayer<R> {
    /// Creates a layer from a requirement, for example [`scopes`](jwt_core::authorize::scopes).
    pub fn new(requirement: R) -> Self {
        Self { requirement: Arc::new(requirement) }
    }
}

// Derived, it would require `R: Clone`.
impl<R> Clone for RequireLayer<R> {
    fn clone(&self) -> Self {
        Self { requirement: Arc::clone(&self.requirement) }
    }
}

impl<S, R> Layer<S> for RequireLayer<R> {
    type Service = Gated<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, Arc::clone(&self.requirement))
    }
}
