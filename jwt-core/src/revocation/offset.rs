use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::Moment;
use crate::observe::Warned;

/// How far the clock of this process is ahead of its server's, by the last answer.
#[derive(Debug)]
pub(super) struct ClockOffset {
    millis: AtomicI64,
    warned: Warned,
}

/// There was no answer yet. No difference between two clocks is this number.
const UNKNOWN: i64 = i64::MIN;

/// The server reads its clock at an unknown point of the round trip, so an offset is exact to half of it.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);

/// Half of the default leeway, so that two processes that log nothing tolerate each other's tokens.
const TOLERATED_MILLIS: u64 = 30_000;

impl Default for ClockOffset {
    fn default() -> Self {
        Self { millis: AtomicI64::new(UNKNOWN), warned: Warned::default() }
    }
}

impl ClockOffset {
    pub(super) fn millis(&self) -> Option<i64> {
        Some(self.millis.load(Ordering::Relaxed)).filter(|millis| *millis != UNKNOWN)
    }

    /// Compares the clock with the time in an answer. Returns the offset, unless the answer took too long.
    pub(super) fn compare(&self, asked: Moment, answered: Moment, server: Duration) -> Option<i64> {
        let round_trip = answered.since(asked);
        if round_trip > LONGEST_ROUND_TRIP {
            return None;
        }
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let offset = millis(asked.wall.saturating_add(round_trip / 2)) - millis(server);
        self.millis.store(offset, Ordering::Relaxed);
        if offset.unsigned_abs() > TOLERATED_MILLIS && self.warned.due("clock", answered.monotonic).is_some() {
            let (seconds, place) = (offset.unsigned_abs() / 1_000, if offset > 0 { "ahead of" } else { "behind" });
            tracing::warn!(seconds, "the clock of this machine is {place} the server's: check NTP or chrony on both");
        }
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Duration = Duration::from_secs(1_000_000);

    /// The clocks of a process that is `ahead` milliseconds ahead, `passed` milliseconds later.
    fn moment(ahead: i64, passed: u64) -> Moment {
        let passed = Duration::from_millis(passed);
        let millis = i64::try_from((SERVER + passed).as_millis()).expect("small") + ahead;
        Moment { wall: Duration::from_millis(u64::try_from(millis).expect("positive")), monotonic: passed }
    }

    #[test]
    fn the_offset_is_measured_from_the_middle_of_the_round_trip() {
        let offset = ClockOffset::default();
        assert_eq!(offset.millis(), None);
        for (ahead, round_trip, expected) in [
            (0, 0, 0),
            (0, 400, 200),
            (90_000, 0, 90_000),
            (-90_000, 0, -90_000),
            (-90_000, 1_000, -89_500),
            (-200, 400, 0),
            (-999_999_000, 0, -999_999_000),
        ] {
            let compared = offset.compare(moment(ahead, 0), moment(ahead, round_trip), SERVER);
            assert_eq!((compared, offset.millis()), (Some(expected), Some(expected)), "{ahead} {round_trip}");
        }
    }

    #[test]
    fn an_answer_that_took_longer_than_a_second_by_either_clock_is_ignored() {
        let offset = ClockOffset::default();
        let (asked, late) = (moment(0, 0), moment(0, 1_001));
        let asleep = Moment { monotonic: Duration::ZERO, ..late };
        let turned = Moment { wall: asked.wall, ..late };
        for answered in [late, asleep, turned] {
            assert_eq!((offset.compare(asked, answered, SERVER), offset.millis()), (None, None), "{answered:?}");
        }
        assert_eq!(offset.compare(asked, moment(0, 1_000), SERVER), Some(500));
        assert_eq!((offset.compare(asked, late, SERVER), offset.millis()), (None, Some(500)), "the last one stays");
    }

    #[test]
    fn a_clock_that_goes_back_during_the_round_trip_is_compared_as_it_was() {
        let asked = moment(0, 0);
        let back = Moment { wall: Duration::ZERO, monotonic: Duration::from_millis(100) };
        assert_eq!(ClockOffset::default().compare(asked, back, SERVER), Some(50));
    }

    #[test]
    fn the_most_distant_clocks_are_compared_too() {
        let offset = ClockOffset::default();
        let at = |wall| Moment { wall, monotonic: Duration::ZERO };
        for (here, server, expected) in
            [(Duration::MAX, Duration::ZERO, i64::MAX), (Duration::ZERO, Duration::MAX, -i64::MAX)]
        {
            assert_eq!(offset.compare(at(here), at(here), server), Some(expected));
            assert_eq!(offset.millis(), Some(expected));
        }
    }
}
