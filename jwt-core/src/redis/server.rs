use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use ::redis::Script;

use super::RedisSettings;
use super::codec::{Record, RecordKey};
use super::connection::{Connection, Failure};
use super::journal::{Journal, WriteId};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::revocation::{Feed, Standing, TokenIdentity, revocable_claims, standing_at_cutoff};
use crate::step::Step;

/// The server's copy of the revocations, and this process's journal.
pub(super) struct Server {
    pub(super) connection: Connection,
    pub(super) settings: RedisSettings,
    pub(super) feed: Feed,
    pub(super) records: String,
    ends: String,
    pub(super) channel: String,
    /// The revocations of this process, to restore a server that lost them.
    journal: Mutex<Journal>,
    /// Whether the server may lack revocations of this process.
    pub(super) needs_restore: AtomicBool,
}

/// How many confirmed revocations a process keeps, to restore a server that lost its data.
const MAX_JOURNAL: usize = 10_000;

/// Merges a record with the stored one, publishes it, and removes up to a hundred records that have ended. A single script,
/// so the change is atomic. Remaining times are added to the server's own clock.
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

impl Server {
    pub(super) fn new(connection: Connection, settings: RedisSettings, feed: Feed) -> Self {
        let most = settings.revocations.capacity.max(MAX_JOURNAL);
        Self {
            connection,
            records: settings.key("revoked"),
            ends: settings.key("revoked:ends"),
            channel: settings.key("revoked"),
            settings,
            feed,
            journal: Mutex::new(Journal::new(MAX_JOURNAL, most)),
            needs_restore: AtomicBool::new(false),
        }
    }

    pub(super) fn now(&self) -> NumericDate {
        self.settings.revocations.clock.now().into()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.revocations.clock)
    }

    pub(super) async fn write(&self, field: &str, record: &Record) -> Result<(), Failure> {
        let (cutoff, until) = record.value();
        let left = record.until.saturating_sub(self.now().seconds());
        if left <= 0 {
            return Ok(());
        }
        let left = if record.until == i64::MAX { "*".to_owned() } else { left.to_string() };
        let mut script = REVOKE.key(&self.records);
        script.key(&self.ends).arg(field).arg(cutoff).arg(until).arg(left).arg(&self.channel);
        self.connection.run_script(&script).await
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the revocations of this process that the server lacks.
    pub(super) async fn restore(&self) -> Result<(), Failure> {
        self.needs_restore.store(false, Ordering::SeqCst);
        let result = self.write_journal().await;
        if result.is_err() {
            self.needs_restore.store(true, Ordering::SeqCst);
        }
        result
    }

    async fn write_journal(&self) -> Result<(), Failure> {
        let now = self.now().seconds();
        let journal: Vec<(String, Record, WriteId)> = self.journal().current(now);
        for part in journal.chunks(500) {
            let mut command = ::redis::cmd("HMGET");
            command.arg(&self.records);
            for (field, ..) in part {
                command.arg(field);
            }
            let stored: Vec<Option<String>> = self.connection.query(&command).await?;
            for ((field, record, id), stored) in part.iter().zip(stored) {
                let covers = |stored: &Record| stored.cutoff >= record.cutoff && stored.until >= record.until;
                if !stored.as_deref().and_then(Record::parse).is_some_and(|stored| covers(&stored)) {
                    self.write(field, record).await?;
                }
                self.journal().confirm(field, *id);
            }
        }
        Ok(())
    }

    /// Looks a token up on the server.
    pub(super) fn look_up(self: &Arc<Self>, token: &TokenIdentity<'_>) -> Step<Standing> {
        let mut command = ::redis::cmd("HMGET");
        command.arg(&self.records);
        let issuer = token.issuer.unwrap_or_default();
        for (kind, name) in revocable_claims(token) {
            command.arg(RecordKey { kind, issuer, name }.field());
        }
        let (server, issued_at) = (Arc::clone(self), token.issued_at);
        Step::pending(async move {
            let Ok(records) = server.connection.query::<Vec<Option<String>>>(&command).await else {
                return Standing::Unavailable;
            };
            for record in records.into_iter().flatten() {
                let Some(record) = Record::parse(&record) else { return Standing::Unavailable };
                if let Some(standing) = standing_at_cutoff(record.cutoff, issued_at) {
                    return standing;
                }
            }
            Standing::Good
        })
    }
}
