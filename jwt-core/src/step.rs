use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A result that is available now, or later.
///
/// Every trait of this crate that may have to wait returns one, so that a request whose keys and answers are in memory needs no
/// future and no allocation. If you don't care which it is, use [`wait`](Self::wait):
///
/// ```
/// use jwt_core::Step;
///
/// async fn sum(now: Step<u32>, later: Step<u32>) -> u32 {
///     now.wait().await + later.wait().await
/// }
///
/// let sum = sum(Step::Ready(1), Step::pending(async { 2 }));
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third case")]
#[must_use = "a pending step does nothing until it's awaited"]
pub enum Step<T> {
    /// The result is available.
    Ready(T),
    /// The result must be awaited.
    Pending(Pending<T>),
}

/// The future of a [`Step`]. It owns everything that it needs. Dropping it cancels only this wait, not the work that others wait
/// for.
#[must_use = "futures do nothing unless polled"]
pub struct Pending<T>(Pin<Box<dyn Future<Output = T> + Send>>);

impl<T> Step<T> {
    /// Creates a step that waits for `future`.
    pub fn pending(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Pending(Pending::new(future))
    }

    /// Returns the result, after waiting for it if necessary.
    pub async fn wait(self) -> T {
        match self {
            Self::Ready(result) => result,
            Self::Pending(pending) => pending.await,
        }
    }

    /// Returns the result if it's available now.
    pub fn ready(self) -> Option<T> {
        match self {
            Self::Ready(result) => Some(result),
            Self::Pending(_) => None,
        }
    }

    /// Continues with another step, now or once the result is available.
    pub fn then<U>(self, next: impl FnOnce(T) -> Step<U> + Send + 'static) -> Step<U>
    where
        T: 'static,
        U: Send + 'static,
    {
        match self {
            Self::Ready(result) => next(result),
            Self::Pending(pending) => pending.then(next),
        }
    }

    /// Changes the result, now or once it's available.
    pub fn map<U>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Step<U>
    where
        T: 'static,
    {
        match self {
            Self::Ready(result) => Step::Ready(change(result)),
            Self::Pending(pending) => Step::pending(async move { change(pending.await) }),
        }
    }
}

impl<T> From<T> for Step<T> {
    fn from(result: T) -> Self {
        Self::Ready(result)
    }
}

impl<T> Pending<T> {
    /// Boxes a future.
    pub fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl<T: 'static> Pending<T> {
    /// Continues with another step once the result is available.
    pub fn then<U: Send + 'static>(self, next: impl FnOnce(T) -> Step<U> + Send + 'static) -> Step<U> {
        Step::pending(async move { next(self.await).wait().await })
    }
}

impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pending").finish()
    }
}
