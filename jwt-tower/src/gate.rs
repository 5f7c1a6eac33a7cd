use std::sync::Arc;

use jwt_core::gate::Gate;
use tower_layer::Layer;

use crate::Gated;

/// Puts a [`Gate`] in front of a service. If the gate needs a token, it goes inside [`JwtLayer`](crate::JwtLayer).
///
/// The core has two gates without a layer of their own: [`ForwardClaims`](jwt_core::forward::ForwardClaims) tells an upstream
/// service who sent the request, in headers that clients cannot set. `jwt_core::issue::ImplicitRefresh` renews access tokens in
/// cookies while they are in use.
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_tower::GateLayer;
/// use jwt_tower::jwt_core::BuildError;
/// use jwt_tower::jwt_core::forward::ForwardClaims;
///
/// async fn upstream() {}
///
/// fn gateway() -> Result<Router, BuildError> {
///     let forward = ForwardClaims::keeping_token([("/sub", "x-user")])?;
///     Ok(Router::new().route("/", get(upstream)).route_layer(GateLayer::new(forward)))
/// }
/// ```
///
/// `ForwardClaims` removes a token in the query from the request's URI. axum keeps the original URI in the extension
/// `OriginalUri`: don't forward that one.
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

/// Rejects requests whose verified token does not meet a requirement.
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
/// A request without a token is answered by the `JwtLayer` outside, which does not know this requirement. If its 401 should name the
/// scopes that are required, give the requirement to that one: [`JwtLayer::require`](crate::JwtLayer::require), or a table to
/// [`JwtLayer::routes`](crate::JwtLayer::routes).
///
/// Don't chain two layers on one method router, as in `post(h).layer(require).layer(jwt)`: rustc cannot infer the error type between
/// them and reports E0283, "type annotations needed". Use `.requires(..)`, or `route_layer` on a router.
///
/// ```compile_fail,E0283
/// use axum::routing::{MethodRouter, post};
/// use jwt_tower::{JwtLayer, RequireLayer};
///
/// async fn purge() {}
///
/// fn route(jwt: JwtLayer) -> MethodRouter {
///     post(purge).layer(RequireLayer::new(())).layer(jwt)
/// }
/// ```
pub type RequireLayer<R> = GateLayer<R>;

/// Loads the application's own user for the request's token.
///
/// It goes inside [`JwtLayer`](crate::JwtLayer); without one, requests are answered 500. Handlers behind it run only if the
/// token has a principal: if the loader does not find one, the response is 401, and if it fails, 503. See
/// [`load_async`](jwt_core::gate::load_async). A route can have several, for principals of different types.
#[cfg_attr(
    feature = "axum",
    doc = r#"
```
use axum::{Router, routing::get};
use jwt_tower::jwt_core::gate::load_async;
use jwt_tower::{Principal, PrincipalLayer};

struct User {
    name: String,
}

async fn find_user(issuer: &str, subject: &str) -> std::io::Result<Option<User>> {
    Ok(None) // Ask the database.
}

async fn me(Principal(user): Principal<User>) -> String {
    user.name.clone()
}

let users = load_async(|verified| async move {
    // Another issuer may use the same subject for another user.
    let claims = verified.registered();
    let (Some(issuer), Some(subject)) = (claims.issuer(), claims.subject()) else { return Ok(None) };
    Ok(find_user(issuer, subject).await?)
});
let app: Router = Router::new().route("/me", get(me)).route_layer(PrincipalLayer::new(users));
```"#
)]
pub type PrincipalLayer<L> = GateLayer<L>;
