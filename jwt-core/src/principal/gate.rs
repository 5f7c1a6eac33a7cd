use std::fmt;

use super::{LoadError, LoadPrincipal};
use crate::error::ErrorKind;
use crate::gate::{Admission, Answer, Gate, RequestState};
use crate::http::challenge::Rejection;
use crate::http::request::RequestView;
use crate::step::Step;
use crate::verified::Verified;

/// The gate that loads the principal of each request's token. The adapters' `PrincipalLayer` and `PrincipalMiddleware` are
/// made of it.
pub struct PrincipalGate<L>(L);

impl<L: LoadPrincipal> PrincipalGate<L> {
    /// Creates a gate that loads principals with `loader`.
    pub const fn new(loader: L) -> Self {
        Self(loader)
    }
}

impl<L: LoadPrincipal> Gate for PrincipalGate<L> {
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let verified = match state.optional_token() {
            Ok(Some(verified)) => verified,
            Ok(None) => return Step::Ready(Ok(Admission::with_state(state.without_principals()))),
            Err(refusal) => return Step::Ready(Err(refusal.into())),
        };
        match self.0.load(verified) {
            Step::Ready(loaded) => Step::Ready(admit(state, verified, loaded)),
            Step::Pending(pending) => {
                let (state, verified) = (state.clone(), verified.clone());
                Step::pending(async move { admit(&state, &verified, pending.await) })
            }
        }
    }
}

fn admit<U: Send + Sync + 'static>(
    state: &RequestState,
    verified: &Verified,
    loaded: Result<Option<U>, LoadError>,
) -> Result<Admission, Answer> {
    let kind = match loaded {
        Ok(Some(principal)) => return Ok(Admission::with_state(state.with_principal(principal))),
        Ok(None) => ErrorKind::UnknownPrincipal,
        Err(error) => {
            tracing::warn!(%error, "principal could not be loaded");
            ErrorKind::PrincipalUnavailable
        }
    };
    let refusal: Rejection = verified.refuse(kind.into());
    Err(refusal.into())
}

impl<L> fmt::Debug for PrincipalGate<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrincipalGate").finish()
    }
}
