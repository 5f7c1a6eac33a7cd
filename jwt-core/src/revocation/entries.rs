//! The revocations of a list: for each digest the last `iat` that is refused, and when the entry may be dropped.

use std::collections::hash_map;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use super::compact::{TAGS, bits_for};
use super::digest::{Digest, DigestKey};
use super::local::{Known, Now, Origin};
#[cfg(any(feature = "postgres", feature = "redis"))]
use super::sealed::Sealed;
use super::shard::{RevokedEntry, Second, Shard, is_sealed_kind};
use super::target::{ANY_TIME, Kind};

/// How much longer than the longest lifetime revocations are kept, and how far clocks may differ.
const MARGINS: Duration = Duration::from_secs(20 * 60);

/// An entry that is kept for longer stays exact.
const LONGEST_SEALED: u64 = 366 * 24 * 60 * 60;

/// Enough that requests on different cores rarely contend for one lock, and that dropping the ended entries of a shard does not take
/// long. A power of two.
const SHARDS: usize = 64;

/// The shards of a list that seals entries: fewer, because it has few others, and so that sets of fingerprints are large enough for
/// huge pages.
pub(super) const SEALED_SHARDS: usize = 16;

/// How many entries are sealed under one lock. A look-up waits some microseconds for it.
const SEALED_AT_ONCE: usize = 256;

/// A set of keyed 128-bit digests of identifiers. If two digests collided, a good token would be refused; a revoked one is
/// never accepted.
pub(super) struct Entries {
    pub(super) key: DigestKey,
    pub(super) shards: Box<[RwLock<Shard>]>,
    capacity: usize,
    /// Only if a store holds the revocations exactly.
    sealing: Option<Sealing>,
    total: AtomicUsize,
    /// The number of entries of each kind, so that looking up an unused kind costs nothing. Sealed ones count without end.
    pub(super) kinds: [AtomicUsize; Kind::ALL.len()],
}

/// When and how revocations are sealed, which leaves only their fingerprints.
struct Sealing {
    /// How many entries a shard may have.
    most: usize,
    /// Revocations that end within so many seconds of each other may be dropped together.
    period: i64,
    /// Held while a shard is being sealed, which happens outside of its lock.
    busy: [Mutex<()>; SEALED_SHARDS],
}

/// The set has reached its capacity.
#[derive(Debug)]
pub(super) struct Full;

impl Entries {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            key: DigestKey::random(),
            shards: empty_shards(SHARDS, capacity),
            capacity,
            sealing: None,
            total: AtomicUsize::new(0),
            kinds: Default::default(),
        }
    }

    /// Keeps `exact` entries, and seals the others of a store. Most are kept for `longest`.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "redis", test)),
        expect(dead_code, reason = "only revocations that a store has are sealed")
    )]
    pub(super) fn sealing(mut self, exact: usize, longest: Duration) -> Self {
        let longest = longest.saturating_add(MARGINS).as_secs().min(LONGEST_SEALED) as i64;
        // Two periods fewer than there are tags, because the first and the last are cut.
        let period = longest / (TAGS as i64 - 2) + 1;
        let most = exact / SEALED_SHARDS;
        self.shards = empty_shards(SEALED_SHARDS, self.capacity);
        self.sealing = Some(Sealing { most, period, busy: Default::default() });
        for shard in &mut self.shards {
            shard.get_mut().unwrap_or_else(PoisonError::into_inner).seal_at = most;
        }
        self
    }

    /// Uses the key of a snapshot, so that its digests can be added.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) const fn keyed(mut self, key: DigestKey) -> Self {
        self.key = key;
        self
    }

    /// What's known about a name.
    pub(super) fn find(&self, kind: Kind, issuer: &str, name: &str) -> Option<Known> {
        if self.kinds[kind as usize].load(Ordering::Acquire) == 0 {
            return None;
        }
        let digest = self.key.digest(kind, issuer, name);
        let shard = self.shard(digest).read().unwrap_or_else(PoisonError::into_inner);
        // The entry may have ended already, but then its tokens have expired too.
        match shard.entries.get(&digest) {
            Some(entry) => Some(Known::Cutoff(entry.cutoff)),
            None if self.sealing.is_none() || !is_sealed_kind(kind) => None,
            None => shard.sealed.is_orphaned(digest).map(|is_orphaned| Known::Sealed { is_orphaned }),
        }
    }

    /// Adds an entry, or extends the existing one.
    pub(super) fn add(
        &self,
        (kind, issuer, name): (Kind, &str, &str),
        cutoff: i64,
        until: i64,
        origin: Origin,
        now: Now,
    ) -> Result<(), Full> {
        self.insert(self.key.digest(kind, issuer, name), kind, cutoff, until, origin, now)
    }

    pub(super) fn insert(
        &self,
        digest: Digest,
        kind: Kind,
        cutoff: i64,
        until: i64,
        origin: Origin,
        now: Now,
    ) -> Result<(), Full> {
        let Some(end) = Second::of(until, now) else { return Ok(()) };
        let is_stored = origin != Origin::Process;
        let mut pruned = false;
        loop {
            let mut guard = self.write(digest);
            let shard = &mut *guard;
            self.prune(shard, now, false);
            match shard.entries.entry(digest) {
                hash_map::Entry::Occupied(mut entry) => {
                    let entry = entry.get_mut();
                    let before = (entry.cutoff, entry.until);
                    entry.cutoff = entry.cutoff.max(cutoff);
                    entry.until = entry.until.max(until);
                    entry.end = entry.end.max(end);
                    let is_as_stored = is_stored && (entry.cutoff, entry.until) == (cutoff, until);
                    entry.is_stored = is_as_stored || entry.is_stored && (entry.cutoff, entry.until) == before;
                    return Ok(());
                }
                hash_map::Entry::Vacant(_)
                    if origin == Origin::Store
                        && cutoff == ANY_TIME
                        && is_sealed_kind(kind)
                        && shard.sealed.covers(digest, until, end.number()) =>
                {
                    return Ok(());
                }
                hash_map::Entry::Vacant(entry) if self.reserve() => {
                    self.kinds[kind as usize].fetch_add(1, Ordering::AcqRel);
                    entry.insert(RevokedEntry { cutoff, until, end, kind, is_stored });
                    shard.note_end(end);
                    if shard.entries.len() > shard.seal_at
                        && let Some(sealing) = &self.sealing
                    {
                        drop(guard);
                        self.seal(sealing, self.index(digest), now);
                    }
                    return Ok(());
                }
                hash_map::Entry::Vacant(_) if pruned => return Err(Full),
                hash_map::Entry::Vacant(_) => {}
            }
            drop(guard);
            for (index, shard) in self.shards.iter().enumerate() {
                let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
                self.prune(&mut shard, now, true);
                let has_ended = shard.sealed.has_ended(now);
                drop(shard);
                if has_ended && let Some(sealing) = &self.sealing {
                    self.seal(sealing, index, now);
                }
            }
            pruned = true;
        }
    }

    /// The number of entries, including some that have ended and are not dropped yet.
    pub(super) fn len(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Seals the entries of a shard that a store has. Look-ups continue meanwhile.
    fn seal(&self, sealing: &Sealing, index: usize, now: Now) {
        let Ok(_busy) = sealing.busy[index].try_lock() else { return };
        let Sealing { most, period, .. } = *sealing;
        let shard = self.shards[index].read().unwrap_or_else(PoisonError::into_inner);
        let last = now.wall.saturating_add(period.saturating_mul(TAGS as i64 - 2));
        let (sealable, before) = (shard.sealable(last), shard.sealed.clone());
        drop(shard);
        let (fewer, renewed) = (before.len(), before.renewed(sealable.len(), now));
        drop(before);
        if let Some(renewed) = renewed {
            self.shards[index].write().unwrap_or_else(PoisonError::into_inner).sealed = renewed;
        }
        let mut gone = 0;
        for some in sealable.chunks(SEALED_AT_ONCE) {
            gone += self.shards[index].write().unwrap_or_else(PoisonError::into_inner).seal(some, period, last);
        }
        let mut shard = self.shards[index].write().unwrap_or_else(PoisonError::into_inner);
        shard.seal_after(most);
        self.change_total(shard.sealed.len(), fewer + gone);
    }

    /// Adds fingerprints to those of a shard.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn join(&self, index: usize, more: &Sealed) {
        let Some(sealing) = &self.sealing else { return };
        let _busy = sealing.busy[index].lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.shards[index].read().unwrap_or_else(PoisonError::into_inner).sealed.clone();
        let joined = before.join(more);
        self.change_total(joined.len(), before.len());
        self.shards[index].write().unwrap_or_else(PoisonError::into_inner).sealed = joined;
    }

    /// The store may have lost data: from now on it cannot say that a sealed name isn't revoked, and no entry counts as stored.
    #[cfg(any(feature = "postgres", feature = "redis", test))]
    pub(super) fn orphan(&self) {
        let Some(sealing) = &self.sealing else { return };
        for (shard, busy) in self.shards.iter().zip(&sealing.busy) {
            let _busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
            let before = shard.read().unwrap_or_else(PoisonError::into_inner).sealed.clone();
            let orphaned = before.orphan();
            shard.write().unwrap_or_else(PoisonError::into_inner).orphan(orphaned);
            // They don't take space from entries that the store is about to send again.
            self.total.fetch_sub(before.len(), Ordering::AcqRel);
        }
    }

    /// In one step, so that the list never looks fuller than it is.
    fn change_total(&self, more: usize, fewer: usize) {
        self.total.fetch_add(more.wrapping_sub(fewer), Ordering::AcqRel);
    }

    fn reserve(&self) -> bool {
        let increment = |total: usize| (total < self.capacity).then_some(total + 1);
        self.total.fetch_update(Ordering::AcqRel, Ordering::Acquire, increment).is_ok()
    }

    /// Drops the entries of a shard that have ended.
    fn prune(&self, shard: &mut Shard, now: Now, needs_space: bool) {
        shard.prune(now, needs_space, |kind| {
            self.kinds[kind as usize].fetch_sub(1, Ordering::AcqRel);
            self.total.fetch_sub(1, Ordering::AcqRel);
        });
    }

    fn shard(&self, digest: Digest) -> &RwLock<Shard> {
        &self.shards[self.index(digest)]
    }

    const fn index(&self, digest: Digest) -> usize {
        digest.high as usize & (self.shards.len() - 1)
    }

    fn write(&self, digest: Digest) -> RwLockWriteGuard<'_, Shard> {
        self.shard(digest).write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bits of the fingerprints of a list with this capacity.
pub(super) const fn fingerprint_bits(capacity: usize) -> u32 {
    bits_for(capacity / SEALED_SHARDS)
}

fn empty_shards(count: usize, capacity: usize) -> Box<[RwLock<Shard>]> {
    (0..count).map(|_| RwLock::new(Shard::empty(fingerprint_bits(capacity)))).collect()
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
        entries.add((Kind::Token, "i", name), i64::MAX, until, Origin::Process, now)
    }

    fn has(entries: &Entries, name: &str) -> bool {
        entries.find(Kind::Token, "i", name).is_some()
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
        entries.add((Kind::Session, "i", "x"), 5, 2_000, Origin::Process, now(0)).expect("space");
        entries.add((Kind::Token, "i", "other"), 5, 2_000, Origin::Process, now(0)).expect("space");
        assert_eq!(entries.find(Kind::Session, "i", "x"), Some(Known::Cutoff(5)));
        assert_eq!(entries.find(Kind::Token, "i", "x"), None);
        assert_eq!(entries.find(Kind::Session, "j", "x"), None);
        assert_eq!(entries.find(Kind::Session, "", "ix"), None);
    }

    #[test]
    fn a_cutoff_never_moves_back() {
        let entries = Entries::new(10);
        for cutoff in [5, 7, 6] {
            entries.add((Kind::Subject, "i", "x"), cutoff, 2_000, Origin::Process, now(0)).expect("space");
        }
        assert_eq!((entries.find(Kind::Subject, "i", "x"), entries.len()), (Some(Known::Cutoff(7)), 1));
    }
}
