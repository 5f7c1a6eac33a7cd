use std::sync::Arc;

use jwt_core::Error;
use jwt_core::authorize::Requirement;
use jwt_core::verify::Authenticator;
use tower_layer::Layer;

use crate::Gated;

/// Verifies the token of every request before the inner service sees it.
///
/// If the token is valid, the request gets a [`RequestState`](jwt_core::gate::RequestState) in its extensions, which replaces any
/// earlier one. Otherwise the layer answers without the inner service, with a [rejection](jwt_core::http::Rejection), and puts the
/// [`Error`] into the response's extensions for outer layers.
///
/// Call `Router::layer` after you've added the routes: axum wraps only the routes that are already there, and a route that is added
/// later needs no token.
///
/// The inner service gets the body unchanged. If you set [`Csrf::form_field`](jwt_core::http::Csrf::form_field), the beginning of
/// a form may be read first, after its token is verified. That works only with axum's body.
///
/// The inner service's response body must implement [`RejectionBody`](crate::RejectionBody).
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtLayer {
    // Some routers clone and apply their layers for each request.
    authenticator: Arc<Authenticator>,
}

impl JwtLayer {
    /// Creates a layer from a [`Verifier`](jwt_core::Verifier) or an [`Authenticator`]. Every request needs a token.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self { authenticator: Arc::new(authenticator.into()) }
    }

    fn with(self, change: impl FnOnce(Authenticator) -> Authenticator) -> Self {
        Self::new(change(Arc::unwrap_or_clone(self.authenticator)))
    }

    /// Lets requests without a token pass. Tokens that are sent must still be valid. Default: every request needs a token.
    pub fn optional(self) -> Self {
        self.with(Authenticator::optional)
    }

    /// Checks each route against a table, and rejects routes that are not in it. Default: every request needs a valid token, on
    /// every route.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use jwt_tower::JwtLayer;
    /// use jwt_tower::jwt_core::authorize::{Routes, scopes};
    /// use jwt_tower::jwt_core::{BuildError, Verifier};
    ///
    /// async fn health() {}
    /// async fn report() {}
    ///
    /// fn app(verifier: Verifier) -> Result<Router, BuildError> {
    ///     let routes = Routes::new().public("/health").require("GET /reports/{id}", scopes(["reports:read"])).checked()?;
    ///     Ok(Router::new()
    ///         .route("/health", get(health))
    ///         .route("/reports/{id}", get(report))
    ///         .layer(JwtLayer::new(verifier).routes(routes)))
    /// }
    /// ```
    ///
    /// Routes are the patterns of axum's `MatchedPath`, which exists only inside the router. So pass the layer to
    /// `Router::layer`, after the routes; the fallback is then checked too. Around a whole router nothing has matched yet, and
    /// every request is rejected.
    #[cfg(feature = "axum")]
    pub fn routes(self, routes: jwt_core::authorize::Routes) -> Self {
        self.with(|authenticator| authenticator.routes(routes))
    }

    /// Requires a token that meets `requirement` in every request, and names its scopes in the 401 of a request without a token.
    /// Default: any valid token will do.
    ///
    /// Use it instead of [`RequireLayer`](crate::RequireLayer) if everything inside needs the same: clients of the Model Context Protocol, for
    /// example, request the scopes that the 401 names. [`Authenticator::require`] has the details.
    pub fn require(self, requirement: impl Requirement + 'static) -> Self {
        self.with(|authenticator| authenticator.require(requirement))
    }

    /// Lets CORS preflights pass, if the CORS middleware is inside. Default: off, because CORS middleware should be outside.
    ///
    /// Read [`Authenticator::pass_preflights`] first: a handler that answers `OPTIONS` and asks for no claims runs for preflights.
    pub fn pass_preflights(self) -> Self {
        self.with(Authenticator::pass_preflights)
    }

    /// Lets requests pass without a token if `pass` returns `true` for their error. Default: no such requests.
    ///
    /// An invalid token then counts as no token, so read [`Authenticator::dangerous_anonymous_when`] first. You probably want
    /// [`optional`](Self::optional) instead.
    pub fn dangerous_anonymous_when(self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.with(|authenticator| authenticator.dangerous_anonymous_when(pass))
    }
}

impl<S> Layer<S> for JwtLayer {
    type Service = Gated<S, Authenticator>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, Arc::clone(&self.authenticator))
    }
}
