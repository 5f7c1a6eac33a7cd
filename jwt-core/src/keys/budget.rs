//! Limits on the work that unverified tokens can cause. All issuers of a verifier share them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A token bucket without a lock.
#[derive(Debug)]
pub(crate) struct Budget {
    /// How many nanoseconds it takes for one permit to come back.
    interval: u64,
    /// How many nanoseconds it takes for an empty bucket to fill.
    depth: u64,
    /// When the bucket will be full, in nanoseconds of the monotonic clock.
    full_at: AtomicU64,
}

impl Budget {
    /// `at_once` must not be zero.
    pub(crate) const fn new(at_once: u32, per_second: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second };
        let interval = 1_000_000_000 / per_second as u64;
        Self { interval, depth: interval.saturating_mul(at_once as u64), full_at: AtomicU64::new(0) }
    }

    /// Takes a permit, or returns the time until the next one.
    pub(crate) fn take(&self, now: Duration) -> Result<(), Duration> {
        let now = nanos(now);
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = self.after_one(full_at, now);
            (next - now <= self.depth).then_some(next)
        });
        taken.map(drop).map_err(|full_at| self.missing(full_at, now))
    }

    /// Returns the time until there is a permit, or `None` if there is one.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        let wait = self.missing(self.full_at.load(Ordering::Relaxed), nanos(now));
        (!wait.is_zero()).then_some(wait)
    }

    fn after_one(&self, full_at: u64, now: u64) -> u64 {
        full_at.max(now).saturating_add(self.interval)
    }

    fn missing(&self, full_at: u64, now: u64) -> Duration {
        Duration::from_nanos((self.after_one(full_at, now) - now).saturating_sub(self.depth))
    }
}

/// How a resolved issuer uses the budget of key fetches.
#[derive(Debug)]
pub(crate) struct Quota {
    budget: Arc<Budget>,
    proven: AtomicBool,
}

impl Quota {
    pub(crate) fn new(budget: &Arc<Budget>, proven: bool) -> Self {
        Self { budget: Arc::clone(budget), proven: AtomicBool::new(proven) }
    }

    /// Whether one of the issuer's tokens has been verified. Its keys' lifetime then limits its renewals, so they
    /// don't need the budget, which a flood of forged tokens can use up.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(crate) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Takes a fetch from the budget. `forced` means that an unknown key caused it, and anyone can send tokens with
    /// those.
    pub(crate) fn take(&self, now: Duration, forced: bool) -> bool {
        (self.is_proven() && !forced) || self.budget.take(now).is_ok()
    }

    /// Returns the time until the budget has a fetch again, or `None` if it has one.
    pub(crate) fn wait(&self, now: Duration, forced: bool) -> Option<Duration> {
        if self.is_proven() && !forced { None } else { self.budget.wait(now) }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn permits_come_back_one_by_one() {
        let budget = Budget::new(3, 10);
        for _ in 0..3 {
            assert_eq!((budget.wait(millis(0)), budget.take(millis(0))), (None, Ok(())));
        }
        assert_eq!(budget.take(millis(0)), Err(millis(100)));
        assert_eq!(budget.take(millis(60)), Err(millis(40)), "a refused permit isn't counted");
        assert_eq!(budget.wait(millis(60)), Some(millis(40)));
        assert_eq!(budget.take(millis(100)), Ok(()));
        assert_eq!(budget.take(millis(100)), Err(millis(100)));
    }

    #[test]
    fn a_long_pause_saves_up_no_more_permits_than_the_bucket_holds() {
        let budget = Budget::new(2, 10);
        let taken = (0..10).filter(|_| budget.take(millis(1_000_000)).is_ok()).count();
        assert_eq!(taken, 2);
        assert_eq!(Budget::new(1, 1).take(Duration::MAX), Ok(()), "the largest time doesn't panic");
    }

    #[test]
    fn renewals_do_not_need_the_budget_once_a_token_was_verified() {
        let budget = Arc::new(Budget::new(1, 1));
        let (quota, other) = (Quota::new(&budget, false), Quota::new(&budget, false));
        assert!(quota.take(millis(0), false) && !quota.take(millis(0), false) && !other.take(millis(0), false));
        quota.prove();
        assert!(quota.take(millis(0), false) && !quota.take(millis(0), true), "but fetches for unknown keys do");
        assert_eq!((quota.wait(millis(0), false), quota.wait(millis(0), true)), (None, Some(millis(1000))));
    }
}
