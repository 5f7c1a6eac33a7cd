use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use super::memory::Memory;
#[cfg(feature = "redis")]
use super::target::Kind;
use super::{Revocation, RevokeError, RevokeErrorKind};
use crate::clock::Moment;

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
}

/// Whether what is remembered is all there is to know.
#[derive(Debug)]
pub(super) struct Liveness {
    bound: Duration,
    /// The moment, in microseconds, from which what is remembered is too old: whichever clock says so first.
    alive_until: AtomicU64,
    alive_until_wall: AtomicU64,
    room: AtomicU8,
}

/// Everything found room.
const ENOUGH: u8 = 0;
/// Something found none.
const TOO_LITTLE: u8 = 1;
/// Something found none, everything is handed over once more, and has found room until now.
const ENOUGH_AGAIN: u8 = 2;

impl Feed {
    pub(super) const fn new(memory: Arc<Memory>) -> Self {
        Self { memory }
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
        self.caught_up_at(self.memory.moment());
    }

    /// Says that the source is asked for everything once more, after a revocation found no room. Whatever is known
    /// already stays; when the feed has caught up, and there was room, the list can tell again.
    pub fn begin(&self) {
        self.turn(TOO_LITTLE, ENOUGH_AGAIN);
    }

    /// The same as of an earlier moment.
    pub(crate) fn caught_up_at(&self, moment: Moment) {
        self.turn(ENOUGH_AGAIN, ENOUGH);
        self.alive_at(moment);
    }

    /// Says that what was new until this moment was handed over, while everything is handed over once more.
    pub(crate) fn alive_at(&self, moment: Moment) {
        if let Some(liveness) = &self.memory.liveness {
            let until = |moment: Duration| micros(moment.saturating_add(liveness.bound));
            let alive_until = until(moment.monotonic);
            if liveness.alive_until.fetch_max(alive_until, Ordering::SeqCst) <= alive_until {
                liveness.alive_until_wall.store(until(moment.wall), Ordering::SeqCst);
            }
        }
    }

    /// One step, so that what finds no room meanwhile is not overlooked.
    fn turn(&self, from: u8, to: u8) {
        if let Some(liveness) = &self.memory.liveness {
            let _ = liveness.room.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Hands over what another process has computed.
    #[cfg(feature = "redis")]
    pub(crate) fn remember(&self, named: (Kind, &str, &str), cutoff: i64, until: i64) -> Result<(), RevokeError> {
        self.note(self.memory.remember(named, cutoff, until))
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_complete(&self) -> bool {
        self.memory.liveness.as_ref().is_none_or(|liveness| liveness.room.load(Ordering::SeqCst) != TOO_LITTLE)
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_missing_something(&self) {
        let _ = self.note(Err(RevokeErrorKind::Full.into()));
    }

    fn note(&self, outcome: Result<(), RevokeError>) -> Result<(), RevokeError> {
        if outcome.as_ref().is_err_and(|error| error.kind() == RevokeErrorKind::Full)
            && let Some(liveness) = &self.memory.liveness
        {
            liveness.room.store(TOO_LITTLE, Ordering::SeqCst);
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
    pub(super) fn knowledge(&self, now: Moment) -> Knowledge {
        if micros(now.monotonic) >= self.alive_until.load(Ordering::Acquire)
            || micros(now.wall) >= self.alive_until_wall.load(Ordering::Acquire)
        {
            Knowledge::Stale
        } else if self.room.load(Ordering::Acquire) != ENOUGH {
            Knowledge::Partial
        } else {
            Knowledge::Complete
        }
    }

    pub(super) const fn new(bound: Duration) -> Self {
        let (alive_until, alive_until_wall) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bound, alive_until, alive_until_wall, room: AtomicU8::new(ENOUGH) }
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
        let claims = format!(r#"{{"iss":"i","jti":"t","sid":"{session}","iat":1000,"exp":1300}}"#);
        let claims = RegisteredClaims::read(&claims).expect("claims");
        list.look_up(&TokenIdentity::of(&claims, Duration::from_secs(1_000).into())).ready().expect("answered at once")
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
        let now = Moment::of(&clock);
        feed.caught_up_at(Moment { wall: now.wall - BOUND, monotonic: now.monotonic - BOUND });
        assert!(matches!(standing(&list, "a"), Standing::Unavailable), "that was too long ago");
        feed.caught_up();
        assert!(matches!(standing(&list, "a"), Standing::Good));
        drop(feed);
        clock.advance(BOUND);
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
    }

    #[test]
    fn a_list_is_too_old_when_either_clock_says_so() {
        for (wall, monotonic, stale) in
            [(9, 9, false), (10, 0, true), (0, 10, true), (-500, 9, false), (-500, 10, true)]
        {
            let (list, feed, clock) = scene(10);
            feed.caught_up();
            clock.advance(Duration::from_secs(monotonic));
            clock.set(Duration::from_secs(1_000_u64.saturating_add_signed(wall)));
            assert_eq!(matches!(standing(&list, "a"), Standing::Unavailable), stale, "{wall} {monotonic}");
            feed.caught_up();
            assert!(matches!(standing(&list, "a"), Standing::Good), "{wall} {monotonic}");
        }
    }

    #[test]
    fn what_finds_no_room_is_not_overlooked_by_a_feed_that_catches_up_at_that_moment() {
        let (list, feed, _) = scene(1);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    feed.caught_up();
                }
            });
            let overlooked = (0..300_000).any(|_| {
                feed.begin();
                feed.note(Err(RevokeErrorKind::Full.into())).expect_err("full");
                (0..10).any(|_| list.knowledge() == Knowledge::Complete)
            });
            done.store(true, Ordering::SeqCst);
            assert!(!overlooked);
        });
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
