//! Keeps the memory of a process current.
//!
//! Messages bring new revocations at once. Asking the server for the changes after a position, at intervals and whenever a
//! message was missed, proves that no message is missing, and that the server is a primary. Everything is read only if there is no
//! position to continue from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::{PushInfo, PushKind, RedisError, Value};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::changes::{self, Status};
use super::position::{ChangeId, Progress};
use super::reading::Reading;
use super::server::{Proven, Server};
use crate::revocation::{Origin, Record};

/// The pause before the next attempt to connect, doubled after each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How often a process whose memory was full reads everything again, to find out whether it fits now.
const REREAD: Duration = Duration::from_secs(300);

pub(super) struct Follower {
    server: Arc<Server>,
    synced: watch::Sender<bool>,
    warned_of_eviction: AtomicBool,
}

/// What this process has of the data on the server. It outlives a connection.
#[derive(Default)]
struct Knowledge {
    epoch: String,
    position: Option<ChangeId>,
    reading: Option<Arc<Reading>>,
    /// Whether everything up to the position is in memory. A reading only looks for what did not fit.
    is_complete: bool,
    /// When everything was last read, on the monotonic clock.
    read_at: Duration,
}

impl Knowledge {
    /// The knowledge of a list that starts from a snapshot.
    fn of_snapshot(mark: &str) -> Option<Self> {
        let (epoch, position) = mark.split_once(' ')?;
        let position = Some(ChangeId::parse(position)?);
        Some(Self { epoch: epoch.to_owned(), position, ..Self::default() })
    }

    /// The mark of a snapshot, if everything up to the position is in memory.
    fn mark(&self, position: Option<ChangeId>) -> Option<String> {
        let position = position.filter(|_| self.is_complete && self.reading.is_none())?;
        Some(format!("{} {position}", self.epoch))
    }
}

impl Follower {
    pub(super) fn new(server: Arc<Server>) -> (Arc<Self>, watch::Receiver<bool>) {
        let (synced, receiver) = watch::channel(false);
        (Arc::new(Self { server, synced, warned_of_eviction: AtomicBool::new(false) }), receiver)
    }

    /// Follows the server until it's dropped. Even a panic, which would be a bug of ours or of a clock, must not end it.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            // A set, so that the task ends with this one.
            let mut task = JoinSet::new();
            task.spawn(Arc::clone(&self).follow());
            let panicked = task.join_next().await.is_some_and(|end| end.is_err_and(|end| end.is_panic()));
            tracing::error!(panicked, "the task that receives revocations has ended: starting it again");
            sleep(LAST_PAUSE).await;
        }
    }

    async fn follow(self: Arc<Self>) {
        let start = self.server.feed.start();
        let mut knowledge = start.as_deref().and_then(Knowledge::of_snapshot).unwrap_or_default();
        let mut pause = FIRST_PAUSE;
        loop {
            let progress = Arc::new(Progress::starting_at(knowledge.position));
            let mut was_current = false;
            let error = self.follow_connection(&progress, &mut knowledge, &mut was_current).await.err();
            if let (Some(reading), Some(error)) = (&knowledge.reading, &error) {
                // The response may have waited behind those of the reading.
                reading.note(error);
            }
            knowledge.position = progress.position();
            self.server.set_proven(None);
            let what = "no connection to receive revocations: connecting again";
            self.server.connection.report_end(error.as_ref(), what);
            pause = if was_current { FIRST_PAUSE } else { (pause * 2).min(LAST_PAUSE) };
            sleep(pause).await;
        }
    }

    /// Returns when the connection is lost.
    async fn follow_connection(
        &self,
        progress: &Arc<Progress>,
        knowledge: &mut Knowledge,
        was_current: &mut bool,
    ) -> Result<(), RedisError> {
        let server = &self.server;
        let on_push = (Arc::downgrade(server), Arc::clone(progress));
        // This runs where responses are read, so messages before a response are handled before it's returned.
        let push = move |push: PushInfo| {
            // The connection must not keep the server's copy alive, which has the connection.
            if let Some(server) = on_push.0.upgrade() {
                handle_push(&server, &on_push.1, &push);
            }
            Ok::<(), ()>(())
        };
        let mut link = server.connection.address().connect(&server.settings, push).await?;
        link.subscribe(&server.channel).await?;
        let info = changes::info(server, &mut link).await;
        self.warn_of_eviction(info.eviction_policy.as_deref());
        server.journal.suspect();
        // Both end with this connection.
        let (mut reading, mut restoring) = (JoinSet::new(), JoinSet::new());
        if let Some(unfinished) = knowledge.reading.take() {
            let resumed = Arc::new(unfinished.resume(info.run.clone()));
            reading = resumed.start(server, &link, progress);
            knowledge.reading = Some(resumed);
        }
        while !progress.is_disconnected() {
            let moment = server.moment();
            let reply = changes::ask(server, &mut link, &knowledge.epoch, progress, moment).await?;
            self.decide_about_snapshot(reply.status);
            let starts_over = match reply.status {
                Status::Lost => {
                    if knowledge.epoch.is_empty() {
                        tracing::info!("the Redis server has no revocations: others get the time to restore them");
                    } else {
                        tracing::warn!("the Redis server has lost revocations: restoring those of this process");
                    }
                    changes::begin(server, &mut link).await?;
                    continue;
                }
                Status::New | Status::Gap | Status::Forked => {
                    knowledge.epoch = reply.epoch;
                    progress.restart_at(Some(reply.last));
                    server.set_proven(None);
                    server.feed.orphan();
                    knowledge.is_complete = false;
                    true
                }
                Status::Known => false,
            };
            if !starts_over && reply.has_more {
                continue;
            }
            let overflowed = server.feed.is_incomplete() && knowledge.reading.is_none();
            if starts_over || overflowed && moment.monotonic >= knowledge.read_at.saturating_add(REREAD) {
                server.feed.begin_resync();
                knowledge.read_at = moment.monotonic;
                let all = Arc::new(Reading::on(info.run.clone()));
                reading = all.start(server, &link, progress);
                knowledge.reading = Some(all);
            }
            if starts_over {
                server.journal.suspect();
            }
            while restoring.try_join_next().is_some() {}
            if restoring.is_empty() && server.journal.has_unconfirmed() {
                let server = Arc::clone(server);
                // After a failure the next round tries again. Following continues meanwhile.
                restoring.spawn(async move {
                    let _ = server.restore().await;
                });
            }
            if let Some(all) = &knowledge.reading {
                if all.has_failed() {
                    return Ok(());
                }
                if all.is_done() {
                    while reading.try_join_next().is_some() {}
                    knowledge.reading = None;
                }
            }
            let recovery = server.settings.recovery_time.saturating_sub(reply.age);
            if recovery.is_zero() && !starts_over {
                if knowledge.reading.is_none() {
                    knowledge.is_complete = true;
                    server.feed.caught_up_at(moment);
                } else if knowledge.is_complete {
                    server.feed.current_at(moment);
                }
                if knowledge.is_complete {
                    *was_current = true;
                    let (link, epoch, progress) = (link.clone(), knowledge.epoch.clone(), Arc::clone(progress));
                    server.set_proven(Some(Proven { link, epoch, progress }));
                    self.synced.send_replace(true);
                }
            }
            server.feed.set_mark(knowledge.mark(progress.position()));
            let next = server.settings.revocations.staleness / 4;
            let next = if recovery.is_zero() { next } else { next.min(recovery) };
            if !starts_over {
                let _ = timeout(next, progress.woken()).await;
            }
        }
        Ok(())
    }

    /// Starts from the snapshot, if there is one and the first answer is about it.
    fn decide_about_snapshot(&self, status: Status) {
        let feed = &self.server.feed;
        match status {
            Status::Known => feed.use_start(),
            Status::Gap => feed.reject_start("the server no longer has the changes since"),
            _ if feed.start().is_some() => {
                tracing::warn!("the Redis server has lost revocations since the snapshot: those in it stay in force");
                feed.use_start();
            }
            Status::Forked => {
                tracing::warn!("the Redis server has lost its last revocations: restoring those of this process");
            }
            Status::Lost | Status::New => {}
        }
    }

    fn warn_of_eviction(&self, policy: Option<&str>) {
        if let Some(policy) = policy.filter(|policy| *policy != "noeviction")
            && !self.warned_of_eviction.swap(true, Ordering::SeqCst)
        {
            tracing::warn!(policy, "the Redis server may drop revocations: set `maxmemory-policy` to `noeviction`");
        }
    }
}

fn handle_push(server: &Server, progress: &Progress, push: &PushInfo) {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Disconnection, _) => progress.disconnect(),
        (PushKind::Message, [_, Value::BulkString(message)]) if message == changes::NEW_EPOCH => progress.wake(),
        (PushKind::Message, [_, Value::BulkString(message)]) => {
            let message = std::str::from_utf8(message).ok().and_then(|message| message.split_once(' '));
            let change = message.and_then(|(id, record)| Some((ChangeId::parse(id)?, Record::parse_message(record)?)));
            match change {
                Some((id, (record, key))) => {
                    let origin = if progress.reaches(id) { Origin::Store } else { Origin::Process };
                    server.remember(record, key, origin);
                    progress.note(id);
                }
                None => server.report_unreadable(),
            }
        }
        _ => {}
    }
}
