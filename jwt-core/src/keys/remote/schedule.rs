//! Decides when to fetch, from the time and from what happened before. It has no clock, lock or I/O of its own.

use std::collections::HashMap;
use std::time::Duration;

use crate::keys::FetchError;

/// How many fetches tokens whose key isn't in the set can cause in each window. It's two because a first fetch may
/// come just before a rotation is published.
pub(super) const FORCED_FETCHES: usize = 2;
pub(super) const FORCED_WINDOW: Duration = Duration::from_secs(30);
/// The wait after a first failure. Each further failure doubles it, up to [`LAST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// How many `kid`s are remembered that a fetch did not find.
const MAX_ABSENT: usize = 1024;

/// Why a fetch is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause<'c> {
    /// There is no set, or it's due for renewal.
    Age,
    /// A token names a key that isn't in the set.
    UnknownKey(&'c str),
    /// No key of the set verifies a token that names no new one: a key may have been replaced without a new `kid`.
    ReplacedKey,
    /// The application requested it.
    Manual,
}

impl Cause<'_> {
    /// Whether a token causes a fetch that isn't due.
    pub(super) const fn is_forced(self) -> bool {
        !matches!(self, Self::Age | Self::Manual)
    }
}

/// The answer to a requested fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchDecision {
    /// The caller starts a fetch.
    Start,
    /// A fetch is in flight: wait for it.
    Join,
    /// No fetch may start now.
    NotNow,
}

/// What earlier fetches did, and which one is in flight.
#[derive(Debug, Default)]
pub(super) struct FetchSchedule {
    /// How long a fetch may take.
    time_limit: Duration,
    /// When the fetch in flight runs out of time; `None` if there is no such fetch.
    in_flight_until: Option<Duration>,
    failures: u32,
    last_error: Option<FetchError>,
    not_before: Duration,
    forced: [Option<Duration>; FORCED_FETCHES],
    absent: HashMap<Box<str>, Duration>,
}

impl FetchSchedule {
    pub(super) fn new(time_limit: Duration) -> Self {
        Self { time_limit, ..Self::default() }
    }

    /// Returns when the fetch in flight ran out of time, if it did. The caller must then call
    /// [`failed`](Self::failed) with that moment before it requests another fetch.
    pub(super) fn overdue(&self, now: Duration) -> Option<Duration> {
        self.in_flight_until.filter(|end| *end <= now)
    }

    /// How much time the fetch in flight has left.
    pub(super) fn time_left(&self, now: Duration) -> Duration {
        self.in_flight_until.map_or(Duration::ZERO, |end| end.saturating_sub(now))
    }

    /// Decides whether a fetch starts. After [`FetchDecision::Start`], the caller must call
    /// [`succeeded`](Self::succeeded) or [`failed`](Self::failed).
    pub(super) fn request_fetch(&mut self, now: Duration, cause: Cause<'_>) -> FetchDecision {
        // A token with a `kid` that a fetch did not find must not even wait for a fetch in flight.
        if let Cause::UnknownKey(kid) = cause
            && self.is_absent(now, kid)
        {
            return FetchDecision::NotNow;
        }
        if self.in_flight_until.is_some() {
            return FetchDecision::Join;
        }
        let allowed = match cause {
            Cause::Manual => true,
            Cause::Age => now >= self.not_before,
            Cause::UnknownKey(_) | Cause::ReplacedKey => now >= self.not_before && self.take_permit(now),
        };
        if !allowed {
            return FetchDecision::NotNow;
        }
        self.in_flight_until = Some(now.saturating_add(self.time_limit));
        FetchDecision::Start
    }

    /// Whether [`request_fetch`](Self::request_fetch) would return [`FetchDecision::Start`].
    pub(super) fn would_start(&self, now: Duration, cause: Cause<'_>) -> bool {
        let is_due = match cause {
            Cause::Manual => true,
            Cause::Age => now >= self.not_before,
            Cause::UnknownKey(kid) => now >= self.not_before && !self.is_absent(now, kid) && self.has_permit(now),
            Cause::ReplacedKey => now >= self.not_before && self.has_permit(now),
        };
        is_due && self.in_flight_until.is_none_or(|end| end <= now)
    }

    pub(super) fn succeeded(&mut self) {
        self.in_flight_until = None;
        self.failures = 0;
        self.last_error = None;
        self.not_before = Duration::ZERO;
    }

    /// `jitter` is between 0 and 1. It keeps a fleet that failed at the same time from retrying at the same time.
    pub(super) fn failed(&mut self, now: Duration, error: impl Into<FetchError>, jitter: f64) {
        let backoff = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(5)).min(LAST_BACKOFF);
        self.in_flight_until = None;
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error.into());
        self.not_before = now.saturating_add(backoff.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0));
    }

    /// Remembers for one window that a fetch did not find this key. A failed fetch says nothing about keys.
    pub(super) fn remember_absent(&mut self, now: Duration, kid: &str) {
        if self.is_failing() {
            return;
        }
        if self.absent.len() >= MAX_ABSENT {
            self.absent.retain(|_, since| now.saturating_sub(*since) < FORCED_WINDOW);
        }
        if self.absent.len() < MAX_ABSENT {
            self.absent.insert(kid.into(), now);
        }
    }

    /// Whether the last fetch failed.
    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    pub(super) const fn last_error(&self) -> Option<&FetchError> {
        self.last_error.as_ref()
    }

    /// How long it takes until the next fetch may start.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let wait = self.not_before.saturating_sub(now);
        (!wait.is_zero()).then_some(wait)
    }

    fn is_absent(&self, now: Duration, kid: &str) -> bool {
        self.absent.get(kid).is_some_and(|since| now.saturating_sub(*since) < FORCED_WINDOW)
    }

    fn has_permit(&self, now: Duration) -> bool {
        self.forced.iter().any(|taken| is_free(*taken, now))
    }

    fn take_permit(&mut self, now: Duration) -> bool {
        match self.forced.iter_mut().find(|taken| is_free(**taken, now)) {
            Some(permit) => {
                *permit = Some(now);
                true
            }
            None => false,
        }
    }
}

fn is_free(taken: Option<Duration>, now: Duration) -> bool {
    taken.is_none_or(|at| now.saturating_sub(at) >= FORCED_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::FetchErrorKind;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn only_one_fetch_is_in_flight_at_a_time() {
        let mut schedule = FetchSchedule::default();
        assert_eq!(schedule.request_fetch(at(0), Cause::Age), FetchDecision::Start);
        for cause in [Cause::Age, Cause::UnknownKey("k"), Cause::Manual] {
            assert_eq!(schedule.request_fetch(at(1), cause), FetchDecision::Join);
        }
        schedule.succeeded();
        assert_eq!(schedule.request_fetch(at(2), Cause::Age), FetchDecision::Start);
    }

    #[test]
    fn a_fetch_that_takes_too_long_can_be_given_up() {
        let mut schedule = FetchSchedule::new(at(16_000));
        assert_eq!(schedule.overdue(at(60_000)), None, "no fetch is in flight");
        assert_eq!(schedule.request_fetch(at(1_000), Cause::Age), FetchDecision::Start);
        assert_eq!((schedule.overdue(at(16_999)), schedule.time_left(at(16_999))), (None, at(1)));
        assert_eq!((schedule.overdue(at(50_000)), schedule.time_left(at(50_000))), (Some(at(17_000)), at(0)));
        schedule.failed(at(17_000), FetchErrorKind::Timeout, 0.0);
        assert_eq!(schedule.overdue(at(50_000)), None);
        assert_eq!(schedule.request_fetch(at(17_999), Cause::Age), FetchDecision::NotNow);
        assert_eq!(schedule.request_fetch(at(18_000), Cause::Age), FetchDecision::Start);
    }

    #[test]
    fn the_largest_times_do_not_overflow() {
        let mut schedule = FetchSchedule::new(Duration::MAX);
        assert_eq!(schedule.request_fetch(Duration::MAX, Cause::Manual), FetchDecision::Start);
        schedule.failed(Duration::MAX, FetchErrorKind::Timeout, 0.0);
        assert_eq!(schedule.wait(Duration::MAX), None);
    }

    #[test]
    fn the_wait_doubles_with_each_failure_and_a_success_resets_it() {
        let mut schedule = FetchSchedule::default();
        let mut now = at(0);
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(schedule.request_fetch(now, Cause::Age), FetchDecision::Start);
            schedule.failed(now, FetchErrorKind::Timeout, 0.0);
            assert_eq!(schedule.wait(now), Some(Duration::from_secs(wait)));
            assert_eq!(
                schedule.request_fetch(now + Duration::from_secs(wait) - at(1), Cause::Age),
                FetchDecision::NotNow
            );
            assert_eq!(schedule.request_fetch(now + at(1), Cause::UnknownKey("k")), FetchDecision::NotNow);
            now += Duration::from_secs(wait);
        }
        assert_eq!(schedule.request_fetch(now, Cause::Age), FetchDecision::Start);
        schedule.succeeded();
        assert_eq!((schedule.wait(now), schedule.is_failing(), schedule.last_error()), (None, false, None));
        assert_eq!(schedule.request_fetch(now, Cause::Age), FetchDecision::Start);
        schedule.failed(now, FetchErrorKind::Status, 0.0);
        assert_eq!(schedule.wait(now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn jitter_shortens_a_wait_by_at_most_a_quarter() {
        for (jitter, wait) in [(0.0, 1_000), (0.5, 875), (1.0, 750), (7.0, 750), (-1.0, 1_000)] {
            let mut schedule = FetchSchedule::default();
            schedule.request_fetch(at(0), Cause::Age);
            schedule.failed(at(0), FetchErrorKind::Status, jitter);
            assert_eq!(schedule.wait(at(0)), Some(at(wait)), "{jitter}");
        }
    }

    #[test]
    fn any_number_of_unknown_keys_causes_at_most_two_fetches_in_a_window() {
        let mut schedule = FetchSchedule::default();
        let mut fetches = 0;
        for number in 0..10_000_u64 {
            let kid = number.to_string();
            let now = at(number * 3);
            if schedule.request_fetch(now, Cause::UnknownKey(&kid)) == FetchDecision::Start {
                fetches += 1;
                schedule.succeeded();
                schedule.remember_absent(now, &kid);
            }
        }
        // 30 seconds pass: one window, and the first moment of the next.
        assert_eq!(fetches, 2);
        assert_eq!(schedule.request_fetch(at(30_000), Cause::UnknownKey("new")), FetchDecision::Start);
    }

    #[test]
    fn replaced_and_unknown_keys_share_the_fetches_of_a_window() {
        let mut schedule = FetchSchedule::default();
        for (now, cause, decision) in [
            (0, Cause::ReplacedKey, FetchDecision::Start),
            (1, Cause::UnknownKey("k"), FetchDecision::Start),
            (2, Cause::ReplacedKey, FetchDecision::NotNow),
            (29_999, Cause::ReplacedKey, FetchDecision::NotNow),
            (30_000, Cause::ReplacedKey, FetchDecision::Start),
        ] {
            assert_eq!(schedule.would_start(at(now), cause), decision == FetchDecision::Start, "{now}");
            assert_eq!(schedule.request_fetch(at(now), cause), decision, "{now}");
            schedule.succeeded();
        }
        assert_eq!(schedule.request_fetch(at(30_001), Cause::Manual), FetchDecision::Start);
        assert_eq!(schedule.request_fetch(at(30_002), Cause::ReplacedKey), FetchDecision::Join);
    }

    #[test]
    fn a_renewal_does_not_use_up_the_fetches_for_unknown_keys() {
        let mut schedule = FetchSchedule::default();
        for number in 0..10 {
            assert_eq!(schedule.request_fetch(at(number), Cause::Age), FetchDecision::Start);
            schedule.succeeded();
        }
        assert_eq!(schedule.request_fetch(at(11), Cause::UnknownKey("k")), FetchDecision::Start);
    }

    #[test]
    fn a_key_that_a_fetch_did_not_find_causes_no_other_fetch_in_the_same_window() {
        let mut schedule = FetchSchedule::default();
        schedule.remember_absent(at(0), "k");
        assert_eq!(schedule.request_fetch(at(29_999), Cause::UnknownKey("k")), FetchDecision::NotNow);
        assert_eq!(schedule.request_fetch(at(29_999), Cause::UnknownKey("other")), FetchDecision::Start);
        // It does not even wait for the fetch that another key started.
        assert_eq!(schedule.request_fetch(at(29_999), Cause::UnknownKey("k")), FetchDecision::NotNow);
        schedule.succeeded();
        assert_eq!(schedule.request_fetch(at(30_000), Cause::UnknownKey("k")), FetchDecision::Start);
    }

    #[test]
    fn a_failed_fetch_does_not_mark_a_key_as_absent() {
        let mut schedule = FetchSchedule::default();
        assert_eq!(schedule.request_fetch(at(0), Cause::UnknownKey("k")), FetchDecision::Start);
        schedule.failed(at(0), FetchErrorKind::Transport, 0.0);
        schedule.remember_absent(at(0), "k");
        assert_eq!(schedule.request_fetch(at(1_000), Cause::UnknownKey("k")), FetchDecision::Start);
    }

    #[test]
    fn the_number_of_remembered_absent_keys_is_bounded() {
        let mut schedule = FetchSchedule::default();
        for number in 0..5_000 {
            schedule.remember_absent(at(0), &number.to_string());
        }
        assert_eq!(schedule.absent.len(), MAX_ABSENT);
        schedule.remember_absent(at(60_000), "late");
        assert_eq!(schedule.absent.len(), 1);
    }

    #[test]
    fn the_application_can_always_request_a_fetch() {
        let mut schedule = FetchSchedule::default();
        schedule.request_fetch(at(0), Cause::Age);
        schedule.failed(at(0), FetchErrorKind::Status, 0.0);
        assert_eq!(schedule.request_fetch(at(1), Cause::Manual), FetchDecision::Start);
    }
}
