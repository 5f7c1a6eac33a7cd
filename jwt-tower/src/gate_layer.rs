use std::sync::Arc;

use jwt_core::gate::Gate;
use tower_layer::Layer;

use crate::Gated;

/// Puts a [`Gate`] in front of a service. It goes inside [`JwtLayer`](crate::JwtLayer) if the gate needs a token.
///
/// The core has two gates besides those that have a layer of their own:
/// [`ForwardClaims`](jwt_core::forward::ForwardClaims) tells the service behind a gateway who sent the request, in headers
/// that clients can't set, and `jwt_core::issue::ImplicitRefresh` renews access tokens in cookies while they are used.
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_core::forward::ForwardClaims;
/// use jwt_tower::GateLayer;
///
/// # async fn upstream() {}
/// # fn main() -> Result<(), jwt_core::forward::ForwardError> {
/// let forward = ForwardClaims::keeping_token([("/sub", "x-user")])?;
/// let app: Router = Router::new().route("/", get(upstream)).route_layer(GateLayer::new(forward));
/// # Ok(())
/// # }
/// ```
///
/// `ForwardClaims` removes a token in the query from the request's own address. axum keeps the original address in the
/// extension `OriginalUri`: don't send that one on.
#[derive(Debug)]
#[must_use]
pub struct GateLayer<G> {
    gate: Arc<G>,
}

impl<G: Gate> GateLayer<G> {
    /// Creates a layer from a gate.
    pub fn new(gate: G) -> Self {
        Self { gate: Arc::new(gate) }
    }
}

// Derived, it would require `G: Clone`.
impl<G> Clone for GateLayer<G> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<S, G> Layer<S> for GateLayer<G> {
    type Service = Gated<S, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, Arc::clone(&self.gate))
    }
}
