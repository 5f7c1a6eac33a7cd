use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use jwt_core::principal::find;
use jwt_core::verified::Anonymous;

use crate::Rejection;

/// The application's own user behind the request's token, as a [`PrincipalLayer`](crate::PrincipalLayer) loaded it.
///
/// Without a token the answer is 401, without a layer that loads a `U` 500. `Option<Principal<U>>` is `None` for a request
/// that an [optional](crate::JwtLayer::optional) layer let pass without credentials, and otherwise the same.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Principal<U>(pub Arc<U>);

/// The application's own user behind the request's token, or `None` without credentials: the same as
/// `Option<Principal<U>>`, in the form that both adapters have.
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

fn principal<U: Send + Sync + 'static>(parts: &Parts) -> Result<Arc<U>, Rejection> {
    let extensions = &parts.extensions;
    let layers = ["JwtLayer", "PrincipalLayer"];
    find(extensions.get(), extensions.get(), extensions.get(), layers).map_err(Rejection::from)
}

fn optional<U: Send + Sync + 'static>(parts: &Parts) -> Result<Option<Arc<U>>, Rejection> {
    if parts.extensions.get::<Anonymous>().is_some_and(Anonymous::is_guest) {
        Ok(None)
    } else {
        principal(parts).map(Some)
    }
}

impl<S: Sync, U: Send + Sync + 'static> FromRequestParts<S> for Principal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        principal(parts).map(Self)
    }
}

impl<S: Sync, U: Send + Sync + 'static> OptionalFromRequestParts<S> for Principal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        Ok(optional(parts)?.map(Self))
    }
}

impl<S: Sync, U: Send + Sync + 'static> FromRequestParts<S> for OptionalPrincipal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        optional(parts).map(Self)
    }
}
