use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use jwt_core::principal::find;
use jwt_core::verified::Anonymous;

use crate::Rejection;

/// The application's own user behind the request's token, as a [`PrincipalMiddleware`](crate::PrincipalMiddleware)
/// loaded it.
///
/// Without a token the answer is 401, without middleware that loads a `U` 500. For requests that may come without a token,
/// take [`OptionalPrincipal<U>`](OptionalPrincipal): actix-web itself makes `Option<Principal<U>>` an extractor, which is
/// `None` for every failure.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Principal<U>(pub Arc<U>);

/// The application's own user behind the request's token, or `None` for a request that
/// [optional](crate::JwtMiddleware::optional) middleware let pass without credentials. Every other failure is answered as
/// that of [`Principal<U>`](Principal) is.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct OptionalPrincipal<U>(pub Option<Arc<U>>);

// Derived, they would ask for `U: Clone`.
impl<U> Clone for Principal<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> Clone for OptionalPrincipal<U> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

fn principal<U: Send + Sync + 'static>(request: &HttpRequest) -> Result<Arc<U>, Rejection> {
    let extensions = request.extensions();
    let layers = ["JwtMiddleware", "PrincipalMiddleware"];
    find(extensions.get(), extensions.get(), extensions.get(), layers).map_err(Rejection::from)
}

impl<U: Send + Sync + 'static> FromRequest for Principal<U> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(principal(request).map(Self))
    }
}

impl<U: Send + Sync + 'static> FromRequest for OptionalPrincipal<U> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        if request.extensions().get::<Anonymous>().is_some_and(Anonymous::is_guest) {
            return ready(Ok(Self(None)));
        }
        ready(principal(request).map(|principal| Self(Some(principal))))
    }
}
