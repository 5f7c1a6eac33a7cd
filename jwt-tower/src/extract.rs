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
use jwt_core::http::{self as core, Challenger};
use serde::de::DeserializeOwned;

use crate::request::state;
use crate::response;

/// The claims of the request's token, decoded as `T`.
///
/// `T` needs [`DeserializeOwned`] and nothing of this library. Handlers behind one [`JwtLayer`](crate::JwtLayer) may ask
/// for different types; claims that do not fit `T` are answered 401. Without a token the answer is 401, without a layer
/// 500. `Option<Claims<T>>` is `None` for a request that an [optional](crate::JwtLayer::optional) layer let pass without
/// credentials, and otherwise the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Claims<T>(pub T);

/// The claims of the request's token, or `None` without credentials: the same as `Option<Claims<T>>`, in the form that
/// both adapters have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct OptionalClaims<T>(pub Option<T>);

/// The claims of a token that meets the policy `P`, decoded as `T`.
///
/// The check is in the handler's signature, so that the handler cannot be mounted without it. Whoever does not meet the
/// policy is answered as by [`RequireLayer`](crate::RequireLayer) with its requirement; after that it is
/// [`Claims<T>`](Claims). [`policy!`](jwt_core::policy!) declares policies. `Option<Authorized<T, P>>` is `None` for a
/// request that an [optional](crate::JwtLayer::optional) layer let pass without credentials, and otherwise the same.
///
/// ```
/// use axum::{Router, routing::get};
/// use jwt_core::authorize::scopes;
/// use jwt_tower::Authorized;
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
/// let app: Router = Router::new().route("/reports", get(reports));
/// ```
///
/// Without a policy, or with a type that is none, the handler does not compile:
///
/// ```compile_fail
/// # use jwt_tower::Authorized;
/// async fn reports(Authorized(name, ..): Authorized<String>) -> String {
///     name
/// }
/// ```
///
/// ```compile_fail
/// # use jwt_tower::Authorized;
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

/// The claims of a token that meets the policy `P`, or `None` without credentials: the same as
/// `Option<Authorized<T, P>>`, in the form that both adapters have.
///
/// Who comes without a token to an [optional](crate::JwtLayer::optional) layer is let in as nobody; whoever comes with one
/// that does not meet the policy is refused as by [`Authorized<T, P>`](Authorized).
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

/// The request's verified token, undecoded. `Option<Verified>` is `None` for a request without credentials.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Verified(pub jwt_core::Verified);

impl Verified {
    /// Refuses a token that does not meet `requirement`, as [`RequireLayer`](crate::RequireLayer) does: for handlers that know
    /// only from the request's body what it takes.
    ///
    /// ```
    /// use jwt_core::authorize::{Policy as _, scopes};
    /// use jwt_tower::{Rejection, Verified};
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

impl From<core::Rejection> for Rejection {
    fn from(rejection: core::Rejection) -> Self {
        Self(rejection)
    }
}

pub(crate) fn verified(parts: &Parts) -> Result<&jwt_core::Verified, Rejection> {
    Ok(state(&parts.extensions).require_token()?)
}

/// `None` if a layer let the request pass without credentials.
pub(crate) fn optional(parts: &Parts) -> Result<Option<&jwt_core::Verified>, Rejection> {
    Ok(state(&parts.extensions).optional_token()?)
}

fn decode<T: DeserializeOwned>(verified: &jwt_core::Verified) -> Result<T, Rejection> {
    verified.claims().map_err(|error| verified.refuse(error).into())
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Claims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        decode(verified(parts)?).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> OptionalFromRequestParts<S> for Claims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        optional(parts)?.map(decode).transpose().map(|claims| claims.map(Self))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for OptionalClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        optional(parts)?.map(decode).transpose().map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned, P: Policy> FromRequestParts<S> for Authorized<T, P> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        let verified = verified(parts)?;
        verified.require(P::requirement()).wait().await?;
        decode(verified).map(|claims| Self(claims, PhantomData))
    }
}

impl<S: Sync, T: DeserializeOwned, P: Policy> OptionalFromRequestParts<S> for Authorized<T, P> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Rejection> {
        if optional(parts)?.is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
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
        let verified = verified(parts)?;
        verified.require(&authorize::fresh()).wait().await?;
        decode(verified).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        verified(parts).cloned().map(Self)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Verified {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        Ok(optional(parts)?.cloned().map(Self))
    }
}

/// The application's own user behind the request's token, as a [`PrincipalLayer`](crate::PrincipalLayer) loaded it.
///
/// Without a token the answer is 401, without a layer that loads a `U` 500. `Option<Principal<U>>` is `None` for a request
/// that an [optional](crate::JwtLayer::optional) layer let pass without credentials, and otherwise the same.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made to be taken apart in a handler's arguments")]
pub struct Principal<U>(pub Arc<U>);

/// The application's own user behind the request's token, or `None` without credentials: the same as
/// `Option<Principal<U>>`, in the form that both adapters have.
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

fn principal<U: Send + Sync + 'static>(parts: &Parts) -> Result<Arc<U>, Rejection> {
    Ok(state(&parts.extensions).principal("PrincipalLayer")?)
}

fn optional_principal<U: Send + Sync + 'static>(parts: &Parts) -> Result<Option<Arc<U>>, Rejection> {
    optional(parts)?.map(|_| principal(parts)).transpose()
}

impl<S: Sync, U: Send + Sync + 'static> FromRequestParts<S> for Principal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        principal(parts).map(Self)
    }
}

impl<S: Sync, U: Send + Sync + 'static> OptionalFromRequestParts<S> for Principal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Rejection> {
        Ok(optional_principal(parts)?.map(Self))
    }
}

impl<S: Sync, U: Send + Sync + 'static> FromRequestParts<S> for OptionalPrincipal<U> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        optional_principal(parts).map(Self)
    }
}
