use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use jwt_core::Verified;
use serde::de::DeserializeOwned;

use crate::extract::{Rejection, remember, verified};

/// The claims of the request's token, decoded as `T` once and shared by all requests of that token.
///
/// The same as [`Claims<T>`](crate::Claims) for handlers that only read. With the verifier's
/// [cache](jwt_core::verify::TokenCacheSettings) a token that was seen before costs neither a signature nor JSON nor an
/// allocation here. What `T` lets change through a shared reference, such as a `Mutex`, all of those requests see.
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

impl<T: DeserializeOwned + Send + Sync + 'static> FromRequest for SharedClaims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let claims = verified(&request.extensions()).and_then(share);
        ready(remember::<_, T>(request, claims))
    }
}
