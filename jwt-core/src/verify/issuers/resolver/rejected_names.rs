use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How many unknown or failing names are remembered.
const MAX_REFUSED: usize = 10_000;
/// How many names are remembered that were warned of.
const MAX_WARNED: usize = 1_000;
/// A name is warned of at most this often.
const WARNED_EVERY: Duration = Duration::from_secs(60);
/// After a failure, a name isn't looked up again for this long. The wait doubles with each further failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(30);

/// Names that don't need another look-up for a while. Only their keyed hashes are kept, so long names take no memory.
#[derive(Debug, Default)]
pub(super) struct RejectedNames {
    by_name: HashMap<u64, RejectedName>,
    /// The names, oldest first.
    order: VecDeque<u64>,
}

/// Why a name isn't looked up, and until when.
#[derive(Clone, Copy, Debug)]
struct RejectedName {
    until: Duration,
    /// How many look-ups have failed; zero if the name is unknown.
    failures: u32,
}

/// Why a name isn't looked up now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RejectReason {
    Unknown,
    /// The last look-up failed; the next may start after this time.
    Failing(Duration),
}

impl RejectedNames {
    pub(super) fn find_reason(&self, name: u64, now: Duration) -> Option<RejectReason> {
        let rejected = self.by_name.get(&name).filter(|rejected| now < rejected.until)?;
        Some(match rejected.failures {
            0 => RejectReason::Unknown,
            _ => RejectReason::Failing(rejected.until - now),
        })
    }

    pub(super) fn remember_unknown(&mut self, name: u64, until: Duration) {
        self.remember(name, RejectedName { until, failures: 0 });
    }

    /// Returns the time until the name may be looked up again.
    pub(super) fn remember_failure(&mut self, name: u64, now: Duration) -> Duration {
        let failures = self.by_name.get(&name).map_or(0, |rejected| rejected.failures);
        let wait = backoff(failures);
        self.remember(name, RejectedName { until: now.saturating_add(wait), failures: failures.saturating_add(1) });
        wait
    }

    pub(super) fn forget(&mut self, name: u64) {
        if let Some(rejected) = self.by_name.get_mut(&name) {
            *rejected = RejectedName { until: Duration::ZERO, failures: 0 };
        }
    }

    fn remember(&mut self, name: u64, rejected: RejectedName) {
        if self.by_name.insert(name, rejected).is_some() {
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

/// Returns how long to wait after a failure, given the number of failures before it.
pub(super) fn backoff(failures: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1 << failures.min(5)).min(LAST_BACKOFF)
}

/// Limits warnings to one per name and minute.
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
        // More than a thousand warnings a minute would only fill the log.
        let has_space = self.last.len() < MAX_WARNED;
        if has_space {
            self.last.insert(name, now);
        }
        has_space
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_name_is_rejected_until_its_time_is_over() {
        let mut rejected = RejectedNames::default();
        rejected.remember_unknown(1, at(30));
        assert_eq!(rejected.find_reason(1, at(29)), Some(RejectReason::Unknown));
        assert_eq!((rejected.find_reason(1, at(30)), rejected.find_reason(2, at(0))), (None, None));
        rejected.remember_unknown(1, at(60));
        rejected.forget(1);
        assert_eq!(rejected.find_reason(1, at(31)), None);
    }

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_30_seconds() {
        let mut rejected = RejectedNames::default();
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(rejected.remember_failure(1, at(100)), at(wait));
            assert_eq!(rejected.find_reason(1, at(100)), Some(RejectReason::Failing(at(wait))));
        }
        rejected.forget(1);
        assert_eq!(rejected.remember_failure(1, at(100)), at(1));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_name_is_dropped_first() {
        let mut rejected = RejectedNames::default();
        for name in 0..=10_000 {
            rejected.remember_unknown(name, at(30));
            rejected.remember_unknown(name, at(30));
        }
        assert_eq!((rejected.by_name.len(), rejected.order.len()), (MAX_REFUSED, MAX_REFUSED));
        assert_eq!(
            (rejected.find_reason(0, at(0)), rejected.find_reason(1, at(0))),
            (None, Some(RejectReason::Unknown))
        );
    }

    #[test]
    fn each_name_is_warned_of_once_a_minute() {
        let mut warnings = Warnings::default();
        assert!(warnings.may_warn(1, at(0)) && warnings.may_warn(2, at(0)));
        assert!(!warnings.may_warn(1, at(59)));
        assert!(warnings.may_warn(1, at(60)));
        let passed = (0..5_000).filter(|name| warnings.may_warn(10 + name, at(61))).count();
        assert_eq!((passed, warnings.last.len()), (MAX_WARNED - 1, MAX_WARNED), "one of the two is still recent");
        assert!(warnings.may_warn(1, at(200)), "there is space again");
    }
}
