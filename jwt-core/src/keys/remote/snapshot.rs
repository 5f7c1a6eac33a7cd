use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::jose::Key;
use crate::keys::discovery::Tag;
use crate::keys::{KeySetState, KeyTable};

use crate::keys::KeyRefreshSettings;

/// A fetched key set.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) table: KeyTable,
    /// The keys that the table was prepared from.
    pub(super) keys: Arc<[Key]>,
    pub(super) tag: Option<Tag>,
    loaded_at: Moment,
    renewed_after: Duration,
    fresh_for: Duration,
    usable_for: Duration,
}

impl Snapshot {
    /// `jitter` is between 0 and 1. It spreads the renewals of a fleet.
    pub(super) fn new(
        table: KeyTable,
        keys: Arc<[Key]>,
        tag: Option<Tag>,
        loaded_at: Moment,
        max_age: Option<Duration>,
        settings: &KeyRefreshSettings,
        jitter: f64,
    ) -> Self {
        let fresh_for = max_age.unwrap_or(settings.lifetime).clamp(settings.least_lifetime, settings.most_lifetime);
        Self {
            table,
            keys,
            tag,
            loaded_at,
            // 70 to 90 % of the lifetime.
            renewed_after: fresh_for.mul_f64(0.7 + 0.2 * jitter.clamp(0.0, 1.0)),
            fresh_for,
            usable_for: fresh_for.saturating_add(settings.stale_if_error),
        }
    }

    /// Whether these are the set's keys, in any order. A key that is listed twice is still one key.
    pub(super) fn has_same_keys(&self, keys: &[Key]) -> bool {
        let all_in =
            |some: &[Key], others: &[Key]| some.iter().all(|key| others.iter().any(|other| other.is_same(key)));
        all_in(keys, &self.keys) && all_in(&self.keys, keys)
    }

    /// The set's age by the clock that shows more.
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(self.loaded_at)
    }

    pub(super) fn state(&self, now: Moment) -> KeySetState {
        let age = self.age(now);
        if age < self.fresh_for {
            KeySetState::Fresh
        } else if age < self.usable_for {
            KeySetState::Stale
        } else {
            KeySetState::Outage
        }
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.age(now) >= self.renewed_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADED: Moment = Moment { wall: Duration::from_secs(1_000), monotonic: Duration::from_secs(5) };

    fn snapshot(max_age: Option<Duration>, settings: &KeyRefreshSettings, jitter: f64) -> Snapshot {
        Snapshot::new(KeyTable::default(), Arc::new([]), None, LOADED, max_age, settings, jitter)
    }

    fn later(time: Duration) -> Moment {
        Moment { wall: LOADED.wall.saturating_add(time), monotonic: LOADED.monotonic.saturating_add(time) }
    }

    #[test]
    fn the_lifetime_that_the_issuer_sets_is_limited() {
        for (max_age, lifetime) in [
            (None, 600),
            (Some(0), 60),
            (Some(59), 60),
            (Some(61), 61),
            (Some(86_400), 86_400),
            (Some(1_000_000_000_000), 86_400),
            (Some(u64::MAX), 86_400),
        ] {
            let snapshot = snapshot(max_age.map(Duration::from_secs), &KeyRefreshSettings::new(), 0.5);
            assert_eq!(snapshot.fresh_for, Duration::from_secs(lifetime), "{max_age:?}");
            assert_eq!(snapshot.usable_for, Duration::from_secs(lifetime + 3600));
        }
    }

    #[test]
    fn a_set_is_renewed_after_70_to_90_percent_of_its_lifetime() {
        for (jitter, renewed_after) in [(0.0, 420), (0.5, 480), (1.0, 540), (9.0, 540)] {
            let snapshot = snapshot(None, &KeyRefreshSettings::new(), jitter);
            assert_eq!(snapshot.renewed_after.as_secs(), renewed_after, "{jitter}");
        }
    }

    #[test]
    fn a_set_becomes_stale_if_either_clock_says_so() {
        let snapshot = snapshot(None, &KeyRefreshSettings::new(), 0.0);
        for (wall, monotonic, state, due) in [
            (0, 419, KeySetState::Fresh, false),
            (419, 0, KeySetState::Fresh, false),
            (420, 0, KeySetState::Fresh, true),
            // The machine slept.
            (600, 0, KeySetState::Stale, true),
            (4_200, 1, KeySetState::Outage, true),
            // The wall clock was set back.
            (-1_000, 599, KeySetState::Fresh, true),
            (-1_000, 600, KeySetState::Stale, true),
            (-1_000, 4_200, KeySetState::Outage, true),
        ] {
            let wall = LOADED.wall.as_secs().saturating_add_signed(wall);
            let now =
                Moment { wall: Duration::from_secs(wall), monotonic: later(Duration::from_secs(monotonic)).monotonic };
            assert_eq!((snapshot.state(now), snapshot.is_due(now)), (state, due), "{wall} {monotonic}");
        }
    }

    #[test]
    fn the_largest_lifetimes_do_not_overflow() {
        let most = Duration::MAX;
        let settings = KeyRefreshSettings::new().lifetime(most).lifetime_between(most, most).stale_if_error(most);
        for jitter in [0.0, 1.0] {
            let snapshot = snapshot(Some(most), &settings, jitter);
            assert_eq!(snapshot.state(later(most - Duration::from_secs(1_000_000))), KeySetState::Fresh);
        }
    }
}
