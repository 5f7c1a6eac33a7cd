use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Notification};

use super::connection::{Failure, Link, Parameter};
use super::table::{LISTEN, PROVE, Position, Run, Start, Table};
use crate::clock::Moment;

/// Keeps the memory of a process equal to the table.
pub(super) struct Follower {
    table: Arc<Table>,
    synced: watch::Sender<bool>,
}

/// How long to wait before connecting again, first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// After how many proofs a list that had no space is read again.
const READ_AGAIN_AFTER: u64 = 30;

/// Limits that are set for the user must not end the reading of a large table, or the waiting for messages. Each response has a
/// limit of ours. Some versions of the server don't know all of them. Without `row_security`, a policy that would leave rows out is an error.
const WITHOUT_LIMITS: &str = "SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_session_timeout', 'transaction_timeout', 'row_security')";

/// A connection that receives messages.
struct Following {
    client: Arc<Client>,
    notifications: mpsc::UnboundedReceiver<Notification>,
    /// A channel that only this connection listens to.
    own_channel: String,
    /// A revocation fits into no message. Kept here, because waiting for messages may be cut short.
    must_read: bool,
}

impl Follower {
    pub(super) fn new(table: Arc<Table>) -> (Self, watch::Receiver<bool>) {
        let (synced, receiver) = watch::channel(false);
        (Self { table, synced }, receiver)
    }

    pub(super) async fn run(self) {
        let mut pause = PAUSES.0;
        let mut position = None;
        loop {
            let mut was_current = false;
            // The failure was logged. It always ends with one.
            let _ = self.follow(&mut position, &mut was_current).await;
            if let Some(times) = self.table.connection.due("following") {
                tracing::warn!(times, "no connection to receive revocations: connecting again");
            }
            pause = if was_current { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
            sleep(pause).await;
        }
    }

    async fn follow(&self, known: &mut Option<(Run, Position)>, was_current: &mut bool) -> Result<(), Failure> {
        let table = &self.table;
        // First listen, then read: every change that is committed after the reading arrives as a message.
        let mut following = self.listen().await?;
        let mut start = table.start(&following.client).await?;
        if let Some(mark) = table.feed.start() {
            table.feed.use_start();
            if let Some(position) = start.position_in(&mark) {
                *known = Some((start.run.clone(), position));
            } else {
                tracing::warn!(
                    "since the snapshot, the Postgres server was restarted or replaced, or the table is new: the snapshot's \
                     revocations stay in force, and everything is read"
                );
                table.feed.orphan();
            }
        }
        table.follow_run(&start.run);
        match known.as_ref().filter(|(run, _)| *run == start.run) {
            Some((_, position)) => {
                self.read_since(&following.client, position).await?;
                start.position = position.clone();
            }
            None => {
                table.feed.set_mark(None);
                table.read(&following.client).await?;
            }
        }
        let mut writing = JoinSet::new();
        for proof in 1_u64.. {
            *known = Some((start.run.clone(), start.position.clone()));
            // Beside following: if it fails, for example because there are too many connections, the list stays current.
            while writing.try_join_next().is_some() {}
            if writing.is_empty() && table.journal.has_unconfirmed() {
                let table = Arc::clone(table);
                writing.spawn(async move {
                    let _ = table.write_unconfirmed().await;
                });
            }
            let moment = table.moment();
            let reached = self.prove(&mut following, proof, moment).await?;
            if std::mem::take(&mut following.must_read) {
                self.read_since(&following.client, &start.position).await?;
            }
            let is_rewritten = reached.run != start.run;
            if is_rewritten {
                tracing::warn!("the table of revocations was truncated or replaced: reading everything");
                if !*was_current || !reached.run.has_table_of(&start.run) {
                    return Err(Failure::Unreachable);
                }
            }
            table.feed.caught_up_at(moment);
            start = reached;
            if is_rewritten {
                // All messages have arrived nevertheless, so the list stays current meanwhile.
                table.follow_run(&start.run);
                table.feed.set_mark(None);
                table.read(&following.client).await?;
            }
            table.feed.set_mark(Some(start.mark()));
            if !*was_current {
                *was_current = true;
                self.synced.send_replace(true);
            }
            if table.feed.is_incomplete() && proof.is_multiple_of(READ_AGAIN_AFTER) {
                table.read(&following.client).await?;
            }
            let rest = timeout(table.settings.revocations.staleness / 4, self.receive_until(&mut following, None));
            if let Ok(end) = rest.await {
                end?;
            }
        }
        Ok(())
    }

    async fn read_since(&self, client: &Arc<Client>, position: &Position) -> Result<(), Failure> {
        if self.table.read_changes(client, position).await? { Ok(()) } else { self.table.read(client).await }
    }

    async fn listen(&self) -> Result<Following, Failure> {
        let table = &self.table;
        let Link { client, notifications } = table.connection.open().await?;
        let client = Arc::new(client);
        table.connection.query_on(&client, WITHOUT_LIMITS, &[]).await?;
        let rows = table.connection.query_on(&client, LISTEN, &[]).await?;
        let row =
            rows.first().and_then(|row| Some((row.try_get::<_, i32>(0).ok()?, row.try_get::<_, String>(1).ok()?)));
        let (number, channel) = row.ok_or(Failure::Unreachable)?;
        let own_channel = format!("jwt_{number}");
        for channel in [&channel, &own_channel] {
            table.connection.query_on(&client, &format!("LISTEN {channel}"), &[]).await?;
        }
        let mut following = Following { client, notifications, own_channel, must_read: false };
        self.check_delivery(&mut following).await?;
        Ok(following)
    }

    /// Receives a message from another connection. A pooler in transaction mode delivers only what this connection sends itself,
    /// so the list would look current and miss every revocation of other processes.
    async fn check_delivery(&self, following: &mut Following) -> Result<(), Failure> {
        const GREETING: &str = "listening";
        let parameters: [Parameter<'_>; 2] = [(&following.own_channel, Type::TEXT), (&GREETING, Type::TEXT)];
        self.table.connection.query("SELECT pg_notify($1, $2)", &parameters).await?;
        match timeout(self.table.settings.timeout, self.receive_until(following, Some(GREETING))).await {
            Ok(arrival) => arrival,
            Err(_) => {
                tracing::error!(
                    "the Postgres server's messages don't arrive: connect to the server itself, or to a pooler in session mode"
                );
                Err(Failure::Unreachable)
            }
        }
    }

    /// Proves that no message is under way, and that the server is a primary.
    ///
    /// A server sends messages in the order of their commits, and only a primary takes one. So when this one comes back, all
    /// that were committed before it have arrived. With synchronous replication, the commit waits for the standbys too.
    ///
    /// Returns a point to continue from: a transaction that was complete before this one has sent its message before.
    async fn prove(&self, following: &mut Following, proof: u64, asked: Moment) -> Result<Start, Failure> {
        let proof = proof.to_string();
        let client = Arc::clone(&following.client);
        let connection = &self.table.connection;
        let parameters: [Parameter<'_>; 2] = [(&following.own_channel, Type::TEXT), (&proof, Type::TEXT)];
        let rows = connection.query_on(&client, PROVE, &parameters).await?;
        let answered = self.table.moment();
        if let Some(micros) = rows.first().and_then(|row| u64::try_from(row.try_get::<_, i64>(2).ok()?).ok()) {
            self.table.feed.compare_clocks(asked, answered, Duration::from_micros(micros));
        }
        let arrival = timeout(self.table.settings.timeout, self.receive_until(following, Some(&proof)));
        arrival.await.unwrap_or(Err(Failure::Unreachable))?;
        rows.first().and_then(Start::read).ok_or(Failure::Unreachable)
    }

    /// Handles messages until the connection ends, which is an error, or until a proof arrives. Without one, it returns
    /// when the table has to be read.
    async fn receive_until(&self, following: &mut Following, proof: Option<&str>) -> Result<(), Failure> {
        while let Some(message) = following.notifications.recv().await {
            if message.channel() == following.own_channel {
                if proof == Some(message.payload()) {
                    return Ok(());
                }
            } else if self.table.receive(message.payload()) {
                following.must_read = true;
                if proof.is_none() {
                    return Ok(());
                }
            }
        }
        Err(Failure::Unreachable)
    }
}
