use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::keys::Quota;
use crate::verify::issuers::trusted_issuer::TrustedIssuer;

use super::rejected_names::backoff;

/// How long a resolved issuer may be used. Each of its tokens reads this, without a lock.
pub(crate) struct Tenancy {
    /// The last answer of `look_up`, to compare with the next one.
    pub(super) settings: TrustedIssuer,
    pub(super) quota: Arc<Quota>,
    lifetimes: Lifetimes,
    /// No token is accepted any more, not even from the cache.
    ended: AtomicBool,
    /// A token was verified since the eviction order last looked.
    used: AtomicBool,
    failures: AtomicU32,
    /// Monotonic time of the last successful look-up, in microseconds.
    looked_up: AtomicU64,
    /// Monotonic time of the next look-up, in microseconds.
    renew_at: AtomicU64,
}

/// How long an answer of `look_up` is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) lifetime: Duration,
    pub(super) stale_if_error: Duration,
    /// How much before the end of its lifetime this issuer is renewed, so that issuers are not all renewed at once.
    pub(super) sooner: Duration,
}

/// Whether a resolved issuer may be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    Fresh,
    /// It may be used, but look it up again in the background.
    Due,
    /// Look it up before you use it.
    Expired,
}

impl Tenancy {
    pub(super) fn new(settings: TrustedIssuer, quota: Arc<Quota>, lifetimes: Lifetimes, now: Duration) -> Self {
        let tenancy = Self {
            settings,
            quota,
            lifetimes,
            ended: AtomicBool::new(false),
            used: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            looked_up: AtomicU64::new(0),
            renew_at: AtomicU64::new(0),
        };
        tenancy.confirm(now);
        tenancy
    }

    pub(super) fn freshness(&self, now: Duration) -> Freshness {
        let Lifetimes { lifetime, stale_if_error, .. } = self.lifetimes;
        let is_failing = self.failures.load(Ordering::Relaxed) > 0;
        let usable = match self.quota.is_proven() {
            // Without a verified token it isn't renewed: maybe only forged tokens name it.
            false => lifetime,
            true if is_failing => lifetime.saturating_add(stale_if_error),
            true => lifetime.saturating_mul(2),
        };
        let now = micros(now);
        if self.has_ended() || now.saturating_sub(self.looked_up.load(Ordering::Relaxed)) >= micros(usable) {
            return Freshness::Expired;
        }
        let is_due = self.quota.is_proven() && now >= self.renew_at.load(Ordering::Relaxed);
        if is_due { Freshness::Due } else { Freshness::Fresh }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Notes that a token was verified. It writes only on a change, because many threads may share the issuer.
    pub(super) fn note_use(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether a token was verified since the last call.
    pub(super) fn take_use(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Notes that `look_up` answered with the same settings.
    pub(super) fn confirm(&self, now: Duration) {
        let Lifetimes { lifetime, sooner, .. } = self.lifetimes;
        self.failures.store(0, Ordering::Relaxed);
        self.looked_up.store(micros(now), Ordering::Relaxed);
        self.renew_after(now.saturating_add(lifetime.saturating_sub(sooner)));
    }

    /// Notes that a look-up failed, and returns the time until the next may start.
    pub(super) fn fail(&self, now: Duration) -> Duration {
        let wait = backoff(self.failures.load(Ordering::Relaxed));
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.renew_after(now.saturating_add(wait));
        wait
    }

    /// Sets when the next renewal is due.
    pub(super) fn renew_after(&self, moment: Duration) {
        self.renew_at.store(micros(moment), Ordering::Relaxed);
    }

    /// Returns the time until the next look-up may start, if the last one failed.
    pub(super) fn backoff_left(&self, now: Duration) -> Option<Duration> {
        let wait = self.renew_at.load(Ordering::Relaxed).saturating_sub(micros(now));
        (wait > 0 && self.failures.load(Ordering::Relaxed) > 0).then(|| Duration::from_micros(wait))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenancy").field("ended", &self.ended).field("failures", &self.failures).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Budget;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn tenancy(stale_if_error: Duration, proven: bool) -> Tenancy {
        let quota = Arc::new(Quota::new(&Arc::new(Budget::new(1, 1)), proven));
        let lifetimes = Lifetimes { lifetime: at(100), stale_if_error, sooner: at(10) };
        Tenancy::new(TrustedIssuer::new("https://id.example"), quota, lifetimes, at(0))
    }

    #[test]
    fn an_issuer_is_renewed_in_the_background_and_expires_after_two_lifetimes() {
        let tenancy = tenancy(at(1000), true);
        for (moment, expected) in [
            (0, Freshness::Fresh),
            (89, Freshness::Fresh),
            (90, Freshness::Due),
            (199, Freshness::Due),
            (200, Freshness::Expired),
        ] {
            assert_eq!(tenancy.freshness(at(moment)), expected, "{moment}");
        }
        tenancy.confirm(at(200));
        assert_eq!(tenancy.freshness(at(200)), Freshness::Fresh);
        tenancy.end();
        assert_eq!(tenancy.freshness(at(200)), Freshness::Expired);
    }

    #[test]
    fn an_issuer_outlives_failing_look_ups_by_stale_if_error() {
        for (stale, last) in [(1000, 1099), (0, 99)] {
            let tenancy = tenancy(at(stale), true);
            assert_eq!((tenancy.backoff_left(at(90)), tenancy.fail(at(90))), (None, at(1)));
            assert_eq!((tenancy.freshness(at(90)), tenancy.backoff_left(at(90))), (Freshness::Fresh, Some(at(1))));
            assert_eq!(tenancy.freshness(at(91)), Freshness::Due, "the next attempt");
            assert_eq!(tenancy.fail(at(91)), at(2));
            assert_eq!(tenancy.freshness(at(last)), Freshness::Due);
            assert_eq!(tenancy.freshness(at(last + 1)), Freshness::Expired);
        }
    }

    #[test]
    fn an_issuer_without_a_verified_token_is_never_renewed() {
        let tenancy = tenancy(at(1000), false);
        assert_eq!(tenancy.freshness(at(99)), Freshness::Fresh);
        assert_eq!(tenancy.freshness(at(100)), Freshness::Expired);
    }

    #[test]
    fn the_longest_lifetimes_do_not_overflow() {
        let quota = Arc::new(Quota::new(&Arc::new(Budget::new(1, 1)), true));
        let lifetimes = Lifetimes { lifetime: Duration::MAX, stale_if_error: Duration::MAX, sooner: Duration::ZERO };
        let tenancy = Tenancy::new(TrustedIssuer::new("https://id.example"), quota, lifetimes, at(1));
        assert_eq!(tenancy.freshness(at(1_000_000)), Freshness::Fresh);
        tenancy.fail(at(1));
        assert_eq!(tenancy.freshness(at(1_000_000)), Freshness::Due);
    }
}
