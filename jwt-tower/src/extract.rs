#![expect(clippy::exhaustive_structs, reason = "destructured in a handler's arguments")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use jwt_core::Error;
use jwt_core::authorize::{self, Policy, Requirement};
use jwt_core::gate::RequestState;
use jwt_core::http as core;
use serde::de::DeserializeOwned;

use crate::request::{self, HttpView};
use crate::response;

/// The claims of the request's token, decoded as `T`.
///
/// `T` is your own type. It must implement [`Deserialize`](trait@serde::Deserialize) and own its data (`String`, not `&str`). Handlers
/// behind one [`JwtLayer`](crate::JwtLayer) may ask for different types.
///
/// The request is rejected with 401 if it has no token or its claims don't fit `T`, and with 500 if no `JwtLayer` ran.
///
/// `Option<Claims<T>>` works too: it's `None` if the layer is [optional](crate::JwtLayer::optional) and the request has no token.
///
/// # If the handler does not compile
///
/// If `T` does not implement `Deserialize`, rustc says so at the handler's signature, and the fix is `#[derive(serde::Deserialize)]`.
/// "implementation of `Deserialize` is not general enough" means that `T` borrows: make its fields own their data.
///
/// If rustc only says that the function does not implement `Handler<_, _>`, another argument or the return type is the cause, often
/// an extractor of the body (`Json`, `String`) that is not the last argument. Put `#[axum::debug_handler]` (axum's feature `macros`)
/// on the function, and the error names it. If it names `Claims`, your axum has another version than this crate's:
/// `cargo tree -i axum` lists both.
///
/// ```compile_fail,E0277
/// use jwt_tower::Claims;
///
/// struct User {
///     name: String,
/// }
///
/// async fn me(Claims(user): Claims<User>) -> String {
///     user.name
/// }
/// ```
///
/// ```compile_fail
/// use jwt_tower::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct User<'t> {
///     name: &'t str,
/// }
///
/// async fn me(Claims(user): Claims<User<'_>>) -> String {
///     user.name.to_owned()
/// }
/// ```
// The bound is on the struct, so that the compiler's error names the type in the handler's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims<T: DeserializeOwned>(pub T);

/// The claims of the request's token, or `None` if an [optional](crate::JwtLayer::optional) layer let the request pass without a
/// token. All other requests are rejected as by [`Claims<T>`](Claims).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalClaims<T: DeserializeOwned>(pub Option<T>);

/// The claims of a token that meets the policy `P`, decoded as `T`.
///
/// The policy is part of the handler's signature, so the handler cannot be mounted without the check. A token that does not meet it
/// is rejected as by [`RequireLayer`](crate::RequireLayer); otherwise this extractor works like [`Claims<T>`](Claims). Declare
/// policies with [`policy!`](jwt_core::policy!).
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_tower::Authorized;
/// use jwt_tower::jwt_core::authorize::scopes;
///
/// jwt_tower::jwt_core::policy! {
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
/// let app: Router = Router::new().route("/reports", get(reports));
/// ```
///
/// `Option<Authorized<T, P>>` works too: it's `None` if the layer is [optional](crate::JwtLayer::optional) and the request has
/// no token.
///
/// A handler without a policy, or with a type that isn't one, does not compile:
///
/// ```compile_fail
/// use jwt_tower::Authorized;
///
/// async fn reports(Authorized(name, ..): Authorized<String>) -> String {
///     name
/// }
/// ```
///
/// ```compile_fail,E0277
/// use jwt_tower::Authorized;
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

/// The claims of a token that meets the policy `P`, or `None` if an [optional](crate::JwtLayer::optional) layer let the request
/// pass without a token. A token that does not meet the policy is rejected as by [`Authorized<T, P>`](Authorized).
#[derive(Clone, Copy, Debug)]
pub struct OptionalAuthorized<T: DeserializeOwned, P: Policy>(pub Option<T>, pub PhantomData<fn() -> P>);

/// The claims of a token from a login, not from a refresh, decoded as `T`.
///
/// For sensitive operations, which a session that a user left open must not be enough for. Other tokens are rejected by
/// [`fresh`](jwt_core::authorize::fresh): 401 with a challenge to log in again. Otherwise it works like [`Claims<T>`](Claims).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fresh<T: DeserializeOwned>(pub T);

/// The request's verified token. `Option<Verified>` is `None` if an optional layer let the request pass without a token.
#[derive(Clone, Debug)]
pub struct Verified(pub jwt_core::Verified);

impl Verified {
    /// Rejects a token that does not meet `requirement`, as [`RequireLayer`](crate::RequireLayer) does. For handlers that know the
    /// requirement only after reading the request's body.
    ///
    /// ```
    /// use jwt_tower::jwt_core::authorize::{Policy as _, scopes};
    /// use jwt_tower::{Rejection, Verified};
    ///
    /// jwt_tower::jwt_core::policy! {
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
/// - [`jwt_core::http::Rejection`], which this type wraps: the same rejection before it became a response of axum.
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

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        response::respond::<Body>(self.0.into())
    }
}

impl<E: Into<core::Rejection>> From<E> for Rejection {
    /// Converts an error into a response. One from outside the verifier, for example at a login, gets the default realm and an empty
    /// body.
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// Reads the request's state, and writes the body of the rejection if that fails.
pub(crate) fn read<T>(
    parts: &Parts,
    read: impl FnOnce(&RequestState) -> Result<T, core::Rejection>,
) -> Result<T, Rejection> {
    read(request::state(&parts.extensions)).map_err(|rejection| rejected(parts, rejection))
}

fn rejected(parts: &Parts, rejection: core::Rejection) -> Rejection {
    Rejection(rejection.render(&HttpView::from(parts)))
}

async fn authorized<T: DeserializeOwned>(parts: &Parts, requirement: &dyn Requirement) -> Result<T, Rejection> {
    let step = read(parts, |state| Ok(state.token_for(requirement)?.require(requirement)))?;
    step.wait().await.map_err(|rejection| rejected(parts, rejection))?;
    read(parts, RequestState::claims)
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Claims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| state.claims().map(Self))
    }
}

impl<S: Sync, T: DeserializeOwned> OptionalFromRequestParts<S> for Claims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        read(parts, |state| Ok(state.optional_claims()?.map(Self)))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for OptionalClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| state.optional_claims().map(Self))
    }
}

impl<S: Sync, T: DeserializeOwned, P: Policy> FromRequestParts<S> for Authorized<T, P> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        Ok(Self(authorized(parts, P::requirement()).await?, PhantomData))
    }
}

impl<S: Sync, T: DeserializeOwned, P: Policy> OptionalFromRequestParts<S> for Authorized<T, P> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        if read(parts, |state| Ok(state.optional_token()?.is_none()))? {
            return Ok(None);
        }
        Ok(Some(Self(authorized(parts, P::requirement()).await?, PhantomData)))
    }
}

impl<S: Sync, T: DeserializeOwned, P: Policy> FromRequestParts<S> for OptionalAuthorized<T, P> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let authorized = <Authorized<T, P> as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self(authorized.map(|Authorized(claims, _)| claims), PhantomData))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Fresh<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        Ok(Self(authorized(parts, &authorize::fresh()).await?))
    }
}

impl<S: Sync> FromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| state.token().cloned().map(Self))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        read(parts, |state| Ok(state.optional_token()?.cloned().map(Self)))
    }
}

/// The application's own user for the request's token, as [`PrincipalLayer`](crate::PrincipalLayer) loaded it.
///
/// The request is rejected with 401 if it has no token, and with 500 if no `PrincipalLayer` loaded a `U`.
///
/// `Option<Principal<U>>` works too: it's `None` if the layer is [optional](crate::JwtLayer::optional) and the request has no
/// token.
#[derive(Debug)]
pub struct Principal<U>(pub Arc<U>);

/// The application's own user for the request's token, or `None` if an [optional](crate::JwtLayer::optional) layer let the request
/// pass without a token. All other requests are rejected as by [`Principal<U>`](Principal).
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
const LOADER: &str = "PrincipalLayer";

impl<S: Sync, U: Send + Sync + 'static> FromRequestParts<S> for Principal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| state.principal(LOADER).map(Self))
    }
}

impl<S: Sync, U: Send + Sync + 'static> OptionalFromRequestParts<S> for Principal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        read(parts, |state| Ok(state.optional_principal(LOADER)?.map(Self)))
    }
}

impl<S: Sync, U: Send + Sync + 'static> FromRequestParts<S> for OptionalPrincipal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read(parts, |state| state.optional_principal(LOADER).map(Self))
    }
}
