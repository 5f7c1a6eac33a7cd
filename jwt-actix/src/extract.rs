use std::any::type_name;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready as poll_ready};

use actix_web::dev::{Extensions, Payload, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use jwt_core::authorize::{self, Authorization, PendingAuthorization, Policy, Requirement, permit};
use jwt_core::challenge::{Challenger, Refusal};
use jwt_core::verified::{Anonymous, optional, require};
use jwt_core::{Class, Error};
use serde::de::DeserializeOwned;

use crate::response;

/// The claims of the request's token, decoded as `T`.
///
/// `T` needs [`DeserializeOwned`] and nothing of this library. Handlers behind one
/// [`JwtMiddleware`](crate::JwtMiddleware) may ask for different types; claims that do not fit `T` are answered 401.
/// Without a token the answer is 401, without the middleware 500.
///
/// For requests that may come without a token, take [`OptionalClaims<T>`]. Don't take `Option<Claims<T>>`: actix-web makes an
/// option of every extractor, which is `None` for *every* failure. A token whose claims don't fit `T`, or one that doesn't
/// meet a policy, then looks like no token at all. If such a handler answers with success, the middleware logs it at
/// `ERROR`, once for each `T`.
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
/// For requests that may come without a token, take [`OptionalAuthorized<T, P>`](OptionalAuthorized). Don't take
/// `Option<Authorized<T, P>>`, which is `None` for every failure: such a handler runs whether the policy is met or not.
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
        let outcome = match permit(requirement, Some(&self.0), None, "JwtMiddleware") {
            Authorization::Ready(outcome) => outcome,
            Authorization::Pending(pending) => pending.await,
        };
        outcome.map_err(Rejection)
    }
}

impl Deref for Verified {
    type Target = jwt_core::Verified;

    fn deref(&self) -> &jwt_core::Verified {
        &self.0
    }
}

/// Why an extractor cannot give what a handler asks for; answered as [`jwt_core::challenge`] says.
#[derive(Clone, Debug)]
pub struct Rejection(pub(crate) Refusal);

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

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
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

pub(crate) fn verified(extensions: &Extensions) -> Result<&jwt_core::Verified, Rejection> {
    require(extensions.get(), extensions.get(), "JwtMiddleware").map_err(Rejection)
}

/// Left in a request whose claims could not be extracted: the type that was asked for.
struct Failed(&'static str);

/// Leaves a refusal behind in the request, for [`report_ignored`].
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
    Refusal::report_ignored(claims);
}

fn fresh(verified: &jwt_core::Verified) -> Result<&jwt_core::Verified, Rejection> {
    authorize::fresh().check(verified).map(|()| verified).map_err(|error| Rejection(verified.refuse(error)))
}

fn decode<T: DeserializeOwned>(verified: &jwt_core::Verified) -> Result<T, Rejection> {
    verified.claims().map_err(|error| Rejection(verified.refuse(error)))
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
        let extensions = request.extensions();
        let verified = optional(extensions.get(), extensions.get(), "JwtMiddleware").map_err(Rejection);
        ready(verified.and_then(|verified| verified.map(decode).transpose()).map(Self))
    }
}

impl<T: DeserializeOwned> FromRequest for Fresh<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let claims = verified(&request.extensions()).and_then(fresh).and_then(decode).map(Self);
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
    type Future = AuthorizedFuture<T, P>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let state = match permit(P::requirement(), extensions.get(), extensions.get(), "JwtMiddleware") {
            Authorization::Ready(Err(refusal)) => State::Ready(Some(Err(Rejection(refusal)))),
            Authorization::Ready(Ok(())) => State::Ready(Some(verified(&extensions).cloned())),
            Authorization::Pending(pending) => match verified(&extensions) {
                Ok(verified) => State::Waiting { pending, verified: verified.clone() },
                Err(rejection) => State::Ready(Some(Err(rejection))),
            },
        };
        AuthorizedFuture { state, request: request.clone(), authorized: PhantomData }
    }
}

impl<T: DeserializeOwned, P: Policy> FromRequest for OptionalAuthorized<T, P> {
    type Error = Rejection;
    type Future = OptionalAuthorizedFuture<T, P>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let anonymous = request.extensions().get::<Anonymous>().is_some_and(Anonymous::is_guest);
        OptionalAuthorizedFuture((!anonymous).then(|| Authorized::from_request(request, payload)))
    }
}

/// The extraction of [`OptionalAuthorized<T, P>`](OptionalAuthorized).
#[expect(unnameable_types, reason = "the hidden future of an extractor")]
pub struct OptionalAuthorizedFuture<T, P>(Option<AuthorizedFuture<T, P>>);

impl<T: DeserializeOwned, P: Policy> Future for OptionalAuthorizedFuture<T, P> {
    type Output = Result<OptionalAuthorized<T, P>, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let claims = match &mut self.0 {
            None => None,
            Some(authorized) => Some(poll_ready!(Pin::new(authorized).poll(context))?.0),
        };
        Poll::Ready(Ok(OptionalAuthorized(claims, PhantomData)))
    }
}

impl<T, P> fmt::Debug for OptionalAuthorizedFuture<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptionalAuthorizedFuture").finish_non_exhaustive()
    }
}

/// The extraction of [`Authorized<T, P>`](Authorized).
#[expect(unnameable_types, reason = "the hidden future of an extractor")]
pub struct AuthorizedFuture<T, P> {
    state: State,
    request: HttpRequest,
    authorized: PhantomData<fn() -> (T, P)>,
}

enum State {
    Ready(Option<Result<jwt_core::Verified, Rejection>>),
    Waiting { pending: PendingAuthorization, verified: jwt_core::Verified },
}

impl<T: DeserializeOwned, P: Policy> Future for AuthorizedFuture<T, P> {
    type Output = Result<Authorized<T, P>, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let claims = match &mut self.state {
            // As every future may, this one panics when it is polled again after its end.
            State::Ready(outcome) => outcome
                .take()
                .expect("`AuthorizedFuture` polled after completion")
                .and_then(|verified| decode(&verified)),
            State::Waiting { pending, verified } => match poll_ready!(Pin::new(pending).poll(context)) {
                Ok(()) => decode(verified),
                Err(refusal) => Err(Rejection(refusal)),
            },
        };
        let claims = remember::<_, T>(&self.request, claims);
        Poll::Ready(claims.map(|claims| Authorized(claims, PhantomData)))
    }
}

impl<T, P> fmt::Debug for AuthorizedFuture<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedFuture").finish_non_exhaustive()
    }
}
