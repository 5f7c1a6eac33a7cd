use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::issue::TokenIssuer;
use crate::revocation::RevocationStore;
use crate::verify::Verifier;

use super::hooks::Hooks;
use super::journal::EndJournal;
use super::{Login, RefreshToken, Renewal, Session, SessionStore, SessionStoreError, SessionsBuilder};

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
    /// When the log last reported that the store went back, in seconds.
    pub(super) reported_at: AtomicU64,
}

impl Sessions {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Starts building sessions. `tokens` issues their tokens, and `store` keeps the sessions; use one store per issuer.
    pub fn builder(tokens: TokenIssuer, store: impl SessionStore + 'static) -> SessionsBuilder {
        SessionsBuilder::new(tokens, Arc::new(store))
    }

    /// Starts a login. Check the password, or your other proof of identity, before you call it.
    ///
    /// The claim `sub` is a string (RFC 7519 section 4.1.2). If your users have numbers, pass `id.to_string()`, and read the number
    /// back with `#[serde_as(as = "DisplayFromStr")] sub: u64` of the crate `serde_with`, or with `str::parse`.
    pub fn login(&self, subject: impl Into<String>) -> Login {
        Login::new(self.clone(), self.0.tokens.access(subject).fresh())
    }

    /// Returns a verifier that accepts only refresh tokens, for the layer of your own refresh route.
    ///
    /// It looks for the token where [`SessionsBuilder::sources`] says; [`Verifier::with_sources`](crate::Verifier::with_sources)
    /// changes that.
    #[must_use]
    pub fn refresh_verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// Verifies a refresh token, without looking up its session.
    ///
    /// # Errors
    ///
    /// The errors of [`Verifier::verify`]. An access token is refused with [`WrongType`](ErrorKind::WrongType).
    pub async fn verify(&self, token: &str) -> Result<RefreshToken, Error> {
        RefreshToken::of(&self.0.verifier.verify(token).await?)
    }

    /// Exchanges a refresh token for the next pair: `sessions.refresh(&token).await?`.
    ///
    /// | the token | result |
    /// | --- | --- |
    /// | is the session's current one | the next pair |
    /// | was exchanged last, and the next refresh token hasn't been exchanged yet | another copy of the next pair: the answer may have got lost |
    /// | is another copy of the token that was exchanged last, within the [grace period](SessionsBuilder::grace) | the same |
    /// | was exchanged earlier | [`RefreshReused`](ErrorKind::RefreshReused), and the session ends |
    /// | is newer than the store's record, because the store lost its last writes | the next pair |
    /// | has no session, or it or its session or subject was [revoked](SessionsBuilder::revocations) | [`SessionEnded`](ErrorKind::SessionEnded) |
    ///
    /// The access token has the claims of the login, but isn't [fresh](crate::authorize::fresh).
    ///
    /// # Errors
    ///
    /// Those in the table; [`UnknownIssuer`](ErrorKind::UnknownIssuer) or [`WrongAudience`](ErrorKind::WrongAudience) for a
    /// token of another service; [`InsufficientScope`](ErrorKind::InsufficientScope) and
    /// [`WrongClaim`](ErrorKind::WrongClaim) as described at [`Renewal`]; and
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) or
    /// [`RevocationUnavailable`](ErrorKind::RevocationUnavailable) if a store is unavailable: try again with the same token.
    pub fn refresh(&self, token: &RefreshToken) -> Renewal {
        Renewal { sessions: self.clone(), token: token.clone(), scope: None, client_id: None, cookies: None }
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

    pub(super) fn unavailable(&self, error: &SessionStoreError) -> Error {
        tracing::error!(%error, "sessions are unavailable");
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
