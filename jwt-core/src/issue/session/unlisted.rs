//! Calls that end all sessions of a subject, kept while the store is down: only the store knows which sessions these are.

use std::collections::{BTreeMap, HashMap};

/// The sessions of a subject that are to be ended: all that began by a certain second, except perhaps one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndAll {
    pub(super) began_by: u64,
    pub(super) but: Option<String>,
    /// The second after which none of their refresh tokens is valid.
    pub(super) until: u64,
}

/// These calls by subject.
#[derive(Default)]
pub(super) struct Unlisted {
    calls: HashMap<String, Calls>,
    /// The store is asked for the sessions of the first subject next.
    order: BTreeMap<u64, String>,
    last: u64,
}

struct Calls {
    number: u64,
    all: Vec<EndAll>,
}

impl EndAll {
    pub(super) fn covers(&self, id: &str, created_at: u64) -> bool {
        created_at <= self.began_by && self.but.as_deref() != Some(id)
    }
}

impl Unlisted {
    /// Adds a call. It replaces an earlier one that has the same exception.
    pub(super) fn begin(&mut self, subject: &str, mut call: EndAll) {
        let calls = self.calls.entry(subject.to_owned()).or_insert_with(|| {
            self.last += 1;
            self.order.insert(self.last, subject.to_owned());
            Calls { number: self.last, all: Vec::new() }
        });
        if let Some(index) = calls.all.iter().position(|earlier| earlier.but == call.but) {
            let earlier = calls.all.swap_remove(index);
            call.began_by = call.began_by.max(earlier.began_by);
            call.until = call.until.max(earlier.until);
        }
        calls.all.push(call);
    }

    /// Whether a call ends this session.
    pub(super) fn covers(&self, subject: &str, id: &str, created_at: u64) -> bool {
        self.calls.get(subject).is_some_and(|calls| calls.all.iter().any(|call| call.covers(id, created_at)))
    }

    pub(super) fn contains(&self, subject: &str) -> bool {
        self.calls.contains_key(subject)
    }

    /// How many subjects there are.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The next subject and its calls. The subject goes to the end of the order, so that one whose sessions the store can't read
    /// doesn't keep back the others.
    pub(super) fn next(&mut self, now: u64) -> Option<(String, Vec<EndAll>)> {
        loop {
            let (_, subject) = self.order.pop_first()?;
            let Some(calls) = self.calls.get_mut(&subject) else { continue };
            calls.all.retain(|call| call.until > now);
            if calls.all.is_empty() {
                self.calls.remove(&subject);
                continue;
            }
            self.last += 1;
            calls.number = self.last;
            self.order.insert(self.last, subject.clone());
            return Some((subject, calls.all.clone()));
        }
    }

    /// Removes calls whose sessions are known now.
    pub(super) fn finish(&mut self, subject: &str, listed: &[EndAll]) {
        let Some(calls) = self.calls.get_mut(subject) else { return };
        calls.all.retain(|call| !listed.contains(call));
        if calls.all.is_empty() {
            self.order.remove(&calls.number);
            self.calls.remove(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(began_by: u64, but: Option<&str>) -> EndAll {
        EndAll { began_by, but: but.map(str::to_owned), until: began_by + 100 }
    }

    fn next(unlisted: &mut Unlisted, now: u64) -> Option<String> {
        unlisted.next(now).map(|(subject, _)| subject)
    }

    #[test]
    fn a_call_covers_the_sessions_of_its_subject_that_began_by_then_except_one() {
        let mut unlisted = Unlisted::default();
        unlisted.begin("joe", call(10, Some("own")));
        for (subject, id, created_at, expected) in [
            ("joe", "a", 9, true),
            ("joe", "a", 10, true),
            ("joe", "a", 11, false),
            ("joe", "own", 9, false),
            ("ann", "a", 9, false),
        ] {
            assert_eq!(unlisted.covers(subject, id, created_at), expected, "{subject} {id} {created_at}");
        }
        // An earlier call may end the session that a later one excepts.
        unlisted.begin("joe", call(8, None));
        assert!(unlisted.covers("joe", "own", 8) && !unlisted.covers("joe", "own", 9));
    }

    #[test]
    fn a_repeated_call_replaces_the_earlier_one_and_never_covers_less() {
        let mut unlisted = Unlisted::default();
        for began_by in [10, 12, 11] {
            unlisted.begin("joe", call(began_by, None));
        }
        assert_eq!(unlisted.next(0), Some(("joe".to_owned(), vec![call(12, None)])));
        // It isn't finished by the list that an earlier call got.
        unlisted.finish("joe", &[call(10, None)]);
        assert!(unlisted.contains("joe"));
        unlisted.finish("joe", &[call(12, None)]);
        assert!(!unlisted.contains("joe") && unlisted.order.is_empty());
    }

    #[test]
    fn subjects_take_turns_until_they_are_finished_or_no_refresh_token_is_left() {
        let mut unlisted = Unlisted::default();
        for (subject, began_by) in [("ann", 1), ("eve", 2), ("joe", 3)] {
            unlisted.begin(subject, call(began_by, None));
        }
        let turns = [(); 4].map(|()| next(&mut unlisted, 0).expect("a subject"));
        assert_eq!(turns, ["ann", "eve", "joe", "ann"]);
        unlisted.finish("joe", &[call(3, None)]);
        assert_eq!([(); 3].map(|()| next(&mut unlisted, 0).expect("a subject")), ["eve", "ann", "eve"]);
        assert_eq!(next(&mut unlisted, 101).as_deref(), Some("eve"), "ann has no refresh token left");
        assert_eq!((next(&mut unlisted, 102), unlisted.len()), (None, 0));
    }
}
