use std::time::Duration;

use crate::keys::KeyTable;

use super::policy::RefreshPolicy;

/// One key set, as it was fetched.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) table: KeyTable,
    pub(super) etag: Option<String>,
    pub(super) loaded_at: Duration,
    pub(super) renew_at: Duration,
    pub(super) fresh_until: Duration,
    pub(super) gone_at: Duration,
}

impl Snapshot {
    /// `jitter` is between 0 and 1: the machines of a fleet renew at different moments.
    pub(super) fn new(
        table: KeyTable,
        etag: Option<String>,
        now: Duration,
        max_age: Option<Duration>,
        policy: &RefreshPolicy,
        jitter: f64,
    ) -> Self {
        let lifetime = max_age.unwrap_or(policy.lifetime).clamp(policy.least_lifetime, policy.most_lifetime);
        // 80 % of the lifetime, give or take 10.
        let renew = lifetime.mul_f64(0.7 + 0.2 * jitter.clamp(0.0, 1.0));
        let fresh_until = now + lifetime;
        Self {
            table,
            etag,
            loaded_at: now,
            renew_at: now + renew,
            fresh_until,
            gone_at: fresh_until + policy.stale_if_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_issuer_says_is_kept_within_bounds() {
        for (max_age, lifetime) in [
            (None, 600),
            (Some(0), 60),
            (Some(59), 60),
            (Some(61), 61),
            (Some(86_400), 86_400),
            (Some(1_000_000_000_000), 86_400),
        ] {
            let max_age = max_age.map(Duration::from_secs);
            let now = Duration::from_secs(5);
            let snapshot = Snapshot::new(KeyTable::default(), None, now, max_age, &RefreshPolicy::new(), 0.5);
            assert_eq!(snapshot.fresh_until, now + Duration::from_secs(lifetime), "{max_age:?}");
            assert_eq!(snapshot.gone_at, snapshot.fresh_until + Duration::from_secs(3600));
        }
    }

    #[test]
    fn renewal_comes_at_four_fifths_give_or_take_a_tenth() {
        for (jitter, renew_at) in [(0.0, 420), (0.5, 480), (1.0, 540), (9.0, 540)] {
            let snapshot =
                Snapshot::new(KeyTable::default(), None, Duration::ZERO, None, &RefreshPolicy::new(), jitter);
            assert_eq!(snapshot.renew_at.as_secs(), renew_at, "{jitter}");
        }
    }
}
