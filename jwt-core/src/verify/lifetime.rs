//! How long a token is good that was good once: for streams, sockets and everything else that outlives a request.

use std::future::Future;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::verified::Verified;

/// How often is looked after a token that is waited for.
const CHECKED_EVERY: Duration = Duration::from_secs(30);

/// Clocks and timers differ by less.
const LEAST_SLEEP: Duration = Duration::from_millis(1);

impl Verified {
    /// Returns how long the token will still be accepted, as the verifier's clock and leeway have it; `None` where it has
    /// no `exp`, which only [`dangerous_without_expiry`](crate::TrustedIssuer::dangerous_without_expiry) lets pass.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let ends_at = self.registered().expires_at()?.plus(self.leeway());
        Some(ends_at.since(self.now()))
    }

    /// Waits until the token is good no more, and returns why: it has expired or was revoked.
    ///
    /// A request is judged when it comes; a stream or a WebSocket goes on for hours. Whoever serves one waits for this
    /// besides, and ends it. `sleep` is the runtime's, so that none is needed here: `tokio::time::sleep`, or
    /// `actix_web::rt::time::sleep`.
    ///
    /// The token is looked after every 30 seconds and when it expires: a revocation is noticed after that time at the
    /// latest, and so is a clock that was set. A [revocation list](crate::revocation) that cannot tell ends the wait with
    /// the code `revocation_unavailable`, because an outage lets nobody pass; who would rather go on waits again. The
    /// application's rules, the keys and a maximum age are not asked again.
    ///
    /// ```
    /// # use futures_util::StreamExt as _;
    /// # fn numbers() -> impl futures_util::Stream<Item = u32> { futures_util::stream::iter([1, 2]) }
    /// # fn f(verified: jwt_core::Verified) {
    /// // A stream, for example of server-sent events:
    /// let events = numbers().take_until(verified.ended(tokio::time::sleep));
    /// # }
    /// # trait Socket { async fn recv(&mut self) -> Option<String>; }
    /// # async fn serve(verified: jwt_core::Verified, mut socket: impl Socket) {
    ///
    /// // A WebSocket:
    /// let mut ended = std::pin::pin!(verified.ended(tokio::time::sleep));
    /// loop {
    ///     tokio::select! {
    ///         message = socket.recv() => {
    ///             let Some(_) = message else { break };
    ///             // …
    ///         }
    ///         _error = &mut ended => break, // and tell the client
    ///     }
    /// }
    /// # }
    /// ```
    pub fn ended<S, F>(&self, mut sleep: S) -> impl Future<Output = Error> + use<S, F>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        let verified = self.clone();
        async move {
            loop {
                let remaining = verified.remaining();
                if remaining == Some(Duration::ZERO) {
                    return ErrorKind::Expired.into();
                }
                if let Some(recheck) = verified.recheck()
                    && let Err(error) = recheck(&verified).await
                {
                    return error;
                }
                sleep(remaining.unwrap_or(CHECKED_EVERY).clamp(LEAST_SLEEP, CHECKED_EVERY)).await;
            }
        }
    }
}
