use std::fmt;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use jwt_core::principal::{Introduction, LoadPrincipal, Principals, introduce};

use crate::future::{Pending, ResponseFuture};
use crate::response;

/// Loads the application's own user behind the request's token, for handlers that ask for it.
///
/// It stands inside of [`JwtMiddleware`](crate::JwtMiddleware): without one, requests are answered 500. Behind it every
/// token has a principal; a token without one is answered 401, and while the store cannot be asked, 503: see
/// [`jwt_core::principal`]. Middleware that loads different types can stand around one resource.
///
/// ```
/// use actix_web::{App, web};
/// use jwt_actix::{Principal, PrincipalMiddleware};
/// use jwt_core::principal::load_async;
///
/// struct User {
///     name: String,
/// }
///
/// # async fn find_user(_issuer: &str, _subject: &str) -> std::io::Result<Option<User>> { Ok(None) }
/// async fn me(Principal(user): Principal<User>) -> String {
///     user.name.clone()
/// }
///
/// let users = load_async(|verified| async move {
///     // Another issuer may use the same subjects for other people.
///     let claims = verified.registered();
///     let (Some(issuer), Some(subject)) = (claims.issuer(), claims.subject()) else { return Ok(None) };
///     Ok(find_user(issuer, subject).await?)
/// });
/// let app = App::new().service(web::resource("/me").wrap(PrincipalMiddleware::new(users)).to(me));
/// ```
#[must_use]
pub struct PrincipalMiddleware<L> {
    loader: Arc<L>,
}

impl<L: LoadPrincipal> PrincipalMiddleware<L> {
    /// Makes middleware of what loads principals, for example [`load_async`](jwt_core::principal::load_async).
    pub fn new(loader: L) -> Self {
        Self { loader: Arc::new(loader) }
    }
}

// Derived, it would ask for `L: Clone`.
impl<L> Clone for PrincipalMiddleware<L> {
    fn clone(&self) -> Self {
        Self { loader: Arc::clone(&self.loader) }
    }
}

impl<L> fmt::Debug for PrincipalMiddleware<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalMiddleware").finish_non_exhaustive()
    }
}

impl<S, B, L> Transform<S, ServiceRequest> for PrincipalMiddleware<L>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    L: LoadPrincipal,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = PrincipalService<S, L>;
    type InitError = ();
    type Future = Ready<Result<PrincipalService<S, L>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(PrincipalService { service: Rc::new(service), loader: Arc::clone(&self.loader) }))
    }
}

#[expect(unnameable_types, reason = "the hidden service of a `Transform`")]
pub struct PrincipalService<S, L> {
    service: Rc<S>,
    loader: Arc<L>,
}

impl<S: fmt::Debug, L> fmt::Debug for PrincipalService<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalService").field("service", &self.service).finish_non_exhaustive()
    }
}

impl<S, B, L> Service<ServiceRequest> for PrincipalService<S, L>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
    L: LoadPrincipal,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = ResponseFuture<S, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let before = request.extensions_mut().remove::<Principals>();
        let introduction = {
            let extensions = request.extensions();
            introduce(&*self.loader, before.as_ref(), extensions.get(), extensions.get(), "JwtMiddleware")
        };
        match introduction {
            Introduction::Ready(Ok(principals)) => {
                if let Some(principals) = principals {
                    request.extensions_mut().insert(principals);
                }
                ResponseFuture::calling(self.service.call(request), None)
            }
            Introduction::Ready(Err(refusal)) => ResponseFuture::refused(response::refuse(request, refusal)),
            Introduction::Pending(pending) => {
                ResponseFuture::waiting(Pending::Introduction(pending), Rc::clone(&self.service), request)
            }
        }
    }
}
