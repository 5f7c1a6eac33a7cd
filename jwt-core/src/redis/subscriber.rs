//! Keeps the memory of a process current.
//!
//! Messages bring new revocations. Reading everything, after each connect and at intervals, brings what was missed. A `PING`
//! on the same connection proves that no message is still on its way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::codec::{Record, RecordKey};
use super::server::Server;

/// The pause before the next attempt to connect, doubled after each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Subscriber {
    server: Arc<Server>,
    synced: watch::Sender<bool>,
}

impl Subscriber {
    pub(super) fn new(server: Arc<Server>) -> (Self, watch::Receiver<bool>) {
        let (synced, receiver) = watch::channel(false);
        (Self { server, synced }, receiver)
    }

    pub(super) async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut was_synced = false;
            let error = self.follow_connection(&mut was_synced).await.err();
            let category = error.as_ref().map_or("disconnected", RedisError::category);
            tracing::warn!(error = category, "the connection that receives revocations is lost: connecting again");
            pause = if was_synced { FIRST_PAUSE } else { (pause * 2).min(LAST_PAUSE) };
            sleep(pause).await;
        }
    }

    /// Returns when the connection is lost.
    async fn follow_connection(&self, was_synced: &mut bool) -> Result<(), RedisError> {
        let settings = &self.server.settings;
        let disconnected = Arc::new(Notify::new());
        let on_push = (Arc::clone(&self.server), Arc::clone(&disconnected));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout))
            // This runs where responses are read, so messages before a response are handled before it's returned.
            .set_push_sender(move |push: PushInfo| {
                handle_push(&on_push.0, &on_push.1, &push);
                Ok::<(), ()>(())
            });
        let client = &self.server.connection.client;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        // Subscribe before reading everything, so that no revocation falls in between.
        connection.subscribe(&self.server.channel).await?;
        let mut read_before = false;
        loop {
            self.read_all(&mut connection, read_before).await?;
            read_before = true;
            self.server.needs_restore.store(true, Ordering::SeqCst);
            let next = self.server.moment().monotonic.saturating_add(settings.resync);
            loop {
                self.ping(&mut connection).await?;
                *was_synced = true;
                if self.server.needs_restore.load(Ordering::SeqCst) {
                    // A failure leaves the flag set, so the next round tries again. Messages arrive all the same.
                    let _ = self.server.restore().await;
                }
                if timeout(settings.staleness / 4, disconnected.notified()).await.is_ok() {
                    return Ok(());
                }
                if self.server.moment().monotonic >= next {
                    break;
                }
            }
        }
    }

    /// The response arrives after every message that was sent before the `PING`.
    async fn ping(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let moment = self.server.moment();
        let _: Value = ::redis::cmd("PING").query_async(connection).await?;
        self.server.feed.caught_up_at(moment);
        self.synced.send_replace(true);
        Ok(())
    }

    /// Reads every revocation. If this connection has read everything before, each response also proves, like that of a
    /// `PING`, that no message is on its way.
    async fn read_all(&self, connection: &mut MultiplexedConnection, read_before: bool) -> Result<(), RedisError> {
        self.server.feed.begin_resync();
        let mut cursor = 0_u64;
        loop {
            let moment = self.server.moment();
            let mut command = ::redis::cmd("HSCAN");
            command.arg(&self.server.records).arg(cursor).arg("COUNT").arg(1_000);
            let (next, records): (u64, Vec<(String, String)>) = command.query_async(connection).await?;
            for (field, value) in &records {
                match (Record::parse(value), RecordKey::parse(field)) {
                    (Some(record), Some(key)) => remember(&self.server, &record, key),
                    _ => report_unreadable(&self.server),
                }
            }
            if read_before {
                self.server.feed.current_at(moment);
            }
            if next == 0 || self.server.feed.is_incomplete() {
                return Ok(());
            }
            cursor = next;
        }
    }
}

fn handle_push(server: &Server, disconnected: &Notify, push: &PushInfo) {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Disconnection, _) => disconnected.notify_one(),
        (PushKind::Message, [_, Value::BulkString(message)]) => {
            let message = std::str::from_utf8(message).ok();
            match message.and_then(Record::parse_message) {
                Some((record, key)) => remember(server, &record, key),
                None => report_unreadable(server),
            }
        }
        _ => {}
    }
}

fn remember(server: &Server, record: &Record, key: RecordKey<'_>) {
    // If the memory is full, the feed notes that the list is incomplete, and look-ups ask the server.
    let _ = server.feed.remember((key.kind, key.issuer, key.name), record.cutoff, record.until);
}

/// An unreadable record could revoke anything, so the list counts as incomplete.
fn report_unreadable(server: &Server) {
    tracing::error!("a revocation on the server is unreadable: was it written by another version?");
    server.feed.set_incomplete();
}
