use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, Responder};
use jwt_core::browser::{SetCookies, may_be_shared};

/// Adds cookies to what a handler answers with.
pub trait SetCookiesExt: Responder + Sized {
    /// Adds cookies to a response which, because they hold tokens, shared caches must not store.
    ///
    /// Unless it is `private` or `no-store` already, as [`may_be_shared`] has it, its `Cache-Control` is replaced by
    /// `no-store`. A header that is added afterwards is not seen: let the cookies stand last.
    ///
    /// ```
    /// use actix_web::Responder;
    /// use jwt_actix::SetCookiesExt as _;
    /// use jwt_core::browser::Cookies;
    ///
    /// async fn logout(cookies: Cookies) -> impl Responder {
    ///     "See you".set_cookies(cookies.clear())
    /// }
    /// ```
    fn set_cookies(self, cookies: SetCookies) -> WithCookies<Self> {
        WithCookies { responder: self, cookies }
    }
}

impl<R: Responder> SetCookiesExt for R {}

/// An answer with cookies; made by [`SetCookiesExt::set_cookies`].
#[derive(Clone, Debug)]
pub struct WithCookies<R> {
    responder: R,
    cookies: SetCookies,
}

impl<R: Responder> Responder for WithCookies<R> {
    type Body = R::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<R::Body> {
        let mut response = self.responder.respond_to(request);
        apply(self.cookies, response.headers_mut());
        response
    }
}

pub(crate) fn apply(cookies: SetCookies, headers: &mut HeaderMap) {
    for value in cookies {
        // The core makes values of visible ASCII only; one that were not would be left out, not let through.
        if let Ok(mut value) = HeaderValue::try_from(value) {
            value.set_sensitive(true);
            headers.append(SET_COOKIE, value);
        }
    }
    if may_be_shared(headers.get_all(CACHE_CONTROL).map(HeaderValue::as_bytes)) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
