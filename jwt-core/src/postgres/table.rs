use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::PostgresSettings;
use super::connection::{Connection, Failure, Parameter};
use super::record::{self, Message, RecordKey};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::revocation::{
    Feed, Journal, Kind, Origin, Record, Standing, TokenIdentity, Unconfirmed, Write, revocable_claims,
    standing_at_cutoff,
};
use crate::step::Step;

/// The table of revocations, and the memory that follows it.
pub(super) struct Table {
    pub(super) connection: Connection,
    pub(super) settings: PostgresSettings,
    pub(super) feed: Feed,
    /// The revocations of this process.
    pub(super) journal: Journal<RecordKey>,
    /// The run of the server that the memory follows.
    run: Mutex<Option<Run>>,
}

/// Names one run of one server, the table, whether a policy leaves rows out, and the table's file. In another run, on another server,
/// or in a table that was truncated or created again, commits may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run(String);

/// A transaction: all before it are in memory if it's the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position(String);

/// How many changes are read at once.
const PAGE: usize = 10_000;

/// How many pages of changes are read. If there are more, everything is.
const MAX_PAGES: usize = 10;

/// How many revocations are written with one statement.
const BATCH: usize = 500;

/// Names that have this many bytes together fit into the index.
const ALWAYS_FIT: usize = 2_500;

/// An expression for the channel of the table's messages. Channels belong to a database, which can have such a table in each schema.
/// A table that replaces this one has another channel, and is another run too, so its followers connect again.
macro_rules! channel {
    () => {
        "'jwt_revocations_' || 'jwt_revocations'::regclass::oid"
    };
}

/// The end of an `INSERT`. A revocation's cutoff never moves back.
macro_rules! or_extend {
    () => {
        " ON CONFLICT (kind, issuer, name) DO UPDATE SET
            cutoff = greatest(r.cutoff, excluded.cutoff), until = greatest(r.until, excluded.until),
            changed = excluded.changed
        WHERE r.cutoff < excluded.cutoff OR r.until < excluded.until
        RETURNING kind, issuer, name "
    };
}

/// The message is sent when this is committed, if it changes something.
const WRITE: &str = concat!(
    "WITH stored AS (
        INSERT INTO jwt_revocations AS r (kind, issuer, name, cutoff, until) VALUES ($1, $2, $3, $4, $5)",
    or_extend!(),
    ") SELECT pg_notify(",
    channel!(),
    ", $6) FROM stored"
);

/// The same for many. Two processes that write the same rows lock them in the same order, so neither waits for the other forever.
const WRITE_MANY: &str = concat!(
    "WITH given AS (
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS g (kind, issuer, name, cutoff, until, message)
    ), stored AS (
        INSERT INTO jwt_revocations AS r (kind, issuer, name, cutoff, until)
        SELECT kind, issuer, name, cutoff, until FROM given ORDER BY kind, issuer, name",
    or_extend!(),
    ") SELECT pg_notify(",
    channel!(),
    ", message) FROM stored JOIN given USING (kind, issuer, name)"
);

const READ: &str = "SELECT kind, issuer, name, cutoff, until FROM jwt_revocations WHERE until > $1";

/// A transaction that was not complete at the position has no smaller number.
const READ_CHANGES: &str = "SELECT kind, issuer, name, cutoff, until, changed::text FROM jwt_revocations
    WHERE until > $1 AND (changed, kind, issuer, name) > ($2::xid8, $3, $4, $5)
    ORDER BY changed, kind, issuer, name LIMIT $6";

/// An expression for the run. It has no text of a time, which would depend on the connection's `TimeZone`.
macro_rules! run {
    () => {
        "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint || ' ' || 'jwt_revocations'::regclass::oid || ' '
            || row_security_active('jwt_revocations') || ' ' || pg_relation_filenode('jwt_revocations')"
    };
}

/// The number of the connection, and the table's channel. A backend's number is unique among the server's connections.
pub(super) const LISTEN: &str = concat!("SELECT pg_backend_pid(), ", channel!());

/// The run, and a transaction before which all are complete.
const STATE: &str = concat!("SELECT ", run!(), ", pg_snapshot_xmin(pg_current_snapshot())::text");

/// Sends a message, and returns the same, and the time in microseconds.
///
/// If a transaction only notifies, its commit does not wait for synchronous standbys, because it has written nothing to the log. So
/// this one writes an empty message there, for which it needs no rights.
pub(super) const PROVE: &str = concat!(
    "SELECT ",
    run!(),
    ", pg_snapshot_xmin(pg_current_snapshot())::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    pg_notify($1, $2), pg_logical_emit_message(true, 'jwt', '')"
);

/// The run, and the revocations that name the token.
const LOOK_UP: &str = concat!(
    "SELECT ",
    run!(),
    ", r.kind, r.name, r.cutoff, r.until
    FROM (SELECT 1) AS always LEFT JOIN (
        SELECT r.* FROM unnest($1, $2) AS k (kind, name)
        JOIN jwt_revocations AS r ON r.kind = k.kind AND r.issuer = $3 AND r.name = k.name WHERE r.until > $4
    ) AS r ON true"
);

/// The comparison is with a `bigint`, so that it uses the index. No other program changes a locked row.
const REMOVE_EXPIRED: &str = "DELETE FROM jwt_revocations WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM jwt_revocations WHERE until <= floor(extract(epoch FROM now()))::bigint
        ORDER BY until LIMIT 10000 FOR UPDATE SKIP LOCKED
    )) RETURNING 1";

impl Run {
    /// Whether only the table's file is another one: it was truncated or rewritten, and its messages still arrive.
    pub(super) fn has_table_of(&self, other: &Self) -> bool {
        let [one, other] = [self, other].map(|run| run.0.rsplit_once(' ').map(|(table, _)| table));
        one == other
    }
}

/// A process's first position in the table: it reads later rows from then on.
pub(super) struct Start {
    pub(super) run: Run,
    pub(super) position: Position,
}

impl Start {
    pub(super) fn read(row: &Row) -> Option<Self> {
        Some(Self { run: row.try_get(0).ok().map(Run)?, position: row.try_get(1).ok().map(Position)? })
    }

    /// The mark of a snapshot that has everything up to the position.
    pub(super) fn mark(&self) -> String {
        format!("{} {}", self.position.0, self.run.0)
    }

    /// The position in the mark of a snapshot, if the table continues it.
    pub(super) fn position_in(&self, mark: &str) -> Option<Position> {
        let (position, run) = mark.split_once(' ')?;
        (run == self.run.0).then(|| Position(position.to_owned()))
    }
}

/// The primary key of a row. The default is before all rows.
struct RowKey {
    kind: i16,
    issuer: Vec<u8>,
    name: Vec<u8>,
}

impl Default for RowKey {
    fn default() -> Self {
        Self { kind: -1, issuer: Vec::new(), name: Vec::new() }
    }
}

impl RowKey {
    fn of(row: &Row) -> Option<Self> {
        Some(Self { kind: row.try_get(0).ok()?, issuer: row.try_get(1).ok()?, name: row.try_get(2).ok()? })
    }

    fn parameters(&self) -> [Parameter<'_>; 3] {
        [(&self.kind, Type::INT2), (&self.issuer, Type::BYTEA), (&self.name, Type::BYTEA)]
    }
}

impl Table {
    pub(super) fn new(connection: Connection, settings: PostgresSettings, feed: Feed) -> Self {
        let journal = Journal::new(settings.revocations.capacity);
        Self { connection, settings, feed, journal, run: Mutex::default() }
    }

    pub(super) fn now(&self) -> NumericDate {
        self.settings.revocations.clock.now().into()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.revocations.clock)
    }

    /// Adds a record to the memory. If that is full, the feed notes it, and look-ups ask the server from now on.
    pub(super) fn remember(&self, key: &RecordKey, record: Record, origin: Origin) {
        let _ = self.feed.remember((key.kind, &key.issuer, &key.name), record.cutoff, record.until, origin);
    }

    /// Handles a message. Returns whether the table has to be read.
    pub(super) fn receive(&self, payload: &str) -> bool {
        match Message::parse(payload) {
            Some(Message::Revoked(key, record)) => self.remember(&key, record, Origin::Store),
            Some(Message::Read) => return true,
            None => self.report_unreadable(),
        }
        false
    }

    /// An unreadable record could revoke anything, so the list counts as incomplete.
    fn report_unreadable(&self) {
        tracing::error!("a revocation on the server is unreadable: was it written by another version?");
        self.feed.set_incomplete();
    }

    /// Writes a revocation of this process. If that fails, the journal keeps it for later.
    pub(super) async fn write(&self, write: &Write<RecordKey>) -> Result<(), Failure> {
        let (key, record) = (&write.key, &write.record);
        let (kind, issuer, name) = (key.kind as i16, key.issuer.as_bytes(), key.name.as_bytes());
        let payload = record::payload(key, record);
        let parameters: [Parameter<'_>; 6] = [
            (&kind, Type::INT2),
            (&issuer, Type::BYTEA),
            (&name, Type::BYTEA),
            (&record.cutoff, Type::INT8),
            (&record.until, Type::INT8),
            (&payload, Type::TEXT),
        ];
        let result = self.connection.query(WRITE, &parameters).await.map(drop).map_err(|failure| match failure {
            // It's another limit, as that of the queue of notifications, and the revocation must not be given up.
            Failure::TooLong if issuer.len() + name.len() <= ALWAYS_FIT => Failure::Full,
            failure => failure,
        });
        match result {
            Ok(()) => self.journal.confirm([write]),
            Err(Failure::TooLong) => self.journal.refuse(write),
            Err(Failure::Full | Failure::Unreachable) => self.journal.fail(write),
        }
        result
    }

    async fn write_many(&self, writes: &[Write<RecordKey>]) -> Result<(), Failure> {
        let kinds: Vec<i16> = writes.iter().map(|write| write.key.kind as i16).collect();
        let issuers: Vec<&[u8]> = writes.iter().map(|write| write.key.issuer.as_bytes()).collect();
        let names: Vec<&[u8]> = writes.iter().map(|write| write.key.name.as_bytes()).collect();
        let cutoffs: Vec<i64> = writes.iter().map(|write| write.record.cutoff).collect();
        let ends: Vec<i64> = writes.iter().map(|write| write.record.until).collect();
        let payloads: Vec<String> = writes.iter().map(|write| record::payload(&write.key, &write.record)).collect();
        let parameters: [Parameter<'_>; 6] = [
            (&kinds, Type::INT2_ARRAY),
            (&issuers, Type::BYTEA_ARRAY),
            (&names, Type::BYTEA_ARRAY),
            (&cutoffs, Type::INT8_ARRAY),
            (&ends, Type::INT8_ARRAY),
            (&payloads, Type::TEXT_ARRAY),
        ];
        self.connection.query(WRITE_MANY, &parameters).await?;
        self.journal.confirm(writes);
        Ok(())
    }

    /// Writes the revocations that the server has not confirmed or may have lost. The journal keeps the rest if this is dropped
    /// halfway.
    pub(super) async fn write_unconfirmed(&self) -> Result<(), Failure> {
        for part in self.journal.unconfirmed(self.now().seconds()).chunks(BATCH) {
            match self.write_many(part).await {
                // One of them is too long, and must not keep back the others.
                Err(Failure::TooLong) => {
                    for write in part {
                        match self.write(write).await {
                            Ok(()) | Err(Failure::TooLong) => {}
                            failure => return failure,
                        }
                    }
                }
                result => result?,
            }
        }
        Ok(())
    }

    /// Reads all revocations into the memory.
    pub(super) async fn read(&self, client: &Arc<Client>) -> Result<(), Failure> {
        self.feed.begin_resync();
        let now = self.now().seconds();
        self.connection.for_each_row(client, READ, &[(&now, Type::INT8)], |row| self.remember_row(row)).await
    }

    /// Reads the changes since a position. Returns `false` if there are too many, so that everything has to be read.
    pub(super) async fn read_changes(&self, client: &Arc<Client>, position: &Position) -> Result<bool, Failure> {
        let (now, most) = (self.now().seconds(), PAGE as i64);
        let (mut changed, mut last) = (position.0.clone(), RowKey::default());
        for _ in 0..MAX_PAGES {
            let [kind, issuer, name] = last.parameters();
            let from = (&changed as _, Type::TEXT);
            let parameters = [(&now as _, Type::INT8), from, kind, issuer, name, (&most as _, Type::INT8)];
            let rows = self.connection.query_on(client, READ_CHANGES, &parameters).await?;
            rows.iter().for_each(|row| self.remember_row(row));
            let Some(row) = rows.last().filter(|_| rows.len() >= PAGE) else { return Ok(true) };
            let next = row.try_get(5).ok().zip(RowKey::of(row));
            (changed, last) = next.ok_or(Failure::Unreachable)?;
        }
        Ok(false)
    }

    fn remember_row(&self, row: &Row) {
        match record::read(row) {
            Some((key, record)) => self.remember(&key, record, Origin::Store),
            None => self.report_unreadable(),
        }
    }

    /// The server's run, and a position to continue from after everything was read.
    pub(super) async fn start(&self, client: &Arc<Client>) -> Result<Start, Failure> {
        let rows = self.connection.query_on(client, STATE, &[]).await?;
        rows.first().and_then(Start::read).ok_or(Failure::Unreachable)
    }

    /// Notes which run the memory follows. In a new one, the server cannot tell anymore that a sealed revocation isn't one, and may
    /// lack those of this process.
    pub(super) fn follow_run(&self, run: &Run) {
        let is_another = self.run().as_ref().is_some_and(|known| known != run);
        if is_another {
            self.feed.orphan();
            self.journal.suspect();
        }
        // Last, so that no look-up trusts an answer of the new run before.
        *self.run() = Some(run.clone());
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a token up on the server. If the server does not know it, the result is `unconfirmed`, unless the server may have lost
    /// data since `losses` was read.
    pub(super) fn look_up(
        self: &Arc<Self>,
        token: &TokenIdentity<'_>,
        losses: u64,
        unconfirmed: Unconfirmed,
    ) -> Step<Standing> {
        let (this, issued_at, now) = (Arc::clone(self), token.issued_at, self.now().seconds());
        let issuer = token.issuer.unwrap_or_default().as_bytes().to_vec();
        let claims = revocable_claims(token).map(|(kind, name)| (kind as i16, name.as_bytes().to_vec()));
        let (kinds, names): (Vec<i16>, Vec<Vec<u8>>) = claims.unzip();
        Step::pending(async move {
            let parameters: [Parameter<'_>; 4] =
                [(&kinds, Type::INT2_ARRAY), (&names, Type::BYTEA_ARRAY), (&issuer, Type::BYTEA), (&now, Type::INT8)];
            let Ok(rows) = this.connection.query(LOOK_UP, &parameters).await else { return Standing::Unavailable };
            let mut is_known = true;
            for row in rows {
                let run = row.try_get(0).ok().map(Run);
                is_known &= run.is_some() && run == *this.run();
                let Ok(Some(kind)) = row.try_get::<_, Option<i16>>(1) else { continue };
                let found = |index| row.try_get::<_, i64>(index).ok();
                let (Ok(name), Some(cutoff), Some(until)) = (row.try_get::<_, Vec<u8>>(2), found(3), found(4)) else {
                    return Standing::Unavailable;
                };
                if let Some(standing) = standing_at_cutoff(cutoff, issued_at) {
                    this.keep_exactly(kind, &issuer, &name, cutoff, until);
                    return standing;
                }
            }
            // Read after the run, which changes after the losses.
            is_known &= this.feed.losses() == losses;
            if is_known { unconfirmed.0 } else { Standing::Unavailable }
        })
    }

    /// A revocation that was looked up is being used.
    fn keep_exactly(&self, kind: i16, issuer: &[u8], name: &[u8], cutoff: i64, until: i64) {
        let kind = Kind::ALL.into_iter().find(|known| *known as i16 == kind);
        if let (Some(kind), Ok(issuer), Ok(name)) = (kind, str::from_utf8(issuer), str::from_utf8(name)) {
            let _ = self.feed.remember((kind, issuer, name), cutoff, until, Origin::LookUp);
        }
    }

    pub(super) async fn remove_expired(&self) -> Result<u64, Failure> {
        self.connection.delete_in_parts(REMOVE_EXPIRED).await
    }
}
