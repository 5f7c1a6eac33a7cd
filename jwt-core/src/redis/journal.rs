//! The revocations that a process made, kept to restore a server that lost them.

use std::collections::{BTreeMap, HashMap};

use super::codec::Record;

/// Revocations by field.
///
/// Above `max_confirmed` entries, the oldest confirmed ones are dropped. Entries that the server has not confirmed are kept.
pub(super) struct Journal {
    entries: HashMap<String, JournalEntry>,
    /// The fields that the server has confirmed, oldest first.
    confirmed: BTreeMap<WriteId, String>,
    /// How many entries are kept while all are confirmed.
    max_confirmed: usize,
    /// How many unconfirmed entries are kept.
    max_unconfirmed: usize,
    last_id: WriteId,
}

struct JournalEntry {
    record: Record,
    id: WriteId,
}

/// Identifies one write of a field, so that a later write isn't confirmed by the response to an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WriteId(u64);

impl Journal {
    pub(super) fn new(max_confirmed: usize, max_unconfirmed: usize) -> Self {
        Self {
            entries: HashMap::new(),
            confirmed: BTreeMap::new(),
            max_confirmed,
            max_unconfirmed,
            last_id: WriteId::default(),
        }
    }

    /// Adds a record that the server may not have yet.
    ///
    /// Returns the record merged with the field's earlier one, and the id to [confirm](Self::confirm) once it's written; no
    /// id if there are too many unconfirmed entries.
    pub(super) fn add(&mut self, field: &str, record: Record) -> (Record, Option<WriteId>) {
        let id = WriteId(self.last_id.0 + 1);
        let mut merged = record;
        if let Some(entry) = self.entries.get(field) {
            self.confirmed.remove(&entry.id);
            merged.cutoff = merged.cutoff.max(entry.record.cutoff);
            merged.until = merged.until.max(entry.record.until);
        } else if self.entries.len() - self.confirmed.len() >= self.max_unconfirmed {
            return (merged, None);
        }
        self.last_id = id;
        self.entries.insert(field.to_owned(), JournalEntry { record: merged.clone(), id });
        self.drop_oldest_confirmed();
        (merged, Some(id))
    }

    /// Marks a write as confirmed by the server, unless the field was added again since.
    pub(super) fn confirm(&mut self, field: &str, id: WriteId) {
        if self.entries.get(field).is_some_and(|entry| entry.id == id) {
            self.confirmed.insert(id, field.to_owned());
            self.drop_oldest_confirmed();
        }
    }

    /// Drops the records that have ended, and returns the others.
    pub(super) fn current(&mut self, now: i64) -> Vec<(String, Record, WriteId)> {
        let Self { entries, confirmed, .. } = self;
        entries.retain(|_, entry| {
            let is_current = entry.record.until > now;
            if !is_current {
                confirmed.remove(&entry.id);
            }
            is_current
        });
        entries.iter().map(|(field, entry)| (field.clone(), entry.record.clone(), entry.id)).collect()
    }

    fn drop_oldest_confirmed(&mut self) {
        while self.entries.len() > self.max_confirmed
            && let Some((_, field)) = self.confirmed.pop_first()
        {
            self.entries.remove(&field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn record(cutoff: i64, until: i64) -> Record {
        Record { cutoff, until }
    }

    fn add(journal: &mut Journal, field: &str, cutoff: i64, until: i64) -> Option<WriteId> {
        journal.add(field, record(cutoff, until)).1
    }

    fn fields(journal: &mut Journal) -> Vec<String> {
        let mut fields: Vec<_> = journal.current(0).into_iter().map(|(field, ..)| field).collect();
        fields.sort();
        fields
    }

    #[test]
    fn the_oldest_confirmed_entries_are_dropped() {
        let mut journal = Journal::new(3, 10);
        for field in ["a", "b", "c", "d", "b", "e"] {
            let id = add(&mut journal, field, 5, 9).expect("space");
            journal.confirm(field, id);
        }
        assert_eq!(fields(&mut journal), ["b", "d", "e"]);
        assert_eq!(journal.confirmed.len(), 3);
    }

    #[test]
    fn unconfirmed_entries_are_kept() {
        let mut journal = Journal::new(2, 4);
        let first = add(&mut journal, "a", 5, 9).expect("space");
        for field in ["b", "c", "d"] {
            let id = add(&mut journal, field, 5, 9).expect("space");
            journal.confirm(field, id);
        }
        assert_eq!(fields(&mut journal), ["a", "d"]);
        for field in ["e", "f", "g"] {
            add(&mut journal, field, 5, 9).expect("space");
        }
        assert_eq!(fields(&mut journal), ["a", "e", "f", "g"]);
        assert_eq!(add(&mut journal, "h", 5, 9), None);
        add(&mut journal, "g", 6, 9).expect("it has an entry already");
        journal.confirm("a", first);
        assert_eq!(fields(&mut journal), ["e", "f", "g"]);
        add(&mut journal, "h", 5, 9).expect("space again");
    }

    #[test]
    fn an_entry_that_was_added_again_is_not_confirmed_by_the_earlier_write() {
        let mut journal = Journal::new(10, 10);
        let first = add(&mut journal, "a", 5, 9).expect("space");
        let second = add(&mut journal, "a", 4, 12).expect("space");
        journal.confirm("a", first);
        assert!(journal.confirmed.is_empty());
        assert_eq!(journal.add("a", record(1, 1)), (record(5, 12), Some(WriteId(3))), "the merged record is written");
        let third = WriteId(3);
        journal.confirm("a", second);
        assert!(journal.confirmed.is_empty());
        assert_eq!(journal.current(9), [("a".to_owned(), record(5, 12), third)]);
        journal.confirm("a", third);
        assert_eq!(journal.confirmed.len(), 1);
        assert_eq!(journal.current(12), []);
        assert!(journal.confirmed.is_empty());
        journal.confirm("a", third);
        assert!(journal.confirmed.is_empty(), "a dropped entry can't be confirmed");
    }
}
