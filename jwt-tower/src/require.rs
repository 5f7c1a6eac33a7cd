use std::sync::Arc;

use jwt_core::authorize::Requirement;
use tower_layer::Layer;

use crate::Gated;

/// Refuses requests whose verified token does not meet a requirement.
///
/// It goes inside [`JwtLayer`](crate::JwtLayer): without one, requests are answered 500.
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
