use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::{Extensions, Payload};
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use jwt_core::Error;
use jwt_core::challenge::Refusal;
use jwt_core::verified::{Anonymous, require};
use serde::de::DeserializeOwned;

use crate::response;

/// The claims of the request's token, decoded as `T`.
///
/// `T` needs [`DeserializeOwned`] and nothing of this library. Handlers behind one
/// [`JwtMiddleware`](crate::JwtMiddleware) may ask for different types; claims that do not fit `T` are answered 401.
/// Without a token the answer is 401, without the middleware 500.
///
/// For requests that may come without a token, take [`OptionalClaims<T>`]. actix-web itself makes `Option<Claims<T>>` an
/// extractor, which is `None` for *every* failure: no credentials, but also claims that do not fit, or no middleware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Claims<T>(pub T);

/// The claims of the request's token, or `None` for a request that [optional](crate::JwtMiddleware::optional) middleware
/// let pass without credentials. Every other failure is answered as that of [`Claims<T>`] is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct OptionalClaims<T>(pub Option<T>);

/// The request's verified token, undecoded.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Verified(pub jwt_core::Verified);

impl Deref for Verified {
    type Target = jwt_core::Verified;

    fn deref(&self) -> &jwt_core::Verified {
        &self.0
    }
}

/// Why an extractor cannot give what a handler asks for; answered as [`jwt_core::challenge`] says.
#[derive(Clone, Debug)]
pub struct Rejection(Refusal);

impl Rejection {
    /// Returns the reason.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.0.error
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.error)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        response::status(self.0.challenge.status)
    }

    fn error_response(&self) -> HttpResponse {
        response::answer(self.0.clone())
    }
}

fn verified(extensions: &Extensions) -> Result<&jwt_core::Verified, Rejection> {
    require(extensions.get(), extensions.get(), "JwtMiddleware").map_err(Rejection)
}

fn decode<T: DeserializeOwned>(verified: &jwt_core::Verified) -> Result<T, Rejection> {
    verified.claims().map_err(|error| Rejection(verified.refuse(error)))
}

impl<T: DeserializeOwned> FromRequest for Claims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(verified(&request.extensions()).and_then(decode).map(Self))
    }
}

impl<T: DeserializeOwned> FromRequest for OptionalClaims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        if extensions.get::<Anonymous>().is_some() {
            return ready(Ok(Self(None)));
        }
        ready(verified(&extensions).and_then(decode).map(|claims| Self(Some(claims))))
    }
}

impl FromRequest for Verified {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(verified(&request.extensions()).cloned().map(Self))
    }
}
