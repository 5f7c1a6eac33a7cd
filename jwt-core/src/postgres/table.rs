use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::PostgresSettings;
use super::connection::{Connection, Failure, Parameter};
use super::record::{Message, Record};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::revocation::{Feed, Standing, TokenIdentity, revocable_claims, standing_at_cutoff};
use crate::step::Step;

/// The table of revocations, and the memory that follows it.
pub(super) struct Table {
    pub(super) connection: Connection,
    pub(super) settings: PostgresSettings,
    pub(super) feed: Feed,
    /// Revocations that the server hasn't confirmed.
    kept: Mutex<Vec<Record>>,
}

/// How many revocations wait for the server.
const MAX_KEPT: usize = 10_000;

/// How many rows are read at once.
const PAGE: usize = 10_000;

/// A revocation's cutoff never moves back. The message is sent when this is committed.
const WRITE: &str = "WITH stored AS (
        INSERT INTO jwt_revocations AS r (kind, issuer, name, cutoff, until) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (kind, issuer, name) DO UPDATE SET
            cutoff = greatest(r.cutoff, excluded.cutoff), until = greatest(r.until, excluded.until)
        RETURNING 1
    )
    SELECT pg_notify($6, $7) FROM stored";

const READ: &str = "SELECT kind, issuer, name, cutoff, until FROM jwt_revocations
    WHERE until > $1 AND (kind, issuer, name) > ($2, $3, $4) ORDER BY kind, issuer, name LIMIT $5";

const LOOK_UP: &str = "SELECT r.cutoff FROM unnest($1, $2) AS k (kind, name)
    JOIN jwt_revocations AS r ON r.kind = k.kind AND r.issuer = $3 AND r.name = k.name WHERE r.until > $4";

const REMOVE_EXPIRED: &str = "WITH expired AS (
        SELECT kind, issuer, name FROM jwt_revocations WHERE until <= extract(epoch FROM now()) LIMIT 10000
        FOR UPDATE SKIP LOCKED
    )
    DELETE FROM jwt_revocations AS r USING expired AS e
    WHERE r.kind = e.kind AND r.issuer = e.issuer AND r.name = e.name AND r.until <= extract(epoch FROM now())
    RETURNING 1";

impl Table {
    pub(super) fn new(connection: Connection, settings: PostgresSettings, feed: Feed) -> Self {
        Self { connection, settings, feed, kept: Mutex::default() }
    }

    pub(super) fn now(&self) -> NumericDate {
        self.settings.revocations.clock.now().into()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.revocations.clock)
    }

    /// Adds a record to the memory. If that's full, the feed notes it, and look-ups ask the server from now on.
    pub(super) fn remember(&self, record: &Record) {
        let _ = self.feed.remember((record.kind, &record.issuer, &record.name), record.cutoff, record.until);
    }

    /// Handles a message. Returns whether the table has to be read.
    pub(super) fn receive(&self, payload: &str) -> bool {
        match Message::parse(payload) {
            Some(Message::Revoked(record)) => self.remember(&record),
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

    pub(super) async fn write(&self, record: &Record) -> Result<(), Failure> {
        let (kind, issuer, name) = (record.kind as i16, record.issuer.as_bytes(), record.name.as_bytes());
        let (channel, payload) = (&self.settings.channel, record.payload());
        let parameters: [Parameter<'_>; 7] = [
            (&kind, Type::INT2),
            (&issuer, Type::BYTEA),
            (&name, Type::BYTEA),
            (&record.cutoff, Type::INT8),
            (&record.until, Type::INT8),
            (channel, Type::TEXT),
            (&payload, Type::TEXT),
        ];
        self.connection.query(WRITE, &parameters).await.map(drop)
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Record>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a revocation until the server is back.
    pub(super) fn keep(&self, record: Record) {
        let mut kept = self.kept();
        if kept.len() < MAX_KEPT {
            kept.push(record);
        } else {
            tracing::error!("too many revocations wait for the Postgres server: only this process knows another one");
        }
    }

    /// Writes the revocations that the server hasn't confirmed.
    pub(super) async fn write_kept(&self) -> Result<(), Failure> {
        let mut records = std::mem::take(&mut *self.kept());
        let now = self.now().seconds();
        while let Some(record) = records.pop() {
            if record.until > now
                && let Err(failure) = self.write(&record).await
            {
                records.push(record);
                self.kept().append(&mut records);
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Reads all revocations into the memory.
    pub(super) async fn read(&self, client: &Arc<Client>) -> Result<(), Failure> {
        self.feed.begin_resync();
        let (now, most) = (self.now().seconds(), PAGE as i64);
        let (mut kind, mut issuer, mut name) = (-1_i16, Vec::<u8>::new(), Vec::<u8>::new());
        loop {
            let parameters: [Parameter<'_>; 5] = [
                (&now, Type::INT8),
                (&kind, Type::INT2),
                (&issuer, Type::BYTEA),
                (&name, Type::BYTEA),
                (&most, Type::INT8),
            ];
            let rows = self.connection.query_on(client, READ, &parameters).await?;
            for row in &rows {
                Record::read(row).map_or_else(|| self.report_unreadable(), |record| self.remember(&record));
            }
            let Some(last) = rows.last().filter(|_| rows.len() >= PAGE) else { return Ok(()) };
            let (Ok(next_kind), Ok(next_issuer), Ok(next_name)) = (last.try_get(0), last.try_get(1), last.try_get(2))
            else {
                return Err(Failure::Unreachable);
            };
            (kind, issuer, name) = (next_kind, next_issuer, next_name);
        }
    }

    /// Looks a token up on the server.
    pub(super) fn look_up(self: &Arc<Self>, token: &TokenIdentity<'_>) -> Step<Standing> {
        let (this, issued_at, now) = (Arc::clone(self), token.issued_at, self.now().seconds());
        let issuer = token.issuer.unwrap_or_default().as_bytes().to_vec();
        let claims = revocable_claims(token).map(|(kind, name)| (kind as i16, name.as_bytes().to_vec()));
        let (kinds, names): (Vec<i16>, Vec<Vec<u8>>) = claims.unzip();
        Step::pending(async move {
            let parameters: [Parameter<'_>; 4] =
                [(&kinds, Type::INT2_ARRAY), (&names, Type::BYTEA_ARRAY), (&issuer, Type::BYTEA), (&now, Type::INT8)];
            let Ok(rows) = this.connection.query(LOOK_UP, &parameters).await else { return Standing::Unavailable };
            for row in rows {
                let Ok(cutoff) = row.try_get(0) else { return Standing::Unavailable };
                if let Some(standing) = standing_at_cutoff(cutoff, issued_at) {
                    return standing;
                }
            }
            Standing::Good
        })
    }

    pub(super) async fn remove_expired(&self) -> Result<u64, Failure> {
        self.connection.delete_in_parts(REMOVE_EXPIRED).await
    }
}
