//! Time. Only this module reads the machine's clocks.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A source of time.
///
/// Every decision that depends on time uses a `Clock`, so a test can move the clock instead of sleeping. The default
/// is [`SystemClock`]; [`ManualClock`] is for tests. A clock cannot fail: if it has no new reading, it repeats the
/// last one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a clock",
    note = "use `SystemClock`, in tests `jwt_core::testing::ManualClock`, or implement `Clock` for it"
)]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time since 1970-01-01T00:00:00Z, without leap seconds. RFC 7519 section 2, "NumericDate".
    fn now(&self) -> Duration;

    /// Returns the time since an arbitrary fixed moment. It never goes backwards. The lifetimes of keys and
    /// revocations use it beside [`now`](Self::now), and end as soon as either clock says so. So setting the wall
    /// clock back does not prolong them, and neither does a machine that sleeps, during which this clock may stand
    /// still.
    fn monotonic(&self) -> Duration;
}

/// A moment by both clocks. The wall clock counts the time that the machine sleeps, and the monotonic clock cannot be
/// set back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) wall: Duration,
    pub(crate) monotonic: Duration,
}

impl Moment {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), monotonic: clock.monotonic() }
    }

    /// Returns the time since `earlier`, by the clock that shows more.
    #[cfg(any(feature = "postgres", feature = "redis", feature = "remote"))]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        monotonic.max(self.wall.saturating_sub(earlier.wall))
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "only this module reads the wall clock")]
    fn now(&self) -> Duration {
        // A machine that is set to before 1970 reads 1970. Its tokens are not valid yet, rather than valid forever.
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "only this module reads the monotonic clock")]
    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        let now = Instant::now();
        now.duration_since(*START.get_or_init(|| now))
    }
}

/// A clock for tests. It stands still until you move it. Clones share one reading.
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

    /// Moves both readings forward.
    pub fn advance(&self, by: Duration) {
        self.turn(|reading| {
            reading.now = reading.now.saturating_add(by);
            reading.monotonic = reading.monotonic.saturating_add(by);
        });
    }

    /// Sets the wall clock, as an operator would. The monotonic reading does not change.
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
    fn setting_the_wall_clock_does_not_change_the_monotonic_reading() {
        let clock = ManualClock::at(1_000);
        clock.advance(Duration::from_secs(5));
        clock.set(Duration::from_secs(10));
        assert_eq!((clock.now().as_secs(), clock.monotonic().as_secs()), (10, 5));
    }

    #[test]
    fn the_system_clock_is_past_2025_and_its_monotonic_reading_never_goes_back() {
        assert!(SystemClock.now() > Duration::from_secs(1_735_689_600));
        let first = SystemClock.monotonic();
        assert!(SystemClock.monotonic() >= first);
    }
}
