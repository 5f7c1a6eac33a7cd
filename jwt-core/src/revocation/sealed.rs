//! Revocations that a store holds exactly, so that a process needs only their fingerprints.

use std::sync::Arc;

use super::compact::{CompactSet, TAGS, Tagged, merged};
use super::digest::DigestMap;
use super::local::Now;

/// The newest fingerprints are merged into the others once they are more than one in 64. So adding one costs the merging of 64, less
/// than a microsecond.
const MERGED_FOR_EACH: usize = 64;

/// Fingerprints of revocations that a store has, by the period in which they end. A hit is confirmed at the store.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealed {
    /// The store has all of these.
    current: Arc<CompactSet>,
    /// The same, with their tags, until they are merged into `current`.
    newest: DigestMap<u32, u8>,
    /// The store may have lost these.
    orphaned: Arc<CompactSet>,
    ends: [End; TAGS],
}

/// When the last revocation with a tag may be dropped, on both clocks.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    until: i64,
    monotonic: u64,
}

/// A revocation that is to be sealed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sealable {
    pub(super) digest: u128,
    pub(super) until: i64,
    pub(super) monotonic: u64,
}

impl End {
    const fn has_passed(self, now: Now) -> bool {
        self.until <= now.wall && self.monotonic <= now.second()
    }
}

impl Sealed {
    /// The fingerprint's set, if it's in one: `true` if the store may have lost it.
    pub(super) fn is_orphaned(&self, digest: u128) -> Option<bool> {
        let fingerprint = fingerprint(digest);
        if self.newest.contains_key(&fingerprint) || self.current.tag(fingerprint).is_some() {
            return Some(false);
        }
        self.orphaned.tag(fingerprint).map(|_| true)
    }

    /// Whether a revocation that the store has, and that ends at `until`, needs no entry of its own.
    pub(super) fn covers(&self, digest: u128, until: i64, monotonic: u64) -> bool {
        let fingerprint = fingerprint(digest);
        let tags = [self.newest.get(&fingerprint).copied(), self.current.tag(fingerprint)];
        tags.into_iter().flatten().map(|tag| self.ends[usize::from(tag)]).any(|end| {
            // Both clocks count whole seconds, so their difference varies by one.
            end.until >= until && end.monotonic.saturating_add(2) >= monotonic
        })
    }

    /// How many revocations are sealed, without the ones that the store may have lost.
    pub(super) fn len(&self) -> usize {
        self.current.len() + self.newest.len()
    }

    /// Whether some of them have ended.
    pub(super) fn has_ended(&self, now: Now) -> bool {
        self.ends.iter().any(|end| end.until != 0 && end.has_passed(now))
    }

    /// The same with more revocations, and without ended ones.
    pub(super) fn with(&self, more: &[Sealable], period: i64, now: Now) -> Self {
        let mut sealed = if self.has_ended(now) { self.without_ended(now) } else { self.clone() };
        let more: Vec<_> = more.iter().filter(|one| !sealed.covers(one.digest, one.until, one.monotonic)).collect();
        for one in &more {
            let end = &mut sealed.ends[usize::from(tag(one.until, period))];
            (end.until, end.monotonic) = (end.until.max(one.until), end.monotonic.max(one.monotonic));
        }
        sealed.newest.reserve(more.len());
        for one in more {
            let tag = tag(one.until, period);
            let newest = sealed.newest.entry(fingerprint(one.digest)).or_insert(tag);
            *newest = later(&sealed.ends, *newest, tag);
        }
        if sealed.newest.len() > sealed.current.len() / MERGED_FOR_EACH {
            (sealed.current, sealed.newest) = (sealed.all_current(), DigestMap::default());
        }
        sealed
    }

    fn without_ended(&self, now: Now) -> Self {
        let ends = self.ends.map(|end| if end.has_passed(now) { End::default() } else { end });
        let is_live = |(_, tag): &Tagged| ends[usize::from(*tag)].until != 0;
        let live = |set: &CompactSet| Arc::new(CompactSet::new(set.len(), set.iter().filter(is_live)));
        Self { current: live(&self.all_current()), newest: DigestMap::default(), orphaned: live(&self.orphaned), ends }
    }

    /// The set that the store has, with the newest fingerprints.
    fn all_current(&self) -> Arc<CompactSet> {
        if self.newest.is_empty() {
            return Arc::clone(&self.current);
        }
        let mut newest: Vec<Tagged> = self.newest.iter().map(|(fingerprint, tag)| (*fingerprint, *tag)).collect();
        newest.sort_unstable();
        let all = merged(self.current.iter(), newest.into_iter(), |one, other| later(&self.ends, one, other));
        Arc::new(CompactSet::new(self.len(), all))
    }

    /// The same with the fingerprints of a snapshot.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn join(&self, more: &Self) -> Self {
        let ends = std::array::from_fn(|tag| {
            let (one, other) = (self.ends[tag], more.ends[tag]);
            End { until: one.until.max(other.until), monotonic: one.monotonic.max(other.monotonic) }
        });
        if self.current.len() + self.orphaned.len() == 0 {
            let newest = self.newest.clone();
            return Self { ends, newest, ..more.clone() };
        }
        let set = |one: &CompactSet, other: &CompactSet| {
            let all = merged(one.iter(), other.iter(), |one, other| later(&ends, one, other));
            Arc::new(CompactSet::new(one.len() + other.len(), all))
        };
        let (current, orphaned) = (set(&self.all_current(), &more.current), set(&self.orphaned, &more.orphaned));
        Self { current, newest: DigestMap::default(), orphaned, ends }
    }

    /// The sets that the store has, and may have lost, and until when each tag is kept.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn parts(&self) -> (Arc<CompactSet>, &CompactSet, [i64; TAGS]) {
        (self.all_current(), &self.orphaned, self.ends.map(|end| end.until))
    }

    /// The same from a snapshot, without ended entries.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn from_parts(current: CompactSet, orphaned: CompactSet, ends: [i64; TAGS], now: Now) -> Self {
        let end = |until: i64| {
            let left = u64::try_from(until.saturating_sub(now.wall)).ok().filter(|left| *left > 0);
            left.map_or(End::default(), |left| End { until, monotonic: now.second().saturating_add(left) })
        };
        let live = |(_, tag): &Tagged| ends[usize::from(*tag)] > now.wall;
        let have_ended = ends.iter().any(|end| *end != 0 && *end <= now.wall);
        let set = |all: CompactSet| {
            Arc::new(if have_ended { CompactSet::new(all.len(), all.iter().filter(live)) } else { all })
        };
        let (current, orphaned, newest) = (set(current), set(orphaned), DigestMap::default());
        Self { current, newest, orphaned, ends: ends.map(end) }
    }

    /// The same after the store has lost data.
    #[cfg(any(feature = "postgres", feature = "redis", test))]
    pub(super) fn orphan(&self) -> Self {
        let (current, most) = (self.all_current(), self.len() + self.orphaned.len());
        let all = merged(self.orphaned.iter(), current.iter(), |one, other| later(&self.ends, one, other));
        Self { orphaned: Arc::new(CompactSet::new(most, all)), ends: self.ends, ..Self::default() }
    }
}

/// The tag of the revocations that are kept longer.
fn later(ends: &[End; TAGS], one: u8, other: u8) -> u8 {
    let until = |tag: u8| ends[usize::from(tag)].until;
    if until(one) > until(other) { one } else { other }
}

/// The lower half of a digest is its hash in a table; this is another part of it.
fn fingerprint(digest: u128) -> u32 {
    (digest >> 32) as u32
}

/// All revocations that end in one period have one tag.
fn tag(until: i64, period: i64) -> u8 {
    until.div_euclid(period).rem_euclid(TAGS as i64) as u8
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::revocation::entries::Entries;
    use crate::revocation::local::{Known, Origin};
    use crate::revocation::target::{ANY_TIME, Kind};

    use super::*;

    const HOUR: u64 = 3_600;
    const SEALED: Option<Known> = Some(Known::Sealed { is_orphaned: false });
    const ORPHANED: Option<Known> = Some(Known::Sealed { is_orphaned: true });
    const EXACT: Option<Known> = Some(Known::Cutoff(ANY_TIME));

    const fn now(seconds: u64) -> Now {
        Now { wall: 1_000_000 + seconds as i64, monotonic: Duration::from_secs(seconds) }
    }

    /// A list of tokens that live for an hour, of which at most 64 are exact.
    fn entries(capacity: usize) -> Entries {
        Entries::new(capacity).sealing(64, Duration::from_secs(HOUR))
    }

    fn revoke(entries: &Entries, name: &str, end: u64, origin: Origin, now: Now) -> bool {
        entries.add((Kind::Token, "i", name), ANY_TIME, 1_000_000 + end as i64, origin, now).is_ok()
    }

    fn find(entries: &Entries, name: &str) -> Option<Known> {
        entries.find(Kind::Token, "i", name)
    }

    fn names(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| format!("t-{number}"))
    }

    #[test]
    fn every_revocation_is_found_exactly_or_sealed_and_few_are_exact() {
        let entries = entries(100_000);
        // A session is remembered for ten minutes more than its tokens live.
        for name in names(20_000) {
            assert!(revoke(&entries, &name, HOUR + 601, Origin::Store, now(0)));
        }
        let known: Vec<_> = names(20_000).map(|name| find(&entries, &name)).collect();
        assert!(known.iter().all(|known| [SEALED, EXACT].contains(known)), "none is forgotten");
        let exact = known.iter().filter(|known| **known == EXACT).count();
        assert!((1..=400).contains(&exact), "{exact}");
        assert!((19_990..=20_000).contains(&entries.len()), "{}", entries.len());
        let mistaken = (0..20_000).filter(|number| find(&entries, &format!("good-{number}")).is_some()).count();
        assert!(mistaken < 5, "{mistaken}");
        // Other kinds and issuers have names of their own, and cutoffs are never sealed.
        assert_eq!(entries.find(Kind::Session, "i", "t-1"), None);
        assert_eq!(entries.find(Kind::Subject, "i", "t-1"), None);
    }

    #[test]
    fn what_the_store_may_not_have_stays_exact_and_so_do_cutoffs() {
        let entries = entries(10_000);
        for name in names(2_000) {
            assert!(revoke(&entries, &name, HOUR, Origin::Process, now(0)));
            let cutoff = entries.add((Kind::Subject, "i", &name), 5, 1_003_600, Origin::Store, now(0));
            assert!(cutoff.is_ok() && revoke(&entries, &format!("late {name}"), 10 * HOUR, Origin::Store, now(0)));
        }
        for name in names(2_000) {
            assert_eq!(find(&entries, &name), EXACT);
            assert_eq!(find(&entries, &format!("late {name}")), EXACT, "it ends after the longest lifetime");
            assert_eq!(entries.find(Kind::Subject, "i", &name), Some(Known::Cutoff(5)));
        }
        // The store's message says that it has them.
        for name in names(2_000) {
            assert!(revoke(&entries, &name, HOUR, Origin::Store, now(0)));
        }
        // The process extends some, which the store does not know yet.
        for name in names(100) {
            assert!(revoke(&entries, &name, HOUR + 60, Origin::Process, now(0)));
        }
        for name in names(3_000).skip(2_000) {
            assert!(revoke(&entries, &name, HOUR, Origin::Store, now(0)));
        }
        let sealed = names(2_000).filter(|name| find(&entries, name) == SEALED).count();
        assert!(sealed > 1_000 && names(100).all(|name| find(&entries, &name) == EXACT), "{sealed}");
    }

    #[test]
    fn a_full_list_has_space_again_when_sealed_revocations_have_ended_by_both_clocks() {
        // All are sealed.
        let entries = Entries::new(1_000).sealing(0, Duration::from_secs(HOUR));
        assert!(names(1_000).all(|name| revoke(&entries, &name, HOUR, Origin::Store, now(0))));
        let early = Now { monotonic: Duration::from_secs(HOUR - 1), ..now(HOUR) };
        assert!(!revoke(&entries, "one more", 2 * HOUR, Origin::Store, early), "the clock was set forward");
        assert!(names(1_000).all(|name| find(&entries, &name).is_some()));
        for name in names(1_990).skip(1_000) {
            assert!(revoke(&entries, &name, 2 * HOUR, Origin::Store, now(HOUR)));
        }
        assert!(names(1_990).skip(1_000).all(|name| find(&entries, &name).is_some()));
    }

    #[test]
    fn a_revocation_that_the_store_sends_again_takes_no_space() {
        let entries = entries(3_000);
        for _ in 0..3 {
            assert!(names(3_000).all(|name| revoke(&entries, &name, HOUR, Origin::Store, now(0))));
        }
    }

    #[test]
    fn a_sealed_revocation_that_is_used_is_exact_again_until_the_next_sealing() {
        let entries = Entries::new(10_000).sealing(6_400, Duration::from_secs(HOUR));
        assert!(names(9_000).all(|name| revoke(&entries, &name, HOUR, Origin::Store, now(0))));
        let sealed: Vec<_> = names(9_000).filter(|name| find(&entries, name) == SEALED).take(100).collect();
        for name in &sealed {
            assert!(revoke(&entries, name, HOUR, Origin::LookUp, now(0)));
        }
        let exact = sealed.iter().filter(|name| find(&entries, name) == EXACT).count();
        assert!(sealed.len() == 100 && exact > 50, "{exact}");
    }

    #[test]
    fn after_a_loss_what_was_sealed_is_still_found_and_nothing_counts_as_stored() {
        let entries = entries(3_000);
        assert!(names(3_000).all(|name| revoke(&entries, &name, HOUR, Origin::Store, now(0))));
        let before = entries.len();
        entries.orphan();
        assert!(entries.len() < before / 2, "they leave space for what the store sends again");
        assert!(names(3_000).all(|name| [ORPHANED, EXACT].contains(&find(&entries, &name))));
        // The store still has half of them. The others stay orphaned.
        assert!(names(1_500).all(|name| revoke(&entries, &name, HOUR, Origin::Store, now(1))));
        let count = |wanted| names(3_000).filter(|name| find(&entries, name) == wanted).count();
        assert!(count(SEALED) > 500 && count(ORPHANED) > 1_000 && count(None) == 0);
        entries.orphan();
        assert!(count(SEALED) == 0 && count(ORPHANED) > 2_500 && count(None) == 0);
        // Once they have ended, they are dropped.
        for name in names(6_000).skip(3_000) {
            assert!(revoke(&entries, &name, 3 * HOUR, Origin::Store, now(2 * HOUR)));
        }
        assert!(names(3_000).filter(|name| find(&entries, name).is_some()).count() < 100);
    }

    #[test]
    fn the_newest_fingerprints_stay_apart_until_there_are_many() {
        const DAY: i64 = 24 * 3_600;
        let one = |number: u32, until| {
            let digest = u128::from(number.wrapping_mul(0x9e37_79b1)) << 32;
            Sealable { digest, until: 1_000_000 + until, monotonic: until as u64 }
        };
        let some = |numbers: std::ops::Range<u32>, until| numbers.map(|number| one(number, until)).collect::<Vec<_>>();
        let old = Sealed::default().with(&some(0..10_000, DAY), DAY, now(0));
        assert!(old.newest.is_empty());
        let sealed = old.with(&some(10_000..10_100, DAY), DAY, now(0)).with(&[one(7, 3 * DAY)], DAY, now(0));
        assert_eq!((sealed.newest.len(), sealed.current.len()), (101, 10_000));
        let all = some(0..10_100, DAY);
        assert!(all.iter().all(|one| sealed.is_orphaned(one.digest) == Some(false)));
        assert!(all.iter().all(|one| sealed.covers(one.digest, one.until, one.monotonic)));
        let extended = one(7, 3 * DAY);
        assert!(sealed.covers(extended.digest, extended.until, extended.monotonic));
        assert_eq!(sealed.is_orphaned(one(10_100, 0).digest), None);
        // Neither a loss nor an end forgets them or keeps them for too long.
        let orphaned = sealed.orphan();
        assert!(all.iter().all(|one| orphaned.is_orphaned(one.digest) == Some(true)) && orphaned.len() == 0);
        assert_eq!(sealed.with(&[], DAY, now(2 * DAY as u64)).len(), 1, "the extended one");
        assert_eq!(sealed.with(&[], DAY, now(3 * DAY as u64)).len(), 0);
        let many = sealed.with(&some(10_100..10_200, DAY), DAY, now(0));
        assert_eq!((many.newest.len(), many.len()), (0, 10_200));
        assert!(some(0..10_200, DAY).iter().all(|one| many.is_orphaned(one.digest) == Some(false)));
        assert!(many.covers(extended.digest, extended.until, extended.monotonic));
    }

    #[test]
    fn revocations_are_found_while_others_are_sealed() {
        let entries = entries(100_000);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let entries = &entries;
                scope.spawn(move || {
                    for number in 0..5_000 {
                        let name = format!("{thread}-{number}");
                        assert!(revoke(entries, &name, HOUR, Origin::Store, now(0)));
                        assert!(find(entries, &name).is_some());
                        assert!(find(entries, &format!("{thread}-{}", number / 2)).is_some());
                    }
                });
            }
        });
        assert!((19_990..=20_000).contains(&entries.len()), "{}", entries.len());
    }
}
