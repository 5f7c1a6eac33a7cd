use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::issue::TokenIssuer;
use crate::observe::{Event, OptionalObserver, Warned};
use crate::revocation::RevocationStore;
use crate::verify::Verifier;

use super::hooks::Hooks;
use super::journal::EndJournal;
use super::{Session, SessionStore, SessionStoreError};

/// Begins, refreshes, lists and ends login sessions.
///
/// A refresh token is exchanged for a new pair of tokens. If it's used again after the next one was exchanged, it may be
/// stolen, and the session ends for everyone who has its tokens (RFC 9700 section 4.14.2). Cloning is cheap, and clones share
/// the same sessions.
///
/// ```
/// use jwt_core::crypto::SigningKey;
/// use jwt_core::issue::{KeyRing, TokenIssuer};
/// use jwt_core::issue::{MemorySessions, Sessions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
/// let tokens = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
/// let sessions = Sessions::builder(tokens, MemorySessions::new()).build()?;
///
/// // After you have checked the password:
/// let pair = sessions.login("joe").scope(["reports:read"]).device("Firefox on Linux").start().await?;
///
/// // When the access token has expired:
/// let token = sessions.verify(&pair.refresh.token).await?;
/// let next = sessions.refresh(&token).await?;
///
/// assert_eq!(sessions.list("joe").await?.len(), 1);
/// sessions.end_all("joe").await?;
/// let token = sessions.verify(&next.refresh.token).await?;
/// assert_eq!(sessions.refresh(&token).await.unwrap_err().code(), "session_ended");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sessions(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) tokens: TokenIssuer,
    pub(super) store: Arc<dyn SessionStore>,
    /// Accepts only refresh tokens.
    pub(super) verifier: Verifier,
    /// Accepts only challenges for devices.
    pub(super) challenges: Verifier,
    /// The path of the refresh endpoint, if browsers may bind sessions to their devices.
    pub(super) device_path: Option<String>,
    /// The hosts whose pages may cause a refresh of such a session, beside those of the endpoint's origin.
    pub(super) refresh_initiators: Vec<String>,
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    /// In seconds.
    pub(super) grace: u64,
    pub(super) max_per_subject: usize,
    pub(super) hooks: Hooks,
    /// Asked at each refresh.
    pub(super) lists: Vec<Arc<dyn RevocationStore>>,
    pub(super) journal: EndJournal,
    /// Whether a request is ending sessions again.
    pub(super) is_healing: AtomicBool,
    pub(super) warned: Warned,
    /// Whether it's known if browsers send the refresh token to the endpoints, or the log has said that they don't.
    pub(super) is_path_known: AtomicBool,
    pub(super) observer: OptionalObserver,
}

impl Sessions {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Returns a subject's sessions, the most recently used first.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) if the store is unavailable.
    pub async fn list(&self, subject: &str) -> Result<Vec<Session>, Error> {
        let records = self.0.store.list(subject, self.now().as_secs()).await;
        let records = records.map_err(|error| self.unavailable(&error))?;
        Ok(records.into_iter().map(Session::from_record).collect())
    }

    /// Returns the issuer of the tokens.
    #[must_use]
    pub fn tokens(&self) -> &TokenIssuer {
        &self.0.tokens
    }

    pub(super) fn now(&self) -> Duration {
        self.0.tokens.clock().now()
    }

    pub(super) fn observe(&self, event: Event<'_>) {
        self.0.observer.observe(event);
    }

    /// Counts a fault. If it's to be logged now, returns how often it was met since the last line about it.
    pub(super) fn due(&self, fault: &str) -> Option<u64> {
        self.0.warned.due(fault, self.0.tokens.clock().monotonic())
    }

    pub(super) fn unavailable(&self, error: &SessionStoreError) -> Error {
        if let Some(times) = self.due(&error.to_string()) {
            tracing::error!(%error, times, "sessions are unavailable");
        }
        if matches!(error, SessionStoreError::Unavailable(_)) {
            self.0.journal.pause(self.0.tokens.clock().monotonic());
        }
        ErrorKind::SessionsUnavailable.into()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("tokens", &self.0.tokens).field("store", &self.0.store).finish_non_exhaustive()
    }
}
