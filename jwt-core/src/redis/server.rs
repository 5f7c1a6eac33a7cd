use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use ::redis::Script;

use super::RedisSettings;
use super::codec::{Named, Record};
use super::journal::{Journal, Ticket};
use super::link::{Failure, Link};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::revocation::{Feed, Standing, TokenIdentity, names, refusal};
use crate::step::Step;

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

impl Server {
    pub(super) fn new(link: Link, settings: RedisSettings, feed: Feed) -> Self {
        let most = settings.revocations.capacity.max(MAX_JOURNAL);
        Self {
            link,
            records: settings.key("revoked"),
            ends: settings.key("revoked:ends"),
            channel: settings.key("revoked"),
            settings,
            feed,
            journal: Mutex::new(Journal::new(MAX_JOURNAL, most)),
            owes: AtomicBool::new(false),
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
        self.link.run(&script).await
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
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
    pub(super) fn ask(self: &Arc<Self>, token: &TokenIdentity<'_>) -> Step<Standing> {
        let mut command = ::redis::cmd("HMGET");
        command.arg(&self.records);
        let issuer = token.issuer.unwrap_or_default();
        for (kind, name) in names(token) {
            command.arg(Named { kind, issuer, name }.field());
        }
        let (server, issued_at) = (Arc::clone(self), token.issued_at);
        Step::pending(async move {
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
        })
    }
}
