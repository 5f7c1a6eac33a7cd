use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use jwt_core::Verified;
use serde::de::DeserializeOwned;

use crate::extract::{Rejection, optional, verified};

/// The claims of the request's token, decoded as `T` once and shared by all requests of that token.
///
/// The same as [`Claims<T>`](crate::Claims) for handlers that only read. With the verifier's
/// [cache](jwt_core::verify::TokenCacheSettings) a token that was seen before costs neither a signature nor JSON nor an
/// allocation here. What `T` lets change through a shared reference, such as a `Mutex`, all of those requests see.
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
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct SharedClaims<T>(pub Arc<T>);

impl<T> Clone for SharedClaims<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for SharedClaims<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

fn share<T: DeserializeOwned + Send + Sync + 'static>(verified: &Verified) -> Result<SharedClaims<T>, Rejection> {
    verified.shared_claims().map(SharedClaims).map_err(|error| verified.refuse(error).into())
}

impl<S: Sync, T: DeserializeOwned + Send + Sync + 'static> FromRequestParts<S> for SharedClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        share(verified(parts)?)
    }
}

impl<S: Sync, T: DeserializeOwned + Send + Sync + 'static> OptionalFromRequestParts<S> for SharedClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        optional(parts)?.map(share).transpose()
    }
}
