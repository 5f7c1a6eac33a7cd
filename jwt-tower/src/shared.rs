use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::extract::{Rejection, read};

/// The claims of the request's token, decoded as `T` once and shared by all requests with that token.
///
/// It works like [`Claims<T>`](crate::Claims), for handlers that only read the claims. With the verifier's
/// [cache](jwt_core::verify::TokenCacheSettings), a known token needs no signature check, no JSON and no allocation here. If
/// `T` can be changed through a shared reference, as a `Mutex` can, all requests with the token see the change.
///
/// ```
/// use jwt_tower::SharedClaims;
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     name: String,
/// }
///
/// async fn greet(user: SharedClaims<User>) -> String {
///     format!("hello, {}", user.name)
/// }
/// ```
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "destructured in a handler's arguments")]
pub struct SharedClaims<T: DeserializeOwned>(pub Arc<T>);

impl<T: DeserializeOwned> Clone for SharedClaims<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: DeserializeOwned> Deref for SharedClaims<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<S: Sync, T: DeserializeOwned + Send + Sync + 'static> FromRequestParts<S> for SharedClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| state.shared_claims().map(Self))
    }
}

impl<S: Sync, T: DeserializeOwned + Send + Sync + 'static> OptionalFromRequestParts<S> for SharedClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        read(parts, |state| Ok(state.optional_shared_claims()?.map(Self)))
    }
}
