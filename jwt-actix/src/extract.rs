use std::any::type_name;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::dev::{Extensions, Payload, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use jwt_core::authorize::{self, Policy, Requirement};
use jwt_core::http::{self as core, Challenger};
use jwt_core::{Class, Error, Step};
use serde::de::DeserializeOwned;

use crate::request::state;
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

/// The claims of a token that meets the policy `P`, decoded as `T`.
///
/// The check is in the handler's signature, so that the handler cannot be mounted without it. Whoever does not meet the
/// policy is answered as by [`Require`](crate::Require) with its requirement; after that it is
/// [`Claims<T>`](Claims). [`policy!`](jwt_core::policy!) declares policies.
///
/// ```
/// use actix_web::{App, web};
/// use jwt_core::authorize::scopes;
/// use jwt_actix::Authorized;
///
/// jwt_core::policy! {
///     ReadReports = scopes(["reports:read"]);
/// }
///
/// # #[derive(serde::Deserialize)]
/// # struct User { name: String }
/// async fn reports(Authorized(user, ..): Authorized<User, ReadReports>) -> String {
///     user.name
/// }
///
/// let app = App::new().service(web::resource("/reports").to(reports));
/// ```
///
/// For requests that may come without a token, take [`OptionalAuthorized<T, P>`](OptionalAuthorized). actix-web itself makes
/// `Option<Authorized<T, P>>` an extractor, which is `None` for every failure: such a handler runs for everybody.
///
/// Without a policy, or with a type that is none, the handler does not compile:
///
/// ```compile_fail
/// # use jwt_actix::Authorized;
/// async fn reports(Authorized(name, ..): Authorized<String>) -> String {
///     name
/// }
/// ```
///
/// ```compile_fail
/// # use jwt_actix::Authorized;
/// struct ReadReports;
///
/// async fn reports(Authorized(name, ..): Authorized<String, ReadReports>) -> String {
///     name
/// }
/// ```
// The bound stands here, so that a type that is no policy is named where the handler names it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Authorized<T, P: Policy>(pub T, pub PhantomData<fn() -> P>);

/// The claims of a token that meets the policy `P`, or `None` for a request that [optional](crate::JwtMiddleware::optional)
/// middleware let pass without credentials. Whoever comes with a token that does not meet the policy is refused as by
/// [`Authorized<T, P>`](Authorized).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct OptionalAuthorized<T, P: Policy>(pub Option<T>, pub PhantomData<fn() -> P>);

/// The claims of a token that comes from a login and not from a refresh, decoded as `T`.
///
/// For what must not be done with a session that somebody left open. Any other token is answered as
/// [`fresh`](jwt_core::authorize::fresh) says, 401 with the request to log in; after that it is [`Claims<T>`](Claims).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Fresh<T>(pub T);

/// The request's verified token, undecoded.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Verified(pub jwt_core::Verified);

impl Verified {
    /// Refuses a token that does not meet `requirement`, as [`Require`](crate::Require) does: for handlers that know only from
    /// the request's body what it takes.
    ///
    /// ```
    /// use jwt_actix::{Rejection, Verified};
    /// use jwt_core::authorize::{Policy as _, scopes};
    ///
    /// jwt_core::policy! {
    ///     Publish = scopes(["articles:publish"]);
    /// }
    ///
    /// async fn save(verified: Verified, body: String) -> Result<&'static str, Rejection> {
    ///     if body.starts_with("published: true") {
    ///         verified.require(Publish::requirement()).await?;
    ///     }
    ///     Ok("saved")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The answer, for the handler to return.
    pub async fn require(&self, requirement: &dyn Requirement) -> Result<(), Rejection> {
        Ok(self.0.require(requirement).wait().await?)
    }
}

impl Deref for Verified {
    type Target = jwt_core::Verified;

    fn deref(&self) -> &jwt_core::Verified {
        &self.0
    }
}

/// Why an extractor cannot give what a handler asks for; answered as [`jwt_core::http`] says.
#[derive(Clone, Debug)]
pub struct Rejection(pub(crate) core::Rejection);

impl Rejection {
    /// Returns the reason.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.0.error
    }
}

impl From<Error> for Rejection {
    /// Adds the answer with the usual realm: for what goes wrong before there is a token, such as at a login.
    fn from(error: Error) -> Self {
        Self(Challenger::default().refuse(error))
    }
}

impl From<core::Rejection> for Rejection {
    fn from(rejection: core::Rejection) -> Self {
        Self(rejection)
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
        response::respond(self.0.clone())
    }
}

pub(crate) fn verified(extensions: &Extensions) -> Result<&jwt_core::Verified, Rejection> {
    Ok(state(extensions).require_token()?)
}

/// Left in a request whose claims could not be extracted: the type that was asked for.
struct Failed(&'static str);

/// Leaves a rejection behind in the request, for [`report_ignored`].
pub(crate) fn remember<E, T>(request: &HttpRequest, outcome: Result<E, Rejection>) -> Result<E, Rejection> {
    if let Err(rejection) = &outcome
        && !matches!(rejection.error().class(), Class::Missing | Class::Misuse)
    {
        request.extensions_mut().insert(Failed(type_name::<T>()));
    }
    outcome
}

/// Logs that a handler succeeded although an extractor refused its request, as one that takes an `Option` of it does.
pub(crate) fn report_ignored<B>(response: &ServiceResponse<B>) {
    let extensions = response.request().extensions();
    let Some(&Failed(claims)) = extensions.get() else { return };
    if response.status().is_client_error() || response.status().is_server_error() {
        return;
    }
    core::Rejection::report_ignored(claims);
}

/// `None` if middleware let the request pass without credentials.
fn optional(extensions: &Extensions) -> Result<Option<&jwt_core::Verified>, Rejection> {
    Ok(state(extensions).optional_token()?)
}

fn decode<T: DeserializeOwned>(verified: &jwt_core::Verified) -> Result<T, Rejection> {
    verified.claims().map_err(|error| verified.refuse(error).into())
}

/// Checks the token against a requirement, then decodes its claims.
fn authorized<T: DeserializeOwned, A>(
    request: &HttpRequest,
    verified: Result<&jwt_core::Verified, Rejection>,
    requirement: &dyn Requirement,
    authorized: impl FnOnce(T) -> A + Send + 'static,
) -> Extraction<A> {
    let step = match verified {
        Ok(verified) => {
            let token = verified.clone();
            verified.require(requirement).map(move |outcome| {
                outcome?;
                decode(&token).map(authorized)
            })
        }
        Err(rejection) => Step::Ready(Err(rejection)),
    };
    Extraction { step: Some(step), request: request.clone(), remember: remember::<A, T> }
}

/// Claims that may have to be waited for.
#[expect(unnameable_types, reason = "the hidden future of an extractor")]
pub struct Extraction<T> {
    step: Option<Step<Result<T, Rejection>>>,
    request: HttpRequest,
    remember: fn(&HttpRequest, Result<T, Rejection>) -> Result<T, Rejection>,
}

impl<T> fmt::Debug for Extraction<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").finish_non_exhaustive()
    }
}

// A `Step` never needs to be pinned: its future is boxed, and its result is moved out.
impl<T> Unpin for Extraction<T> {}

impl<T> Future for Extraction<T> {
    type Output = Result<T, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Like any future, this one panics if it's polled again after its end.
        let outcome = match self.step.take().expect("`Extraction` polled after completion") {
            Step::Ready(outcome) => outcome,
            Step::Pending(mut pending) => match Pin::new(&mut pending).poll(context) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    self.step = Some(Step::Pending(pending));
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready((self.remember)(&self.request, outcome))
    }
}

impl<T: DeserializeOwned> FromRequest for Claims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let claims = verified(&request.extensions()).and_then(decode).map(Self);
        ready(remember::<_, T>(request, claims))
    }
}

impl<T: DeserializeOwned> FromRequest for OptionalClaims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let claims = optional(&request.extensions()).and_then(|verified| verified.map(decode).transpose());
        ready(claims.map(Self))
    }
}

impl<T: DeserializeOwned> FromRequest for Fresh<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let claims = verified(&request.extensions()).and_then(|verified| {
            // This requirement never waits.
            authorize::fresh().check(verified).map_err(|error| verified.refuse(error))?;
            decode(verified).map(Self)
        });
        ready(remember::<_, T>(request, claims))
    }
}

impl FromRequest for Verified {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(verified(&request.extensions()).cloned().map(Self))
    }
}

impl<T: DeserializeOwned, P: Policy> FromRequest for Authorized<T, P> {
    type Error = Rejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        authorized(request, verified(&request.extensions()), P::requirement(), |claims| Self(claims, PhantomData))
    }
}

impl<T: DeserializeOwned, P: Policy> FromRequest for OptionalAuthorized<T, P> {
    type Error = Rejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let verified = match optional(&request.extensions()).transpose() {
            Some(verified) => verified.cloned(),
            None => {
                let step = Some(Step::Ready(Ok(Self(None, PhantomData))));
                return Extraction { step, request: request.clone(), remember: |_, outcome| outcome };
            }
        };
        authorized(request, verified.as_ref().map_err(Clone::clone), P::requirement(), |claims| {
            Self(Some(claims), PhantomData)
        })
    }
}

/// The application's own user behind the request's token, as a [`PrincipalMiddleware`](crate::PrincipalMiddleware)
/// loaded it.
///
/// Without a token the answer is 401, without middleware that loads a `U` 500. For requests that may come without a token,
/// take [`OptionalPrincipal<U>`](OptionalPrincipal): actix-web itself makes `Option<Principal<U>>` an extractor, which is
/// `None` for every failure.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Principal<U>(pub Arc<U>);

/// The application's own user behind the request's token, or `None` for a request that
/// [optional](crate::JwtMiddleware::optional) middleware let pass without credentials. Every other failure is answered as
/// that of [`Principal<U>`](Principal) is.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct OptionalPrincipal<U>(pub Option<Arc<U>>);

// Derived, they would ask for `U: Clone`.
impl<U> Clone for Principal<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U> Clone for OptionalPrincipal<U> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

fn principal<U: Send + Sync + 'static>(extensions: &Extensions) -> Result<Arc<U>, Rejection> {
    Ok(state(extensions).principal("PrincipalMiddleware")?)
}

impl<U: Send + Sync + 'static> FromRequest for Principal<U> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(principal(&request.extensions()).map(Self))
    }
}

impl<U: Send + Sync + 'static> FromRequest for OptionalPrincipal<U> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let principal = optional(&extensions).and_then(|token| token.map(|_| principal(&extensions)).transpose());
        ready(principal.map(Self))
    }
}
