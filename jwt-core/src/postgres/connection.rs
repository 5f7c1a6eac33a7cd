use std::error::Error as _;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream as _;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Error, Notification, Row, Socket};

use super::PostgresSettings;
use super::hosts::{each_host, first_success};
use crate::clock::Clock;
use crate::observe::Warned;

/// A parameter and its type. Stating the type saves the round trip that would ask for it.
pub(super) type Parameter<'p> = (&'p (dyn ToSql + Sync), Type);

/// A connection that is opened when it's needed, and again after a failure. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    open: Arc<Open>,
    client: Arc<Mutex<Option<Arc<Client>>>>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    warned: Arc<Warned>,
}

/// How long a connection is idle before it sends a packet without data.
const KEEPALIVE: Duration = Duration::from_secs(30);

type Opening = Pin<Box<dyn Future<Output = Option<Result<Link, Error>>> + Send>>;
type Open = dyn Fn() -> Opening + Send + Sync;

/// An open connection, and the notifications that arrive on it. The receiver ends with the connection.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) notifications: mpsc::UnboundedReceiver<Notification>,
}

/// Why an operation failed. The reason was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Full,
    /// A limit of the server. If the names are long, they don't fit into the index, so trying again is in vain.
    TooLong,
    Unreachable,
}

impl Connection {
    pub(super) fn new<T>(mut config: Config, tls: T, settings: &PostgresSettings) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // A standby has old data and takes no writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        // By default, that's two hours, and firewalls forget a connection after minutes. The next statement would wait in vain.
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(KEEPALIVE);
        }
        let hosts = each_host(&config);
        let patience = settings.timeout / u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        let open = move || -> Opening {
            let attempts: Vec<_> = hosts.iter().map(|host| open_link(host.clone(), tls.clone())).collect();
            Box::pin(first_success(attempts, patience))
        };
        let (timeout, clock) = (settings.timeout, Arc::clone(&settings.revocations.clock));
        Self { open: Arc::new(open), client: Arc::default(), timeout, clock, warned: Arc::default() }
    }

    /// Opens a connection of its own.
    pub(super) async fn open(&self) -> Result<Link, Failure> {
        match timeout(self.timeout, (self.open)()).await {
            Ok(Some(link)) => link.map_err(|error| self.report(&error)),
            Ok(None) | Err(_) => Err(self.report_timeout()),
        }
    }

    /// Runs a statement and returns its rows.
    pub(super) async fn query(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Failure> {
        let client = self.client().await?;
        match self.query_on(&client, statement, parameters).await {
            // The connection was cut while it was idle.
            Err(_) if client.is_closed() => {
                let client = self.client().await?;
                self.query_on(&client, statement, parameters).await
            }
            result => result,
        }
    }

    /// Runs a statement that deletes some rows until no row is left, so that no lock is held for long. Returns how many it deleted.
    pub(super) async fn delete_in_parts(&self, statement: &str) -> Result<u64, Failure> {
        let mut count = 0;
        loop {
            let removed = self.query(statement, &[]).await?.len() as u64;
            count += removed;
            if removed == 0 {
                return Ok(count);
            }
        }
    }

    /// Runs a statement on one connection, which is given up if it fails.
    pub(super) async fn query_on(
        &self,
        client: &Arc<Client>,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        match timeout(self.timeout, client.query_typed(statement, parameters)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(self.give_up(client, self.report(&error)).await),
            Err(_) => Err(self.give_up(client, self.report_timeout()).await),
        }
    }

    /// Runs a statement that may return millions of rows, and takes each as it arrives. The time limit is for each row.
    pub(super) async fn for_each_row(
        &self,
        client: &Arc<Client>,
        statement: &str,
        parameters: &[Parameter<'_>],
        mut take: impl FnMut(&Row),
    ) -> Result<(), Failure> {
        let parameters = parameters.iter().map(|(value, kind)| (*value, kind.clone()));
        let mut rows = match timeout(self.timeout, client.query_typed_raw(statement, parameters)).await {
            Ok(Ok(rows)) => pin!(rows),
            Ok(Err(error)) => return Err(self.give_up(client, self.report(&error)).await),
            Err(_) => return Err(self.give_up(client, self.report_timeout()).await),
        };
        loop {
            match timeout(self.timeout, poll_fn(|context| rows.as_mut().poll_next(context))).await {
                Ok(Some(Ok(row))) => take(&row),
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => return Err(self.give_up(client, self.report(&error)).await),
                Err(_) => return Err(self.give_up(client, self.report_timeout()).await),
            }
        }
    }

    /// The next operation opens another connection.
    async fn give_up(&self, client: &Arc<Client>, failure: Failure) -> Failure {
        let mut current = self.client.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
            *current = None;
        }
        failure
    }

    async fn client(&self) -> Result<Arc<Client>, Failure> {
        let mut current = self.client.lock().await;
        if let Some(client) = current.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.open().await?.client);
        *current = Some(Arc::clone(&client));
        Ok(client)
    }
}

/// Opens a connection to one host.
async fn open_link<T>(config: Config, tls: T) -> Result<Link, Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = config.connect(tls).await?;
    let (sender, notifications) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // An error ends the connection, and every operation on it reports that.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification);
            }
        }
    });
    // The statements rely on it: each sees what others have committed.
    client.batch_execute("SET default_transaction_isolation = 'read committed'").await?;
    Ok(Link { client, notifications })
}

impl Connection {
    /// Logs the server's code, and its message only if it can't quote a subject.
    fn report(&self, error: &Error) -> Failure {
        match error.as_db_error() {
            Some(refusal) => {
                let code = refusal.code();
                let hint = match *code {
                    SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_FUNCTION => {
                        "run `POSTGRES_SCHEMA` first, or correct the `search_path`"
                    }
                    SqlState::INSUFFICIENT_PRIVILEGE => {
                        "grant the rights that the guide lists, and `BYPASSRLS` if the table has row security"
                    }
                    SqlState::PROGRAM_LIMIT_EXCEEDED => {
                        "the guide says how long names may be, and what fills the queue of notifications"
                    }
                    SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                        "check the user, the password and `pg_hba.conf`"
                    }
                    SqlState::INVALID_CATALOG_NAME => "create the database, or correct its name",
                    SqlState::TOO_MANY_CONNECTIONS => "raise `max_connections`: each process holds three",
                    SqlState::CANNOT_CONNECT_NOW => "the server is starting or stopping: wait",
                    SqlState::DISK_FULL => "make space on the server's disk",
                    _ => "Postgres lists its codes in the appendix \"Error Codes\"",
                };
                // These name a table, a function, a user or a database, and never a value.
                let says = match *code {
                    SqlState::UNDEFINED_TABLE
                    | SqlState::UNDEFINED_FUNCTION
                    | SqlState::INSUFFICIENT_PRIVILEGE
                    | SqlState::READ_ONLY_SQL_TRANSACTION
                    | SqlState::INVALID_PASSWORD
                    | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
                    | SqlState::INVALID_CATALOG_NAME
                    | SqlState::TOO_MANY_CONNECTIONS
                    | SqlState::CANNOT_CONNECT_NOW => refusal.message(),
                    _ => "",
                };
                if let Some(times) = self.due(&format!("{} {says}", code.code())) {
                    tracing::error!(code = code.code(), says, hint, times, "the Postgres server refused an operation");
                }
                match *code {
                    SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY => Failure::Full,
                    SqlState::PROGRAM_LIMIT_EXCEEDED => Failure::TooLong,
                    _ => Failure::Unreachable,
                }
            }
            None => {
                // Without a code, it's an error of the connection, which has no data of a row or a parameter.
                let cause = error.source().map(ToString::to_string);
                if let Some(times) = self.due(&format!("{error} {cause:?}")) {
                    tracing::error!(%error, cause, times, "the Postgres server can't be reached");
                }
                Failure::Unreachable
            }
        }
    }

    fn report_timeout(&self) -> Failure {
        if let Some(times) = self.due("timeout") {
            tracing::error!(times, "the Postgres server took longer than `PostgresSettings::timeout`");
        }
        Failure::Unreachable
    }

    /// While the server is down, every operation fails. So each kind of error is logged at once, and then once a minute.
    pub(super) fn due(&self, fault: &str) -> Option<u64> {
        self.warned.due(fault, self.clock.monotonic())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the Postgres server has no space",
            Self::TooLong => "the names are too long for the Postgres server",
            Self::Unreachable => "the Postgres server failed or can't be reached",
        })
    }
}

impl std::error::Error for Failure {}
