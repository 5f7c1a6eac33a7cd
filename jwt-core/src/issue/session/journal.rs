//! The sessions that this process ended, kept to end them again in a store that was down or lost its last writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::unlisted::{EndAll, Unlisted};

/// How many completed ends are kept. Above that, the oldest ones are dropped.
const MAX_COMPLETED: usize = 10_000;

/// How many ends are kept that the store or a hook has not carried out yet.
const MAX_PENDING: usize = 100_000;

/// The pause after a failed attempt.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often all ends are checked, in case the store went back without anybody noticing.
const CHECK_EVERY: Duration = Duration::from_secs(300);

/// The session of an entry, and the steps left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) subject: String,
    pub(super) id: String,
    /// The second after which none of its refresh tokens is valid.
    until: u64,
    /// Whether the store has confirmed the end.
    pub(super) stored: bool,
    /// Whether the hooks have run.
    pub(super) hooked: bool,
}

/// Ended sessions by the order of their last change, the oldest first.
#[derive(Debug, Default)]
pub(super) struct EndJournal(Mutex<State>);

#[derive(Default)]
struct State {
    ends: BTreeMap<u64, End>,
    by_session: HashMap<(String, String), u64>,
    /// The entries that are not completed.
    pending: BTreeSet<u64>,
    /// Sessions that become entries once the store says which ones they are.
    unlisted: Unlisted,
    last: u64,
    /// The current check of all entries: the last number that was checked, and the last one to check.
    unchecked: Option<(u64, u64)>,
    /// Whether another check follows, because the store may have gone back during this one.
    check_again: bool,
    /// Monotonic times.
    next_check: Option<Duration>,
    next_retry: Duration,
}

impl EndJournal {
    /// Adds a session whose end has begun; the newest attempt counts. A full journal drops nothing that is pending. Returns whether
    /// there was space.
    pub(super) fn begin(&self, subject: &str, id: &str, until: u64) -> bool {
        self.state().begin(subject, id, until)
    }

    /// Adds the sessions of a subject, before the store says which ones they are. Returns whether there was space.
    pub(super) fn begin_all(&self, subject: &str, all: EndAll) -> bool {
        let mut state = self.state();
        let fits = state.unlisted.len() < MAX_PENDING;
        if fits {
            state.unlisted.begin(subject, all);
        }
        fits
    }

    /// How many subjects have sessions that the store is to be asked for.
    pub(super) fn unlisted(&self) -> usize {
        self.state().unlisted.len()
    }

    /// The next of these subjects, if the store can be asked.
    pub(super) fn next_unlisted(&self, now: u64, monotonic: Duration) -> Option<(String, Vec<EndAll>)> {
        let mut state = self.state();
        if monotonic < state.next_retry { None } else { state.unlisted.next(now) }
    }

    /// Adds the sessions that the store has found.
    pub(super) fn begin_listed(&self, subject: &str, listed: &[EndAll], ids: &[&str], until: u64) {
        let mut state = self.state();
        // Without space for one of them, the store is asked again later.
        let mut fits = true;
        for id in ids {
            fits &= state.begin(subject, id, until);
        }
        if fits {
            state.unlisted.finish(subject, listed);
        }
    }

    /// Notes the steps that an attempt has carried out.
    pub(super) fn note(&self, subject: &str, id: &str, stored: bool, hooked: bool) {
        let mut state = self.state();
        let session = (subject.to_owned(), id.to_owned());
        let Some(number) = state.by_session.get(&session).copied() else { return };
        let Some(end) = state.ends.get_mut(&number) else { return };
        (end.stored, end.hooked) = (stored, hooked);
        if stored && hooked {
            state.pending.remove(&number);
        } else {
            state.pending.insert(number);
        }
        state.drop_oldest_completed();
    }

    /// Whether this process ended the session, which began at `created_at`.
    pub(super) fn contains(&self, subject: &str, id: &str, created_at: u64) -> bool {
        let state = self.state();
        state.by_session.contains_key(&(subject.to_owned(), id.to_owned()))
            || state.unlisted.covers(subject, id, created_at)
    }

    /// Whether the end of one of the subject's sessions isn't completed.
    pub(super) fn has_pending(&self, subject: &str) -> bool {
        let state = self.state();
        state.unlisted.contains(subject)
            || state.pending.iter().any(|number| state.ends.get(number).is_some_and(|end| end.subject == subject))
    }

    /// The store may have lost ends: all are to be checked, from the next attempt on.
    pub(super) fn suspect(&self) {
        self.state().check_all();
    }

    /// No attempt for a while: the store is down.
    pub(super) fn pause(&self, monotonic: Duration) {
        let mut state = self.state();
        state.next_retry = monotonic.saturating_add(RETRY_AFTER);
        // It may come back with older data.
        state.check_all();
    }

    /// The next end to carry out or to check, if one is due. `passed` is the last one of the same attempt.
    pub(super) fn next_due(&self, now: u64, monotonic: Duration, passed: &mut u64) -> Option<End> {
        let mut state = self.state();
        if monotonic < state.next_retry {
            return None;
        }
        loop {
            let number = state.next_number(monotonic, *passed)?;
            if state.pending.contains(&number) {
                *passed = number;
            }
            let end = state.ends.get(&number)?.clone();
            if end.until > now {
                return Some(end);
            }
            state.remove(&(end.subject, end.id));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether there was space.
    fn begin(&mut self, subject: &str, id: &str, until: u64) -> bool {
        if self.pending.len() >= MAX_PENDING {
            return false;
        }
        let session = (subject.to_owned(), id.to_owned());
        self.remove(&session);
        let end = End { subject: subject.to_owned(), id: id.to_owned(), until, stored: false, hooked: false };
        self.last += 1;
        self.by_session.insert(session, self.last);
        self.pending.insert(self.last);
        self.ends.insert(self.last, end);
        true
    }

    /// Pending entries first, and then the ones that are to be checked.
    fn next_number(&mut self, monotonic: Duration, passed: u64) -> Option<u64> {
        let later = (Bound::Excluded(passed), Bound::Unbounded);
        if let Some(number) = self.pending.range(later).next() {
            return Some(*number);
        }
        if self.next_check.is_none_or(|next| monotonic >= next) {
            // The first interval begins with the first entry.
            if self.next_check.is_some() {
                self.check_all();
            }
            self.next_check = (!self.ends.is_empty()).then(|| monotonic.saturating_add(CHECK_EVERY));
        }
        loop {
            let (from, to) = self.unchecked?;
            let mut rest = self.ends.range((Bound::Excluded(from), Bound::Included(to)));
            let next = rest.find(|(number, _)| !self.pending.contains(number)).map(|(number, _)| *number);
            self.unchecked = next.map(|number| (number, to));
            if next.is_some() || !std::mem::take(&mut self.check_again) {
                return next;
            }
            self.check_all();
        }
    }

    /// Starts a check of all entries. One that is under way isn't started over, or a series of errors would keep it from
    /// getting anywhere.
    fn check_all(&mut self) {
        match self.unchecked {
            Some((from, _)) => self.check_again |= from > 0,
            None => self.unchecked = Some((0, self.last)),
        }
    }

    fn remove(&mut self, session: &(String, String)) {
        if let Some(number) = self.by_session.remove(session) {
            self.ends.remove(&number);
            self.pending.remove(&number);
        }
    }

    fn drop_oldest_completed(&mut self) {
        while self.ends.len() - self.pending.len() > MAX_COMPLETED {
            let oldest = self.ends.iter().find(|(number, _)| !self.pending.contains(number));
            let Some(session) = oldest.map(|(_, end)| (end.subject.clone(), end.id.clone())) else { return };
            self.remove(&session);
        }
    }
}

// It has subjects and sessions, which must not reach a log.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("ends", &self.ends.len())
            .field("pending", &self.pending.len())
            .field("unlisted", &self.unlisted.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The sessions that are due, which are carried out if the store is up.
    fn due(journal: &EndJournal, now: u64, monotonic: Duration, is_up: bool) -> Vec<String> {
        let (mut ids, mut passed) = (Vec::new(), 0);
        while let Some(end) = journal.next_due(now, monotonic, &mut passed) {
            journal.note(&end.subject, &end.id, is_up, is_up);
            ids.push(end.id);
        }
        ids
    }

    #[test]
    fn a_pending_end_is_due_until_it_is_carried_out() {
        let journal = EndJournal::default();
        journal.begin("joe", "a", 100);
        journal.begin("ann", "b", 100);
        assert!(journal.contains("joe", "a", 0) && !journal.contains("ann", "a", 0) && journal.has_pending("joe"));
        assert_eq!(due(&journal, 0, SECOND, false), ["a", "b"]);
        journal.pause(SECOND);
        assert_eq!(due(&journal, 0, SECOND, true), [""; 0], "not before the pause is over");
        // The store may come back with older data, so all are checked once more.
        assert_eq!(due(&journal, 0, 2 * SECOND, true), ["a", "b", "a", "b"]);
        assert!(!journal.has_pending("joe") && journal.contains("joe", "a", 0));
        // Both must be carried out.
        journal.note("joe", "a", true, false);
        assert_eq!(due(&journal, 0, 3 * SECOND, true), ["a"]);
        assert_eq!(due(&journal, 0, 3 * SECOND, true), [""; 0]);
    }

    #[test]
    fn completed_ends_are_checked_when_the_store_may_have_lost_them_and_every_five_minutes() {
        let journal = EndJournal::default();
        for (id, until) in [("a", 100), ("b", 200), ("c", 300)] {
            journal.begin("joe", id, until);
        }
        assert_eq!(due(&journal, 0, SECOND, true).len(), 3);
        for (monotonic, expected) in [(2, 0), (300, 0), (301, 3), (302, 0), (600, 0), (601, 3)] {
            assert_eq!(due(&journal, 0, monotonic * SECOND, true).len(), expected, "{monotonic}");
        }
        journal.suspect();
        assert_eq!(due(&journal, 100, 602 * SECOND, true), ["b", "c"], "the first has no refresh token left");
        assert!(!journal.contains("joe", "a", 0));
    }

    #[test]
    fn a_check_that_is_under_way_is_finished_before_the_next_one() {
        let journal = EndJournal::default();
        for id in ["a", "b", "c"] {
            journal.begin("joe", id, 100);
        }
        assert_eq!(due(&journal, 0, SECOND, true).len(), 3);
        journal.suspect();
        let next = || journal.next_due(0, SECOND, &mut 0).map(|end| end.id);
        assert_eq!((next(), next()), (Some("a".to_owned()), Some("b".to_owned())));
        // The store went back again, and again.
        journal.suspect();
        journal.suspect();
        let rest: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(rest, ["c", "a", "b", "c"]);
    }

    #[test]
    fn a_full_journal_keeps_the_ends_that_are_pending() {
        let journal = EndJournal::default();
        for number in 0..=MAX_PENDING {
            assert_eq!(journal.begin("joe", &number.to_string(), 100), number < MAX_PENDING);
        }
        let last = MAX_PENDING.to_string();
        assert!(journal.contains("joe", "0", 0) && !journal.contains("joe", &last, 0));
        // There is space again.
        journal.note("joe", "0", true, true);
        journal.begin("joe", &last, 100);
        assert!(journal.contains("joe", "0", 0) && journal.contains("joe", &last, 0));
    }

    #[test]
    fn the_oldest_completed_ends_are_dropped_and_pending_ones_kept() {
        let journal = EndJournal::default();
        journal.begin("joe", "pending", 100);
        for number in 0..=MAX_COMPLETED {
            let id = number.to_string();
            journal.begin("joe", &id, 100);
            journal.note("joe", &id, true, true);
        }
        assert!(
            journal.contains("joe", "pending", 0)
                && !journal.contains("joe", "0", 0)
                && journal.contains("joe", "1", 0)
        );
        assert!(!format!("{journal:?}").contains("pending\""), "no session in a log");
    }

    #[test]
    fn the_sessions_of_a_subject_are_refused_before_the_store_lists_them_and_pending_afterwards() {
        let journal = EndJournal::default();
        let all = EndAll { began_by: 5, but: None, until: 100 };
        journal.begin_all("joe", all.clone());
        assert!(journal.contains("joe", "a", 5) && !journal.contains("joe", "a", 6) && journal.has_pending("joe"));
        journal.pause(SECOND);
        assert_eq!(journal.next_unlisted(0, SECOND), None, "not before the pause is over");
        assert_eq!(journal.next_unlisted(0, 2 * SECOND), Some(("joe".to_owned(), vec![all.clone()])));
        journal.begin_listed("joe", &[all], &["a", "b"], 100);
        assert!(journal.contains("joe", "b", 9) && !journal.contains("joe", "c", 5) && journal.has_pending("joe"));
        assert_eq!(journal.next_unlisted(0, 2 * SECOND), None);
        assert_eq!(due(&journal, 0, 2 * SECOND, true)[..2], ["a", "b"]);
        assert!(!journal.has_pending("joe"));
    }

    #[test]
    fn without_space_for_its_sessions_a_subject_stays_refused() {
        let journal = EndJournal::default();
        for number in 1..MAX_PENDING {
            journal.begin("joe", &number.to_string(), 100);
        }
        let all = EndAll { began_by: 5, but: None, until: 100 };
        journal.begin_all("ann", all.clone());
        journal.begin_listed("ann", std::slice::from_ref(&all), &["a", "b"], 100);
        assert!(journal.contains("ann", "a", 9) && journal.contains("ann", "b", 5));
        assert_eq!(journal.next_unlisted(0, SECOND), Some(("ann".to_owned(), vec![all])));
    }
}
