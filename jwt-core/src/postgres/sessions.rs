use async_trait::async_trait;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::Type;
use tokio_postgres::{Config, Row, Socket};

use super::PostgresSettings;
use super::connection::{Connection, Failure, Parameter};
use crate::issue::session::{Rotation, RotationOutcome, SessionRecord, SessionStore, SessionStoreError, Unreadable};

/// Stores login sessions on a Postgres server, for every process of a fleet.
///
/// Each statement is a transaction. An operation is one statement, or two if it's about a token that isn't the current one or a
/// session that isn't found. All of them share one connection, which is opened when it's first needed and again after a failure.
///
/// A list, and an answer that refuses a token, also write to the server's log, and a commit waits for the synchronous standbys. So a
/// primary that was cut off from them refuses no session that began or changed at its successor.
///
/// ```no_run
/// use jwt_core::store::{PostgresSessions, PostgresSettings, POSTGRES_SCHEMA, tokio_postgres};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let config: tokio_postgres::Config = "host=/run/postgresql user=shop dbname=shop".parse()?;
/// // For another host, pass a TLS connector of your choice, such as `tokio-postgres-rustls`.
/// let store = PostgresSessions::connect(config, tokio_postgres::NoTls, &PostgresSettings::new());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresSessions {
    connection: Connection,
}

/// The columns of a record.
macro_rules! columns {
    () => {
        "rotations, rotations_before, exchanged, device_key, rotated_at, last_used_at, ends_at, expires_at, record"
    };
}

const CREATE: &str = "SELECT jwt_create_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// A concurrent exchange locks the row, and the conditions are checked again when it has ended.
const ROTATE: &str = concat!(
    "UPDATE jwt_sessions SET rotations_before = rotations, rotations = $3 + 1, exchanged = $4, rotated_at = $5,
         last_used_at = $5, ends_at = least($6, expires_at), device_key = $7
     WHERE subject = $1 AND id = $2 AND rotations <= $3
         AND (device_key IS NOT DISTINCT FROM $7 OR $7 IS NOT NULL AND (device_key IS NULL OR rotations < $3))
         AND $5 < CASE WHEN rotations < $3 THEN expires_at ELSE ends_at END
     RETURNING ",
    columns!()
);

/// Only for a session that is there: a server that another one has replaced may lack it, and is asked by [`FIND_PROVEN`].
const FIND: &str = concat!("SELECT ", columns!(), " FROM jwt_sessions WHERE subject = $1 AND id = $2");

/// Reads sessions from a server that can commit. If there is no session, it returns a row without one.
///
/// A transaction that only reads waits for no standby, so this one writes a message to the log, which needs no rights. The message
/// is its number, because a standby refuses to give it one with an error that says why.
macro_rules! proven {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM (SELECT pg_logical_emit_message(true, 'jwt', pg_current_xact_id()::text)) AS proof
             LEFT JOIN jwt_sessions ON subject = $1 AND ",
            $condition
        )
    };
}

const FIND_PROVEN: &str = proven!("id = $2");

const LIST: &str = proven!("ends_at > $2 ORDER BY last_used_at DESC, id DESC");

/// If it deletes nothing, it waits for no standby either.
const END: &str = "DELETE FROM jwt_sessions WHERE subject = $1 AND id = ANY($2) RETURNING id";

/// The comparison is with a `bigint`, so that it uses the index. No other program changes a locked row.
const REMOVE_EXPIRED: &str = "DELETE FROM jwt_sessions WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM jwt_sessions WHERE expires_at <= floor(extract(epoch FROM now()))::bigint
        ORDER BY expires_at LIMIT 10000 FOR UPDATE SKIP LOCKED
    )) RETURNING 1";

impl PostgresSessions {
    /// Creates a store. It connects with the first operation.
    ///
    /// Only [`timeout`](PostgresSettings::timeout) of the settings is used. Connections go to a server that takes writes, so
    /// name all hosts of a fail-over pair.
    pub fn connect<T>(config: Config, tls: T, settings: &PostgresSettings) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Self { connection: Connection::new(config, tls, settings) }
    }

    /// Deletes sessions that have expired by the server's clock, and returns how many there were. Call it every hour or so.
    ///
    /// A login deletes its own subject's ended sessions, so this only frees the space of users who don't come back.
    ///
    /// # Errors
    ///
    /// [`SessionStoreError::Unavailable`] if the server fails; rows that were deleted before stay deleted.
    pub async fn remove_expired(&self) -> Result<u64, SessionStoreError> {
        Ok(self.connection.delete_in_parts(REMOVE_EXPIRED).await?)
    }

    async fn find_proven(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError> {
        let parameters: [Parameter<'_>; 2] = [(&subject.as_bytes(), Type::BYTEA), (&id.as_bytes(), Type::BYTEA)];
        let rows = self.connection.query(FIND_PROVEN, &parameters).await?;
        Ok(rows.iter().find(has_session).map(decode).transpose()?)
    }
}

#[async_trait]
impl SessionStore for PostgresSessions {
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError> {
        let record = serde_json::to_string(session).map_err(|_| Unreadable)?;
        let (subject, id) = (session.subject.as_bytes(), session.id.as_bytes());
        let [created, used, ends, expires, rotated] =
            [session.created_at, session.last_used_at, session.ends_at, session.expires_at, session.rotated_at]
                .map(seconds);
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let (rotations, exchanged) = (seconds(session.rotations), session.exchanged.as_deref().map(str::as_bytes));
        let parameters: [Parameter<'_>; 12] = [
            (&subject, Type::BYTEA),
            (&id, Type::BYTEA),
            (&rotations, Type::INT8),
            (&exchanged, Type::BYTEA),
            (&created, Type::INT8),
            (&used, Type::INT8),
            (&ends, Type::INT8),
            (&expires, Type::INT8),
            (&rotated, Type::INT8),
            (&record, Type::TEXT),
            (&most, Type::INT4),
            (&session.device_key, Type::TEXT),
        ];
        self.connection.query(CREATE, &parameters).await?.iter().map(identifier).collect()
    }

    async fn rotate(
        &self,
        rotation: &Rotation<'_>,
    ) -> Result<(RotationOutcome, Option<SessionRecord>), SessionStoreError> {
        let (subject, id) = (rotation.subject.as_bytes(), rotation.id.as_bytes());
        let (presented, rotations) = (rotation.presented.as_bytes(), seconds(rotation.rotations.min(u64::MAX / 4)));
        let (now, ends) = (seconds(rotation.now), seconds(rotation.now.saturating_add(rotation.idle)));
        let parameters: [Parameter<'_>; 7] = [
            (&subject, Type::BYTEA),
            (&id, Type::BYTEA),
            (&rotations, Type::INT8),
            (&presented, Type::BYTEA),
            (&now, Type::INT8),
            (&ends, Type::INT8),
            (&rotation.device_key, Type::TEXT),
        ];
        // The second attempt is for a session that was replaced between the two statements.
        for _ in 0..3 {
            if let Some(row) = self.connection.query(ROTATE, &parameters).await?.first() {
                let before: i64 = column(row, "rotations_before")?;
                let outcome = if before < rotations { RotationOutcome::Adopted } else { RotationOutcome::Renewed };
                return Ok((outcome, Some(decode(row)?)));
            }
            let Some(session) = self.find_proven(rotation.subject, rotation.id).await? else {
                return Ok((RotationOutcome::Ended, None));
            };
            match session.clone().rotate(rotation) {
                RotationOutcome::Ended => return Ok((RotationOutcome::Ended, None)),
                RotationOutcome::Renewed | RotationOutcome::Adopted => {}
                outcome => return Ok((outcome, Some(session))),
            }
        }
        Err(SessionStoreError::Unavailable("the session kept changing".into()))
    }

    async fn find(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError> {
        let parameters: [Parameter<'_>; 2] = [(&subject.as_bytes(), Type::BYTEA), (&id.as_bytes(), Type::BYTEA)];
        match self.connection.query(FIND, &parameters).await?.first() {
            Some(row) => Ok(Some(decode(row)?)),
            None => self.find_proven(subject, id).await,
        }
    }

    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        let parameters: [Parameter<'_>; 2] = [(&subject.as_bytes(), Type::BYTEA), (&seconds(now), Type::INT8)];
        let rows = self.connection.query(LIST, &parameters).await?;
        Ok(rows.iter().filter(has_session).map(decode).collect::<Result<_, _>>()?)
    }

    async fn end(&self, subject: &str, ids: &[&str]) -> Result<Vec<String>, SessionStoreError> {
        let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes()).collect();
        let parameters: [Parameter<'_>; 2] = [(&subject.as_bytes(), Type::BYTEA), (&ids, Type::BYTEA_ARRAY)];
        self.connection.query(END, &parameters).await?.iter().map(identifier).collect()
    }
}

/// The server's integers have a sign. Times beyond them are as good as never.
fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn identifier(row: &Row) -> Result<String, SessionStoreError> {
    let id: Vec<u8> = row.try_get(0).map_err(|_| Unreadable)?;
    Ok(String::from_utf8(id).map_err(|_| Unreadable)?)
}

fn column<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, name: &str) -> Result<T, Unreadable> {
    row.try_get(name).map_err(|_| Unreadable)
}

/// Whether a row of a [`proven!`] statement has a session.
fn has_session(row: &&Row) -> bool {
    !matches!(row.try_get::<_, Option<&str>>("record"), Ok(None))
}

fn decode(row: &Row) -> Result<SessionRecord, Unreadable> {
    let record: &str = column(row, "record")?;
    let mut session: SessionRecord = serde_json::from_str(record).map_err(|_| Unreadable)?;
    let number = |name| column::<i64>(row, name).and_then(|number| u64::try_from(number).map_err(|_| Unreadable));
    session.rotations = number("rotations")?;
    session.rotated_at = number("rotated_at")?;
    session.last_used_at = number("last_used_at")?;
    session.ends_at = number("ends_at")?;
    session.expires_at = number("expires_at")?;
    let exchanged: Option<Vec<u8>> = column(row, "exchanged")?;
    session.device_key = column(row, "device_key")?;
    session.exchanged = exchanged.map(String::from_utf8).transpose().map_err(|_| Unreadable)?;
    Ok(session)
}

impl From<Failure> for SessionStoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Full => Self::Full,
            Failure::TooLong | Failure::Unreachable => Self::Unavailable(Box::new(failure)),
        }
    }
}
