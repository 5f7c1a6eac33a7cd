use jwt_core::Error;
use jwt_core::verify::Authenticator;
use tower_layer::Layer;

use crate::Jwt;

/// Verifies the token of every request before the inner service sees it.
///
/// A request with a good token carries one [`jwt_core::Verified`] in its extensions from here on; anything of our types
/// that was there before is removed. Any other request is answered without the inner service, as
/// [`jwt_core::challenge`] says, and the [`Error`] is left in the response's extensions for outer layers.
///
/// The inner service's response body must be one that a refusal can have: [`RefusalBody`](crate::RefusalBody).
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtLayer {
    authenticator: Authenticator,
}

impl JwtLayer {
    /// Makes a layer of a [`Verifier`](jwt_core::Verifier) or an [`Authenticator`]. Every request needs a token.
    pub fn new(authenticator: impl Into<Authenticator>) -> Self {
        Self { authenticator: authenticator.into() }
    }

    /// Lets requests without credentials pass. Credentials that are there must still be good. Default: off.
    pub fn optional(self) -> Self {
        Self { authenticator: self.authenticator.optional() }
    }

    /// Lets requests pass, as without credentials, for whose error `pass` returns `true`. Default: none.
    ///
    /// Read [`Authenticator::dangerous_anonymous_when`] first; [`optional`](Self::optional) is what is usually meant.
    pub fn dangerous_anonymous_when(self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        Self { authenticator: self.authenticator.dangerous_anonymous_when(pass) }
    }
}

impl<S> Layer<S> for JwtLayer {
    type Service = Jwt<S>;

    fn layer(&self, inner: S) -> Jwt<S> {
        Jwt::new(inner, self.authenticator.clone())
    }
}
