use axum::Router;
use axum::routing::MethodRouter;
use jwt_core::authorize::Requirement;

use crate::RequireLayer;

/// Adds requirements to axum's routes.
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_tower::RequireExt;
/// use jwt_tower::jwt_core::authorize::{any_role, scopes};
///
/// async fn reports() {}
/// async fn users() {}
///
/// let app: Router = Router::new()
///     .route("/reports", get(reports).requires(scopes(["reports:read"])))
///     .nest("/admin", Router::new().route("/users", get(users)).requires(any_role("/roles", ["admin", "owner"])));
/// ```
///
/// Like every layer, it applies only to routes that are already there, and needs a [`JwtLayer`](crate::JwtLayer) outside it. That
/// one's 401 for a request without a token does not name these scopes; with a table for [`JwtLayer::routes`](crate::JwtLayer::routes)
/// it does.
pub trait RequireExt: Sized {
    /// Rejects requests whose verified token does not meet `requirement`, as [`RequireLayer`] does.
    ///
    /// On a `MethodRouter`, which `get(handler)` returns, it applies to every method, also the methods that get 405, but not to
    /// methods that are added later. On a `Router` it applies to the routes that were added before, but not to its fallback. axum
    /// panics if there are no routes.
    #[must_use]
    fn requires<R: Requirement + 'static>(self, requirement: R) -> Self;
}

impl<S: Clone + 'static, E: 'static> RequireExt for MethodRouter<S, E> {
    fn requires<R: Requirement + 'static>(self, requirement: R) -> Self {
        self.layer(RequireLayer::new(requirement))
    }
}

impl<S: Clone + Send + Sync + 'static> RequireExt for Router<S> {
    fn requires<R: Requirement + 'static>(self, requirement: R) -> Self {
        self.route_layer(RequireLayer::new(requirement))
    }
}
