//! Whether a list that follows a feed knows every revocation, and recently enough.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Moment;

/// When the feed last caught up, and whether the list had space for everything.
#[derive(Debug)]
pub(super) struct Freshness {
    bound: Duration,
    /// The end of the bound in microseconds of the monotonic clock. The list is stale as soon as either clock passes it.
    fresh_until: AtomicU64,
    fresh_until_wall: AtomicU64,
    completeness: AtomicU8,
}

/// Every revocation is in the list.
const COMPLETE: u8 = 0;
/// The list had no space for a revocation.
const INCOMPLETE: u8 = 1;
/// The source is sending everything again, and so far there was space.
const RESYNCING: u8 = 2;

/// How much a list that follows a feed knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every revocation of the source.
    Complete,
    /// The feed is current, but the list had no space for some revocations.
    Partial,
    /// The feed has not caught up within the bound.
    Stale,
}

impl Freshness {
    pub(super) const fn new(bound: Duration) -> Self {
        let (fresh_until, fresh_until_wall) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bound, fresh_until, fresh_until_wall, completeness: AtomicU8::new(COMPLETE) }
    }

    pub(super) fn coverage(&self, now: Moment) -> Coverage {
        if micros(now.monotonic) >= self.fresh_until.load(Ordering::Acquire)
            || micros(now.wall) >= self.fresh_until_wall.load(Ordering::Acquire)
        {
            Coverage::Stale
        } else if self.completeness.load(Ordering::Acquire) != COMPLETE {
            Coverage::Partial
        } else {
            Coverage::Complete
        }
    }

    /// Records that the feed was current at `moment`. An earlier moment than the last one changes nothing.
    pub(super) fn extend(&self, moment: Moment) {
        let until = |moment: Duration| micros(moment.saturating_add(self.bound));
        let fresh_until = until(moment.monotonic);
        if self.fresh_until.fetch_max(fresh_until, Ordering::SeqCst) <= fresh_until {
            self.fresh_until_wall.store(until(moment.wall), Ordering::SeqCst);
        }
    }

    pub(super) fn begin_resync(&self) {
        self.replace_completeness(INCOMPLETE, RESYNCING);
    }

    pub(super) fn end_resync(&self) {
        self.replace_completeness(RESYNCING, COMPLETE);
    }

    pub(super) fn set_incomplete(&self) {
        self.completeness.store(INCOMPLETE, Ordering::SeqCst);
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn is_incomplete(&self) -> bool {
        self.completeness.load(Ordering::SeqCst) == INCOMPLETE
    }

    /// Compares and exchanges in one step, so that a concurrent [`set_incomplete`](Self::set_incomplete) isn't lost.
    fn replace_completeness(&self, from: u8, to: u8) {
        let _ = self.completeness.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
    }
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}
