use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::keys::Quota;
use crate::verify::TrustedIssuer;

use super::memory::backoff;

/// How long a resolved issuer may be used, read without a lock at each of its tokens.
pub(crate) struct Tenancy {
    /// The last answer of `look_up`, to tell whether the next one differs.
    pub(super) settings: TrustedIssuer,
    pub(super) quota: Arc<Quota>,
    lifetimes: Lifetimes,
    /// No token may be accepted any more, remembered ones included.
    ended: AtomicBool,
    /// A token was verified since the table last looked.
    used: AtomicBool,
    failures: AtomicU32,
    /// Moments of the monotonic clock, in microseconds.
    looked_up: AtomicU64,
    ask_at: AtomicU64,
}

/// How long answers of `look_up` are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) lifetime: Duration,
    pub(super) stale_if_error: Duration,
    /// How much sooner than at the end of its lifetime this issuer is looked up again, so that not all are at once.
    pub(super) sooner: Duration,
}

/// What to do with a resolved issuer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Current,
    /// Use it, and look it up beside the traffic.
    Due,
    /// Look it up before it's used.
    Over,
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
            ask_at: AtomicU64::new(0),
        };
        tenancy.confirm(now);
        tenancy
    }

    pub(super) fn standing(&self, now: Duration) -> Standing {
        let Lifetimes { lifetime, stale_if_error, .. } = self.lifetimes;
        let is_failing = self.failures.load(Ordering::Relaxed) > 0;
        let usable = match self.quota.is_proven() {
            // Without a verified token it isn't renewed: perhaps only forged tokens name it.
            false => lifetime,
            true if is_failing => lifetime.saturating_add(stale_if_error),
            true => lifetime.saturating_mul(2),
        };
        let now = micros(now);
        if self.has_ended() || now.saturating_sub(self.looked_up.load(Ordering::Relaxed)) >= micros(usable) {
            return Standing::Over;
        }
        let is_due = self.quota.is_proven() && now >= self.ask_at.load(Ordering::Relaxed);
        if is_due { Standing::Due } else { Standing::Current }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Notes that a token was verified. Writes only what changes: the issuer may be in the hands of many threads.
    pub(super) fn note_use(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn take_use(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// `look_up` has answered that the issuer is as it was.
    pub(super) fn confirm(&self, now: Duration) {
        let Lifetimes { lifetime, sooner, .. } = self.lifetimes;
        self.failures.store(0, Ordering::Relaxed);
        self.looked_up.store(micros(now), Ordering::Relaxed);
        self.ask_after(now.saturating_add(lifetime.saturating_sub(sooner)));
    }

    /// Returns the time until the issuer may be looked up again.
    pub(super) fn fail(&self, now: Duration) -> Duration {
        let wait = backoff(self.failures.load(Ordering::Relaxed));
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.ask_after(now.saturating_add(wait));
        wait
    }

    /// No renewal is due before then.
    pub(super) fn ask_after(&self, moment: Duration) {
        self.ask_at.store(micros(moment), Ordering::Relaxed);
    }

    /// How long until it may be looked up again, if looking it up has failed.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let wait = self.ask_at.load(Ordering::Relaxed).saturating_sub(micros(now));
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
    fn an_issuer_is_looked_up_beside_the_traffic_and_then_before() {
        let tenancy = tenancy(at(1000), true);
        for (moment, expected) in [
            (0, Standing::Current),
            (89, Standing::Current),
            (90, Standing::Due),
            (199, Standing::Due),
            (200, Standing::Over),
        ] {
            assert_eq!(tenancy.standing(at(moment)), expected, "{moment}");
        }
        tenancy.confirm(at(200));
        assert_eq!(tenancy.standing(at(200)), Standing::Current);
        tenancy.end();
        assert_eq!(tenancy.standing(at(200)), Standing::Over);
    }

    #[test]
    fn a_failing_look_up_prolongs_an_issuer_as_far_as_its_settings_say() {
        for (stale, last) in [(1000, 1099), (0, 99)] {
            let tenancy = tenancy(at(stale), true);
            assert_eq!((tenancy.wait(at(90)), tenancy.fail(at(90))), (None, at(1)));
            assert_eq!((tenancy.standing(at(90)), tenancy.wait(at(90))), (Standing::Current, Some(at(1))));
            assert_eq!(tenancy.standing(at(91)), Standing::Due, "the next attempt");
            assert_eq!(tenancy.fail(at(91)), at(2));
            assert_eq!(tenancy.standing(at(last)), Standing::Due);
            assert_eq!(tenancy.standing(at(last + 1)), Standing::Over);
        }
    }

    #[test]
    fn an_issuer_without_a_verified_token_is_never_renewed() {
        let tenancy = tenancy(at(1000), false);
        assert_eq!(tenancy.standing(at(99)), Standing::Current);
        assert_eq!(tenancy.standing(at(100)), Standing::Over);
    }

    #[test]
    fn lifetimes_without_end_do_not_overflow() {
        let quota = Arc::new(Quota::new(&Arc::new(Budget::new(1, 1)), true));
        let lifetimes = Lifetimes { lifetime: Duration::MAX, stale_if_error: Duration::MAX, sooner: Duration::ZERO };
        let tenancy = Tenancy::new(TrustedIssuer::new("https://id.example"), quota, lifetimes, at(1));
        assert_eq!(tenancy.standing(at(1_000_000)), Standing::Current);
        tenancy.fail(at(1));
        assert_eq!(tenancy.standing(at(1_000_000)), Standing::Due);
    }
}
