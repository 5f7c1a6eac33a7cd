use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::verified::Verified;

/// The outcome of a verification, or the way to it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verification {
    /// The outcome: everything that was needed was at hand.
    Ready(Result<Verified, Error>),
    /// Keys must be fetched, or a rule waits.
    Pending(PendingVerification),
}

/// A verification that waits for something. Dropping it disturbs nobody else.
#[must_use = "futures do nothing unless polled"]
pub struct PendingVerification(Pin<Box<dyn Future<Output = Result<Verified, Error>> + Send>>);

impl PendingVerification {
    pub(super) fn new(outcome: impl Future<Output = Result<Verified, Error>> + Send + 'static) -> Self {
        Self(Box::pin(outcome))
    }
}

impl Future for PendingVerification {
    type Output = Result<Verified, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for PendingVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingVerification").finish()
    }
}
