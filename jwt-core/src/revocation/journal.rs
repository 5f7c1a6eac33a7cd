//! The revocations that a process made, kept to write them again to a server that has not confirmed them or has lost them.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many confirmed revocations are kept.
const MAX_CONFIRMED: usize = 10_000;

/// A revocation as a store keeps it: the last `iat` that is refused, and the second until which it's remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) cutoff: i64,
    pub(crate) until: i64,
}

/// A record to write, to be confirmed once the server has it.
pub(crate) struct Write<K> {
    pub(crate) key: Arc<K>,
    pub(crate) record: Record,
    /// Each write has its own, so that an earlier one does not confirm a later change.
    id: u64,
}

/// The revocations of a process, by the key that the store gives them.
///
/// If there are too many confirmed ones, the oldest are dropped. If there are too many unconfirmed ones, no more are kept.
pub(crate) struct Journal<K>(Mutex<State<K>>);

struct State<K> {
    /// The last write of each key.
    ids: HashMap<Arc<K>, u64>,
    /// In the order in which they are to be written.
    unconfirmed: BTreeMap<u64, Write<K>>,
    /// The oldest first.
    confirmed: BTreeMap<u64, Write<K>>,
    last_id: u64,
    max_unconfirmed: usize,
    max_confirmed: usize,
}

impl<K: Eq + Hash> Journal<K> {
    /// Keeps as many unconfirmed revocations as the list holds, besides the ones of a server that lost its data.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_limits(capacity.max(MAX_CONFIRMED).saturating_add(MAX_CONFIRMED), MAX_CONFIRMED)
    }

    fn with_limits(max_unconfirmed: usize, max_confirmed: usize) -> Self {
        Self(Mutex::new(State {
            ids: HashMap::new(),
            unconfirmed: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            last_id: 0,
            max_unconfirmed,
            max_confirmed,
        }))
    }

    /// Adds a revocation that the server may not have yet, merged with an earlier one of the key.
    pub(crate) fn add(&self, key: K, record: Record) -> Write<K> {
        self.state().add(Arc::new(key), record)
    }

    /// Notes that the server has a write, unless its key was added again since, or the server may have lost it since.
    pub(crate) fn confirm<'w>(&self, writes: impl IntoIterator<Item = &'w Write<K>>)
    where
        K: 'w,
    {
        let mut state = self.state();
        for write in writes {
            if let Some(write) = state.unconfirmed.remove(&write.id) {
                state.confirmed.insert(write.id, write);
            }
        }
        state.drop_oldest_confirmed();
    }

    /// Notes that a write failed. It's written again if there was space to keep it.
    pub(crate) fn fail(&self, write: &Write<K>) {
        if !self.state().ids.contains_key(&write.key) {
            tracing::error!("too many revocations wait for the server: only this process knows another one");
        }
    }

    /// Drops a write that the server never takes.
    #[cfg(any(feature = "postgres", test))]
    pub(crate) fn refuse(&self, write: &Write<K>) {
        let mut state = self.state();
        if state.unconfirmed.remove(&write.id).is_some() {
            state.ids.remove(&write.key);
        }
    }

    /// Says that the server may have lost everything that it has confirmed or is about to confirm.
    pub(crate) fn suspect(&self) {
        let mut state = self.state();
        let unconfirmed = std::mem::take(&mut state.unconfirmed);
        let confirmed = std::mem::take(&mut state.confirmed);
        for write in unconfirmed.into_values().chain(confirmed.into_values()) {
            state.push(write.key, write.record);
        }
    }

    pub(crate) fn has_unconfirmed(&self) -> bool {
        !self.state().unconfirmed.is_empty()
    }

    /// Returns the writes that the server has not confirmed, and drops revocations that have ended. The ones that it may have lost
    /// are the last.
    pub(crate) fn unconfirmed(&self, now: i64) -> Vec<Write<K>> {
        let mut state = self.state();
        let State { ids, unconfirmed, .. } = &mut *state;
        unconfirmed.retain(|_, write| {
            let is_current = write.record.until > now;
            if !is_current {
                ids.remove(&write.key);
            }
            is_current
        });
        unconfirmed.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> State<K> {
    fn add(&mut self, key: Arc<K>, mut record: Record) -> Write<K> {
        if let Some(id) = self.ids.get(&key) {
            let earlier = self.unconfirmed.remove(id).or_else(|| self.confirmed.remove(id));
            if let Some(Write { record: earlier, .. }) = earlier {
                record.cutoff = record.cutoff.max(earlier.cutoff);
                record.until = record.until.max(earlier.until);
            }
        } else if self.unconfirmed.len() >= self.max_unconfirmed {
            return Write { key, record, id: 0 };
        }
        self.push(key, record)
    }

    /// Adds a write after the others.
    fn push(&mut self, key: Arc<K>, record: Record) -> Write<K> {
        self.last_id += 1;
        let write = Write { key, record, id: self.last_id };
        self.ids.insert(Arc::clone(&write.key), write.id);
        self.unconfirmed.insert(write.id, write.clone());
        write
    }

    fn drop_oldest_confirmed(&mut self) {
        while self.confirmed.len() > self.max_confirmed
            && let Some((_, oldest)) = self.confirmed.pop_first()
        {
            self.ids.remove(&oldest.key);
        }
    }
}

impl<K> Clone for Write<K> {
    fn clone(&self) -> Self {
        Self { key: Arc::clone(&self.key), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn record(cutoff: i64, until: i64) -> Record {
        Record { cutoff, until }
    }

    fn add(journal: &Journal<&'static str>, key: &'static str) -> Write<&'static str> {
        journal.add(key, record(5, 9))
    }

    fn confirm(journal: &Journal<&'static str>, keys: &[&'static str]) {
        for key in keys {
            journal.confirm(&[add(journal, key)]);
        }
    }

    fn unconfirmed(journal: &Journal<&'static str>, now: i64) -> Vec<&'static str> {
        journal.unconfirmed(now).iter().map(|write| *write.key).collect()
    }

    /// The revocations that are written again after a loss.
    fn kept(journal: &Journal<&'static str>) -> Vec<&'static str> {
        journal.suspect();
        let writes = journal.unconfirmed(0);
        journal.confirm(&writes);
        writes.iter().map(|write| *write.key).collect()
    }

    #[test]
    fn the_oldest_confirmed_ones_are_dropped() {
        let journal = Journal::with_limits(10, 3);
        confirm(&journal, &["a", "b", "c", "d", "b", "e"]);
        assert_eq!(kept(&journal), ["d", "b", "e"]);
        assert_eq!(journal.state().ids.len(), 3);
    }

    #[test]
    fn unconfirmed_ones_are_kept_and_if_there_are_too_many_no_more() {
        let journal = Journal::with_limits(3, 2);
        let first = add(&journal, "a");
        confirm(&journal, &["b", "c", "d"]);
        assert_eq!(unconfirmed(&journal, 0), ["a"]);
        add(&journal, "e");
        add(&journal, "f");
        let none = add(&journal, "g");
        journal.confirm(&[none]);
        let again = journal.add("f", record(6, 9));
        assert_eq!((unconfirmed(&journal, 0), again.record), (vec!["a", "e", "f"], record(6, 9)));
        journal.confirm(&[first]);
        add(&journal, "g");
        assert_eq!(unconfirmed(&journal, 0), ["e", "f", "g"]);
        assert_eq!(kept(&journal), ["e", "f", "g", "c", "d"], "the first is the oldest of the confirmed ones");
    }

    #[test]
    fn after_a_loss_the_confirmed_ones_are_written_once_more() {
        let journal = Journal::new(0);
        confirm(&journal, &["a", "b"]);
        assert!(!journal.has_unconfirmed());
        add(&journal, "c");
        journal.suspect();
        assert!(journal.has_unconfirmed());
        let writes = journal.unconfirmed(0);
        assert_eq!(unconfirmed(&journal, 0), ["c", "a", "b"]);
        journal.confirm(&writes[..2]);
        assert_eq!(unconfirmed(&journal, 0), ["b"]);
    }

    #[test]
    fn a_write_from_before_a_loss_is_not_confirmed_after_it() {
        let journal = Journal::new(0);
        let write = add(&journal, "a");
        journal.suspect();
        journal.confirm(&[write]);
        assert_eq!(unconfirmed(&journal, 0), ["a"]);
    }

    #[test]
    fn one_that_was_added_again_is_not_confirmed_by_the_earlier_write() {
        let journal = Journal::new(0);
        let writes = [(5, 9), (4, 12), (1, 1)].map(|(cutoff, until)| journal.add("a", record(cutoff, until)));
        assert_eq!(writes.each_ref().map(|write| write.record), [record(5, 9), record(5, 12), record(5, 12)]);
        journal.confirm(&writes[..2]);
        assert_eq!(unconfirmed(&journal, 9), ["a"]);
        journal.confirm(&writes[2..]);
        assert_eq!(unconfirmed(&journal, 9), [""; 0]);
        let fourth = journal.add("a", record(7, 1));
        assert_eq!(fourth.record, record(7, 12), "merged with the confirmed one");
    }

    #[test]
    fn one_that_has_ended_is_not_written() {
        let journal = Journal::new(0);
        let write = add(&journal, "a");
        journal.add("b", record(5, 10));
        assert_eq!(unconfirmed(&journal, 9), ["b"]);
        journal.confirm(&[write]);
        assert_eq!((kept(&journal), journal.state().ids.len()), (vec!["b"], 1));
    }

    #[test]
    fn one_that_the_server_never_takes_is_dropped_unless_it_was_added_again() {
        let journal = Journal::new(0);
        let (first, second) = (add(&journal, "a"), add(&journal, "a"));
        journal.refuse(&first);
        assert_eq!(unconfirmed(&journal, 0), ["a"]);
        journal.refuse(&second);
        journal.confirm(&[second]);
        assert_eq!((kept(&journal).len(), journal.state().ids.len()), (0, 0));
    }
}
