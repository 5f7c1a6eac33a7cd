#[cfg(feature = "axum")]
use std::convert::Infallible;

#[cfg(feature = "axum")]
use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use jwt_core::browser;

/// Adds cookies to a response which, because they hold tokens, shared caches must not store.
///
/// Unless it is `private` or `no-store` already, as [`may_be_shared`](browser::may_be_shared) has it, its `Cache-Control`
/// is replaced by `no-store`. A header that is added afterwards is not seen: let the cookies stand last.
#[cfg_attr(
    feature = "axum",
    doc = "
```
use axum::response::IntoResponse;
use jwt_core::browser::Cookies;
use jwt_tower::SetCookies;

async fn logout(cookies: Cookies) -> impl IntoResponse {
    (SetCookies(cookies.clear()), \"See you\")
}
```"
)]
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper that handlers make")]
pub struct SetCookies(pub browser::SetCookies);

impl SetCookies {
    /// Adds the cookies to the headers of a response.
    pub fn apply(self, headers: &mut HeaderMap) {
        for value in self.0 {
            // The core makes values of visible ASCII only; one that were not would be left out, not let through.
            if let Ok(mut value) = HeaderValue::try_from(value) {
                value.set_sensitive(true);
                headers.append(SET_COOKIE, value);
            }
        }
        if browser::may_be_shared(headers.get_all(CACHE_CONTROL).into_iter().map(HeaderValue::as_bytes)) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
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
