use std::fmt;

use async_trait::async_trait;

use super::{Rotation, RotationOutcome, SessionRecord};

/// Stores the sessions of one issuer.
///
/// Operations on a subject are atomic: a concurrent operation sees all of another's changes or none of them. A session is
/// always addressed together with its subject, so a store can keep a subject's sessions in one place, and an identifier
/// alone does not give access to another subject's session. Times are passed in. A store reads no clock, but may delete
/// sessions that [have ended](SessionRecord::has_ended) by itself.
///
/// Errors fail closed: while the store is unavailable, logins and refreshes are refused. A store may lose its last writes, in
/// a failover for example: [`Sessions`](super::Sessions) recognizes newer refresh tokens, and ends sessions again. Use
/// [`MemorySessions`](super::MemorySessions) for one process, and `RedisSessions` or `PostgresSessions` for a fleet.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't store sessions",
    note = "use `MemorySessions`, `RedisSessions` or `PostgresSessions`, or implement `SessionStore` for it, with \
            `#[async_trait]`"
)]
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync {
    /// Adds a session, and returns the identifiers of the sessions that were deleted for it.
    ///
    /// If the subject already has `most` sessions that have not ended at the new session's
    /// [`created_at`](SessionRecord::created_at), the least recently used ones are deleted.
    ///
    /// # Errors
    ///
    /// [`SessionStoreError::Full`] if the store has no space. No session is deleted then, except ended ones.
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError>;

    /// Exchanges a session's refresh token. Returns the session as it is afterwards.
    ///
    /// | if, at `now` | outcome | the session |
    /// | --- | --- | --- |
    /// | it does not exist or [has ended](SessionRecord::has_ended) | [`Ended`](RotationOutcome::Ended), `None` | may be deleted |
    /// | its [`device_key`](SessionRecord::device_key) isn't the rotation's, and the next row isn't met | [`Unproven`](RotationOutcome::Unproven) | is unchanged |
    /// | the rotation has a key, and `rotations` is greater, or the same and the session has no key | as below | changes as below, and gets the key |
    /// | `rotations` is its [`rotations`](SessionRecord::rotations) | [`Renewed`](RotationOutcome::Renewed) | `rotations` grows by one; `presented` becomes `exchanged`; `now` becomes `rotated_at` and `last_used_at`; `now + idle`, but at most `expires_at`, becomes `ends_at` |
    /// | `rotations` is greater, and `expires_at` has not passed | [`Adopted`](RotationOutcome::Adopted) | changes as above, and `rotations` becomes the token's plus one. If only `ends_at` has passed, it counts as not ended |
    /// | `rotations` is less by one, and `presented` is [`exchanged`](SessionRecord::exchanged) or `now < rotated_at + grace` | [`Repeated`](RotationOutcome::Repeated) | is unchanged |
    /// | otherwise | [`Reused`](RotationOutcome::Reused) | is unchanged: [`Sessions`](super::Sessions) ends it |
    ///
    /// Every outcome must come from a server that takes writes, also if nothing changes.
    ///
    /// [`SessionRecord::rotate`] is this table, for stores that can run it atomically. `Reused` does not delete the session, so
    /// that an operation that is carried out long after its caller gave up ends no session.
    async fn rotate(
        &self,
        rotation: &Rotation<'_>,
    ) -> Result<(RotationOutcome, Option<SessionRecord>), SessionStoreError>;

    /// Returns a session, also if its time is over.
    ///
    /// It's read before each refresh. That there is no session must come from a server that takes writes, because the user is
    /// logged out then: a replica, or a primary that was replaced, may lack the session.
    async fn find(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError>;

    /// Returns a subject's sessions that have not ended at `now`, the most recently used first.
    ///
    /// All of them must come from a server that takes writes, as for [`find`](Self::find). It's also asked for a session that
    /// `find` returned although its time is over.
    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError>;

    /// Deletes these sessions of a subject, and returns the identifiers of the ones that existed. It's called again for sessions
    /// whose end the store may have lost. If it returns no identifier, [`find`](Self::find) has to
    /// confirm that there is no session.
    ///
    /// The sessions are named, so that an operation that is carried out long after its caller gave up ends no later login.
    async fn end(&self, subject: &str, ids: &[&str]) -> Result<Vec<String>, SessionStoreError>;
}

/// Why a session store failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionStoreError {
    /// The store has no space for another session.
    Full,
    /// The store is unreachable or failed. The operation may have been carried out nevertheless.
    Unavailable(crate::error::BoxError),
}

impl fmt::Display for SessionStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the session store is full"),
            Self::Unavailable(error) => write!(f, "the session store is unavailable: {error}"),
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
