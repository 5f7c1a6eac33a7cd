//! When to fetch: every decision, as a function of the moment and of what happened before.

use std::collections::HashMap;
use std::time::Duration;

use crate::keys::FetchErrorKind;

/// Fetches for a `kid` that is not in the set: so many in each window. Two, so that a renewal does not take the one that
/// a rotation needs.
pub(super) const FORCED_FETCHES: usize = 2;
pub(super) const FORCED_WINDOW: Duration = Duration::from_secs(30);
/// After a failure nothing is fetched for a second, doubled with each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// How many `kid`s are remembered that a fetch did not bring.
const MAX_ABSENT: usize = 1024;

/// Why someone wants a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause<'c> {
    /// There is no set, or it grows old.
    Age,
    /// A token names a key that is not in the set.
    UnknownKey(&'c str),
    /// The application asks for it.
    Manual,
}

impl Cause<'_> {
    /// Whether a token asks for a fetch that isn't due.
    pub(super) const fn is_forced(self) -> bool {
        !matches!(self, Self::Age | Self::Manual)
    }
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchDecision {
    /// Start a fetch.
    Start,
    /// One is under way: wait for that.
    Join,
    /// Not now.
    NotNow,
}

/// The state of fetching.
#[derive(Debug, Default)]
pub(super) struct FetchSchedule {
    /// How long a fetch may take.
    time_limit: Duration,
    /// The end of that time, for the fetch under way.
    in_flight_until: Option<Duration>,
    failures: u32,
    last_error: Option<FetchErrorKind>,
    not_before: Duration,
    forced: [Option<Duration>; FORCED_FETCHES],
    absent: HashMap<Box<str>, Duration>,
}

impl FetchSchedule {
    pub(super) fn new(time_limit: Duration) -> Self {
        Self { time_limit, ..Self::default() }
    }

    /// The end of the time for the fetch under way, if it has passed. The caller then owes [`failed`](Self::failed) as of
    /// that moment, before it asks for anything else.
    pub(super) fn overdue(&self, now: Duration) -> Option<Duration> {
        self.in_flight_until.filter(|end| *end <= now)
    }

    /// How long the fetch under way still may take.
    pub(super) fn time_left(&self, now: Duration) -> Duration {
        self.in_flight_until.map_or(Duration::ZERO, |end| end.saturating_sub(now))
    }

    /// Decides about a fetch; after [`FetchDecision::Start`] the caller owes [`succeeded`](Self::succeeded) or
    /// [`failed`](Self::failed).
    pub(super) fn request_fetch(&mut self, now: Duration, cause: Cause<'_>) -> FetchDecision {
        // One that is known to have nothing to do with the set must not even wait for others.
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
            Cause::UnknownKey(_) => now >= self.not_before && self.take_permit(now),
        };
        if !allowed {
            return FetchDecision::NotNow;
        }
        self.in_flight_until = Some(now.saturating_add(self.time_limit));
        FetchDecision::Start
    }

    /// Whether [`request_fetch`](Self::request_fetch) would answer [`FetchDecision::Start`].
    pub(super) fn would_start(&self, now: Duration, cause: Cause<'_>) -> bool {
        let is_due = match cause {
            Cause::Manual => true,
            Cause::Age => now >= self.not_before,
            Cause::UnknownKey(kid) => {
                let is_free = |taken: &Option<Duration>| is_free(*taken, now);
                now >= self.not_before && !self.is_absent(now, kid) && self.forced.iter().any(is_free)
            }
        };
        is_due && self.in_flight_until.is_none_or(|end| end <= now)
    }

    pub(super) fn succeeded(&mut self) {
        self.in_flight_until = None;
        self.failures = 0;
        self.last_error = None;
        self.not_before = Duration::ZERO;
    }

    /// `jitter` is between 0 and 1: a fleet that failed together does not come back together.
    pub(super) fn failed(&mut self, now: Duration, kind: FetchErrorKind, jitter: f64) {
        let backoff = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(5)).min(LAST_BACKOFF);
        self.in_flight_until = None;
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(kind);
        self.not_before = now.saturating_add(backoff.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0));
    }

    /// Remembers that a fetch did not bring this key, for one window. One that failed says nothing about keys.
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

    pub(super) const fn last_error(&self) -> Option<FetchErrorKind> {
        self.last_error
    }

    /// How long until the next fetch may start.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let wait = self.not_before.saturating_sub(now);
        (!wait.is_zero()).then_some(wait)
    }

    fn is_absent(&self, now: Duration, kid: &str) -> bool {
        self.absent.get(kid).is_some_and(|since| now.saturating_sub(*since) < FORCED_WINDOW)
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

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn one_fetch_is_under_way_at_a_time() {
        let mut schedule = FetchSchedule::default();
        assert_eq!(schedule.request_fetch(at(0), Cause::Age), FetchDecision::Start);
        for cause in [Cause::Age, Cause::UnknownKey("k"), Cause::Manual] {
            assert_eq!(schedule.request_fetch(at(1), cause), FetchDecision::Join);
        }
        schedule.succeeded();
        assert_eq!(schedule.request_fetch(at(2), Cause::Age), FetchDecision::Start);
    }

    #[test]
    fn a_fetch_past_its_bound_can_be_given_up() {
        let mut schedule = FetchSchedule::new(at(16_000));
        assert_eq!(schedule.overdue(at(60_000)), None, "nothing is under way");
        assert_eq!(schedule.request_fetch(at(1_000), Cause::Age), FetchDecision::Start);
        assert_eq!((schedule.overdue(at(16_999)), schedule.time_left(at(16_999))), (None, at(1)));
        assert_eq!((schedule.overdue(at(50_000)), schedule.time_left(at(50_000))), (Some(at(17_000)), at(0)));
        schedule.failed(at(17_000), FetchErrorKind::Timeout, 0.0);
        assert_eq!(schedule.overdue(at(50_000)), None);
        assert_eq!(schedule.request_fetch(at(17_999), Cause::Age), FetchDecision::NotNow);
        assert_eq!(schedule.request_fetch(at(18_000), Cause::Age), FetchDecision::Start);
    }

    #[test]
    fn clocks_that_are_about_to_end_overflow_nothing() {
        let mut schedule = FetchSchedule::new(Duration::MAX);
        assert_eq!(schedule.request_fetch(Duration::MAX, Cause::Manual), FetchDecision::Start);
        schedule.failed(Duration::MAX, FetchErrorKind::Timeout, 0.0);
        assert_eq!(schedule.wait(Duration::MAX), None);
    }

    #[test]
    fn failures_wait_longer_each_time_and_a_success_forgets_them() {
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
    fn unknown_keys_lead_to_two_fetches_in_a_window_however_many_there_are() {
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
    fn a_renewal_takes_no_permit() {
        let mut schedule = FetchSchedule::default();
        for number in 0..10 {
            assert_eq!(schedule.request_fetch(at(number), Cause::Age), FetchDecision::Start);
            schedule.succeeded();
        }
        assert_eq!(schedule.request_fetch(at(11), Cause::UnknownKey("k")), FetchDecision::Start);
    }

    #[test]
    fn a_key_that_a_fetch_did_not_bring_costs_nothing_for_a_window() {
        let mut schedule = FetchSchedule::default();
        schedule.remember_absent(at(0), "k");
        assert_eq!(schedule.request_fetch(at(29_999), Cause::UnknownKey("k")), FetchDecision::NotNow);
        assert_eq!(schedule.request_fetch(at(29_999), Cause::UnknownKey("other")), FetchDecision::Start);
        // Not even waiting for the fetch of another.
        assert_eq!(schedule.request_fetch(at(29_999), Cause::UnknownKey("k")), FetchDecision::NotNow);
        schedule.succeeded();
        assert_eq!(schedule.request_fetch(at(30_000), Cause::UnknownKey("k")), FetchDecision::Start);
    }

    #[test]
    fn a_fetch_that_failed_says_nothing_about_a_key() {
        let mut schedule = FetchSchedule::default();
        assert_eq!(schedule.request_fetch(at(0), Cause::UnknownKey("k")), FetchDecision::Start);
        schedule.failed(at(0), FetchErrorKind::Transport, 0.0);
        schedule.remember_absent(at(0), "k");
        assert_eq!(schedule.request_fetch(at(1_000), Cause::UnknownKey("k")), FetchDecision::Start);
    }

    #[test]
    fn the_memory_of_absent_keys_is_bounded() {
        let mut schedule = FetchSchedule::default();
        for number in 0..5_000 {
            schedule.remember_absent(at(0), &number.to_string());
        }
        assert_eq!(schedule.absent.len(), MAX_ABSENT);
        schedule.remember_absent(at(60_000), "late");
        assert_eq!(schedule.absent.len(), 1);
    }

    #[test]
    fn the_application_may_always_ask() {
        let mut schedule = FetchSchedule::default();
        schedule.request_fetch(at(0), Cause::Age);
        schedule.failed(at(0), FetchErrorKind::Status, 0.0);
        assert_eq!(schedule.request_fetch(at(1), Cause::Manual), FetchDecision::Start);
    }
}
