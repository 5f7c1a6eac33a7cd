#![expect(clippy::exhaustive_structs, reason = "destructured in a handler's arguments")]

use std::any::type_name;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::dev::{Payload, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use jwt_core::authorize::{self, Policy, Requirement};
use jwt_core::gate::RequestState;
use jwt_core::http as core;
use jwt_core::{Class, Error, Step};
use serde::de::DeserializeOwned;

use crate::request::{ActixView, state};
use crate::response;

/// The claims of the request's token, decoded as `T`.
///
/// `T` is your own type. It must implement [`Deserialize`](trait@serde::Deserialize) and own its data (`String`, not `&str`). Handlers
/// behind one [`JwtMiddleware`](crate::JwtMiddleware) may ask for different types.
///
/// The request is rejected with 401 if it has no token or its claims don't fit `T`, and with 500 if no `JwtMiddleware` ran.
///
/// If requests may come without a token, use [`OptionalClaims<T>`]. Don't use `Option<Claims<T>>`: actix-web makes it `None` for
/// every rejection, also if the claims don't fit `T` or the middleware is missing, and the handler runs.
///
/// # If the handler does not compile
///
/// If `T` does not implement `Deserialize`, rustc says so at the handler's signature, and the fix is `#[derive(serde::Deserialize)]`.
/// "implementation of `Deserialize` is not general enough" means that `T` borrows: make its fields own their data.
///
/// ```compile_fail,E0277
/// use jwt_actix::Claims;
///
/// struct User {
///     name: String,
/// }
///
/// async fn me(Claims(user): Claims<User>) -> String {
///     user.name
/// }
/// ```
// The bound is on the struct, so that the compiler's error names the type in the handler's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims<T: DeserializeOwned>(pub T);

/// The claims of the request's token, or `None` if an [optional](crate::JwtMiddleware::optional) middleware let the request
/// pass without a token. All other requests are rejected as by [`Claims<T>`](Claims).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalClaims<T: DeserializeOwned>(pub Option<T>);

/// The claims of a token that meets the policy `P`, decoded as `T`.
///
/// The policy is part of the handler's signature, so the handler cannot be mounted without the check. A token that does not meet
/// it is rejected as by [`RequireMiddleware`](crate::RequireMiddleware); otherwise this extractor works like
/// [`Claims<T>`](Claims). Declare policies with [`policy!`](jwt_core::policy!).
///
/// ```
/// use actix_web::{App, web};
/// use jwt_actix::Authorized;
/// use jwt_actix::jwt_core::authorize::scopes;
///
/// jwt_actix::jwt_core::policy! {
///     ReadReports = scopes(["reports:read"]);
/// }
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     name: String,
/// }
///
/// async fn reports(Authorized(user, ..): Authorized<User, ReadReports>) -> String {
///     user.name
/// }
///
/// let app = App::new().service(web::resource("/reports").to(reports));
/// ```
///
/// If requests may come without a token, use [`OptionalAuthorized<T, P>`](OptionalAuthorized). Don't use
/// `Option<Authorized<T, P>>`: actix-web makes it `None` for every rejection, also if the token does not meet the policy, and the
/// handler runs.
///
/// A handler without a policy, or with a type that isn't one, does not compile:
///
/// ```compile_fail
/// use jwt_actix::Authorized;
///
/// async fn reports(Authorized(name, ..): Authorized<String>) -> String {
///     name
/// }
/// ```
///
/// ```compile_fail,E0277
/// use jwt_actix::Authorized;
///
/// struct ReadReports;
///
/// async fn reports(Authorized(name, ..): Authorized<String, ReadReports>) -> String {
///     name
/// }
/// ```
// The bounds are on the struct, so that the compiler's error names the type in the handler's signature.
#[derive(Clone, Copy, Debug)]
pub struct Authorized<T: DeserializeOwned, P: Policy>(pub T, pub PhantomData<fn() -> P>);

/// The claims of a token that meets the policy `P`, or `None` if an [optional](crate::JwtMiddleware::optional) middleware let
/// the request pass without a token. A token that does not meet the policy is rejected as by [`Authorized<T, P>`](Authorized).
#[derive(Clone, Copy, Debug)]
pub struct OptionalAuthorized<T: DeserializeOwned, P: Policy>(pub Option<T>, pub PhantomData<fn() -> P>);

/// The claims of a token from a login, not from a refresh, decoded as `T`.
///
/// For sensitive operations, which a session that a user left open must not be enough for. Other tokens are rejected by
/// [`fresh`](jwt_core::authorize::fresh): 401 with a challenge to log in again. Otherwise it works like [`Claims<T>`](Claims).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fresh<T: DeserializeOwned>(pub T);

/// The request's verified token.
#[derive(Clone, Debug)]
pub struct Verified(pub jwt_core::Verified);

impl Verified {
    /// Rejects a token that does not meet `requirement`, as [`RequireMiddleware`](crate::RequireMiddleware) does. For handlers
    /// that know the requirement only after reading the request's body.
    ///
    /// ```
    /// use jwt_actix::jwt_core::authorize::{Policy as _, scopes};
    /// use jwt_actix::{Rejection, Verified};
    ///
    /// jwt_actix::jwt_core::policy! {
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
    /// Returns the response for the handler to return.
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

/// The response of an extractor that rejects the request. Handlers can return it too.
///
/// In a handler, `?` converts these errors into a response; for others, call `Rejection::from(error)`:
///
/// - [`jwt_core::Error`], for example from a login or a refresh;
/// - [`BuildError`](jwt_core::BuildError), from issuing tokens or setting cookies;
/// - [`jwt_core::http::Rejection`], which this type wraps: the same rejection before it became a response of actix-web.
///
/// An `Error` has no response of its own, because the core knows no framework. To change the body of all rejections, set a
/// [renderer](jwt_core::VerifierBuilder::renderer).
#[derive(Clone, Debug)]
pub struct Rejection(pub(crate) core::Rejection);

impl Rejection {
    /// Returns the reason.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.0.error
    }
}

impl<E: Into<core::Rejection>> From<E> for Rejection {
    /// Converts an error into a response. One from outside the verifier, for example at a login, gets the default realm and an empty
    /// body.
    fn from(error: E) -> Self {
        Self(error.into())
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

/// Reads the request's state.
pub(crate) fn read<T>(
    request: &HttpRequest,
    read: impl FnOnce(&RequestState) -> Result<T, core::Rejection>,
) -> Ready<Result<T, Rejection>> {
    ready(read(state(&request.extensions())).map_err(|rejection| rejected(request, rejection)))
}

/// Writes the body of the rejection.
fn rejected(request: &HttpRequest, rejection: core::Rejection) -> Rejection {
    Rejection(rejection.render(&ActixView::of(request, None)))
}

/// Marks a request whose claims could not be extracted. The string names their type.
struct Failed(&'static str);

/// Marks the request if claims were rejected, for [`report_ignored`], and writes the body of the rejection.
pub(crate) fn remember<E, T>(request: &HttpRequest, outcome: Result<E, core::Rejection>) -> Result<E, Rejection> {
    if let Err(rejection) = &outcome
        && !matches!(rejection.error.class(), Class::Missing | Class::Misuse)
    {
        request.extensions_mut().insert(Failed(type_name::<T>()));
    }
    outcome.map_err(|rejection| rejected(request, rejection))
}

/// Logs that a handler succeeded although an extractor rejected its request, as happens if it takes an `Option` of it.
pub(crate) fn report_ignored<B>(response: &ServiceResponse<B>) {
    let extensions = response.request().extensions();
    let Some(&Failed(claims)) = extensions.get() else { return };
    if response.status().is_client_error() || response.status().is_server_error() {
        return;
    }
    core::Rejection::report_ignored(claims);
}

/// Checks the token against a requirement, then decodes its claims.
fn authorized<T: DeserializeOwned, A>(
    request: &HttpRequest,
    requirement: &dyn Requirement,
    authorized: impl FnOnce(T) -> A + Send + 'static,
) -> Extraction<A> {
    let extensions = request.extensions();
    let state = state(&extensions);
    let step = match state.token_for(requirement) {
        Ok(verified) => {
            let state = state.clone();
            verified.require(requirement).map(move |outcome| {
                outcome?;
                Ok(authorized(state.claims()?))
            })
        }
        Err(rejection) => Step::Ready(Err(rejection)),
    };
    Extraction { step: Some(step), request: request.clone(), remember: remember::<A, T> }
}

/// Claims whose requirement may have to be awaited.
#[expect(unnameable_types, reason = "the hidden future of an extractor")]
pub struct Extraction<T> {
    step: Option<Step<Result<T, core::Rejection>>>,
    request: HttpRequest,
    remember: fn(&HttpRequest, Result<T, core::Rejection>) -> Result<T, Rejection>,
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
        // Like any future, this one may panic if it's polled again after completion.
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
        let claims = state(&request.extensions()).claims().map(Self);
        ready(remember::<_, T>(request, claims))
    }
}

impl<T: DeserializeOwned> FromRequest for OptionalClaims<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        read(request, |state| state.optional_claims().map(Self))
    }
}

impl<T: DeserializeOwned> FromRequest for Fresh<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let state = state(&extensions);
        let claims = state.token().and_then(|verified| {
            // This requirement never waits.
            authorize::fresh().check(verified).map_err(|error| verified.refuse(error))?;
            state.claims().map(Self)
        });
        drop(extensions);
        ready(remember::<_, T>(request, claims))
    }
}

impl FromRequest for Verified {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        read(request, |state| state.token().cloned().map(Self))
    }
}

impl<T: DeserializeOwned, P: Policy> FromRequest for Authorized<T, P> {
    type Error = Rejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        authorized(request, P::requirement(), |claims| Self(claims, PhantomData))
    }
}

impl<T: DeserializeOwned, P: Policy> FromRequest for OptionalAuthorized<T, P> {
    type Error = Rejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let has_token = state(&request.extensions()).optional_token().map(|token| token.is_some());
        if let Ok(true) = has_token {
            return authorized(request, P::requirement(), |claims| Self(Some(claims), PhantomData));
        }
        Extraction {
            step: Some(Step::Ready(has_token.map(|_| Self(None, PhantomData)))),
            request: request.clone(),
            remember: |request, outcome| outcome.map_err(|rejection| rejected(request, rejection)),
        }
    }
}

/// The application's own user for the request's token, as [`PrincipalMiddleware`](crate::PrincipalMiddleware) loaded it.
///
/// The request is rejected with 401 if it has no token, and with 500 if no `PrincipalMiddleware` loaded a `U`.
///
/// If requests may come without a token, use [`OptionalPrincipal<U>`](OptionalPrincipal). Don't use `Option<Principal<U>>`:
/// actix-web makes it `None` for every rejection.
#[derive(Debug)]
pub struct Principal<U>(pub Arc<U>);

/// The application's own user for the request's token, or `None` if an [optional](crate::JwtMiddleware::optional) middleware
/// let the request pass without a token. All other requests are rejected as by [`Principal<U>`](Principal).
#[derive(Debug)]
pub struct OptionalPrincipal<U>(pub Option<Arc<U>>);

// Derived, they would require `U: Clone`.
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

/// The type that should have loaded a principal, for the log.
const LOADER: &str = "PrincipalMiddleware";

impl<U: Send + Sync + 'static> FromRequest for Principal<U> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        read(request, |state| state.principal(LOADER).map(Self))
    }
}

impl<U: Send + Sync + 'static> FromRequest for OptionalPrincipal<U> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        read(request, |state| state.optional_principal(LOADER).map(Self))
    }
}
