use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::middleware::TrailingSlash;
use jwt_core::Error;
use jwt_core::authorize::{Requirement, Routes};
use jwt_core::verify::Authenticator;

use crate::service::Gated;

/// Verifies the token of every request before the wrapped service sees it.
///
/// If the token is valid, the request gets a [`RequestState`](jwt_core::gate::RequestState) in its extensions, which replaces any
/// earlier one. Otherwise the middleware answers without the wrapped service, with a [rejection](jwt_core::http::Rejection), and
/// puts the [`Error`] into the response's extensions. The response is an `Ok`, so outer middleware such as CORS sees it.
///
/// `App::wrap` protects every route and the default service, no matter if they are added before it or after it. `wrap` of a scope
/// or a resource protects only that scope or resource.
///
/// The wrapped service gets the body unchanged. If you set [`Csrf::form_field`](jwt_core::http::Csrf::form_field), the beginning
/// of a form may be read first, after its token is verified.
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtMiddleware {
    authenticator: Arc<Authenticator>,
    normalization: Option<TrailingSlash>,
}

impl JwtMiddleware {
    /// Creates middleware from a [`Verifier`](jwt_core::Verifier) or an [`Authenticator`]. Every request needs a token.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self { authenticator: Arc::new(authenticator.into()), normalization: None }
    }

    fn with(self, change: impl FnOnce(Authenticator) -> Authenticator) -> Self {
        let authenticator = change(Arc::unwrap_or_clone(self.authenticator));
        Self { authenticator: Arc::new(authenticator), ..self }
    }

    /// Lets requests without a token pass. Tokens that are sent must still be valid. Default: every request needs a token.
    pub fn optional(self) -> Self {
        self.with(Authenticator::optional)
    }

    /// Checks each route against a table, and rejects routes that are not in it. Default: every request needs a valid token, on
    /// every route.
    ///
    /// ```
    /// use actix_web::{App, web};
    /// use jwt_actix::JwtMiddleware;
    /// use jwt_actix::jwt_core::authorize::{Routes, scopes};
    /// use jwt_actix::jwt_core::{BuildError, Verifier};
    ///
    /// async fn health() -> &'static str {
    ///     "up"
    /// }
    ///
    /// async fn report() -> &'static str {
    ///     "report"
    /// }
    ///
    /// fn configure(verifier: Verifier) -> Result<(), BuildError> {
    ///     let routes = Routes::new().public("/health").require("GET /reports/{id}", scopes(["reports:read"])).checked()?;
    ///     let app = App::new()
    ///         .wrap(JwtMiddleware::new(verifier).routes(routes))
    ///         .route("/health", web::get().to(health))
    ///         .route("/reports/{id}", web::get().to(report));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Routes are the patterns that `match_pattern` returns. Around a resource, the router has already matched. Around an
    /// application or a scope it has not, and the middleware looks the path up first. Then three rules apply:
    ///
    /// - Wrap `NormalizePath` outside, that is after this middleware, or declare it with
    ///   [`normalized_inside`](Self::normalized_inside). If anything else inside changes the path, the handler still runs, but its
    ///   response is replaced by 500 `path_changed`, with or without a token. If the path matches another route without doubled
    ///   slashes, or with or without its last slash, both routes must allow the request.
    /// - Guards are not evaluated, and the method of `App::route` and `Scope::route` is a guard. If a guard turns a request away
    ///   from the first matching route, the request reaches the next one, or the default service, under the first one's entry.
    ///   So give all of them the same entry, or wrap each resource instead. A default service should ask for claims itself.
    /// - A resource with several patterns, for example `web::resource(["/open", "/internal"])`, uses the entry of its first
    ///   pattern. Register the patterns separately if they need different entries.
    pub fn routes(self, routes: Routes) -> Self {
        self.with(|authenticator| authenticator.routes(routes))
    }

    /// Declares that `NormalizePath` is wrapped inside of this middleware, and with which setting, so that
    /// [`routes`](Self::routes) looks up the path that it makes. Default: nothing inside changes paths.
    ///
    /// You need it only if you cannot wrap `NormalizePath` outside. It's about the one directly inside: a second one further in, or
    /// one with another setting, counts as an unknown change of the path.
    ///
    /// ```
    /// use actix_web::middleware::{NormalizePath, TrailingSlash};
    /// use actix_web::{App, web};
    /// use jwt_actix::JwtMiddleware;
    /// use jwt_actix::jwt_core::{Verifier, authorize::Routes};
    ///
    /// async fn page() -> &'static str {
    ///     "page"
    /// }
    ///
    /// fn configure(verifier: Verifier) {
    ///     let jwt = JwtMiddleware::new(verifier).routes(Routes::new().public("/docs/{page:.*}"));
    ///     let app = App::new()
    ///         .route("/docs/{page:.*}", web::get().to(page))
    ///         .wrap(NormalizePath::trim())
    ///         .wrap(jwt.normalized_inside(TrailingSlash::Trim));
    /// }
    /// ```
    pub fn normalized_inside(self, normalization: TrailingSlash) -> Self {
        Self { normalization: Some(normalization), ..self }
    }

    /// Requires a token that meets `requirement` in every request, and names its scopes in the 401 of a request without a token.
    /// Default: any valid token will do.
    ///
    /// Use it instead of [`RequireMiddleware`](crate::RequireMiddleware) if everything inside needs the same: clients of the Model
    /// Context Protocol, for example, request the scopes that the 401 names. [`Authenticator::require`] has the details.
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
        ready(Ok(Gated::new(service, Arc::clone(&self.authenticator)).normalizing(self.normalization)))
    }
}
