use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A result that is either available now or has to be waited for.
///
/// Every seam of this crate that may have to wait returns one, so that a request whose keys and answers are in memory
/// costs no future and no allocation. If you don't care which it is, use [`wait`](Self::wait):
///
/// ```
/// use jwt_core::Step;
///
/// # async fn example() {
/// let now = Step::Ready(1);
/// let later = Step::pending(async { 2 });
/// assert_eq!(now.wait().await + later.wait().await, 3);
/// # }
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third case")]
#[must_use = "a pending step does nothing until it's awaited"]
pub enum Step<T> {
    /// The result: nothing had to be waited for.
    Ready(T),
    /// The result has to be waited for.
    Pending(Pending<T>),
}

/// A future of a [`Step`]. It owns everything it needs, and dropping it cancels only its own caller's wait.
#[must_use = "futures do nothing unless polled"]
pub struct Pending<T>(Pin<Box<dyn Future<Output = T> + Send>>);

impl<T> Step<T> {
    /// Creates a step that waits for `future`.
    pub fn pending(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Pending(Pending(Box::pin(future)))
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
