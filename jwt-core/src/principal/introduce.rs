use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::challenge::Refusal;
use crate::error::ErrorKind;
use crate::verified::{Anonymous, Verified, optional};

use super::{LoadError, LoadPrincipal, Loading, Principals};

/// The outcome of loading a request's principal, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Introduction {
    /// The outcome: `None` for a guest, while a CORS preflight that was let pass is refused.
    Ready(Result<Option<Principals>, Refusal>),
    /// Something must be waited for. The request is no longer needed for it.
    Pending(PendingIntroduction),
}

/// A principal that is waited for, with whose it is.
#[must_use = "futures do nothing unless polled"]
pub struct PendingIntroduction(Pin<Box<dyn Future<Output = Result<Principals, Refusal>> + Send>>);

/// Loads the principal of a request, by what a layer left behind in it: `before` are those that it has already, `layer` is
/// the type whose absence is reported.
#[must_use]
pub fn introduce<L: LoadPrincipal>(
    loader: &L,
    before: Option<&Principals>,
    verified: Option<&Verified>,
    anonymous: Option<&Anonymous>,
    layer: &'static str,
) -> Introduction {
    let verified = match optional(verified, anonymous, layer) {
        Ok(Some(verified)) => verified,
        Ok(None) => return Introduction::Ready(Ok(None)),
        Err(refusal) => return Introduction::Ready(Err(refusal)),
    };
    match loader.load(verified) {
        Loading::Ready(loaded) => Introduction::Ready(know(before, verified, loaded).map(Some)),
        Loading::Pending(pending) => {
            let (before, verified) = (before.cloned(), verified.clone());
            Introduction::Pending(PendingIntroduction(Box::pin(async move {
                know(before.as_ref(), &verified, pending.await)
            })))
        }
    }
}

fn know<U: Send + Sync + 'static>(
    before: Option<&Principals>,
    verified: &Verified,
    loaded: Result<Option<U>, LoadError>,
) -> Result<Principals, Refusal> {
    let kind = match loaded {
        Ok(Some(principal)) => return Ok(Principals::with(before, verified, principal)),
        Ok(None) => ErrorKind::UnknownPrincipal,
        Err(error) => {
            tracing::warn!(%error, "principal could not be loaded");
            ErrorKind::PrincipalUnavailable
        }
    };
    Err(verified.refuse(kind.into()))
}

impl Future for PendingIntroduction {
    type Output = Result<Principals, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for PendingIntroduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingIntroduction").finish()
    }
}
