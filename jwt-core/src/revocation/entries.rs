//! The revocations of a list: for each digest the last `iat` that is refused, and when the entry may be dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::{self, HashMap, RandomState};
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use super::target::Kind;

/// Enough that requests on different cores rarely contend for one lock.
const SHARDS: usize = 64;

/// A set of keyed 128-bit digests of identifiers, so that entries have a fixed size and a memory dump doesn't show who
/// logged out. If two digests collided, a good token would be refused; a revoked one is never accepted.
pub(super) struct Entries {
    first: RandomState,
    second: RandomState,
    shards: Box<[RwLock<Shard>]>,
    capacity: usize,
    total: AtomicUsize,
    /// The number of entries of each kind, so that looking up an unused kind costs nothing.
    kinds: [AtomicUsize; Kind::ALL.len()],
}

#[derive(Default)]
struct Shard {
    entries: HashMap<u128, RevokedEntry, BuildHasherDefault<DigestHasher>>,
    /// Each entry once, by the earliest second of the monotonic clock at which it may be dropped.
    ends: BinaryHeap<Reverse<(u64, u128)>>,
}

struct RevokedEntry {
    kind: Kind,
    cutoff: i64,
    until: i64,
    /// `until` on the monotonic clock. An entry is dropped only when both clocks are past it, so that setting the system
    /// clock forwards and back doesn't make a revoked token valid again.
    monotonic: u64,
}

/// The current time on both clocks; `wall` is in seconds.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: i64,
    pub(super) monotonic: Duration,
}

/// The set has reached its capacity.
#[derive(Debug)]
pub(super) struct Full;

impl Entries {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            first: RandomState::new(),
            second: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            capacity,
            total: AtomicUsize::new(0),
            kinds: Default::default(),
        }
    }

    /// The last second of `iat` that is refused, if there's an entry.
    pub(super) fn cutoff(&self, kind: Kind, issuer: &str, name: &str) -> Option<i64> {
        if self.kinds[kind as usize].load(Ordering::Acquire) == 0 {
            return None;
        }
        let digest = self.digest(kind, issuer, name);
        let shard = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        // The entry may have ended already, but then its tokens have expired too.
        shard.entries.get(&digest).map(|entry| entry.cutoff)
    }

    /// Adds an entry, or extends the existing one.
    pub(super) fn add(
        &self,
        (kind, issuer, name): (Kind, &str, &str),
        cutoff: i64,
        until: i64,
        now: Now,
    ) -> Result<(), Full> {
        let Some(left) = u64::try_from(until.saturating_sub(now.wall)).ok().filter(|left| *left > 0) else {
            return Ok(());
        };
        let monotonic = if until == i64::MAX { u64::MAX } else { now.second().saturating_add(left) };
        let digest = self.digest(kind, issuer, name);
        let mut pruned = false;
        loop {
            let mut shard = self.write(digest);
            self.prune(&mut shard, now);
            let Shard { entries, ends } = &mut *shard;
            match entries.entry(digest) {
                hash_map::Entry::Occupied(mut entry) => {
                    let entry = entry.get_mut();
                    entry.cutoff = entry.cutoff.max(cutoff);
                    entry.until = entry.until.max(until);
                    entry.monotonic = entry.monotonic.max(monotonic);
                    return Ok(());
                }
                hash_map::Entry::Vacant(entry) if self.reserve() => {
                    self.kinds[kind as usize].fetch_add(1, Ordering::AcqRel);
                    entry.insert(RevokedEntry { kind, cutoff, until, monotonic });
                    ends.push(Reverse((monotonic, digest)));
                    return Ok(());
                }
                hash_map::Entry::Vacant(_) if pruned => return Err(Full),
                hash_map::Entry::Vacant(_) => {}
            }
            drop(shard);
            for shard in &self.shards {
                self.prune(&mut shard.write().unwrap_or_else(PoisonError::into_inner), now);
            }
            pruned = true;
        }
    }

    /// The number of entries, including some that have ended and aren't dropped yet.
    pub(super) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    fn reserve(&self) -> bool {
        let increment = |total: usize| (total < self.capacity).then_some(total + 1);
        self.total.fetch_update(Ordering::AcqRel, Ordering::Acquire, increment).is_ok()
    }

    /// Drops the entries of a shard that have ended. Each entry costs a few steps, once.
    fn prune(&self, shard: &mut Shard, now: Now) {
        while let Some(&Reverse((end, digest))) = shard.ends.peek()
            && end <= now.second()
        {
            shard.ends.pop();
            let hash_map::Entry::Occupied(mut entry) = shard.entries.entry(digest) else { continue };
            let revoked = entry.get_mut();
            if revoked.monotonic <= end && revoked.until > now.wall {
                // The system clock was set back.
                revoked.monotonic = now.second().saturating_add(revoked.until.saturating_sub(now.wall).unsigned_abs());
            }
            if revoked.monotonic > end {
                shard.ends.push(Reverse((revoked.monotonic, digest)));
            } else {
                let revoked = entry.remove();
                self.kinds[revoked.kind as usize].fetch_sub(1, Ordering::AcqRel);
                self.total.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    fn digest(&self, kind: Kind, issuer: &str, name: &str) -> u128 {
        let key = (kind, issuer, name);
        u128::from(self.first.hash_one(key)) << 64 | u128::from(self.second.hash_one(key))
    }

    fn shard(&self, digest: u128) -> &RwLock<Shard> {
        // The upper half selects the shard; its hash table uses the lower half.
        &self.shards[(digest >> 64) as usize % SHARDS]
    }

    fn write(&self, digest: u128) -> RwLockWriteGuard<'_, Shard> {
        self.shard(digest).write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    const fn second(self) -> u64 {
        self.monotonic.as_secs()
    }
}

/// Uses the lower half of a digest as its hash.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("len", &self.len()).field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn now(seconds: u64) -> Now {
        Now { wall: 1_000 + seconds as i64, monotonic: Duration::from_secs(seconds) }
    }

    fn add(entries: &Entries, name: &str, until: i64, now: Now) -> Result<(), Full> {
        entries.add((Kind::Token, "i", name), i64::MAX, until, now)
    }

    fn has(entries: &Entries, name: &str) -> bool {
        entries.cutoff(Kind::Token, "i", name).is_some()
    }

    #[test]
    fn a_full_set_refuses_a_new_entry_and_drops_none() {
        let entries = Entries::new(100);
        for name in 0..100 {
            add(&entries, &name.to_string(), 2_000, now(0)).expect("space");
        }
        assert!(add(&entries, "over", 2_000, now(0)).is_err());
        add(&entries, "7", 3_000, now(0)).expect("it has an entry already");
        assert!((0..100).all(|name| has(&entries, &name.to_string())) && !has(&entries, "over"));
        // All but the extended entry have ended, so 99 fit.
        for name in 100..199 {
            add(&entries, &name.to_string(), 3_000, now(1_000)).expect("space again");
        }
        assert!(add(&entries, "over", 3_000, now(1_000)).is_err());
        assert_eq!(entries.len(), 100);
        assert!(has(&entries, "7") && (100..199).all(|name| has(&entries, &name.to_string())) && !has(&entries, "8"));
        assert_eq!(entries.kinds[Kind::Token as usize].load(Ordering::SeqCst), 100);
    }

    #[test]
    fn an_entry_is_dropped_when_both_clocks_are_past_its_end() {
        for (wall, monotonic, kept) in
            [(999, 999, true), (1_000, 999, true), (999, 1_000, true), (5_000, 999, true), (1_000, 1_000, false)]
        {
            let entries = Entries::new(1);
            add(&entries, "a", 2_000, now(0)).expect("space");
            let later = Now { wall: 1_000 + wall, monotonic: Duration::from_secs(monotonic) };
            assert_eq!(add(&entries, "b", 9_000, later).is_err(), kept, "{wall} {monotonic}");
            assert_eq!(has(&entries, "a"), kept, "{wall} {monotonic}");
        }
    }

    #[test]
    fn after_the_clock_is_set_back_an_entry_is_kept_until_its_end() {
        let entries = Entries::new(1);
        add(&entries, "a", 2_000, now(0)).expect("space");
        let set_back = |seconds: u64| Now { wall: 1_000 + seconds as i64 - 500, ..now(seconds) };
        assert!(add(&entries, "b", 9_000, set_back(1_000)).is_err());
        assert!(add(&entries, "b", 9_000, set_back(1_499)).is_err());
        add(&entries, "b", 9_000, set_back(1_500)).expect("space");
    }

    #[test]
    fn an_entry_that_has_already_ended_is_not_added() {
        let entries = Entries::new(1);
        add(&entries, "a", 1_000, now(0)).expect("nothing to do");
        assert_eq!(entries.len(), 0);
    }

    #[test]
    fn an_entry_without_an_end_is_never_dropped() {
        let entries = Entries::new(1);
        add(&entries, "a", i64::MAX, now(0)).expect("space");
        assert!(add(&entries, "b", i64::MAX, now(1 << 40)).is_err());
        assert!(has(&entries, "a"));
    }

    #[test]
    fn the_same_name_with_another_kind_or_issuer_is_another_entry() {
        let entries = Entries::new(10);
        entries.add((Kind::Session, "i", "x"), 5, 2_000, now(0)).expect("space");
        entries.add((Kind::Token, "i", "other"), 5, 2_000, now(0)).expect("space");
        assert_eq!(entries.cutoff(Kind::Session, "i", "x"), Some(5));
        assert_eq!(entries.cutoff(Kind::Token, "i", "x"), None);
        assert_eq!(entries.cutoff(Kind::Session, "j", "x"), None);
        assert_eq!(entries.cutoff(Kind::Session, "", "ix"), None);
    }

    #[test]
    fn a_cutoff_never_moves_back() {
        let entries = Entries::new(10);
        for cutoff in [5, 7, 6] {
            entries.add((Kind::Subject, "i", "x"), cutoff, 2_000, now(0)).expect("space");
        }
        assert_eq!((entries.cutoff(Kind::Subject, "i", "x"), entries.len()), (Some(7), 1));
    }
}
