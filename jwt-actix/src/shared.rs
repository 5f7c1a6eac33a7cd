use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use serde::de::DeserializeOwned;

use crate::extract::{Rejection, remember};
use crate::request::state;

/// The claims of the request's token, decoded as `T` once and shared by all requests with that token.
///
/// It works like [`Claims<T>`](crate::Claims), for handlers that only read the claims. With the verifier's
/// [cache](jwt_core::verify::TokenCacheSettings), a known token needs no signature check, no JSON and no allocation here. If
/// `T` can be changed through a shared reference, as a `Mutex` can, all requests with the token see the change.
///
/// ```
/// use jwt_actix::SharedClaims;
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

impl<T: DeserializeOwned + Send + Sync + 'static> FromRequest for SharedClaims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let claims = state(&request.extensions()).shared_claims().map(Self);
        ready(remember::<_, T>(request, claims))
    }
}
