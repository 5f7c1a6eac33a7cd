use std::array;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::Value;

use super::RedisSettings;
use super::codec::{RecordKey, SHARDS, shard_of};
use super::connection::Connection;
use super::failure::Failure;
use super::link::Link;
use super::position::Progress;
use super::scripts::{EPOCH, REVOKE};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::revocation::{
    Feed, Journal, Origin, Record, Standing, TokenIdentity, Unconfirmed, Write, revocable_claims, standing_at_cutoff,
};
use crate::step::Step;

/// The server's copy of the revocations, and this process's journal.
pub(super) struct Server {
    pub(super) connection: Connection,
    pub(super) settings: RedisSettings,
    pub(super) feed: Feed,
    pub(super) shards: [String; SHARDS],
    ends: [String; SHARDS],
    pub(super) log: String,
    pub(super) channel: String,
    /// The revocations of this process, by field.
    pub(super) journal: Journal<String>,
    proven: Mutex<Option<Proven>>,
}

/// A connection that was proven to lead to the primary.
#[derive(Clone)]
pub(super) struct Proven {
    pub(super) link: Link,
    /// The epoch of its data.
    pub(super) epoch: String,
    pub(super) progress: Arc<Progress>,
}

/// How many records are restored with one command.
const RESTORE_BATCH: usize = 200;

impl Server {
    pub(super) fn new(connection: Connection, settings: RedisSettings, feed: Feed) -> Self {
        let channel = settings.channel(connection.address().database());
        Self {
            connection,
            shards: array::from_fn(|shard| settings.key(&format!("revoked:{shard:x}"))),
            ends: array::from_fn(|shard| settings.key(&format!("revoked:{shard:x}:ends"))),
            log: settings.key("revoked:log"),
            channel,
            journal: Journal::new(settings.revocations.capacity),
            settings,
            feed,
            proven: Mutex::new(None),
        }
    }

    pub(super) fn now(&self) -> NumericDate {
        self.settings.revocations.clock.now().into()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.revocations.clock)
    }

    /// Adds a record to the memory.
    pub(super) fn remember(&self, record: Record, key: RecordKey<'_>, origin: Origin) {
        // If the memory is full, the feed notes that the list is incomplete, and look-ups ask the server.
        let _ = self.feed.remember((key.kind, key.issuer, key.name), record.cutoff, record.until, origin);
    }

    /// An unreadable record could revoke anything, so the list counts as incomplete.
    pub(super) fn report_unreadable(&self) {
        tracing::error!("a revocation on the server is unreadable: was it written by another version?");
        self.feed.set_incomplete();
    }

    /// Writes a revocation of this process. If that fails, the journal keeps it for later.
    pub(super) async fn write(&self, write: &Write<String>) -> Result<(), Failure> {
        let shard = shard_of(&write.key);
        let result = self.write_all(shard, std::slice::from_ref(write), Duration::ZERO).await;
        if result.is_err() {
            self.journal.fail(write);
        }
        result
    }

    /// Writes records of one shard. If some of them were lost within `recovery` after an epoch began, it lasts longer.
    async fn write_all(&self, shard: usize, writes: &[Write<String>], recovery: Duration) -> Result<(), Failure> {
        let now = self.now().seconds();
        let mut script = REVOKE.key(&self.shards[0]);
        script.key(&self.log).key(&self.shards[shard]).key(&self.ends[shard]);
        script.arg(&self.channel).arg(u64::try_from(recovery.as_millis()).unwrap_or(u64::MAX));
        let mut is_empty = true;
        for Write { key: field, record, .. } in writes {
            let left = record.until.saturating_sub(now);
            if left > 0 {
                let (cutoff, until) = record.value();
                let left = if record.until == i64::MAX { "*".to_owned() } else { left.to_string() };
                script.arg(&**field).arg(cutoff).arg(until).arg(left);
                is_empty = false;
            }
        }
        if !is_empty {
            self.connection.run_script::<()>(&script).await?;
        }
        self.journal.confirm(writes);
        Ok(())
    }

    /// Writes the revocations of this process that the server has not confirmed or may have lost. The journal keeps the rest if
    /// this fails.
    pub(super) async fn restore(&self) -> Result<(), Failure> {
        let mut shards: [Vec<Write<String>>; SHARDS] = Default::default();
        for write in self.journal.unconfirmed(self.now().seconds()) {
            shards[shard_of(&write.key)].push(write);
        }
        for (shard, writes) in shards.iter().enumerate() {
            for part in writes.chunks(RESTORE_BATCH) {
                self.write_all(shard, part, self.settings.recovery_time).await?;
            }
        }
        Ok(())
    }

    pub(super) fn set_proven(&self, proven: Option<Proven>) {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = proven;
    }

    /// Looks a token up on the server, on the connection that was proven to lead to a primary. If the server does not know it, the
    /// result is `unconfirmed`, unless the server may have lost data since `losses` was read.
    pub(super) fn look_up(
        self: &Arc<Self>,
        token: &TokenIdentity<'_>,
        losses: u64,
        unconfirmed: Unconfirmed,
    ) -> Step<Standing> {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Proven { mut link, epoch, progress }) = proven else { return Step::Ready(Standing::Unavailable) };
        let Some(position) = progress.position().map(|position| position.to_string()) else {
            return Step::Ready(Standing::Unavailable);
        };
        let mut commands = ::redis::pipe();
        let (issuer, mut fields) = (token.issuer.unwrap_or_default(), Vec::new());
        for (kind, name) in revocable_claims(token) {
            let field = RecordKey { kind, issuer, name }.field();
            let shard = &self.shards[shard_of(&field)];
            // If the epoch is still there afterwards, the shard was not lost before.
            commands.cmd("HGET").arg(shard).arg(&field).cmd("HGET").arg(shard).arg(EPOCH);
            fields.push(field);
        }
        // The server may have become a replica of another one since, or the cluster may have replaced it. If the log still has
        // the last change that this process knows, the shards have the earlier ones.
        commands.cmd("XRANGE").arg(&self.log).arg(&position).arg(&position);
        let (issued_at, this) = (token.issued_at, Arc::clone(self));
        Step::pending(async move {
            let answers: Vec<Value> = match commands.query_async(&mut link).await {
                Ok(answers) => answers,
                Err(error) => {
                    this.connection.report(&error, "looking a token up on the Redis server failed");
                    return Standing::Unavailable;
                }
            };
            let mut is_known = this.feed.losses() == losses;
            is_known &= matches!(answers.last(), Some(Value::Array(changes)) if !changes.is_empty());
            for (field, answer) in fields.iter().zip(answers.chunks(2)) {
                is_known &= answer.get(1).and_then(text) == Some(&epoch);
                let Some(record) = answer.first().and_then(text) else { continue };
                let (Some(record), Some(key)) = (Record::parse(record), RecordKey::parse(field)) else {
                    return Standing::Unavailable;
                };
                if let Some(standing) = standing_at_cutoff(record.cutoff, issued_at) {
                    // It's used, so it's kept exactly.
                    this.remember(record, key, Origin::LookUp);
                    return standing;
                }
            }
            if is_known { unconfirmed.0 } else { Standing::Unavailable }
        })
    }
}

/// A text in a response; `None` for a field that does not exist.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
