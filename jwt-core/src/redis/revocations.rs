use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::RedisError;
use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::RedisSettings;
use super::address::without_secrets;
use super::codec::RecordKey;
use super::connection::Connection;
use super::failure::Failure;
use super::follower::Follower;
use super::server::Server;
use crate::revocation::{
    Coverage, MemoryRevocations, Origin, Record, Revocation, RevocationList, RevocationListStatus, RevocationStore,
    RevokeError, Standing, TokenIdentity,
};
use crate::step::Step;

/// A revocation list that every process of a fleet shares.
///
/// Each process keeps all revocations in memory and looks tokens up there. The server sends what other processes revoke. A
/// process that no primary has answered for [`staleness`](crate::revocation::RevocationSettings::staleness) answers with 503 until one does, so no
/// token is accepted for longer than that after its revocation. [The guide](crate::guide::redis) has the exceptions: a
/// server that loses data, and a primary that was cut off.
///
/// If there are more revocations than [fit into memory](crate::revocation::RevocationSettings::capacity), the process asks
/// the server about each token that it does not find in memory. Clones are the same list. The background task ends when the
/// last clone is dropped.
#[derive(Clone)]
pub struct RedisRevocations(Arc<Shared>);

struct Shared {
    local: MemoryRevocations,
    server: Arc<Server>,
    synced: watch::Receiver<bool>,
    follower: AbortHandle,
}

impl RedisRevocations {
    /// Connects in the background. The address is like `redis://127.0.0.1/`; [the guide](crate::guide::redis) has the forms
    /// for TLS, Sentinel and a cluster.
    ///
    /// This does not wait for the connection: requests are answered with 503 until everything was read. Await
    /// [`synced`](Self::synced) if you want to wait.
    ///
    /// # Errors
    ///
    /// The address is invalid.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn connect(address: impl AsRef<str>, settings: RedisSettings) -> Result<Self, RedisError> {
        let connection = Connection::new(address.as_ref(), &settings)?;
        let store = format!("redis {} {}", without_secrets(address.as_ref()), settings.prefix);
        let (local, feed) = MemoryRevocations::with_store(settings.revocations.clone(), &store);
        let server = Arc::new(Server::new(connection, settings, feed));
        let (follower, synced) = Follower::new(Arc::clone(&server));
        let follower = tokio::spawn(follower.run()).abort_handle();
        Ok(Self(Arc::new(Shared { local, server, synced, follower })))
    }

    /// Waits until everything was read from the server for the first time.
    pub async fn synced(&self) {
        // An error would mean that the task has ended, but it runs as long as this value exists.
        let _ = self.0.synced.clone().wait_for(|synced| *synced).await;
    }

    /// Revokes tokens in every process.
    ///
    /// Once this returns, this process refuses the tokens, and the server has sent the revocation to the others. After an
    /// error this process refuses them too, and sends the revocation when the server is back.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](RevokeError::MissingClaim) if the token lacks the claim to revoke it by,
    /// [`Full`](RevokeError::Full) if the server is full, and [`Unavailable`](RevokeError::Unavailable) if it did not
    /// confirm in time.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        if let Some(claim) = revocation.missing_claim() {
            return Err(RevokeError::MissingClaim(claim));
        }
        let server = &self.0.server;
        let until = revocation.remember_until(server.now(), &server.settings.revocations);
        let key = RecordKey { kind: revocation.kind, issuer: &revocation.issuer, name: &revocation.name };
        let record = Record { cutoff: revocation.cutoff, until };
        // If the memory is full, look-ups ask the server from now on.
        server.remember(record, key, Origin::Process);
        let write = server.journal.add(key.field(), record);
        server.write(&write).await.map_err(|failure| match failure {
            Failure::Full => RevokeError::Full,
            Failure::Unreachable => RevokeError::Unavailable,
        })
    }

    /// Returns whether the server was heard from recently enough. If not, requests are answered with 503.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.0.local.coverage() != Coverage::Stale
    }

    /// Returns whether the list is current and all revocations are in memory. If it's current but incomplete, the server is asked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.local.coverage() == Coverage::Complete
    }

    /// Returns how full the memory of this process is, and how far its clock is from the server's.
    #[must_use]
    pub fn status(&self) -> RevocationListStatus {
        self.0.local.status()
    }
}

impl RevocationList for RedisRevocations {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        let Shared { local, server, .. } = &*self.0;
        let losses = server.feed.losses();
        match local.look_up_or_ask(token) {
            Ok(standing) => Step::Ready(standing),
            Err(unconfirmed) => server.look_up(token, losses, unconfirmed),
        }
    }
}

#[async_trait]
impl RevocationStore for RedisRevocations {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        Self::revoke(self, revocation).await
    }

    fn remembers_for(&self) -> Option<Duration> {
        self.0.local.remembers_for()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.follower.abort();
        self.server.feed.save();
    }
}

// The journal has subjects, sessions and token ids in clear, which must not reach a log.
impl fmt::Debug for RedisRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRevocations").field("is_current", &self.is_current()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::verify::Verifier;

    #[tokio::test]
    async fn debug_shows_no_subject_session_or_token_id() {
        // Nothing listens there, so the journal keeps every revocation for later.
        let settings = RedisSettings::new().timeout(Duration::from_millis(100));
        let list = RedisRevocations::connect("redis://:password@127.0.0.1:1/", settings).expect("a valid address");
        for revocation in [
            Revocation::subject("https://id.example", "ada@example.org", Duration::from_secs(1 << 40)),
            Revocation::session("https://id.example", "session-7"),
            Revocation::token_id("https://id.example", "token-7", Duration::from_secs(1 << 40)),
        ] {
            let error = list.revoke(&revocation).await.expect_err("no server");
            assert_eq!(error, RevokeError::Unavailable);
        }
        let builder = Verifier::builder().revocations(list.clone());
        for text in [format!("{list:?}"), format!("{list:#?}"), format!("{builder:?}"), format!("{builder:#?}")] {
            for secret in ["ada", "session-7", "token-7", "id.example", "password"] {
                assert!(!text.contains(secret), "{secret}: {text}");
            }
        }
    }
}
