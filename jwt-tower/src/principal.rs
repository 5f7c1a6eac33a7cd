use std::fmt;
use std::sync::Arc;

use jwt_core::principal::{LoadPrincipal, PrincipalGate};
use tower_layer::Layer;

use crate::Gated;

/// Loads the application's own user for the request's token.
///
/// It goes inside [`JwtLayer`](crate::JwtLayer); without one, requests are answered 500. Handlers behind it run only if the
/// token has a principal: if the loader doesn't find one, the response is 401, and if it fails, 503. See [`jwt_core::principal`]. A
/// route can have several, for principals of different types.
#[cfg_attr(
    feature = "axum",
    doc = r#"
```
use axum::{Router, routing::get};
use jwt_tower::jwt_core::principal::load_async;
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
#[must_use]
pub struct PrincipalLayer<L> {
    gate: Arc<PrincipalGate<L>>,
}

impl<L: LoadPrincipal> PrincipalLayer<L> {
    /// Creates a layer from a loader, for example [`load_async`](jwt_core::principal::load_async).
    pub fn new(loader: L) -> Self {
        Self { gate: Arc::new(PrincipalGate::new(loader)) }
    }
}

// Derived, it would require `L: Clone`.
impl<L> Clone for PrincipalLayer<L> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<L> fmt::Debug for PrincipalLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalLayer").finish_non_exhaustive()
    }
}

impl<S, L> Layer<S> for PrincipalLayer<L> {
    type Service = Gated<S, PrincipalGate<L>>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, Arc::clone(&self.gate))
    }
}
