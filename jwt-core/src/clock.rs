//! Time: the one place that reads the machine's clocks.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A source of time.
///
/// Every decision that depends on time asks a `Clock`, so that a test turns the clock instead of sleeping. The default
/// is [`SystemClock`]; the double is [`ManualClock`]. A clock cannot fail: one that has no better answer repeats its
/// last.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time since 1970-01-01T00:00:00Z, leap seconds ignored. RFC 7519 section 2, "NumericDate".
    fn now(&self) -> Duration;

    /// Returns the time since an arbitrary fixed moment, never going backwards. Lifetimes of keys and of revocations use
    /// it beside [`now`](Self::now), and end when either says so: setting the wall clock back doesn't prolong them, and
    /// neither does a machine that sleeps, during which this clock may stand still.
    fn monotonic(&self) -> Duration;
}

/// A moment by both clocks. The wall clock counts the time that the machine sleeps, and the monotonic clock can't be set
/// back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) wall: Duration,
    pub(crate) monotonic: Duration,
}

impl Moment {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), monotonic: clock.monotonic() }
    }

    /// The time that has passed since `earlier`, by the clock that shows more of it.
    #[cfg(feature = "remote")]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        monotonic.max(self.wall.saturating_sub(earlier.wall))
    }
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this room is where the wall clock is read")]
    fn now(&self) -> Duration {
        // A machine set before 1970 lives at the epoch: tokens are then not yet valid, never valid for ever.
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "this room is where the monotonic clock is read")]
    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        let now = Instant::now();
        now.duration_since(*START.get_or_init(|| now))
    }
}

/// A clock that stands still until it is turned. Clones share one reading.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::testing::ManualClock;
/// use jwt_core::Clock;
///
/// let clock = ManualClock::at(1_300_819_379);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(clock.now().as_secs(), 1_300_819_380);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    reading: Arc<Mutex<Reading>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    now: Duration,
    monotonic: Duration,
}

impl ManualClock {
    /// Creates a clock that reads `seconds` since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        let clock = Self::default();
        clock.set(Duration::from_secs(seconds));
        clock
    }

    /// Lets time pass, on both readings.
    pub fn advance(&self, by: Duration) {
        self.turn(|reading| {
            reading.now = reading.now.saturating_add(by);
            reading.monotonic = reading.monotonic.saturating_add(by);
        });
    }

    /// Sets the wall clock, as an operator would; the monotonic reading stays.
    pub fn set(&self, now: Duration) {
        self.turn(|reading| reading.now = now);
    }

    fn turn<T>(&self, turn: impl FnOnce(&mut Reading) -> T) -> T {
        turn(&mut self.reading.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        self.turn(|reading| reading.now)
    }

    fn monotonic(&self) -> Duration {
        self.turn(|reading| reading.monotonic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_the_wall_clock_does_not_move_the_monotonic_one() {
        let clock = ManualClock::at(1_000);
        clock.advance(Duration::from_secs(5));
        clock.set(Duration::from_secs(10));
        assert_eq!((clock.now().as_secs(), clock.monotonic().as_secs()), (10, 5));
    }

    #[test]
    fn the_system_clock_is_past_2025_and_its_monotonic_reading_does_not_go_back() {
        assert!(SystemClock.now() > Duration::from_secs(1_735_689_600));
        let first = SystemClock.monotonic();
        assert!(SystemClock.monotonic() >= first);
    }
}
