use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::challenge::Refusal;
use crate::verified::{Anonymous, Verified, require};

use super::{Decision, PendingDecision, Requirement};

/// The outcome of judging a request by a requirement, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Authorization {
    /// The outcome: nothing had to be waited for.
    Ready(Result<(), Refusal>),
    /// Something must be waited for. The request is no longer needed for it.
    Pending(PendingAuthorization),
}

/// A judgement that waits for something.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct PendingAuthorization {
    pending: PendingDecision,
    verified: Verified,
}

/// Judges a request by what a layer left behind in it; `layer` is the type whose absence is reported.
///
/// The refusal is that of [`require`], or of the requirement.
#[must_use]
pub fn permit(
    requirement: &dyn Requirement,
    verified: Option<&Verified>,
    anonymous: Option<&Anonymous>,
    layer: &'static str,
) -> Authorization {
    let verified = match require(verified, anonymous, layer) {
        Ok(verified) => verified,
        Err(refusal) => return Authorization::Ready(Err(refusal)),
    };
    match requirement.decide(verified) {
        Decision::Ready(outcome) => Authorization::Ready(outcome.map_err(|error| verified.refuse(error))),
        Decision::Pending(pending) => {
            Authorization::Pending(PendingAuthorization { pending, verified: verified.clone() })
        }
    }
}

impl Future for PendingAuthorization {
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = Pin::new(&mut self.pending).poll(context);
        outcome.map_err(|error| self.verified.refuse(error))
    }
}
