use axum::Router;
use axum::routing::MethodRouter;
use jwt_core::authorize::Requirement;

use crate::RequireLayer;

/// Requirements on axum's routes, in one word.
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_core::authorize::{any_role, scopes};
/// use jwt_tower::RequireExt;
///
/// # async fn reports() {}
/// # async fn users() {}
/// let app: Router = Router::new()
///     .route("/reports", get(reports).requires(scopes(["reports:read"])))
///     .nest("/admin", Router::new().route("/users", get(users)).requires(any_role("/roles", ["admin", "owner"])));
/// ```
///
/// As every layer it applies to what is there already, and a [`JwtLayer`](crate::JwtLayer) must be further out.
pub trait RequireExt: Sized {
    /// Refuses requests whose verified token does not meet `requirement`, as [`RequireLayer`] does.
    ///
    /// On a `MethodRouter`, which is what `get(handler)` makes, it holds for every method, those that are answered 405
    /// among them; methods that are added later are not behind it. On a `Router` it holds for the routes that were added
    /// before, and not for its fallback; axum panics where there are none.
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
