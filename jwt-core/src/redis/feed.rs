//! What keeps the memory of a process current: messages as they come, everything when a connection begins and now and
//! then, and a question by which it is known that no message is under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::codec::{Named, Record};
use super::server::Server;

/// How long to wait before the next attempt to connect: doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Follower {
    server: Arc<Server>,
    synced: watch::Sender<bool>,
}

impl Follower {
    pub(super) fn new(server: Arc<Server>) -> (Self, watch::Receiver<bool>) {
        let (synced, receiver) = watch::channel(false);
        (Self { server, synced }, receiver)
    }

    pub(super) async fn follow(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut heard = false;
            let error = self.stay_connected(&mut heard).await.err();
            let category = error.as_ref().map_or("disconnected", RedisError::category);
            tracing::warn!(error = category, "revocations are not followed");
            pause = if heard { FIRST_PAUSE } else { (pause * 2).min(LAST_PAUSE) };
            sleep(pause).await;
        }
    }

    /// Ends when the connection does.
    async fn stay_connected(&self, heard: &mut bool) -> Result<(), RedisError> {
        let settings = &self.server.settings;
        let gone = Arc::new(Notify::new());
        let taker = { (Arc::clone(&self.server), Arc::clone(&gone)) };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout))
            // Runs where answers are read: what came before an answer has been taken when the answer is there.
            .set_push_sender(move |push: PushInfo| {
                take(&taker.0, &taker.1, &push);
                Ok::<(), ()>(())
            });
        let mut connection = self.server.link.client.get_multiplexed_async_connection_with_config(&config).await?;
        // First the messages, then everything: none can fall in between.
        connection.subscribe(&self.server.channel).await?;
        let mut read_before = false;
        loop {
            self.read_all(&mut connection, read_before).await?;
            read_before = true;
            self.server.owes.store(true, Ordering::SeqCst);
            let next = self.server.moment().monotonic.saturating_add(settings.resync);
            loop {
                self.hear(&mut connection).await?;
                *heard = true;
                if self.server.owes.load(Ordering::SeqCst) {
                    // What fails is owed still, and tried again in the next round: messages arrive all the same.
                    let _ = self.server.heal().await;
                }
                if timeout(settings.staleness / 4, gone.notified()).await.is_ok() {
                    return Ok(());
                }
                if self.server.moment().monotonic >= next {
                    break;
                }
            }
        }
    }

    /// An answer to a question of this moment comes after every message from before it.
    async fn hear(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let moment = self.server.moment();
        let _: Value = ::redis::cmd("PING").query_async(connection).await?;
        self.server.feed.caught_up_at(moment);
        self.synced.send_replace(true);
        Ok(())
    }

    /// `read_before` says that this connection has been read already, so that each answer tells that nothing is under way.
    async fn read_all(&self, connection: &mut MultiplexedConnection, read_before: bool) -> Result<(), RedisError> {
        self.server.feed.begin();
        let mut cursor = 0_u64;
        loop {
            let moment = self.server.moment();
            let mut command = ::redis::cmd("HSCAN");
            command.arg(&self.server.records).arg(cursor).arg("COUNT").arg(1_000);
            let (next, records): (u64, Vec<(String, String)>) = command.query_async(connection).await?;
            for (field, value) in &records {
                match (Record::read(value), Named::read(field)) {
                    (Some(record), Some(named)) => remember(&self.server, &record, named),
                    _ => unreadable(&self.server),
                }
            }
            if read_before {
                self.server.feed.alive_at(moment);
            }
            if next == 0 || !self.server.feed.is_complete() {
                return Ok(());
            }
            cursor = next;
        }
    }
}

fn take(server: &Server, gone: &Notify, push: &PushInfo) {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Disconnection, _) => gone.notify_one(),
        (PushKind::Message, [_, Value::BulkString(message)]) => {
            let message = std::str::from_utf8(message).ok();
            match message.and_then(Record::read_message) {
                Some((record, named)) => remember(server, &record, named),
                None => unreadable(server),
            }
        }
        _ => {}
    }
}

fn remember(server: &Server, record: &Record, named: Named<'_>) {
    // Where there is no room, the feed notes it, and the server is asked.
    let _ = server.feed.remember((named.kind, named.issuer, named.name), record.cutoff, record.until);
}

/// Of something that cannot be read nobody knows what it takes back.
fn unreadable(server: &Server) {
    tracing::error!("a revocation cannot be read");
    server.feed.is_missing_something();
}
