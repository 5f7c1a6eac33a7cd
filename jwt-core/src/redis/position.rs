//! How far a process has followed the changes on the server.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The number of a change, and the server's time when it was made.
///
/// Two servers that went apart, as in a failover, give the same number to different changes, but at other times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChangeId {
    number: u64,
    micros: u64,
}

impl ChangeId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, micros) = text.split_once('-')?;
        Some(Self { number: number.parse().ok()?, micros: micros.parse().ok()? })
    }

    fn follows(self, earlier: Self) -> bool {
        Some(self.number) == earlier.number.checked_add(1)
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.micros)
    }
}

/// State that the follower shares with the handler of messages.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Every change up to this one is in memory, unless a full read is still bringing it.
    position: Mutex<Option<ChangeId>>,
    is_disconnected: AtomicBool,
    wake: Notify,
}

impl Progress {
    pub(super) fn starting_at(position: Option<ChangeId>) -> Self {
        Self { position: Mutex::new(position), ..Self::default() }
    }

    pub(super) fn position(&self) -> Option<ChangeId> {
        *self.lock()
    }

    /// Forgets the position: the server's next changes don't continue it.
    pub(super) fn restart_at(&self, position: Option<ChangeId>) {
        *self.lock() = position;
    }

    /// Notes that the changes between two positions were added. Messages may have brought more.
    pub(super) fn advance(&self, from: ChangeId, to: ChangeId) {
        let mut position = self.lock();
        if position.is_some_and(|position| position >= from) {
            *position = (*position).max(Some(to));
        }
    }

    /// Whether the changes up to this one are in memory once it is. If the server loses it then, the loss shows.
    pub(super) fn reaches(&self, change: ChangeId) -> bool {
        self.lock().is_some_and(|known| change <= known || change.follows(known))
    }

    /// Notes that a message brought this change. If it isn't the next one, the follower has to ask for those between.
    pub(super) fn note(&self, change: ChangeId) {
        let mut position = self.lock();
        match &mut *position {
            Some(known) if change.follows(*known) => *known = change,
            Some(known) if change > *known => self.wake.notify_one(),
            _ => {}
        }
    }

    pub(super) fn disconnect(&self) {
        self.is_disconnected.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn is_disconnected(&self) -> bool {
        self.is_disconnected.load(Ordering::SeqCst)
    }

    /// Makes the follower ask the server now.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<ChangeId>> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(number: u64, micros: u64) -> ChangeId {
        ChangeId { number, micros }
    }

    #[test]
    fn a_change_reads_back_as_it_was_written() {
        for change in [id(0, 0), id(7, 1_764_350_000_000_000), id(u64::MAX, u64::MAX)] {
            assert_eq!(ChangeId::parse(&change.to_string()), Some(change));
        }
        for wrong in ["", "7", "7-", "-7", "a-b", "7-8-9"] {
            assert_eq!(ChangeId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_next_change_moves_the_position() {
        let progress = Progress::default();
        progress.note(id(5, 1));
        assert!(progress.position().is_none() && !progress.reaches(id(5, 1)));
        progress.restart_at(Some(id(5, 1)));
        for (change, reached) in [(id(4, 9), true), (id(5, 1), true), (id(6, 2), true), (id(7, 3), false)] {
            assert_eq!(progress.reaches(change), reached);
        }
        for (change, expected) in
            [(id(7, 3), id(5, 1)), (id(6, 2), id(6, 2)), (id(6, 9), id(6, 2)), (id(7, 3), id(7, 3))]
        {
            progress.note(change);
            assert_eq!(progress.position(), Some(expected));
        }
    }

    #[test]
    fn a_response_never_moves_the_position_back() {
        let progress = Progress::default();
        progress.advance(id(5, 1), id(6, 2));
        assert_eq!(progress.position(), None, "another connection has begun anew");
        progress.restart_at(Some(id(5, 1)));
        for change in [id(6, 2), id(7, 3)] {
            progress.note(change);
        }
        progress.advance(id(5, 1), id(6, 2));
        assert_eq!(progress.position(), Some(id(7, 3)));
        progress.advance(id(7, 3), id(9, 9));
        assert_eq!(progress.position(), Some(id(9, 9)));
    }
}
