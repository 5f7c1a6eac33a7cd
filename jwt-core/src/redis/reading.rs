//! Reads every revocation, shard by shard, with several requests in flight. After a cut it continues.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::redis::RedisError;
use tokio::task::JoinSet;

use super::codec::{RecordKey, SHARDS};
use super::link::Link;
use super::position::Progress;
use super::scripts::RESERVED_FIELDS;
use super::server::Server;
use crate::revocation::{Origin, Record};

/// How many records a response has at first, more or less: about 300 KB, and six milliseconds of the server.
const PAGE: usize = 4_000;
/// A slow process or network gets smaller responses, so that they arrive in time, and so does a server with small buffers, which
/// cuts the connection before any of them arrives.
const LEAST_PAGE: usize = 125;

/// How far each shard was read.
pub(super) struct Reading {
    cursors: [Mutex<Cursor>; SHARDS],
    /// Cursors are only good for the run of the server that gave them; `None` if the server does not tell.
    run: Option<String>,
    page: usize,
    has_failed: AtomicBool,
    was_too_slow: AtomicBool,
    has_responses: AtomicBool,
}

#[derive(Clone, Copy)]
enum Cursor {
    At(u64),
    Done,
}

impl Reading {
    /// A reading of one run of a server.
    pub(super) fn on(run: Option<String>) -> Self {
        let cursors = std::array::from_fn(|_| Mutex::new(Cursor::At(0)));
        Self {
            cursors,
            run,
            page: PAGE,
            has_failed: AtomicBool::new(false),
            was_too_slow: AtomicBool::new(false),
            has_responses: AtomicBool::new(false),
        }
    }

    /// The same reading on a new connection. Records that were read stay, and so do cursors on the same run of the server.
    pub(super) fn resume(&self, run: Option<String>) -> Self {
        let is_same = run.is_some() && run == self.run;
        let cursors = std::array::from_fn(|shard| {
            Mutex::new(match self.cursor(shard) {
                Cursor::At(_) if !is_same => Cursor::At(0),
                cursor => cursor,
            })
        });
        let was_too_large = self.was_too_slow.load(Ordering::SeqCst) || !self.has_responses.load(Ordering::SeqCst);
        let page = if was_too_large { (self.page / 2).max(LEAST_PAGE) } else { self.page };
        Self { cursors, page, ..Self::on(run) }
    }

    pub(super) fn is_done(&self) -> bool {
        (0..SHARDS).all(|shard| matches!(self.cursor(shard), Cursor::Done))
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    /// Reads all shards at once. The follower is woken when the last is done, or one fails.
    pub(super) fn start(self: &Arc<Self>, server: &Arc<Server>, link: &Link, progress: &Arc<Progress>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for shard in 0..SHARDS {
            let (reading, server, progress) = (Arc::clone(self), Arc::clone(server), Arc::clone(progress));
            let link = link.clone();
            tasks.spawn(async move {
                if let Err(error) = reading.read(&server, link, shard).await {
                    server.connection.report(&error, "reading the revocations failed: continuing on a new connection");
                    reading.note(&error);
                }
                if reading.is_done() || reading.has_failed() {
                    progress.wake();
                }
            });
        }
        tasks
    }

    async fn read(&self, server: &Server, mut link: Link, shard: usize) -> Result<(), RedisError> {
        while let Cursor::At(cursor) = self.cursor(shard) {
            let mut command = ::redis::cmd("HSCAN");
            command.arg(&server.shards[shard]).arg(cursor).arg("COUNT").arg(self.page);
            let (next, records): (u64, Vec<(String, String)>) = command.query_async(&mut link).await?;
            self.has_responses.store(true, Ordering::SeqCst);
            for (field, value) in &records {
                match (Record::parse(value), RecordKey::parse(field)) {
                    (Some(record), Some(key)) => server.remember(record, key, Origin::Store),
                    _ if RESERVED_FIELDS.contains(&field.as_str()) => {}
                    _ => server.report_unreadable(),
                }
            }
            // If the memory is full, the rest isn't needed: look-ups ask the server.
            let is_done = next == 0 || server.feed.is_incomplete();
            self.set_cursor(shard, if is_done { Cursor::Done } else { Cursor::At(next) });
        }
        Ok(())
    }

    /// An error of the connection.
    pub(super) fn note(&self, error: &RedisError) {
        self.was_too_slow.fetch_or(error.is_timeout(), Ordering::SeqCst);
        self.has_failed.store(true, Ordering::SeqCst);
    }

    fn cursor(&self, shard: usize) -> Cursor {
        *self.cursors[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_cursor(&self, shard: usize, cursor: Cursor) {
        *self.cursors[shard].lock().unwrap_or_else(PoisonError::into_inner) = cursor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_kept_on_the_same_run_of_the_server_only() {
        let mut reading = Reading::on(Some("a".to_owned()));
        reading.set_cursor(0, Cursor::Done);
        reading.set_cursor(1, Cursor::At(7));
        for (run, second) in [(Some("a"), 7), (Some("b"), 0), (None, 0)] {
            let resumed = reading.resume(run.map(str::to_owned));
            assert!(matches!(resumed.cursor(0), Cursor::Done), "{run:?}");
            assert!(matches!(resumed.cursor(1), Cursor::At(cursor) if cursor == second), "{run:?}");
            assert!(!resumed.is_done());
        }
        reading.run = None;
        assert!(matches!(reading.resume(None).cursor(1), Cursor::At(0)), "an unknown run is never the same");
    }

    #[test]
    fn only_responses_that_came_too_late_or_never_are_asked_for_in_smaller_parts() {
        let failing = |reading: Reading, kind: std::io::ErrorKind| {
            reading.has_responses.store(true, Ordering::SeqCst);
            reading.note(&std::io::Error::from(kind).into());
            assert!(reading.has_failed());
            reading.resume(None)
        };
        let cut = failing(Reading::on(None), std::io::ErrorKind::ConnectionReset);
        assert_eq!((cut.page, cut.has_failed()), (PAGE, false));
        let slow = failing(cut, std::io::ErrorKind::TimedOut);
        assert_eq!(slow.page, PAGE / 2);
        let cut = failing(slow, std::io::ErrorKind::ConnectionReset);
        assert_eq!(cut.page, PAGE / 2, "it stays as small as it had to be");
        let least = (0..20).fold(cut, |reading, _| failing(reading, std::io::ErrorKind::TimedOut));
        assert_eq!(least.page, LEAST_PAGE);
        let cut = Reading::on(None).resume(None);
        assert_eq!((cut.page, cut.resume(None).page), (PAGE / 2, PAGE / 4), "no response arrived");
    }
}
