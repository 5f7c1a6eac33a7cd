use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use jwt_core::principal::{Introduction, LoadPrincipal, Principals, introduce};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::Pending;
use crate::request::HttpView;
use crate::{RefusalBody, ResponseFuture, response};

/// Loads the application's own user behind the request's token, for handlers that ask for it.
///
/// It stands inside of [`JwtLayer`](crate::JwtLayer): without one, requests are answered 500. Behind it every token has a
/// principal; a token without one is answered 401, and while the store cannot be asked, 503: see
/// [`jwt_core::principal`]. Layers that load different types can stand on one route.
#[cfg_attr(
    feature = "axum",
    doc = r#"
```
use axum::{Router, routing::get};
use jwt_core::principal::load_async;
use jwt_tower::{Principal, PrincipalLayer};

struct User {
    name: String,
}

# async fn find_user(_issuer: &str, _subject: &str) -> std::io::Result<Option<User>> { Ok(None) }
async fn me(Principal(user): Principal<User>) -> String {
    user.name.clone()
}

let users = load_async(|verified| async move {
    // Another issuer may use the same subjects for other people.
    let claims = verified.registered();
    let (Some(issuer), Some(subject)) = (claims.issuer(), claims.subject()) else { return Ok(None) };
    Ok(find_user(issuer, subject).await?)
});
let app: Router = Router::new().route("/me", get(me)).route_layer(PrincipalLayer::new(users));
```"#
)]
#[must_use]
pub struct PrincipalLayer<L> {
    loader: Arc<L>,
}

impl<L: LoadPrincipal> PrincipalLayer<L> {
    /// Makes a layer of what loads principals, for example [`load_async`](jwt_core::principal::load_async).
    pub fn new(loader: L) -> Self {
        Self { loader: Arc::new(loader) }
    }
}

// Derived, it would ask for `L: Clone`.
impl<L> Clone for PrincipalLayer<L> {
    fn clone(&self) -> Self {
        Self { loader: Arc::clone(&self.loader) }
    }
}

impl<L> fmt::Debug for PrincipalLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalLayer").finish_non_exhaustive()
    }
}

impl<S, L> Layer<S> for PrincipalLayer<L> {
    type Service = WithPrincipal<S, L>;

    fn layer(&self, inner: S) -> WithPrincipal<S, L> {
        WithPrincipal { inner, loader: Arc::clone(&self.loader) }
    }
}

/// A service whose requests have a principal; made by [`PrincipalLayer`].
pub struct WithPrincipal<S, L> {
    inner: S,
    loader: Arc<L>,
}

impl<S: Clone, L> Clone for WithPrincipal<S, L> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), loader: Arc::clone(&self.loader) }
    }
}

impl<S: fmt::Debug, L> fmt::Debug for WithPrincipal<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithPrincipal").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, L, ReqBody, ResBody> Service<Request<ReqBody>> for WithPrincipal<S, L>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    L: LoadPrincipal,
    ReqBody: 'static,
    ResBody: RefusalBody,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let before = request.extensions_mut().remove::<Principals>();
        let extensions = request.extensions();
        match introduce(&*self.loader, before.as_ref(), extensions.get(), extensions.get(), "JwtLayer") {
            Introduction::Ready(Ok(principals)) => {
                if let Some(principals) = principals {
                    request.extensions_mut().insert(principals);
                }
                ResponseFuture::calling(self.inner.call(request), None)
            }
            Introduction::Ready(Err(refusal)) => {
                ResponseFuture::refused(response::refuse(&HttpView::of(&request), refusal))
            }
            Introduction::Pending(pending) => {
                // The service that was polled ready is the one to call; its clone may not be.
                let clone = self.inner.clone();
                let service = mem::replace(&mut self.inner, clone);
                ResponseFuture::waiting(Pending::Introduction(pending), service, request)
            }
        }
    }
}
