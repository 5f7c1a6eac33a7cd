//! How long a verified token stays valid, for streams, sockets and other work that outlives a request.

use std::future::Future;
use std::time::Duration;

use super::Verified;
use crate::error::{Error, ErrorKind};

/// How often a token is re-checked while waiting for it to end.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The shortest sleep: a timer may fire slightly before the clock reaches the time.
const MIN_SLEEP: Duration = Duration::from_millis(1);

impl Verified {
    /// Returns the time until the token expires, by the verifier's clock and leeway.
    ///
    /// `None` if the token has no `exp`, which only
    /// [`dangerous_without_expiry`](crate::TrustedIssuer::dangerous_without_expiry) allows.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        let ends_at = self.registered().expires_at()?.plus(self.leeway());
        Some(ends_at.since(self.now()))
    }

    /// Waits until the token is no longer valid, and returns the reason: it expired or was revoked.
    ///
    /// A request is checked when it arrives, but a stream or a WebSocket can stay open for hours. Wait for this future as well, and
    /// close the connection when it completes. Pass the sleep function of your runtime: `tokio::time::sleep` or
    /// `actix_web::rt::time::sleep`.
    ///
    /// The token is checked at once, every 30 seconds, and when it expires, so a revocation ends it at most 30 seconds after this
    /// process has learned of it. If the [revocation list](crate::revocation) is unavailable, the future completes with the code
    /// `revocation_unavailable`; if you'd rather keep the connection, sleep for some seconds and call `until_invalid` again. Your
    /// application's rules, the keys and the maximum age are not checked again.
    ///
    /// ```
    /// # use futures_util::StreamExt as _;
    /// # fn numbers() -> impl futures_util::Stream<Item = u32> { futures_util::stream::iter([1, 2]) }
    /// # fn f(verified: jwt_core::Verified) {
    /// // A stream, for example server-sent events:
    /// let events = numbers().take_until(verified.until_invalid(tokio::time::sleep));
    /// # }
    /// # trait Socket { async fn recv(&mut self) -> Option<String>; }
    /// # async fn serve(verified: jwt_core::Verified, mut socket: impl Socket) {
    ///
    /// // A WebSocket:
    /// let mut invalid = std::pin::pin!(verified.until_invalid(tokio::time::sleep));
    /// loop {
    ///     tokio::select! {
    ///         message = socket.recv() => {
    ///             let Some(_) = message else { break };
    ///             // …
    ///         }
    ///         _reason = &mut invalid => break, // and tell the client
    ///     }
    /// }
    /// # }
    /// ```
    pub fn until_invalid<S, F>(&self, mut sleep: S) -> impl Future<Output = Error> + use<S, F>
    where
        S: FnMut(Duration) -> F,
        F: Future<Output = ()>,
    {
        let verified = self.clone();
        async move {
            loop {
                let left = verified.expires_in();
                if left == Some(Duration::ZERO) {
                    return ErrorKind::Expired.into();
                }
                if let Some(recheck) = verified.recheck()
                    && let Err(error) = recheck(&verified).await
                {
                    return error;
                }
                sleep(left.unwrap_or(CHECK_INTERVAL).clamp(MIN_SLEEP, CHECK_INTERVAL)).await;
            }
        }
    }
}
