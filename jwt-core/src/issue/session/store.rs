use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What a store keeps of a session. It holds no token, so that whoever reads the store cannot act as anybody.
///
/// All times are whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The session's identifier, 128 random bits in base64url: the claim `sid` of its tokens.
    pub id: String,
    /// Whose session it is: the claim `sub` of its tokens.
    pub subject: String,
    /// What the application calls the device, to be shown to its user.
    pub device: Option<String>,
    /// When the user logged in: the claim `auth_time` of its tokens.
    pub created_at: u64,
    /// When it was last refreshed, or created.
    pub last_used_at: u64,
    /// When it ends unless it is refreshed before: never later than `expires_at`.
    pub ends_at: u64,
    /// When it ends, however often it is refreshed.
    pub expires_at: u64,
    /// The `jti` of the refresh token that is good now.
    pub token_id: String,
    /// The `jti` of the one before.
    pub previous_token_id: Option<String>,
    /// When the one before was exchanged for this one, or the session was created.
    pub rotated_at: u64,
    /// What its access tokens say besides: a JSON text that means something to its writer alone.
    pub grant: String,
}

impl SessionRecord {
    /// Makes the record of a session that begins at `now`.
    #[must_use]
    pub fn new(id: impl Into<String>, subject: impl Into<String>, token_id: impl Into<String>, now: u64) -> Self {
        Self {
            id: id.into(),
            subject: subject.into(),
            device: None,
            created_at: now,
            last_used_at: now,
            ends_at: now,
            expires_at: now,
            token_id: token_id.into(),
            previous_token_id: None,
            rotated_at: now,
            grant: String::new(),
        }
    }

    /// Returns whether it is over at `now`.
    #[must_use]
    pub const fn is_over(&self, now: u64) -> bool {
        now >= self.ends_at
    }

    /// Exchanges the session's refresh token, as [`SessionStore::rotate`] says: for stores that do it in this process.
    ///
    /// The record is changed where the outcome is [`Outcome::Renewed`]; where it is [`Outcome::Reused`] or
    /// [`Outcome::Over`], the store must forget it.
    pub fn rotate(&mut self, rotation: &Rotation<'_>) -> Outcome {
        let now = rotation.now;
        if self.is_over(now) {
            return Outcome::Over;
        }
        if self.token_id == rotation.presented {
            self.previous_token_id = Some(std::mem::replace(&mut self.token_id, rotation.next.to_owned()));
            self.rotated_at = now;
            self.last_used_at = now;
            self.ends_at = now.saturating_add(rotation.idle).min(self.expires_at);
            return Outcome::Renewed;
        }
        let repeats = self.previous_token_id.as_deref() == Some(rotation.presented);
        if repeats && now < self.rotated_at.saturating_add(rotation.grace) {
            Outcome::Repeated
        } else {
            Outcome::Reused
        }
    }
}

// A session says who uses what and when.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("created_at", &self.created_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// The wish to exchange a refresh token for the next one.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rotation<'r> {
    /// Whose session it is.
    pub subject: &'r str,
    /// The session.
    pub id: &'r str,
    /// The `jti` of the token that was presented.
    pub presented: &'r str,
    /// The `jti` of the token that takes its place.
    pub next: &'r str,
    /// The time, in seconds since 1970-01-01T00:00:00Z.
    pub now: u64,
    /// For how many seconds the token before may be presented again.
    pub grace: u64,
    /// For how many seconds the session goes on from now, unless it expires before.
    pub idle: u64,
}

impl<'r> Rotation<'r> {
    /// Makes the wish to exchange, in the session `id` of `subject`, the token `presented` for `next`; without a grace
    /// and with an end at once.
    #[must_use]
    pub const fn new(subject: &'r str, id: &'r str, presented: &'r str, next: &'r str, now: u64) -> Self {
        Self { subject, id, presented, next, now, grace: 0, idle: 0 }
    }

    /// Sets the grace, in seconds.
    #[must_use]
    pub const fn grace(mut self, seconds: u64) -> Self {
        self.grace = seconds;
        self
    }

    /// Sets for how many seconds the session goes on.
    #[must_use]
    pub const fn idle(mut self, seconds: u64) -> Self {
        self.idle = seconds;
        self
    }
}

impl fmt::Debug for Rotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("now", &self.now)
            .field("grace", &self.grace)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

/// What a [`Rotation`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an outcome that is not known could only be refused")]
pub enum Outcome {
    /// The token was the good one, and is exchanged.
    Renewed,
    /// The token was exchanged a moment ago, within the grace: nothing changes.
    Repeated,
    /// The token was exchanged before: somebody else may have it. The session is forgotten.
    Reused,
    /// The session is over, or not known.
    Over,
}

/// Why a store does not do what it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionStoreError {
    /// It has room for no more sessions.
    Full,
    /// It cannot be reached, or failed. What was asked may have been done all the same.
    Unavailable(crate::error::BoxError),
}

impl fmt::Display for SessionStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the store of sessions is full"),
            Self::Unavailable(error) => write!(f, "the store of sessions is unavailable: {error}"),
        }
    }
}

impl std::error::Error for SessionStoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Full => None,
            Self::Unavailable(error) => Some(&**error),
        }
    }
}

/// Keeps sessions, for one issuer.
///
/// Each operation is atomic: of several at once on the same subject, each sees all of another or nothing of it. A session
/// is always named together with its subject, so that a store can keep all of a subject's sessions in one place, and
/// nobody can reach those of others. Times are passed in; a store reads no clock, though it may let go of what is
/// [over](SessionRecord::is_over) by itself.
///
/// It fails closed: whoever gets no answer is not let in. The default is [`MemorySessions`](super::MemorySessions), for one
/// process; the null object [`NoSessions`].
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync {
    /// Adds a session. Where its subject has `most` of them already that are not over at the new one's
    /// [`created_at`](SessionRecord::created_at), those that were used longest ago are forgotten, as many as needed; their
    /// identifiers are returned.
    ///
    /// # Errors
    ///
    /// [`SessionStoreError::Full`] where there is no room, and then nothing was forgotten that is not over.
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError>;

    /// Exchanges a session's refresh token, and returns the session as it is afterwards; as it was, where it is forgotten.
    ///
    /// | at that time | outcome | the session |
    /// | --- | --- | --- |
    /// | it is not known, or [over](SessionRecord::is_over) | [`Over`](Outcome::Over), `None` | forgotten |
    /// | `presented` is its [`token_id`](SessionRecord::token_id) | [`Renewed`](Outcome::Renewed) | `token_id` becomes `previous_token_id`, `next` becomes `token_id`, `now` becomes `rotated_at` and `last_used_at`, and `now + idle`, but at most `expires_at`, becomes `ends_at` |
    /// | `presented` is its [`previous_token_id`](SessionRecord::previous_token_id), and `now < rotated_at + grace` | [`Repeated`](Outcome::Repeated) | unchanged |
    /// | otherwise | [`Reused`](Outcome::Reused) | forgotten |
    async fn rotate(&self, rotation: &Rotation<'_>) -> Result<(Outcome, Option<SessionRecord>), SessionStoreError>;

    /// Returns a session that is not over at `now`.
    async fn find(&self, subject: &str, id: &str, now: u64) -> Result<Option<SessionRecord>, SessionStoreError>;

    /// Returns a subject's sessions that are not over at `now`, the one that was used last first.
    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError>;

    /// Forgets a session, and returns whether it was there.
    async fn end(&self, subject: &str, id: &str) -> Result<bool, SessionStoreError>;

    /// Forgets all sessions of a subject but one, and returns the identifiers of those that were there.
    async fn end_all(&self, subject: &str, but: Option<&str>) -> Result<Vec<String>, SessionStoreError>;
}

/// The store that keeps nothing: nobody can log in, and every refresh token is refused.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct NoSessions;

#[async_trait]
impl SessionStore for NoSessions {
    async fn create(&self, _: &SessionRecord, _: usize) -> Result<Vec<String>, SessionStoreError> {
        Err(SessionStoreError::Full)
    }

    async fn rotate(&self, _: &Rotation<'_>) -> Result<(Outcome, Option<SessionRecord>), SessionStoreError> {
        Ok((Outcome::Over, None))
    }

    async fn find(&self, _: &str, _: &str, _: u64) -> Result<Option<SessionRecord>, SessionStoreError> {
        Ok(None)
    }

    async fn list(&self, _: &str, _: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        Ok(Vec::new())
    }

    async fn end(&self, _: &str, _: &str) -> Result<bool, SessionStoreError> {
        Ok(false)
    }

    async fn end_all(&self, _: &str, _: Option<&str>) -> Result<Vec<String>, SessionStoreError> {
        Ok(Vec::new())
    }
}
