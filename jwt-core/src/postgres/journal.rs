//! The revocations that a process made, kept for a server that has not confirmed them or has lost them.

use std::collections::VecDeque;

use super::record::Record;

/// How many revocations wait for the server.
const MAX_WAITING: usize = 10_000;

/// How many confirmed revocations are kept.
const MAX_CONFIRMED: usize = 10_000;

/// Revocations, the oldest first.
#[derive(Default)]
pub(super) struct Journal {
    /// The server has not confirmed them.
    waiting: VecDeque<Record>,
    /// The last ones that it has confirmed.
    confirmed: VecDeque<Record>,
    /// How many of these, from the first on, it may have lost.
    lost: usize,
}

/// The journal has no space.
#[derive(Debug)]
pub(super) struct Full;

impl Journal {
    /// Adds a revocation that the server has not confirmed.
    pub(super) fn wait(&mut self, record: Record) -> Result<(), Full> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(Full);
        }
        self.waiting.push_back(record);
        Ok(())
    }

    /// Adds a revocation that the server has confirmed, in place of the oldest one if there are too many.
    pub(super) fn confirm(&mut self, record: Record) {
        if self.confirmed.len() >= MAX_CONFIRMED {
            self.confirmed.pop_front();
            self.lost = self.lost.saturating_sub(1);
        }
        self.confirmed.push_back(record);
    }

    /// Says that the server may have lost all of them.
    pub(super) fn suspect(&mut self) {
        self.lost = self.confirmed.len();
    }

    /// The next revocation to write. It stays until it's [settled](Self::settle).
    pub(super) fn next(&mut self, now: i64) -> Option<Record> {
        while self.waiting.front().is_some_and(|record| record.until <= now) {
            self.waiting.pop_front();
        }
        while self.lost > 0 && self.confirmed.front().is_some_and(|record| record.until <= now) {
            self.confirmed.pop_front();
            self.lost -= 1;
        }
        self.waiting.front().or_else(|| self.confirmed.front().filter(|_| self.lost > 0)).cloned()
    }

    /// Notes that a revocation was written, or that the server never takes it.
    pub(super) fn settle(&mut self, record: Record, is_written: bool) {
        if self.waiting.front() == Some(&record) {
            self.waiting.pop_front();
        } else if self.lost > 0 && self.confirmed.front() == Some(&record) {
            self.confirmed.pop_front();
            self.lost -= 1;
        } else {
            return;
        }
        if is_written {
            self.confirm(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::Kind;

    fn record(name: usize, until: i64) -> Record {
        Record { kind: Kind::Session, issuer: String::new(), name: name.to_string(), cutoff: i64::MAX, until }
    }

    /// The names that are written, in their order.
    fn written(journal: &mut Journal, now: i64) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(record) = journal.next(now) {
            names.push(record.name.clone());
            journal.settle(record, true);
        }
        names
    }

    #[test]
    fn waiting_revocations_are_written_once_and_lost_ones_again() {
        let mut journal = Journal::default();
        journal.confirm(record(1, 100));
        journal.confirm(record(2, 50));
        journal.confirm(record(3, 100));
        journal.wait(record(4, 100)).expect("space");
        assert_eq!(written(&mut journal, 0), ["4"]);
        assert_eq!(written(&mut journal, 0), [""; 0]);
        journal.suspect();
        journal.wait(record(5, 100)).expect("space");
        assert_eq!(journal.next(60).map(|record| record.name).as_deref(), Some("5"), "it stays until it is settled");
        assert_eq!(written(&mut journal, 60), ["5", "1", "3", "4"], "the second has ended");
        journal.suspect();
        assert_eq!(written(&mut journal, 60), ["5", "1", "3", "4"]);
        journal.suspect();
        assert_eq!(written(&mut journal, 100), [""; 0]);
    }

    #[test]
    fn one_that_the_server_never_takes_is_dropped() {
        let mut journal = Journal::default();
        journal.wait(record(1, 100)).expect("space");
        let first = journal.next(0).expect("it waits");
        journal.settle(first.clone(), false);
        journal.settle(first, true);
        journal.suspect();
        assert_eq!(written(&mut journal, 0), [""; 0]);
    }

    #[test]
    fn the_oldest_confirmed_ones_are_dropped_and_waiting_ones_kept() {
        let mut journal = Journal::default();
        journal.confirm(record(0, 100));
        journal.suspect();
        let lost = journal.next(0).expect("it may be lost");
        for number in 1..=MAX_CONFIRMED {
            journal.confirm(record(number, 100));
        }
        // It was dropped while it was being written.
        journal.settle(lost, true);
        assert_eq!(written(&mut journal, 0), [""; 0]);
        journal.suspect();
        assert_eq!(journal.next(0).map(|record| record.name).as_deref(), Some("1"));
        for number in 0..MAX_WAITING {
            journal.wait(record(number, 100)).expect("space");
        }
        assert!(journal.wait(record(0, 100)).is_err());
        assert_eq!(journal.next(0).map(|record| record.name).as_deref(), Some("0"));
    }
}
