//! Revocations that a store holds exactly, so that a process needs only their fingerprints.

use std::sync::Arc;

#[cfg(any(feature = "postgres", feature = "redis", test))]
use super::compact::merged;
use super::compact::{CompactSet, TAGS, Tagged};
use super::digest::Digest;
use super::local::Now;

/// A full set gets space for one more of each 32. So adding one costs the copying of 32, about half a microsecond.
const MORE_FOR_EACH: usize = 32;

/// Fingerprints of revocations that a store has, by the period in which they end. A hit is confirmed at the store.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    /// The store has all of these.
    current: Arc<CompactSet>,
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
    pub(super) digest: Digest,
    pub(super) until: i64,
    pub(super) monotonic: u64,
}

impl End {
    const fn has_passed(self, now: Now) -> bool {
        self.until <= now.wall && self.monotonic <= now.second()
    }
}

impl Sealed {
    /// Creates an empty set of fingerprints with this number of bits.
    pub(super) fn empty(bits: u32) -> Self {
        let empty = Arc::new(CompactSet::empty(bits));
        Self { current: Arc::clone(&empty), orphaned: empty, ends: [End::default(); TAGS] }
    }

    /// The fingerprint's set, if it's in one: `true` if the store may have lost it.
    pub(super) fn is_orphaned(&self, digest: Digest) -> Option<bool> {
        let fingerprint = self.fingerprint(digest);
        if self.current.tag(fingerprint).is_some() {
            return Some(false);
        }
        self.orphaned.tag(fingerprint).map(|_| true)
    }

    /// Whether a revocation that the store has, and that ends at `until`, needs no entry of its own.
    pub(super) fn covers(&self, digest: Digest, until: i64, monotonic: u64) -> bool {
        self.current.tag(self.fingerprint(digest)).is_some_and(|tag| {
            let end = self.ends[usize::from(tag)];
            // Both clocks count whole seconds, so their difference varies by one.
            end.until >= until && end.monotonic.saturating_add(2) >= monotonic
        })
    }

    /// How many revocations are sealed, without the ones that the store may have lost.
    pub(super) fn len(&self) -> usize {
        self.current.len()
    }

    fn fingerprint(&self, digest: Digest) -> u64 {
        digest.high >> (u64::BITS - self.current.bits())
    }

    /// Whether some of them have ended.
    pub(super) fn has_ended(&self, now: Now) -> bool {
        self.ends.iter().any(|end| end.until != 0 && end.has_passed(now))
    }

    /// The same with space for `more`, and without ended ones, if that's necessary.
    pub(super) fn renewed(&self, more: usize, now: Now) -> Option<Self> {
        let has_ended = self.has_ended(now);
        if !has_ended && self.current.has_space_for(more) {
            return None;
        }
        let ends = self.ends.map(|end| if has_ended && end.has_passed(now) { End::default() } else { end });
        let is_live = |(_, tag): &Tagged| ends[usize::from(*tag)].until != 0;
        let live = |set: &CompactSet, most| Arc::new(CompactSet::new(set.bits(), most, set.iter().filter(is_live)));
        let most = self.len() + more.max(self.len() / MORE_FOR_EACH);
        let orphaned = if has_ended { live(&self.orphaned, self.orphaned.len()) } else { Arc::clone(&self.orphaned) };
        Some(Self { current: live(&self.current, most), orphaned, ends })
    }

    /// Adds a revocation.
    pub(super) fn add(&mut self, one: &Sealable, period: i64) {
        if self.covers(one.digest, one.until, one.monotonic) {
            return;
        }
        let tag = tag(one.until, period);
        let end = &mut self.ends[usize::from(tag)];
        (end.until, end.monotonic) = (end.until.max(one.until), end.monotonic.max(one.monotonic));
        // A copy is made only while a snapshot is being written.
        let fingerprint = self.fingerprint(one.digest);
        Arc::make_mut(&mut self.current).insert((fingerprint, tag), |old, new| later(&self.ends, old, new));
    }

    /// The same with the fingerprints of a snapshot.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn join(&self, more: &Self) -> Self {
        let ends = std::array::from_fn(|tag| {
            let (one, other) = (self.ends[tag], more.ends[tag]);
            End { until: one.until.max(other.until), monotonic: one.monotonic.max(other.monotonic) }
        });
        if self.current.len() + self.orphaned.len() == 0 {
            return Self { ends, ..more.clone() };
        }
        let set = |one: &CompactSet, other: &CompactSet| {
            let all = merged(one.iter(), other.iter(), |one, other| later(&ends, one, other));
            Arc::new(CompactSet::new(one.bits(), one.len() + other.len(), all))
        };
        let (current, orphaned) = (set(&self.current, &more.current), set(&self.orphaned, &more.orphaned));
        Self { current, orphaned, ends }
    }

    /// The sets that the store has, and may have lost, and until when each tag is kept.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn parts(&self) -> (&CompactSet, &CompactSet, [i64; TAGS]) {
        (&self.current, &self.orphaned, self.ends.map(|end| end.until))
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
            Arc::new(if have_ended { CompactSet::new(all.bits(), all.len(), all.iter().filter(live)) } else { all })
        };
        Self { current: set(current), orphaned: set(orphaned), ends: ends.map(end) }
    }

    /// The same after the store has lost data.
    #[cfg(any(feature = "postgres", feature = "redis", test))]
    pub(super) fn orphan(&self) -> Self {
        let most = self.len() + self.orphaned.len();
        let all = merged(self.orphaned.iter(), self.current.iter(), |one, other| later(&self.ends, one, other));
        let orphaned = Arc::new(CompactSet::new(self.current.bits(), most, all));
        Self { current: Arc::new(CompactSet::empty(orphaned.bits())), orphaned, ends: self.ends }
    }
}

/// The tag of the revocations that are kept longer.
fn later(ends: &[End; TAGS], one: u8, other: u8) -> u8 {
    let until = |tag: u8| ends[usize::from(tag)].until;
    if until(one) > until(other) { one } else { other }
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
    fn what_is_added_is_found_until_it_ends_and_also_after_a_loss() {
        const DAY: i64 = 24 * 3_600;
        let one = |number: u64, until| {
            let digest = Digest::from_words([0, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)]);
            Sealable { digest, until: 1_000_000 + until, monotonic: until as u64 }
        };
        let some = |numbers: std::ops::Range<u64>, until| numbers.map(|number| one(number, until)).collect::<Vec<_>>();
        let with = |sealed: &Sealed, more: &[Sealable], now| {
            let mut sealed = sealed.renewed(more.len(), now).unwrap_or_else(|| sealed.clone());
            more.iter().for_each(|one| sealed.add(one, DAY));
            sealed
        };
        let old = with(&Sealed::empty(29), &some(0..10_000, DAY), now(0));
        assert!(old.renewed(0, now(0)).is_none() && old.renewed(1_000, now(0)).is_some());
        let sealed = with(&with(&old, &some(10_000..10_100, DAY), now(0)), &[one(7, 3 * DAY)], now(0));
        assert_eq!((old.len(), sealed.len()), (10_000, 10_100));
        let all = some(0..10_100, DAY);
        assert!(all.iter().all(|one| sealed.is_orphaned(one.digest) == Some(false)));
        assert!(all.iter().all(|one| sealed.covers(one.digest, one.until, one.monotonic)));
        let extended = one(7, 3 * DAY);
        assert!(sealed.covers(extended.digest, extended.until, extended.monotonic));
        assert!(!old.covers(extended.digest, extended.until, extended.monotonic), "the older one is another copy");
        assert_eq!(sealed.is_orphaned(one(10_100, 0).digest), None);
        // Neither a loss nor an end forgets them or keeps them for too long.
        let orphaned = sealed.orphan();
        assert!(all.iter().all(|one| orphaned.is_orphaned(one.digest) == Some(true)) && orphaned.len() == 0);
        assert_eq!(with(&sealed, &[], now(2 * DAY as u64)).len(), 1, "the extended one");
        assert_eq!(with(&sealed, &[], now(3 * DAY as u64)).len(), 0);
        let many = with(&sealed, &some(10_100..20_000, DAY), now(0));
        assert_eq!(many.len(), 20_000);
        assert!(some(0..20_000, DAY).iter().all(|one| many.is_orphaned(one.digest) == Some(false)));
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
