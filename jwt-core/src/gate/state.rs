use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::http::challenge::Rejection;
use crate::verified::{Verified, VerifierContext};

/// The results of gates for a request: its verified token, and the principals loaded for it.
///
/// It's in the request's extensions. Extractors read it, and your own middleware can too:
///
/// ```
/// use jwt_core::gate::RequestState;
///
/// # fn example(state: Option<&RequestState>) -> Option<&str> {
/// // `state` is `request.extensions().get::<RequestState>()`.
/// state?.verified()?.key_id()
/// # }
/// ```
#[derive(Clone)]
pub struct RequestState {
    identity: Identity,
    principals: Option<Arc<Principals>>,
    /// A token of a test, for the authentication further in.
    #[cfg(feature = "testing")]
    assumed: Option<Arc<str>>,
}

/// One principal for each type that gates loaded.
type Principals = Vec<Arc<dyn Any + Send + Sync>>;

#[derive(Clone)]
enum Identity {
    /// No authentication ran. The string names the type that should have run.
    Missing(&'static str),
    /// Authentication let the request pass without a token.
    Guest(Arc<VerifierContext>),
    /// Authentication let a CORS preflight pass. It has no sender, so everything that needs one rejects it.
    Preflight(Arc<VerifierContext>),
    Verified(Verified),
}

impl RequestState {
    /// Creates the state of a request that no gate has seen. `layer` names the type that should have run, for the log.
    #[must_use]
    pub const fn missing(layer: &'static str) -> Self {
        Self::of(Identity::Missing(layer))
    }

    pub(crate) const fn authenticated(verified: Verified) -> Self {
        Self::of(Identity::Verified(verified))
    }

    pub(crate) const fn guest(context: Arc<VerifierContext>) -> Self {
        Self::of(Identity::Guest(context))
    }

    pub(crate) const fn preflight(context: Arc<VerifierContext>) -> Self {
        Self::of(Identity::Preflight(context))
    }

    const fn of(identity: Identity) -> Self {
        Self {
            identity,
            principals: None,
            #[cfg(feature = "testing")]
            assumed: None,
        }
    }

    /// Creates the state of a request that has this token, whose signature isn't checked.
    #[cfg(feature = "testing")]
    pub(crate) fn assuming(token: &str) -> Self {
        Self { assumed: Some(token.into()), ..Self::missing("JwtLayer or JwtMiddleware") }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn assumed(&self) -> Option<&str> {
        self.assumed.as_deref()
    }

    /// Returns the verified token, or `None` if the request has no token.
    #[must_use]
    pub const fn verified(&self) -> Option<&Verified> {
        match &self.identity {
            Identity::Verified(verified) => Some(verified),
            _ => None,
        }
    }

    /// Returns the verified token.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NoCredentials`] if the request was let pass without a token, and
    /// [`ErrorKind::LayerMissing`] if no authentication ran.
    pub fn token(&self) -> Result<&Verified, Rejection> {
        self.token_or(|| ErrorKind::NoCredentials.into())
    }

    /// Returns the verified token, or this error if the request was let pass without one.
    pub(crate) fn token_or(&self, missing: impl FnOnce() -> Error) -> Result<&Verified, Rejection> {
        match &self.identity {
            Identity::Verified(verified) => Ok(verified),
            Identity::Guest(context) | Identity::Preflight(context) => Err(context.refuse(missing())),
            Identity::Missing(layer) => Err(Rejection::layer_missing(layer)),
        }
    }

    /// Returns the verified token, or `None` for a guest.
    ///
    /// # Errors
    ///
    /// The same as [`token`](Self::token), except for guests. A CORS preflight isn't a guest.
    pub fn optional_token(&self) -> Result<Option<&Verified>, Rejection> {
        match &self.identity {
            Identity::Guest(_) => Ok(None),
            _ => self.token().map(Some),
        }
    }

    /// Decodes the claims of the token as `T`.
    ///
    /// # Errors
    ///
    /// The same as [`token`](Self::token), and [`ErrorKind::ClaimsMismatch`] if the claims don't fit `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        decode(self.token()?)
    }

    /// Decodes the claims of the token as `T`, or returns `None` for a guest.
    ///
    /// # Errors
    ///
    /// The same as [`claims`](Self::claims), except for guests.
    pub fn optional_claims<T: DeserializeOwned>(&self) -> Result<Option<T>, Rejection> {
        self.optional_token()?.map(decode).transpose()
    }

    /// Returns the claims of the token as a `T` that all requests with the same token share.
    ///
    /// # Errors
    ///
    /// The same as [`claims`](Self::claims).
    pub fn shared_claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>, Rejection> {
        share(self.token()?)
    }

    /// Returns the claims of the token as a `T` that all requests with the same token share, or `None` for a guest.
    ///
    /// # Errors
    ///
    /// The same as [`claims`](Self::claims), except for guests.
    pub fn optional_shared_claims<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
    ) -> Result<Option<Arc<T>>, Rejection> {
        self.optional_token()?.map(share).transpose()
    }

    /// Returns the principal of type `U` that was loaded for the token. `loader` names the type that should have loaded it,
    /// for the log.
    ///
    /// # Errors
    ///
    /// The same as [`token`](Self::token), and [`ErrorKind::LayerMissing`] if no gate loaded a `U`.
    pub fn principal<U: Send + Sync + 'static>(&self, loader: &'static str) -> Result<Arc<U>, Rejection> {
        self.token()?;
        let principals = self.principals.iter().flat_map(|principals| principals.iter());
        let found = principals.filter_map(|principal| Arc::clone(principal).downcast().ok()).next();
        found.ok_or_else(|| Rejection::layer_missing(loader))
    }

    /// Returns the principal of type `U` that was loaded for the token, or `None` for a guest. `loader` names the type that should
    /// have loaded it, for the log.
    ///
    /// # Errors
    ///
    /// The same as [`principal`](Self::principal), except for guests.
    pub fn optional_principal<U: Send + Sync + 'static>(
        &self,
        loader: &'static str,
    ) -> Result<Option<Arc<U>>, Rejection> {
        self.optional_token()?.map(|_| self.principal(loader)).transpose()
    }

    /// Returns the state with one more principal, which replaces one of the same type.
    pub(crate) fn with_principal<U: Send + Sync + 'static>(&self, principal: U) -> Self {
        let others = self.principals.iter().flat_map(|principals| principals.iter());
        let mut principals: Principals = others.filter(|other| !other.is::<U>()).cloned().collect();
        principals.push(Arc::new(principal));
        Self { principals: Some(Arc::new(principals)), ..Self::of(self.identity.clone()) }
    }

    /// Returns the state without principals.
    pub(crate) fn without_principals(&self) -> Self {
        Self::of(self.identity.clone())
    }
}

fn decode<T: DeserializeOwned>(verified: &Verified) -> Result<T, Rejection> {
    verified.claims().map_err(|error| verified.refuse(error))
}

fn share<T: DeserializeOwned + Send + Sync + 'static>(verified: &Verified) -> Result<Arc<T>, Rejection> {
    verified.shared_claims().map_err(|error| verified.refuse(error))
}

// Principals are the application's data, and claims must not be logged.
impl fmt::Debug for RequestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.identity {
            Identity::Missing(_) => "RequestState(missing)",
            Identity::Guest(_) => "RequestState(guest)",
            Identity::Preflight(_) => "RequestState(preflight)",
            Identity::Verified(_) => "RequestState(verified)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_principal_of_each_type() {
        let state = RequestState::authenticated(Verified::of_payload("{}"));
        let state = state.with_principal("Ada").with_principal(1815_u32).with_principal(1852_u32);
        assert_eq!(state.principal::<&str>("").expect("loaded"), Arc::new("Ada"));
        assert_eq!(state.principal::<u32>("").expect("loaded"), Arc::new(1852));
        assert_eq!(state.principal::<u8>("").expect_err("not loaded").error.code(), "layer_missing");
        assert_eq!(state.without_principals().principal::<u32>("").expect_err("gone").error.code(), "layer_missing");
    }

    #[test]
    fn a_state_without_a_token_returns_the_reason() {
        let context = || Arc::clone(Verified::of_payload("{}").context());
        for (state, required, optional) in [
            (RequestState::missing("JwtLayer"), "layer_missing", Some("layer_missing")),
            (RequestState::guest(context()), "no_credentials", None),
            (RequestState::preflight(context()), "no_credentials", Some("no_credentials")),
        ] {
            let code = |rejection: Rejection| rejection.error.code();
            assert_eq!(state.token().map(drop).map_err(code), Err(required), "{state:?}");
            assert_eq!(state.optional_token().err().map(code), optional, "{state:?}");
            assert!(state.verified().is_none());
        }
    }
}
