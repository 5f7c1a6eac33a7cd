use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::memory::Memory;
#[cfg(feature = "redis")]
use super::target::Kind;
use super::{Revocation, RevokeError, RevokeErrorKind};

/// The inlet of a list that is filled from elsewhere; made by [`MemoryRevocations::fed`](super::MemoryRevocations::fed).
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings, RevokeError};
///
/// # async fn follow(mut messages: tokio::sync::mpsc::Receiver<Option<Revocation>>) -> Result<(), RevokeError> {
/// let (revocations, feed) = MemoryRevocations::fed(RevocationSettings::new(), Duration::from_secs(10));
/// while let Some(message) = messages.recv().await {
///     match message {
///         Some(revocation) => feed.revoke(&revocation)?,
///         // The source says at least every ten seconds that there is nothing new.
///         None => feed.caught_up(),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Feed {
    memory: Arc<Memory>,
    /// Whether everything since the last beginning found room.
    complete: AtomicBool,
}

/// Whether what is remembered is all there is to know.
#[derive(Debug)]
pub(super) struct Liveness {
    bound: Duration,
    /// The moment of the monotonic clock, in microseconds, from which what is remembered is too old.
    alive_until: AtomicU64,
    overflowed: AtomicBool,
}

impl Feed {
    pub(super) const fn new(memory: Arc<Memory>) -> Self {
        Self { memory, complete: AtomicBool::new(true) }
    }

    /// Hands a revocation over. Those that are known already change nothing.
    ///
    /// # Errors
    ///
    /// The revocation names nothing; or the list is full, and cannot tell from now on: see [`begin`](Self::begin).
    pub fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.note(self.memory.revoke(revocation))
    }

    /// Says that everything which the source knows at this moment was handed over.
    pub fn caught_up(&self) {
        self.caught_up_at(self.memory.monotonic());
    }

    /// Says that the source is asked for everything once more, after a revocation found no room. Whatever is known
    /// already stays; when the feed has caught up, and there was room, the list can tell again.
    pub fn begin(&self) {
        self.complete.store(true, Ordering::SeqCst);
    }

    /// The same as of an earlier moment of the monotonic clock.
    pub(crate) fn caught_up_at(&self, moment: Duration) {
        if let Some(liveness) = &self.memory.liveness
            && self.complete.load(Ordering::SeqCst)
        {
            liveness.overflowed.store(false, Ordering::SeqCst);
        }
        self.alive_at(moment);
    }

    /// Says that what was new until this moment was handed over, while everything is handed over once more.
    pub(crate) fn alive_at(&self, moment: Duration) {
        if let Some(liveness) = &self.memory.liveness {
            liveness.alive_until.fetch_max(micros(moment.saturating_add(liveness.bound)), Ordering::SeqCst);
        }
    }

    /// Hands over what another process has computed.
    #[cfg(feature = "redis")]
    pub(crate) fn remember(&self, named: (Kind, &str, &str), cutoff: i64, until: i64) -> Result<(), RevokeError> {
        self.note(self.memory.remember(named, cutoff, until))
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::SeqCst)
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_missing_something(&self) {
        let _ = self.note(Err(RevokeErrorKind::Full.into()));
    }

    fn note(&self, outcome: Result<(), RevokeError>) -> Result<(), RevokeError> {
        if outcome.as_ref().is_err_and(|error| error.kind() == RevokeErrorKind::Full) {
            self.complete.store(false, Ordering::SeqCst);
            if let Some(liveness) = &self.memory.liveness {
                liveness.overflowed.store(true, Ordering::SeqCst);
            }
        }
        outcome
    }
}

/// How much a list that is fed knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    Complete,
    /// Current, but not all of it found room.
    Partial,
    /// Too old.
    Stale,
}

impl Liveness {
    pub(super) fn knowledge(&self, now: Duration) -> Knowledge {
        if micros(now) >= self.alive_until.load(Ordering::Acquire) {
            Knowledge::Stale
        } else if self.overflowed.load(Ordering::Acquire) {
            Knowledge::Partial
        } else {
            Knowledge::Complete
        }
    }

    pub(super) const fn new(bound: Duration) -> Self {
        Self { bound, alive_until: AtomicU64::new(0), overflowed: AtomicBool::new(false) }
    }
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::RegisteredClaims;
    use crate::clock::ManualClock;
    use crate::revocation::{MemoryRevocations, RevocationList as _, RevocationSettings, Standing, TokenIdentity};

    const BOUND: Duration = Duration::from_secs(10);

    fn standing(list: &MemoryRevocations, session: &str) -> Standing {
        let claims = format!(r#"{{"iss":"i","jti":"t","sid":"{session}","exp":1300}}"#);
        let claims = RegisteredClaims::read(&claims).expect("claims");
        list.look_up(&TokenIdentity::of(&claims, Duration::from_secs(1_000).into()))
    }

    fn scene(capacity: usize) -> (MemoryRevocations, Feed, ManualClock) {
        let clock = ManualClock::at(1_000);
        let settings = RevocationSettings::new().capacity(capacity).clock(clock.clone());
        let (list, feed) = MemoryRevocations::fed(settings, BOUND);
        (list, feed, clock)
    }

    #[test]
    fn a_list_can_tell_while_its_feed_is_alive() {
        let (list, feed, clock) = scene(10);
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
        feed.revoke(&Revocation::session("i", "b")).expect("room");
        assert!(matches!(standing(&list, "a"), Standing::Unavailable), "it may not be all");
        assert!(matches!(standing(&list, "b"), Standing::Revoked), "what is known is known");
        feed.caught_up();
        assert!(matches!(standing(&list, "a"), Standing::Good));
        clock.advance(BOUND - Duration::from_micros(1));
        assert!(matches!(standing(&list, "a"), Standing::Good));
        clock.advance(Duration::from_micros(1));
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
        assert!(matches!(standing(&list, "b"), Standing::Revoked));
        feed.caught_up_at(clock.monotonic() - BOUND);
        assert!(matches!(standing(&list, "a"), Standing::Unavailable), "that was too long ago");
        feed.caught_up();
        assert!(matches!(standing(&list, "a"), Standing::Good));
        drop(feed);
        clock.advance(BOUND);
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
    }

    #[test]
    fn a_list_that_had_no_room_cannot_tell_until_it_was_told_everything_anew() {
        let (list, feed, clock) = scene(1);
        feed.caught_up();
        feed.revoke(&Revocation::token_id("i", "a", Duration::from_secs(1_001))).expect("room");
        feed.revoke(&Revocation::session("i", "b")).expect_err("full");
        feed.caught_up();
        assert!(matches!(standing(&list, "c"), Standing::Unavailable));
        clock.advance(Duration::from_secs(302));
        feed.begin();
        assert!(matches!(standing(&list, "c"), Standing::Unavailable));
        feed.revoke(&Revocation::session("i", "b")).expect("room again");
        feed.caught_up();
        assert!(matches!(standing(&list, "c"), Standing::Good));
        assert!(matches!(standing(&list, "b"), Standing::Revoked));
    }
}
