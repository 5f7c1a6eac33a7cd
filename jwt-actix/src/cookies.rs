use actix_web::{HttpRequest, HttpResponse, Responder};
use jwt_core::http::SetCookies;

use crate::headers::HeadersMut;

/// Adds cookies to a handler's response.
pub trait SetCookiesExt: Responder + Sized {
    /// Adds cookies to a response, and keeps it out of shared caches, because the cookies may contain tokens.
    ///
    /// `Cache-Control` is replaced by `no-store`, unless it already excludes shared caches
    /// ([`may_be_shared`](jwt_core::http::may_be_shared)). Add the cookies last: a `Cache-Control` that is added later isn't seen.
    ///
    /// ```
    /// use actix_web::{Responder, web};
    /// use jwt_actix::SetCookiesExt as _;
    /// use jwt_actix::jwt_core::http::Cookies;
    ///
    /// async fn logout(cookies: web::Data<Cookies>) -> impl Responder {
    ///     "See you".set_cookies(cookies.clear())
    /// }
    /// ```
    fn set_cookies(self, cookies: SetCookies) -> WithCookies<Self> {
        WithCookies { responder: self, cookies }
    }
}

impl<R: Responder> SetCookiesExt for R {}

/// A response with cookies. Created by [`SetCookiesExt::set_cookies`].
#[derive(Clone, Debug)]
pub struct WithCookies<R> {
    responder: R,
    cookies: SetCookies,
}

impl<R: Responder> Responder for WithCookies<R> {
    type Body = R::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<R::Body> {
        let mut response = self.responder.respond_to(request);
        self.cookies.apply(&mut HeadersMut(response.headers_mut()));
        response
    }
}
