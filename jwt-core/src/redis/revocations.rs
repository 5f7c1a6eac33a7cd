use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use ::redis::{IntoConnectionInfo, RedisError, Script};
use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::RedisSettings;
use super::codec::{Named, Record};
use super::feed::Follower;
use super::journal::{Journal, Ticket};
use super::link::{Failure, Link};
use crate::claims::NumericDate;
use crate::revocation::{
    Feed, Knowledge, MemoryRevocations, Moment, PendingStanding, Revocation, RevocationCount, RevocationList,
    RevocationStore, RevokeError, RevokeErrorKind, Standing, TokenIdentity, names, refusal,
};

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

/// The copy that all processes share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) link: Link,
    pub(super) settings: RedisSettings,
    pub(super) feed: Feed,
    pub(super) records: String,
    ends: String,
    pub(super) channel: String,
    /// What this process revoked, for a server that lost it.
    journal: Mutex<Journal>,
    /// Whether the server may not have all of it.
    pub(super) owes: AtomicBool,
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

/// So many of its own revocations does a process hold ready that the server has confirmed.
const MAX_JOURNAL: usize = 10_000;

/// Writes a record, unless a stricter one is there, tells everybody, and lets go of up to a hundred that have ended. One
/// script, so that no process sees a part of it. Times to live are added to the server's own clock.
static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local now = tonumber(redis.call('TIME')[1])
        local function later(one, other)
            if one == '*' or (other ~= '*' and tonumber(one) > tonumber(other)) then return one end
            return other
        end
        local cutoff, last = ARGV[2], ARGV[3]
        local known = redis.call('HGET', KEYS[1], ARGV[1])
        if known then
            local known_cutoff, known_last = string.match(known, '^(%S+) (%S+)$')
            cutoff, last = later(known_cutoff, cutoff), later(known_last, last)
        end
        local value = cutoff .. ' ' .. last
        redis.call('HSET', KEYS[1], ARGV[1], value)
        local ends = math.huge
        if ARGV[4] ~= '*' then ends = now + tonumber(ARGV[4]) end
        local known_end = redis.call('ZSCORE', KEYS[2], ARGV[1])
        if not known_end or (known_end ~= 'inf' and tonumber(known_end) < ends) then
            redis.call('ZADD', KEYS[2], ends == math.huge and '+inf' or ends, ARGV[1])
        end
        for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do
            redis.call('ZREM', KEYS[2], gone)
            redis.call('HDEL', KEYS[1], gone)
        end
        redis.call('PUBLISH', ARGV[5], value .. ' ' .. ARGV[1])
        return 1
        ",
    )
});

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
        let most = settings.revocations.capacity.max(MAX_JOURNAL);
        let server = Arc::new(Server {
            link,
            records: settings.key("revoked"),
            ends: settings.key("revoked:ends"),
            channel: settings.key("revoked"),
            settings,
            feed,
            journal: Mutex::new(Journal::new(MAX_JOURNAL, most)),
            owes: AtomicBool::new(false),
        });
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
    fn look_up(&self, token: &TokenIdentity<'_>) -> Standing {
        match self.0.near.remembered(token) {
            Standing::Good => match self.0.near.knowledge() {
                Knowledge::Complete => Standing::Good,
                Knowledge::Partial => self.0.server.ask(token),
                Knowledge::Stale => Standing::Unavailable,
            },
            standing => standing,
        }
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

impl Server {
    pub(super) fn now(&self) -> NumericDate {
        self.settings.revocations.clock.now().into()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.revocations.clock)
    }

    async fn write(&self, field: &str, record: &Record) -> Result<(), Failure> {
        let (cutoff, until) = record.value();
        let left = record.until.saturating_sub(self.now().seconds());
        if left <= 0 {
            return Ok(());
        }
        let left = if record.until == i64::MAX { "*".to_owned() } else { left.to_string() };
        let mut script = REVOKE.key(&self.records);
        script.key(&self.ends).arg(field).arg(cutoff).arg(until).arg(left).arg(&self.channel);
        self.link.run(&script).await
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what this process revoked and the server does not have.
    pub(super) async fn heal(&self) -> Result<(), Failure> {
        self.owes.store(false, Ordering::SeqCst);
        let healed = self.write_journal().await;
        if healed.is_err() {
            self.owes.store(true, Ordering::SeqCst);
        }
        healed
    }

    async fn write_journal(&self) -> Result<(), Failure> {
        let now = self.now().seconds();
        let journal: Vec<(String, Record, Ticket)> = self.journal().read(now);
        for part in journal.chunks(500) {
            let mut command = ::redis::cmd("HMGET");
            command.arg(&self.records);
            for (field, ..) in part {
                command.arg(field);
            }
            let there: Vec<Option<String>> = self.link.ask(&command).await?;
            for ((field, record, ticket), there) in part.iter().zip(there) {
                let covers = |there: &Record| there.cutoff >= record.cutoff && there.until >= record.until;
                if !there.as_deref().and_then(Record::read).is_some_and(|there| covers(&there)) {
                    self.write(field, record).await?;
                }
                self.journal().confirm(field, *ticket);
            }
        }
        Ok(())
    }

    /// Asks about a token of which this process knows nothing.
    fn ask(self: &Arc<Self>, token: &TokenIdentity<'_>) -> Standing {
        let mut command = ::redis::cmd("HMGET");
        command.arg(&self.records);
        let issuer = token.issuer.unwrap_or_default();
        for (kind, name) in names(token) {
            command.arg(Named { kind, issuer, name }.field());
        }
        let (server, issued_at) = (Arc::clone(self), token.issued_at);
        Standing::Pending(PendingStanding::new(async move {
            let Ok(records) = server.link.ask::<Vec<Option<String>>>(&command).await else {
                return Standing::Unavailable;
            };
            for record in records.into_iter().flatten() {
                let Some(record) = Record::read(&record) else { return Standing::Unavailable };
                if let Some(refusal) = refusal(record.cutoff, issued_at) {
                    return refusal;
                }
            }
            Standing::Good
        }))
    }
}
