#[cfg(feature = "axum")]
use std::convert::Infallible;

#[cfg(feature = "axum")]
use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::HeaderMap;

use crate::headers::HeadersMut;

/// Adds cookies to a response, and keeps it out of shared caches, because the cookies may contain tokens.
///
/// `Cache-Control` is replaced by `no-store`, unless it already excludes shared caches
/// ([`may_be_shared`](jwt_core::http::may_be_shared)). Add the cookies last: a `Cache-Control` that is added later isn't seen.
#[cfg_attr(
    feature = "axum",
    doc = "
```
use axum::extract::State;
use axum::response::IntoResponse;
use jwt_tower::SetCookies;
use jwt_tower::jwt_core::http::Cookies;

async fn logout(State(cookies): State<Cookies>) -> impl IntoResponse {
    (SetCookies(cookies.clear()), \"See you\")
}
```"
)]
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers create it")]
pub struct SetCookies(pub jwt_core::http::SetCookies);

impl SetCookies {
    /// Adds the cookies to the headers of a response.
    pub fn apply(self, headers: &mut HeaderMap) {
        self.0.apply(&mut HeadersMut(headers));
    }
}

#[cfg(feature = "axum")]
impl IntoResponseParts for SetCookies {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.apply(parts.headers_mut());
        Ok(parts)
    }
}

#[cfg(feature = "axum")]
impl IntoResponse for SetCookies {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}
