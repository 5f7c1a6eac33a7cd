use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::entry::{CacheKey, Entry};

/// How many used entries are spared in one eviction, so that inserting into a full table of used entries has a bounded cost.
const CHANCES: usize = 8;

/// A part of the cache, with a lock of its own.
///
/// Entries are evicted in the order in which they were inserted; an entry that was used meanwhile gets a second chance. An
/// insertion costs the same for any number of entries.
#[derive(Default)]
pub(super) struct Shard {
    /// Entries by their keyed hashes. Two entries with the same hash replace each other.
    entries: HashMap<u64, Slot, BuildHasherDefault<Hashed>>,
    /// Hashes and insertion numbers in the order of eviction. Some of the entries are already gone.
    queue: VecDeque<(u64, u64)>,
    bytes: usize,
    insertions: u64,
}

struct Slot {
    entry: Arc<Entry>,
    bytes: usize,
    used: bool,
    /// Distinguishes this entry from earlier ones with the same hash.
    insertion: u64,
}

/// The limits of a shard.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// The effect of an insertion or a removal.
#[derive(Default)]
pub(super) struct Change {
    pub(super) entries: isize,
    pub(super) bytes: isize,
    pub(super) removed: Removed,
}

/// Removed entries. Drop them after the lock is released: their claims are the application's types, whose `Drop` may verify a
/// token.
type Removed = SmallVec<[Arc<Entry>; 2]>;

impl Shard {
    pub(super) fn find_entry(&mut self, hash: u64, key: CacheKey<'_>) -> Option<Arc<Entry>> {
        let slot = self.entries.get_mut(&hash).filter(|slot| slot.entry.has_key(key))?;
        slot.used = true;
        Some(Arc::clone(&slot.entry))
    }

    /// Inserts an entry, and evicts others until the limits are kept.
    pub(super) fn insert(&mut self, hash: u64, entry: Arc<Entry>, bounds: Bounds) -> Change {
        let (entries, held, bytes) = (self.entries.len(), self.bytes, entry.bytes());
        let mut removed = Removed::new();
        if bytes <= bounds.bytes && bounds.entries > 0 {
            self.remove_slot(hash, &mut removed);
            self.evict_to(Bounds { entries: bounds.entries - 1, bytes: bounds.bytes - bytes }, &mut removed);
            self.insertions += 1;
            self.bytes += bytes;
            self.queue.push_back((hash, self.insertions));
            self.entries.insert(hash, Slot { entry, bytes, used: false, insertion: self.insertions });
        }
        self.change(entries, held, removed)
    }

    pub(super) fn remove(&mut self, hash: u64, key: CacheKey<'_>) -> Change {
        let (entries, held) = (self.entries.len(), self.bytes);
        let mut removed = Removed::new();
        if self.entries.get(&hash).is_some_and(|slot| slot.entry.has_key(key)) {
            self.remove_slot(hash, &mut removed);
        }
        self.change(entries, held, removed)
    }

    fn change(&self, entries: usize, bytes: usize, removed: Removed) -> Change {
        Change {
            entries: self.entries.len().wrapping_sub(entries).cast_signed(),
            bytes: self.bytes.wrapping_sub(bytes).cast_signed(),
            removed,
        }
    }

    fn remove_slot(&mut self, hash: u64, removed: &mut Removed) {
        if let Some(slot) = self.entries.remove(&hash) {
            self.bytes -= slot.bytes;
            removed.push(slot.entry);
            // Its place in the queue is skipped later, or removed now if there are too many of these.
            if self.queue.len() > 2 * self.entries.len() + 16 {
                let entries = &self.entries;
                self.queue
                    .retain(|(hash, insertion)| entries.get(hash).is_some_and(|slot| slot.insertion == *insertion));
            }
        }
    }

    fn evict_to(&mut self, bounds: Bounds, removed: &mut Removed) {
        let mut chances = CHANCES;
        while self.entries.len() > bounds.entries || self.bytes > bounds.bytes {
            let Some((hash, insertion)) = self.queue.pop_front() else { break };
            match self.entries.get_mut(&hash) {
                Some(slot) if slot.insertion == insertion && slot.used && chances > 0 => {
                    chances -= 1;
                    slot.used = false;
                    self.queue.push_back((hash, insertion));
                }
                Some(slot) if slot.insertion == insertion => {
                    self.bytes -= slot.bytes;
                    removed.extend(self.entries.remove(&hash).map(|slot| slot.entry));
                }
                _ => {}
            }
        }
    }
}

/// Returns hashes unchanged: they are keyed already.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::entry::NewEntry;
    use super::*;
    use crate::claim_rules::{ClaimRules, Times};
    use crate::claims::RegisteredClaims;
    use crate::keys::KeyTable;
    use crate::verified::Verified;
    use crate::verify::issuers::{Expected, Issuer};

    const BOUNDS: Bounds = Bounds { entries: 4, bytes: 1 << 20 };

    fn insert(shard: &mut Shard, hash: u64, token: &str) -> Change {
        let issuer = Issuer {
            name: None,
            domain: None,
            keys: Arc::new(KeyTable::default()),
            keys_are_fixed: true,
            algorithms: Vec::new(),
            policy: ClaimRules::default(),
            expected: Expected::of(&ClaimRules::default(), &[]),
            #[cfg(feature = "remote")]
            tenancy: None,
        };
        let times = Times::of(&RegisteredClaims::NONE);
        let fitting = issuer.policy.fitting_seconds(&times, Duration::ZERO);
        let new = NewEntry { issuer: Arc::new(issuer), resolved: false, generation: 0, times, fitting };
        let entry = Entry::new(CacheKey::Token(token.as_bytes()), new, Verified::of_payload("{}").parts());
        shard.insert(hash, Arc::new(entry), BOUNDS)
    }

    fn contains(shard: &mut Shard, hash: u64, token: &str) -> bool {
        shard.find_entry(hash, CacheKey::Token(token.as_bytes())).is_some()
    }

    #[test]
    fn a_used_entry_stays_and_unused_ones_are_evicted() {
        let mut shard = Shard::default();
        insert(&mut shard, 0, "hot");
        for number in 1..100 {
            assert!(contains(&mut shard, 0, "hot"), "{number}");
            insert(&mut shard, number, "cold");
        }
        assert_eq!(shard.entries.len(), 4);
        for number in 100..105 {
            insert(&mut shard, number, "cold");
        }
        assert!(!contains(&mut shard, 0, "hot"), "an entry that's no longer used is evicted");
    }

    #[test]
    fn a_shard_of_used_entries_still_takes_a_new_one() {
        let mut shard = Shard::default();
        for hash in 0..4 {
            insert(&mut shard, hash, "hot");
            assert!(contains(&mut shard, hash, "hot"));
        }
        insert(&mut shard, 9, "new");
        assert!(contains(&mut shard, 9, "new") && shard.entries.len() == 4);
    }

    #[test]
    fn two_tokens_with_the_same_hash_are_never_confused() {
        let mut shard = Shard::default();
        insert(&mut shard, 7, "one");
        assert!(contains(&mut shard, 7, "one") && !contains(&mut shard, 7, "two"));
        insert(&mut shard, 7, "two");
        assert!(!contains(&mut shard, 7, "one") && contains(&mut shard, 7, "two"));
        let change = shard.remove(7, CacheKey::Token(b"one"));
        assert_eq!((change.entries, change.bytes, change.removed.len()), (0, 0, 0));
        assert_eq!(shard.remove(7, CacheKey::Token(b"two")).entries, -1);
        assert_eq!((shard.entries.len(), shard.bytes), (0, 0));
    }

    #[test]
    fn inserting_the_same_token_again_does_not_grow_the_queue() {
        let mut shard = Shard::default();
        for _ in 0..10_000 {
            insert(&mut shard, 7, "one");
        }
        assert!(shard.queue.len() < 64, "{}", shard.queue.len());
    }
}
