use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::Error;
use jwt_core::authorize::Routes;
use jwt_core::verify::Authenticator;

use crate::service::Gated;

/// Verifies the token of every request before the wrapped service sees it.
///
/// A request with a good token has one [`RequestState`](jwt_core::gate::RequestState) in its extensions from here on, in
/// place of any that was there before. Any other request is answered without the service, as [`jwt_core::http`] says:
/// with an `Ok` response, so that outer middleware such as CORS sees it, and with the [`Error`] in its extensions.
///
/// The wrapped service gets the body unchanged. If [`Csrf::form_field`](jwt_core::http::Csrf::form_field) is set, the
/// beginning of a form may be read first, once its token is verified.
///
/// `App::wrap` protects every route and the default service, whether they are added before it or after it; `wrap` of a scope or
/// a resource protects that scope or resource and nothing beside it.
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtMiddleware {
    authenticator: Arc<Authenticator>,
}

impl JwtMiddleware {
    /// Creates middleware from a [`Verifier`](jwt_core::Verifier) or an [`Authenticator`]. Every request needs a token.
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
    /// use actix_web::{App, web};
    /// use jwt_actix::JwtMiddleware;
    /// use jwt_core::authorize::{Routes, scopes};
    /// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
    ///
    /// # async fn health() -> &'static str { "" }
    /// # async fn report() -> &'static str { "" }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
    /// # let verifier = Verifier::builder().issuer(issuer.audience("https://api.example")).build()?;
    /// let routes = Routes::new().public("/health").require("GET /reports/{id}", scopes(["reports:read"])).checked()?;
    ///
    /// let app = App::new()
    ///     .wrap(JwtMiddleware::new(verifier).routes(routes))
    ///     .route("/health", web::get().to(health))
    ///     .route("/reports/{id}", web::get().to(report));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A route is the pattern that `match_pattern` returns. Around a resource, the router has matched it. Around an application
    /// or a scope, the middleware looks the path up before the router does, so:
    ///
    /// - `NormalizePath` belongs outside: wrap it after this. If something further in changes the path, the handler runs, but its
    ///   response is withheld: the client gets 500 `path_changed`, with or without a token. If the path without doubled slashes,
    ///   or with or without the last slash, matches another route, both must allow the request.
    /// - Guards aren't asked, nor is the method of `App::route` and `Scope::route`, which is a guard. If guards turn a request away
    ///   from the first route that matches, it reaches the next one, or the default service, by the decision about the first.
    ///   Make the same decision about all of them, or wrap each resource instead. A default service should ask for claims itself.
    /// - A resource of several patterns, such as `web::resource(["/open", "/internal"])`, goes by its first. Register them one by
    ///   one if they need different decisions.
    pub fn routes(self, routes: Routes) -> Self {
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

impl<S, B> Transform<S, ServiceRequest> for JwtMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = Gated<S, Authenticator>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Gated::new(service, Arc::clone(&self.authenticator))))
    }
}
