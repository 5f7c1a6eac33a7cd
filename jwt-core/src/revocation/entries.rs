//! The set itself: which digests are revoked, up to which `iat`, and until when that must be remembered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::{Entry as Place, HashMap, RandomState};
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use super::target::Kind;

/// So many that requests on different cores seldom meet at one lock.
const SHARDS: usize = 64;

/// Identifiers are kept as keyed digests of 128 bits, with keys of this process: a small entry of fixed size in which
/// nobody reads who logged out. Two that were alike would refuse a good token, and accept none that was revoked.
pub(super) struct Entries {
    first: RandomState,
    second: RandomState,
    shards: Box<[RwLock<Shard>]>,
    capacity: usize,
    total: AtomicUsize,
    /// How many there are of each kind, so that looking for one that is not used costs nothing.
    kinds: [AtomicUsize; Kind::ALL.len()],
}

#[derive(Default)]
struct Shard {
    entries: HashMap<u128, Entry, BuildHasherDefault<Digested>>,
    /// Every entry once, by the earliest moment of the monotonic clock at which it might be dropped.
    ends: BinaryHeap<Reverse<(u64, u128)>>,
}

struct Entry {
    kind: Kind,
    cutoff: i64,
    until: i64,
    /// The same by the monotonic clock: an entry is dropped when both are past, so that setting the machine's clock
    /// forwards and back brings no token to life again.
    monotonic: u64,
}

/// The time, in seconds.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: i64,
    pub(super) monotonic: Duration,
}

/// There is no room for another entry.
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

    /// The last second of `iat` that is refused, if any is.
    pub(super) fn cutoff(&self, kind: Kind, issuer: &str, name: &str) -> Option<i64> {
        if self.kinds[kind as usize].load(Ordering::Acquire) == 0 {
            return None;
        }
        let digest = self.digest(kind, issuer, name);
        let shard = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        // One past its end is as good: its tokens have expired.
        shard.entries.get(&digest).map(|entry| entry.cutoff)
    }

    /// Adds an entry, or extends the one that is there.
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
                Place::Occupied(mut place) => {
                    let entry = place.get_mut();
                    entry.cutoff = entry.cutoff.max(cutoff);
                    entry.until = entry.until.max(until);
                    entry.monotonic = entry.monotonic.max(monotonic);
                    return Ok(());
                }
                Place::Vacant(place) if self.reserve() => {
                    self.kinds[kind as usize].fetch_add(1, Ordering::AcqRel);
                    place.insert(Entry { kind, cutoff, until, monotonic });
                    ends.push(Reverse((monotonic, digest)));
                    return Ok(());
                }
                Place::Vacant(_) if pruned => return Err(Full),
                Place::Vacant(_) => {}
            }
            drop(shard);
            for shard in &self.shards {
                self.prune(&mut shard.write().unwrap_or_else(PoisonError::into_inner), now);
            }
            pruned = true;
        }
    }

    /// How many entries there are; some may be past their end.
    pub(super) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    fn reserve(&self) -> bool {
        let room = |total: usize| (total < self.capacity).then_some(total + 1);
        self.total.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_ok()
    }

    /// Drops what is past its end: for each entry a few steps, once.
    fn prune(&self, shard: &mut Shard, now: Now) {
        while let Some(&Reverse((end, digest))) = shard.ends.peek()
            && end <= now.second()
        {
            shard.ends.pop();
            let Place::Occupied(mut place) = shard.entries.entry(digest) else { continue };
            let entry = place.get_mut();
            if entry.monotonic <= end && entry.until > now.wall {
                // The machine's clock was set back.
                entry.monotonic = now.second().saturating_add(entry.until.saturating_sub(now.wall).unsigned_abs());
            }
            if entry.monotonic > end {
                shard.ends.push(Reverse((entry.monotonic, digest)));
            } else {
                let entry = place.remove();
                self.kinds[entry.kind as usize].fetch_sub(1, Ordering::AcqRel);
                self.total.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    fn digest(&self, kind: Kind, issuer: &str, name: &str) -> u128 {
        let named = (kind, issuer, name);
        u128::from(self.first.hash_one(named)) << 64 | u128::from(self.second.hash_one(named))
    }

    fn shard(&self, digest: u128) -> &RwLock<Shard> {
        // The upper half chooses the shard, the lower the place in it.
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

/// Digests need no further hashing.
#[derive(Default)]
struct Digested(u64);

impl Hasher for Digested {
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
    fn a_full_set_refuses_the_next_and_forgets_none() {
        let entries = Entries::new(100);
        for name in 0..100 {
            add(&entries, &name.to_string(), 2_000, now(0)).expect("room");
        }
        assert!(add(&entries, "over", 2_000, now(0)).is_err());
        add(&entries, "7", 3_000, now(0)).expect("it is there already");
        assert!((0..100).all(|name| has(&entries, &name.to_string())) && !has(&entries, "over"));
        // All but the one that was extended have ended: there is room for 99.
        for name in 100..199 {
            add(&entries, &name.to_string(), 3_000, now(1_000)).expect("room again");
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
            add(&entries, "a", 2_000, now(0)).expect("room");
            let later = Now { wall: 1_000 + wall, monotonic: Duration::from_secs(monotonic) };
            assert_eq!(add(&entries, "b", 9_000, later).is_err(), kept, "{wall} {monotonic}");
            assert_eq!(has(&entries, "a"), kept, "{wall} {monotonic}");
        }
    }

    #[test]
    fn an_entry_whose_clock_was_set_back_is_dropped_when_its_time_has_come() {
        let entries = Entries::new(1);
        add(&entries, "a", 2_000, now(0)).expect("room");
        let set_back = |seconds: u64| Now { wall: 1_000 + seconds as i64 - 500, ..now(seconds) };
        assert!(add(&entries, "b", 9_000, set_back(1_000)).is_err());
        assert!(add(&entries, "b", 9_000, set_back(1_499)).is_err());
        add(&entries, "b", 9_000, set_back(1_500)).expect("room");
    }

    #[test]
    fn what_has_ended_already_takes_no_room() {
        let entries = Entries::new(1);
        add(&entries, "a", 1_000, now(0)).expect("nothing to do");
        assert_eq!(entries.len(), 0);
    }

    #[test]
    fn what_never_ends_is_never_dropped() {
        let entries = Entries::new(1);
        add(&entries, "a", i64::MAX, now(0)).expect("room");
        assert!(add(&entries, "b", i64::MAX, now(1 << 40)).is_err());
        assert!(has(&entries, "a"));
    }

    #[test]
    fn entries_of_one_name_and_different_kinds_or_issuers_are_different() {
        let entries = Entries::new(10);
        entries.add((Kind::Session, "i", "x"), 5, 2_000, now(0)).expect("room");
        entries.add((Kind::Token, "i", "other"), 5, 2_000, now(0)).expect("room");
        assert_eq!(entries.cutoff(Kind::Session, "i", "x"), Some(5));
        assert_eq!(entries.cutoff(Kind::Token, "i", "x"), None);
        assert_eq!(entries.cutoff(Kind::Session, "j", "x"), None);
        assert_eq!(entries.cutoff(Kind::Session, "", "ix"), None);
    }

    #[test]
    fn a_cutoff_never_moves_back() {
        let entries = Entries::new(10);
        for cutoff in [5, 7, 6] {
            entries.add((Kind::Subject, "i", "x"), cutoff, 2_000, now(0)).expect("room");
        }
        assert_eq!((entries.cutoff(Kind::Subject, "i", "x"), entries.len()), (Some(7), 1));
    }
}
