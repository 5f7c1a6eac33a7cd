use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::ErrorKind;
use crate::http::challenge::Rejection;
use crate::verified::{Verified, VerifierContext};

/// What gates found out about a request: its verified token, and the principals that were loaded for it.
///
/// The adapters keep it in the request's extensions. Extractors read it, and so can your own middleware:
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
}

/// Principals of as many types as gates loaded.
type Principals = Vec<Arc<dyn Any + Send + Sync>>;

#[derive(Clone)]
enum Identity {
    /// No authentication ran. This is the type that should have.
    Missing(&'static str),
    /// Authentication let the request pass without a token.
    Guest(Arc<VerifierContext>),
    /// A CORS preflight that was let pass. It has no sender, so everything that asks for one rejects it.
    Preflight(Arc<VerifierContext>),
    Verified(Verified),
}

impl RequestState {
    /// The state of a request that no gate has seen. `layer` is the type that should have run, for the log.
    #[must_use]
    pub const fn missing(layer: &'static str) -> Self {
        Self::of(Identity::Missing(layer))
    }

    pub(crate) const fn token(verified: Verified) -> Self {
        Self::of(Identity::Verified(verified))
    }

    pub(crate) const fn guest(context: Arc<VerifierContext>) -> Self {
        Self::of(Identity::Guest(context))
    }

    pub(crate) const fn preflight(context: Arc<VerifierContext>) -> Self {
        Self::of(Identity::Preflight(context))
    }

    const fn of(identity: Identity) -> Self {
        Self { identity, principals: None }
    }

    /// Returns the verified token, or `None` if the request has none.
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
    /// [`ErrorKind::NoCredentials`] if the request was let pass without a token, and
    /// [`ErrorKind::LayerMissing`] if no authentication ran.
    pub fn require_token(&self) -> Result<&Verified, Rejection> {
        match &self.identity {
            Identity::Verified(verified) => Ok(verified),
            Identity::Guest(context) | Identity::Preflight(context) => {
                Err(context.refuse(ErrorKind::NoCredentials.into()))
            }
            Identity::Missing(layer) => Err(Rejection::layer_missing(layer)),
        }
    }

    /// Returns the verified token, or `None` for a guest.
    ///
    /// # Errors
    ///
    /// As [`require_token`](Self::require_token), except for guests. A CORS preflight that was let pass is no guest.
    pub fn optional_token(&self) -> Result<Option<&Verified>, Rejection> {
        match &self.identity {
            Identity::Guest(_) => Ok(None),
            _ => self.require_token().map(Some),
        }
    }

    /// Decodes the claims of the token as `T`.
    ///
    /// # Errors
    ///
    /// As [`require_token`](Self::require_token), and [`ErrorKind::ClaimsMismatch`] if the claims don't fit `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        let verified = self.require_token()?;
        verified.claims().map_err(|error| verified.refuse(error))
    }

    /// Returns the principal of type `U` that was loaded for the token. `loader` is the type that should have loaded it,
    /// for the log.
    ///
    /// # Errors
    ///
    /// As [`require_token`](Self::require_token), and [`ErrorKind::LayerMissing`] if no gate loaded a `U`.
    pub fn principal<U: Send + Sync + 'static>(&self, loader: &'static str) -> Result<Arc<U>, Rejection> {
        self.require_token()?;
        let principals = self.principals.iter().flat_map(|principals| principals.iter());
        let found = principals.filter_map(|principal| Arc::clone(principal).downcast().ok()).next();
        found.ok_or_else(|| Rejection::layer_missing(loader))
    }

    /// The same state with one more principal; one of the same type is replaced.
    pub(crate) fn with_principal<U: Send + Sync + 'static>(&self, principal: U) -> Self {
        let others = self.principals.iter().flat_map(|principals| principals.iter());
        let mut principals: Principals = others.filter(|other| !other.is::<U>()).cloned().collect();
        principals.push(Arc::new(principal));
        Self { identity: self.identity.clone(), principals: Some(Arc::new(principals)) }
    }

    /// The same state without principals.
    pub(crate) fn without_principals(&self) -> Self {
        Self::of(self.identity.clone())
    }
}

// Principals are the application's, and claims go into no log.
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
    fn a_token_has_a_principal_of_each_type() {
        let state = RequestState::token(Verified::of_payload("{}"));
        let state = state.with_principal("Ada").with_principal(1815_u32).with_principal(1852_u32);
        assert_eq!(state.principal::<&str>("").expect("loaded"), Arc::new("Ada"));
        assert_eq!(state.principal::<u32>("").expect("loaded"), Arc::new(1852));
        assert_eq!(state.principal::<u8>("").expect_err("not loaded").error.code(), "layer_missing");
        assert_eq!(state.without_principals().principal::<u32>("").expect_err("gone").error.code(), "layer_missing");
    }

    #[test]
    fn a_state_without_a_token_says_why() {
        let context = || Arc::clone(Verified::of_payload("{}").context());
        for (state, required, optional) in [
            (RequestState::missing("JwtLayer"), "layer_missing", Some("layer_missing")),
            (RequestState::guest(context()), "no_credentials", None),
            (RequestState::preflight(context()), "no_credentials", Some("no_credentials")),
        ] {
            let code = |refusal: Rejection| refusal.error.code();
            assert_eq!(state.require_token().map(drop).map_err(code), Err(required), "{state:?}");
            assert_eq!(state.optional_token().err().map(code), optional, "{state:?}");
            assert!(state.verified().is_none());
        }
    }
}
