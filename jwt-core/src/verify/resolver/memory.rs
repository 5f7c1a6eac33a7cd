use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The most names that are remembered as unknown or failing.
const MAX_REFUSED: usize = 10_000;
/// How many names with a warning are remembered.
const MAX_WARNED: usize = 1_000;
const WARNED_EVERY: Duration = Duration::from_secs(60);
/// After a failure nothing is looked up for a second, doubled with each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(30);

/// Names that need not be looked up for a while. They are known by keyed hashes, so that long names take no memory.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_name: HashMap<u64, Rejection>,
    /// The names, oldest first.
    order: VecDeque<u64>,
}

/// Why a name isn't looked up, and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rejection {
    until: Duration,
    /// How often looking it up has failed; zero if it's unknown.
    failures: u32,
}

/// The answer about a name that isn't looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Unknown,
    /// Looking it up has failed; it may be tried again after this time.
    Failing(Duration),
}

impl Refusals {
    pub(super) fn find(&self, name: u64, now: Duration) -> Option<Refused> {
        let refusal = self.by_name.get(&name).filter(|refusal| now < refusal.until)?;
        Some(match refusal.failures {
            0 => Refused::Unknown,
            _ => Refused::Failing(refusal.until - now),
        })
    }

    pub(super) fn remember_unknown(&mut self, name: u64, until: Duration) {
        self.remember(name, Rejection { until, failures: 0 });
    }

    /// Returns the time until the name may be looked up again.
    pub(super) fn remember_failure(&mut self, name: u64, now: Duration) -> Duration {
        let failures = self.by_name.get(&name).map_or(0, |refusal| refusal.failures);
        let wait = backoff(failures);
        self.remember(name, Rejection { until: now.saturating_add(wait), failures: failures.saturating_add(1) });
        wait
    }

    pub(super) fn forget(&mut self, name: u64) {
        if let Some(refusal) = self.by_name.get_mut(&name) {
            *refusal = Rejection { until: Duration::ZERO, failures: 0 };
        }
    }

    fn remember(&mut self, name: u64, refusal: Rejection) {
        if self.by_name.insert(name, refusal).is_some() {
            return;
        }
        self.order.push_back(name);
        if self.order.len() > MAX_REFUSED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
    }
}

/// How long to wait after a failure, given the number of failures before it.
pub(super) fn backoff(failures: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1 << failures.min(5)).min(LAST_BACKOFF)
}

/// Lets one warning pass for each name and minute.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    last: HashMap<u64, Duration>,
}

impl Warnings {
    pub(super) fn may_warn(&mut self, name: u64, now: Duration) -> bool {
        let is_recent = |last: &Duration| now.saturating_sub(*last) < WARNED_EVERY;
        if self.last.get(&name).is_some_and(is_recent) {
            return false;
        }
        if self.last.len() >= MAX_WARNED {
            self.last.retain(|_, last| is_recent(last));
        }
        // A log with a thousand warnings a minute says enough.
        let is_room = self.last.len() < MAX_WARNED;
        if is_room {
            self.last.insert(name, now);
        }
        is_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn names_are_refused_until_their_time_is_over() {
        let mut refusals = Refusals::default();
        refusals.remember_unknown(1, at(30));
        assert_eq!(refusals.find(1, at(29)), Some(Refused::Unknown));
        assert_eq!((refusals.find(1, at(30)), refusals.find(2, at(0))), (None, None));
        refusals.remember_unknown(1, at(60));
        refusals.forget(1);
        assert_eq!(refusals.find(1, at(31)), None);
    }

    #[test]
    fn failures_wait_longer_each_time() {
        let mut refusals = Refusals::default();
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(refusals.remember_failure(1, at(100)), at(wait));
            assert_eq!(refusals.find(1, at(100)), Some(Refused::Failing(at(wait))));
        }
        refusals.forget(1);
        assert_eq!(refusals.remember_failure(1, at(100)), at(1));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_name_goes_first() {
        let mut refusals = Refusals::default();
        for name in 0..=10_000 {
            refusals.remember_unknown(name, at(30));
            refusals.remember_unknown(name, at(30));
        }
        assert_eq!((refusals.by_name.len(), refusals.order.len()), (MAX_REFUSED, MAX_REFUSED));
        assert_eq!((refusals.find(0, at(0)), refusals.find(1, at(0))), (None, Some(Refused::Unknown)));
    }

    #[test]
    fn one_warning_passes_for_each_name_and_minute() {
        let mut warnings = Warnings::default();
        assert!(warnings.may_warn(1, at(0)) && warnings.may_warn(2, at(0)));
        assert!(!warnings.may_warn(1, at(59)));
        assert!(warnings.may_warn(1, at(60)));
        let passed = (0..5_000).filter(|name| warnings.may_warn(10 + name, at(61))).count();
        assert_eq!((passed, warnings.last.len()), (MAX_WARNED - 1, MAX_WARNED), "one of the two is still recent");
        assert!(warnings.may_warn(1, at(200)), "there is room again");
    }
}
