use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;

/// What a requirement says of a token, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Decision {
    /// What it says: nothing had to be waited for.
    Ready(Result<(), Error>),
    /// Something must be waited for.
    Pending(PendingDecision),
}

/// A decision that waits for something.
#[must_use = "futures do nothing unless polled"]
pub struct PendingDecision(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>);

impl PendingDecision {
    /// Makes one of a future.
    pub fn new(decision: impl Future<Output = Result<(), Error>> + Send + 'static) -> Self {
        Self(Box::pin(decision))
    }
}

impl From<Result<(), Error>> for Decision {
    fn from(outcome: Result<(), Error>) -> Self {
        Self::Ready(outcome)
    }
}

impl Future for PendingDecision {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for PendingDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingDecision").finish()
    }
}
