use actix_web::{HttpRequest, HttpResponse, Responder};
use jwt_core::gate::HeaderEdit;
use jwt_core::http::SetCookies;

use crate::response::{self, HeadersView};

/// Adds cookies to what a handler answers with.
pub trait SetCookiesExt: Responder + Sized {
    /// Adds cookies to a response which, because they hold tokens, shared caches must not store.
    ///
    /// Unless it is `private` or `no-store` already, as [`may_be_shared`](jwt_core::http::may_be_shared) has it, its `Cache-Control` is replaced by
    /// `no-store`. A header that is added afterwards is not seen: let the cookies stand last.
    ///
    /// ```
    /// use actix_web::Responder;
    /// use jwt_actix::SetCookiesExt as _;
    /// use jwt_core::http::Cookies;
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
        let edits = HeaderEdit::set_cookies(self.cookies, &HeadersView(response.headers()));
        response::edit(response.headers_mut(), edits);
        response
    }
}
