use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use jwt_core::Error;
use jwt_core::authorize::Routes;
use jwt_core::verify::Authenticator;

use crate::service::JwtService;

/// Verifies the token of every request before the wrapped service sees it.
///
/// A request with a good token carries one [`jwt_core::Verified`] in its extensions from here on; anything of our types
/// that was there before is removed. Any other request is answered without the service, as [`jwt_core::challenge`] says:
/// with an `Ok` response, so that outer middleware such as CORS sees it, and with the [`Error`] in its extensions.
///
/// The request's body is the wrapped service's, untouched; before it is called, a form may be looked at for the field that
/// [`Csrf::form_field`](jwt_core::token::Csrf::form_field) names.
///
/// `App::wrap` protects every route and the default service, whether they are added before it or after it; `wrap` of a scope or
/// a resource protects that scope or resource and nothing beside it.
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
    /// Routes are what actix-web's `match_pattern` says. Around an application or a scope, where it stands before the router, a
    /// request must be allowed on every route that its path may yet be turned into: without doubled slashes, with and without
    /// the last one. Where the path as it came matches no route, the [fallback](Routes::fallback) must allow it too. So
    /// `/health/` is refused where `/health` is public, unless `NormalizePath` stands outside, wrapped after this.
    ///
    /// Guards cannot be foreseen, nor can the method of `App::route` and `Scope::route`, which is one: of different patterns
    /// that match the same path the first is looked up, and a request that its guards turn away reaches the other one, or the
    /// default service, by what the table says of the first. Let them ask for the same, or put the middleware around each
    /// resource, where guards have been asked; and let a default service show nothing, or ask for claims itself.
    ///
    /// A resource of several patterns, such as `web::resource(["/open", "/internal"])`, goes by its first, whichever of them
    /// a request matches: make resources of them that are registered one by one where they ask for different things.
    pub fn routes(self, routes: Routes) -> Self {
        Self { authenticator: self.authenticator.routes(routes) }
    }

    /// Lets CORS preflights pass, to CORS middleware that can only stand inside. Default: off, which is right where it
    /// stands outside, as it should.
    ///
    /// Read [`Authenticator::pass_preflights`] first: a handler that answers `OPTIONS` and asks for no claims runs for them.
    pub fn pass_preflights(self) -> Self {
        Self { authenticator: self.authenticator.pass_preflights() }
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
