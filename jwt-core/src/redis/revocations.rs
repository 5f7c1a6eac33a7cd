use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::redis::{IntoConnectionInfo, RedisError};
use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::RedisSettings;
use super::codec::{Named, Record};
use super::feed::Follower;
use super::link::{Failure, Link};
use super::server::Server;
use crate::revocation::{
    Knowledge, MemoryRevocations, Revocation, RevocationCount, RevocationList, RevocationStore, RevokeError,
    RevokeErrorKind, Standing, TokenIdentity,
};
use crate::step::Step;

/// Revocations that every process of a fleet knows.
///
/// Each process keeps all of them in its memory and looks tokens up there. What another process revokes arrives as soon
/// as the server has it; a process that has not heard from the server for longer than
/// [`staleness`](RedisSettings::staleness) answers 503 until it has. So a token is accepted that long after its
/// revocation at the most. Where there are more revocations than a process may remember, it asks the server about every
/// token that it knows nothing of. Clones are one list; the work in the background ends with the last of them.
#[derive(Clone, Debug)]
pub struct RedisRevocations(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    near: MemoryRevocations,
    server: Arc<Server>,
    synced: watch::Receiver<bool>,
    follower: AbortHandle,
}

/// How the list of one process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisHealth {
    /// Whether it can tell: the server was heard from recently enough.
    pub is_current: bool,
    /// Whether everything found room. If not, the server is asked about tokens.
    pub is_complete: bool,
    /// How full the memory of this process is.
    pub count: RevocationCount,
}

impl RedisRevocations {
    /// Starts to follow the server; `server` is an address such as `redis://127.0.0.1/`.
    ///
    /// Nothing is waited for: until the server has been read, requests are answered 503.
    ///
    /// # Errors
    ///
    /// The address is none.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn start(server: impl IntoConnectionInfo, settings: RedisSettings) -> Result<Self, RedisError> {
        let link = Link::new(server, settings.timeout)?;
        let (near, feed) = MemoryRevocations::fed(settings.revocations.clone(), settings.staleness);
        let server = Arc::new(Server::new(link, settings, feed));
        let (follower, synced) = Follower::new(Arc::clone(&server));
        let follower = tokio::spawn(follower.follow()).abort_handle();
        Ok(Self(Arc::new(Shared { near, server, synced, follower })))
    }

    /// Waits until the server was read for the first time.
    pub async fn synced(&self) {
        // An error would say that the task has ended, which it does not while this value is there.
        let _ = self.0.synced.clone().wait_for(|synced| *synced).await;
    }

    /// Takes tokens back, in every process.
    ///
    /// When this returns, this process refuses them, and the server has told the others. After an error this process
    /// refuses them too, and tells the server when it is back.
    ///
    /// # Errors
    ///
    /// The token lacks the claim that it would be known by, or the server did not confirm in time.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        if let Some(claim) = revocation.missing() {
            return Err(RevokeError::missing(claim));
        }
        let server = &self.0.server;
        let now = server.now();
        let until = revocation.until(now, server.settings.revocations.longest_lifetime);
        let named = Named { kind: revocation.kind, issuer: &revocation.issuer, name: &revocation.name };
        let record = Record { cutoff: revocation.cutoff, until };
        // Where there is no room, the server is asked from now on.
        let _ = server.feed.remember((named.kind, named.issuer, named.name), record.cutoff, record.until);
        let field = named.field();
        let (record, ticket) = server.journal().note(&field, record);
        if let Err(failure) = server.write(&field, &record).await {
            server.owes.store(true, Ordering::SeqCst);
            return Err(match failure {
                Failure::Full => RevokeErrorKind::Full.into(),
                Failure::Unreachable => RevokeErrorKind::Unavailable.into(),
            });
        }
        if let Some(ticket) = ticket {
            server.journal().confirm(&field, ticket);
        }
        Ok(())
    }

    /// Returns how the list is doing.
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        let knowledge = self.0.near.knowledge();
        RedisHealth {
            is_current: knowledge != Knowledge::Stale,
            is_complete: knowledge == Knowledge::Complete,
            count: self.0.near.count(),
        }
    }
}

impl RevocationList for RedisRevocations {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        Step::Ready(match self.0.near.remembered(token) {
            Standing::Good => match self.0.near.knowledge() {
                Knowledge::Complete => Standing::Good,
                Knowledge::Partial => return self.0.server.ask(token),
                Knowledge::Stale => Standing::Unavailable,
            },
            standing => standing,
        })
    }
}

#[async_trait]
impl RevocationStore for RedisRevocations {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        Self::revoke(self, revocation).await
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.follower.abort();
    }
}
