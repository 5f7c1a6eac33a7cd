use std::sync::Arc;

use jwt_core::Error;
use jwt_core::verify::Authenticator;
use tower_layer::Layer;

use crate::Gated;

/// Verifies the token of every request before the inner service sees it.
///
/// A request with a good token has one [`RequestState`](jwt_core::gate::RequestState) in its extensions from here on, in
/// place of any that was there before. Any other request is answered without the inner service, as [`jwt_core::http`]
/// says, and the [`Error`] is left in the response's extensions for outer layers.
///
/// The inner service gets the body unchanged. If [`Csrf::form_field`](jwt_core::http::Csrf::form_field) is set, the
/// beginning of a form may be read first, once its token is verified; that works with axum's body only.
///
/// Put `Router::layer` after the routes: axum wraps the routes that are there already, and one that is added later needs no
/// token.
///
/// The inner service's response body must be one that a refusal can have: [`RejectionBody`](crate::RejectionBody).
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtLayer {
    // Some routers apply their layers anew to each request, and clone them for it.
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

    /// Lets requests without credentials pass. Credentials that are there must still be good. Default: off.
    pub fn optional(self) -> Self {
        self.with(Authenticator::optional)
    }

    /// Asks of each route what `routes` says, and refuses those about which it says nothing. Default: every request needs a
    /// token, and any good one will do.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use jwt_core::authorize::{Routes, scopes};
    /// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
    /// use jwt_tower::JwtLayer;
    ///
    /// # async fn health() {}
    /// # async fn report() {}
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
    /// # let verifier = Verifier::builder().issuer(issuer.audience("https://api.example")).build()?;
    /// let routes = Routes::new().public("/health").require("GET /reports/{id}", scopes(["reports:read"])).checked()?;
    ///
    /// let app: Router = Router::new()
    ///     .route("/health", get(health))
    ///     .route("/reports/{id}", get(report))
    ///     .layer(JwtLayer::new(verifier).routes(routes));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Routes are axum's `MatchedPath`, which is known inside of the router: the layer goes to `Router::layer`, after the
    /// routes, and there it also stands before the fallback. Around a router, before it has matched, it refuses everything.
    #[cfg(feature = "axum")]
    pub fn routes(self, routes: jwt_core::authorize::Routes) -> Self {
        self.with(|authenticator| authenticator.routes(routes))
    }

    /// Lets CORS preflights pass, to CORS middleware that can only stand inside. Default: off, which is right where it
    /// stands outside, as it should.
    ///
    /// Read [`Authenticator::pass_preflights`] first: a handler that answers `OPTIONS` and asks for no claims runs for them.
    pub fn pass_preflights(self) -> Self {
        self.with(Authenticator::pass_preflights)
    }

    /// Lets requests pass, as without credentials, for whose error `pass` returns `true`. Default: none.
    ///
    /// Read [`Authenticator::dangerous_anonymous_when`] first; [`optional`](Self::optional) is what is usually meant.
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
