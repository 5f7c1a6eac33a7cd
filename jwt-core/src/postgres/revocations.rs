use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use super::PostgresSettings;
use super::connection::{Connection, Failure};
use super::follower::Follower;
use super::record::RecordKey;
use super::table::Table;
use crate::revocation::{
    Coverage, MemoryRevocations, Origin, Record, Revocation, RevocationList, RevocationListStatus, RevocationStore,
    RevokeError, Standing, TokenIdentity,
};
use crate::step::Step;

/// A revocation list that every process of a fleet shares, in a table on a Postgres server.
///
/// Each process keeps all revocations in memory and looks tokens up there. `NOTIFY` brings what other processes revoke. A
/// process that cannot prove for [`staleness`](crate::revocation::RevocationSettings::staleness) that it missed nothing answers with 503 until it
/// can, so no token is accepted for longer than that after its revocation. [The guide](crate::guide::postgres) has the exceptions: a
/// server that loses data, and a primary that was cut off.
///
/// If there are more revocations than [fit into memory](crate::revocation::RevocationSettings::capacity), the process asks
/// the server about each token that it does not find in memory. Clones are the same list. The background task ends when the
/// last clone is dropped.
///
/// ```no_run
/// use jwt_core::Verifier;
/// use jwt_core::store::{PostgresRevocations, PostgresSettings, tokio_postgres};
///
/// # async fn start(issuer: jwt_core::TrustedIssuer) -> Result<(), Box<dyn std::error::Error>> {
/// let config: tokio_postgres::Config = "host=/run/postgresql user=shop dbname=shop".parse()?;
/// let revocations = PostgresRevocations::connect(config, tokio_postgres::NoTls, PostgresSettings::new());
/// // Until everything was read, requests are answered with 503.
/// revocations.synced().await;
/// let verifier = Verifier::builder().issuer(issuer).revocations(revocations.clone()).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresRevocations(Arc<Shared>);

struct Shared {
    local: MemoryRevocations,
    table: Arc<Table>,
    synced: watch::Receiver<bool>,
    follower: AbortHandle,
}

impl PostgresRevocations {
    /// Connects in the background, without waiting for it.
    ///
    /// Requests are answered with 503 until everything was read. Await [`synced`](Self::synced) if you want to wait.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn connect<T>(config: Config, tls: T, settings: PostgresSettings) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let hosts =
            (config.get_hosts(), config.get_ports(), config.get_dbname(), config.get_user(), config.get_options());
        let store = format!("postgres {hosts:?}");
        let connection = Connection::new(config, tls, &settings);
        let (local, feed) = MemoryRevocations::with_store(settings.revocations.clone(), &store);
        let table = Arc::new(Table::new(connection, settings, feed));
        let (follower, synced) = Follower::new(Arc::clone(&table));
        let follower = tokio::spawn(follower.run()).abort_handle();
        Self(Arc::new(Shared { local, table, synced, follower }))
    }

    /// Waits until everything was read from the server for the first time.
    pub async fn synced(&self) {
        // An error would mean that the task has ended, but it runs as long as this value exists.
        let _ = self.0.synced.clone().wait_for(|synced| *synced).await;
    }

    /// Revokes tokens in every process.
    ///
    /// Once this returns, this process refuses the tokens, and the server has committed the revocation and its message to the
    /// others. After an error this process refuses them too, and sends the revocation when the server is back. If the server loses
    /// it, this process sends it again, as long as it's one of its last 10,000.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](RevokeError::MissingClaim) if the token lacks the claim to revoke it by,
    /// [`Full`](RevokeError::Full) if the server has no space or the names are too long for its index, and
    /// [`Unavailable`](RevokeError::Unavailable) if it did not confirm in time.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        if let Some(claim) = revocation.missing_claim() {
            return Err(RevokeError::MissingClaim(claim));
        }
        let table = &self.0.table;
        let (kind, issuer, name) = (revocation.kind, revocation.issuer.clone(), revocation.name.clone());
        let key = RecordKey { kind, issuer, name };
        let until = revocation.remember_until(table.now(), &table.settings.revocations);
        let record = Record { cutoff: revocation.cutoff, until };
        table.remember(&key, record, Origin::Process);
        let write = table.journal.add(key, record);
        table.write(&write).await.map_err(|failure| match failure {
            Failure::Full | Failure::TooLong => RevokeError::Full,
            Failure::Unreachable => RevokeError::Unavailable,
        })
    }

    /// Deletes revocations whose tokens have expired, and returns how many there were. Call it every hour or so.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](RevokeError::Unavailable) if the server fails; rows that were deleted before stay deleted.
    pub async fn remove_expired(&self) -> Result<u64, RevokeError> {
        self.0.table.remove_expired().await.map_err(|_| RevokeError::Unavailable)
    }

    /// Returns whether the list is current: whether the process knows every revocation of the last
    /// [`staleness`](crate::revocation::RevocationSettings::staleness). If not, requests are answered with 503.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.0.local.coverage() != Coverage::Stale
    }

    /// Returns how full the memory of this process is, and how far its clock is from the server's.
    #[must_use]
    pub fn status(&self) -> RevocationListStatus {
        self.0.local.status()
    }
}

impl RevocationList for PostgresRevocations {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        let Shared { local, table, .. } = &*self.0;
        let losses = table.feed.losses();
        match local.look_up_or_ask(token) {
            Ok(standing) => Step::Ready(standing),
            Err(unconfirmed) => table.look_up(token, losses, unconfirmed),
        }
    }
}

#[async_trait]
impl RevocationStore for PostgresRevocations {
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
        self.table.feed.save();
    }
}

// Revocations that wait for the server have subjects, sessions and token ids in clear, which must not reach a log.
impl fmt::Debug for PostgresRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRevocations").field("is_current", &self.is_current()).finish_non_exhaustive()
    }
}
