//! What a process revoked, held ready for a server that does not have it.

use std::collections::{BTreeMap, HashMap};

use super::codec::Record;

/// Notes by field. What the server has confirmed is let go of where there is too much, the oldest first; what it has not
/// is kept.
#[derive(Debug)]
pub(super) struct Journal {
    notes: HashMap<String, Note>,
    /// The fields that the server has confirmed, in the order in which they were noted.
    confirmed: BTreeMap<Ticket, String>,
    /// How many notes are held when the server has confirmed them.
    usual: usize,
    /// How many are held when it has not.
    most: usize,
    next: Ticket,
}

#[derive(Debug)]
struct Note {
    record: Record,
    ticket: Ticket,
}

/// Which writing of a field it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

impl Journal {
    pub(super) fn new(usual: usize, most: usize) -> Self {
        Self { notes: HashMap::new(), confirmed: BTreeMap::new(), usual, most, next: Ticket::default() }
    }

    /// Notes a record as one that the server may not have. Returns it together with what was noted of the field before,
    /// and what to confirm when the server has that: nothing where there was no room.
    pub(super) fn note(&mut self, field: &str, record: Record) -> (Record, Option<Ticket>) {
        let ticket = Ticket(self.next.0 + 1);
        let mut whole = record;
        if let Some(note) = self.notes.get(field) {
            self.confirmed.remove(&note.ticket);
            whole.cutoff = whole.cutoff.max(note.record.cutoff);
            whole.until = whole.until.max(note.record.until);
        } else if self.notes.len() - self.confirmed.len() >= self.most {
            return (whole, None);
        }
        self.next = ticket;
        self.notes.insert(field.to_owned(), Note { record: whole.clone(), ticket });
        self.let_go();
        (whole, Some(ticket))
    }

    /// The server has the field as it was noted with this ticket. One that was noted again since is not confirmed.
    pub(super) fn confirm(&mut self, field: &str, ticket: Ticket) {
        if self.notes.get(field).is_some_and(|note| note.ticket == ticket) {
            self.confirmed.insert(ticket, field.to_owned());
            self.let_go();
        }
    }

    /// Forgets what has ended, and returns everything else.
    pub(super) fn read(&mut self, now: i64) -> Vec<(String, Record, Ticket)> {
        let Self { notes, confirmed, .. } = self;
        notes.retain(|_, note| {
            let lives = note.record.until > now;
            if !lives {
                confirmed.remove(&note.ticket);
            }
            lives
        });
        notes.iter().map(|(field, note)| (field.clone(), note.record.clone(), note.ticket)).collect()
    }

    fn let_go(&mut self) {
        while self.notes.len() > self.usual
            && let Some((_, field)) = self.confirmed.pop_first()
        {
            self.notes.remove(&field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn record(cutoff: i64, until: i64) -> Record {
        Record { cutoff, until }
    }

    fn note(journal: &mut Journal, field: &str, cutoff: i64, until: i64) -> Option<Ticket> {
        journal.note(field, record(cutoff, until)).1
    }

    fn fields(journal: &mut Journal) -> Vec<String> {
        let mut fields: Vec<_> = journal.read(0).into_iter().map(|(field, ..)| field).collect();
        fields.sort();
        fields
    }

    #[test]
    fn the_last_are_kept_and_the_oldest_are_let_go_of() {
        let mut journal = Journal::new(3, 10);
        for field in ["a", "b", "c", "d", "b", "e"] {
            let ticket = note(&mut journal, field, 5, 9).expect("room");
            journal.confirm(field, ticket);
        }
        assert_eq!(fields(&mut journal), ["b", "d", "e"]);
        assert_eq!(journal.confirmed.len(), 3);
    }

    #[test]
    fn what_the_server_has_not_confirmed_is_kept() {
        let mut journal = Journal::new(2, 4);
        let first = note(&mut journal, "a", 5, 9).expect("room");
        for field in ["b", "c", "d"] {
            let ticket = note(&mut journal, field, 5, 9).expect("room");
            journal.confirm(field, ticket);
        }
        assert_eq!(fields(&mut journal), ["a", "d"]);
        for field in ["e", "f", "g"] {
            note(&mut journal, field, 5, 9).expect("room");
        }
        assert_eq!(fields(&mut journal), ["a", "e", "f", "g"]);
        assert_eq!(note(&mut journal, "h", 5, 9), None);
        note(&mut journal, "g", 6, 9).expect("it is there already");
        journal.confirm("a", first);
        assert_eq!(fields(&mut journal), ["e", "f", "g"]);
        note(&mut journal, "h", 5, 9).expect("room again");
    }

    #[test]
    fn what_was_noted_again_is_not_confirmed_by_an_older_ticket() {
        let mut journal = Journal::new(10, 10);
        let first = note(&mut journal, "a", 5, 9).expect("room");
        let second = note(&mut journal, "a", 4, 12).expect("room");
        journal.confirm("a", first);
        assert!(journal.confirmed.is_empty());
        assert_eq!(journal.note("a", record(1, 1)), (record(5, 12), Some(Ticket(3))), "all of it is written");
        let third = Ticket(3);
        journal.confirm("a", second);
        assert!(journal.confirmed.is_empty());
        assert_eq!(journal.read(9), [("a".to_owned(), record(5, 12), third)]);
        journal.confirm("a", third);
        assert_eq!(journal.confirmed.len(), 1);
        assert_eq!(journal.read(12), []);
        assert!(journal.confirmed.is_empty());
        journal.confirm("a", third);
        assert!(journal.confirmed.is_empty(), "what is gone cannot be confirmed");
    }
}
