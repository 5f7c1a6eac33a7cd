use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::Error;
use jwt_core::verify::Authenticator;

use crate::service::JwtService;

/// Verifies the token of every request before the wrapped service sees it.
///
/// A request with a good token carries one [`jwt_core::Verified`] in its extensions from here on; anything of our types
/// that was there before is removed. Any other request is answered without the service, as [`jwt_core::challenge`] says:
/// with an `Ok` response, so that outer middleware such as CORS sees it, and with the [`Error`] in its extensions.
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtMiddleware {
    authenticator: Authenticator,
}

impl JwtMiddleware {
    /// Makes middleware of a [`Verifier`](jwt_core::Verifier) or an [`Authenticator`]. Every request needs a token.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self { authenticator: authenticator.into() }
    }

    /// Lets requests without credentials pass. Credentials that are there must still be good. Default: off.
    pub fn optional(self) -> Self {
        Self { authenticator: self.authenticator.optional() }
    }

    /// Lets requests pass, as without credentials, for whose error `pass` returns `true`. Default: none.
    ///
    /// Read [`Authenticator::dangerous_anonymous_when`] first; [`optional`](Self::optional) is what is usually meant.
    pub fn dangerous_anonymous_when(self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        Self { authenticator: self.authenticator.dangerous_anonymous_when(pass) }
    }
}

impl<S, B> Transform<S, ServiceRequest> for JwtMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = JwtService<S>;
    type InitError = ();
    type Future = Ready<Result<JwtService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(JwtService { service: Rc::new(service), authenticator: self.authenticator.clone() }))
    }
}
