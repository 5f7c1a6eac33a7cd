use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::entry::{Entry, Sought};

/// How many entries that were used again get another round when one place is needed. More would let a full table of
/// entries in use cost more than one that is not.
const CHANCES: usize = 8;

/// A part of the cache, behind a lock of its own.
///
/// Entries leave in the order in which they came; one that was used meanwhile is sent around once more. To put one in
/// costs the same however many there are.
#[derive(Default)]
pub(super) struct Shard {
    /// By their keyed hashes. Two entries of one hash displace each other.
    entries: HashMap<u64, Place, BuildHasherDefault<Hashed>>,
    /// Hashes in the order of leaving, some of them of entries that are gone.
    queue: VecDeque<(u64, u64)>,
    bytes: usize,
    arrivals: u64,
}

struct Place {
    entry: Arc<Entry>,
    bytes: usize,
    used: bool,
    /// Tells this entry from others that had its hash before.
    arrival: u64,
}

/// What a shard may hold.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// What putting one in changed.
#[derive(Default)]
pub(super) struct Change {
    pub(super) entries: isize,
    pub(super) bytes: isize,
    pub(super) removed: Removed,
}

/// Entries that are out of the table. Their decoded claims are the application's types, whose `Drop` may verify a token: drop
/// them when the lock is free.
type Removed = SmallVec<[Arc<Entry>; 2]>;

impl Shard {
    pub(super) fn find(&mut self, hash: u64, sought: Sought<'_>) -> Option<Arc<Entry>> {
        let place = self.entries.get_mut(&hash).filter(|place| place.entry.is(sought))?;
        place.used = true;
        Some(Arc::clone(&place.entry))
    }

    /// Puts an entry in, and others out until the bounds are kept.
    pub(super) fn insert(&mut self, hash: u64, entry: Arc<Entry>, bounds: Bounds) -> Change {
        let (entries, held, bytes) = (self.entries.len(), self.bytes, entry.bytes());
        let mut removed = Removed::new();
        if bytes <= bounds.bytes && bounds.entries > 0 {
            self.take_out(hash, &mut removed);
            self.make_room(Bounds { entries: bounds.entries - 1, bytes: bounds.bytes - bytes }, &mut removed);
            self.arrivals += 1;
            self.bytes += bytes;
            self.queue.push_back((hash, self.arrivals));
            self.entries.insert(hash, Place { entry, bytes, used: false, arrival: self.arrivals });
        }
        self.change(entries, held, removed)
    }

    pub(super) fn remove(&mut self, hash: u64, sought: Sought<'_>) -> Change {
        let (entries, held) = (self.entries.len(), self.bytes);
        let mut removed = Removed::new();
        if self.entries.get(&hash).is_some_and(|place| place.entry.is(sought)) {
            self.take_out(hash, &mut removed);
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

    fn take_out(&mut self, hash: u64, removed: &mut Removed) {
        if let Some(place) = self.entries.remove(&hash) {
            self.bytes -= place.bytes;
            removed.push(place.entry);
            // What is left in the queue is skipped when its turn comes, unless there is too much of it.
            if self.queue.len() > 2 * self.entries.len() + 16 {
                let entries = &self.entries;
                self.queue.retain(|(hash, arrival)| entries.get(hash).is_some_and(|place| place.arrival == *arrival));
            }
        }
    }

    fn make_room(&mut self, bounds: Bounds, removed: &mut Removed) {
        let mut chances = CHANCES;
        while self.entries.len() > bounds.entries || self.bytes > bounds.bytes {
            let Some((hash, arrival)) = self.queue.pop_front() else { break };
            match self.entries.get_mut(&hash) {
                Some(place) if place.arrival == arrival && place.used && chances > 0 => {
                    chances -= 1;
                    place.used = false;
                    self.queue.push_back((hash, arrival));
                }
                Some(place) if place.arrival == arrival => {
                    self.bytes -= place.bytes;
                    removed.extend(self.entries.remove(&hash).map(|place| place.entry));
                }
                _ => {}
            }
        }
    }
}

/// Takes hashes as they are: they are keyed already.
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
    use super::super::entry::Proven;
    use super::*;
    use crate::claim_rules::{ClaimRules, Times};
    use crate::claims::RegisteredClaims;
    use crate::keys::KeyTable;
    use crate::verified::Verified;
    use crate::verify::prepare::Issuer;

    const BOUNDS: Bounds = Bounds { entries: 4, bytes: 1 << 20 };

    fn insert(shard: &mut Shard, hash: u64, token: &str) -> Change {
        let issuer = Issuer {
            name: None,
            keys: Arc::new(KeyTable::default()),
            algorithms: Vec::new(),
            policy: ClaimRules::default(),
            #[cfg(feature = "remote")]
            tenancy: None,
        };
        let times = Times::of(&RegisteredClaims::NONE);
        let proven = Proven { issuer: Arc::new(issuer), resolved: false, generation: 0, times };
        let entry = Entry::new(Sought::Whole(token.as_bytes()), proven, Verified::of_payload("{}").parts());
        shard.insert(hash, Arc::new(entry), BOUNDS)
    }

    fn holds(shard: &mut Shard, hash: u64, token: &str) -> bool {
        shard.find(hash, Sought::Whole(token.as_bytes())).is_some()
    }

    #[test]
    fn what_was_used_stays_while_others_pass_through() {
        let mut shard = Shard::default();
        insert(&mut shard, 0, "hot");
        for number in 1..100 {
            assert!(holds(&mut shard, 0, "hot"), "{number}");
            insert(&mut shard, number, "cold");
        }
        assert_eq!(shard.entries.len(), 4);
        for number in 100..105 {
            insert(&mut shard, number, "cold");
        }
        assert!(!holds(&mut shard, 0, "hot"), "what is no longer used leaves");
    }

    #[test]
    fn one_entry_more_costs_the_same_when_all_were_used() {
        let mut shard = Shard::default();
        for hash in 0..4 {
            insert(&mut shard, hash, "hot");
            assert!(holds(&mut shard, hash, "hot"));
        }
        insert(&mut shard, 9, "new");
        assert!(holds(&mut shard, 9, "new") && shard.entries.len() == 4);
    }

    #[test]
    fn two_tokens_of_one_hash_are_never_taken_for_each_other() {
        let mut shard = Shard::default();
        insert(&mut shard, 7, "one");
        assert!(holds(&mut shard, 7, "one") && !holds(&mut shard, 7, "two"));
        insert(&mut shard, 7, "two");
        assert!(!holds(&mut shard, 7, "one") && holds(&mut shard, 7, "two"));
        let change = shard.remove(7, Sought::Whole(b"one"));
        assert_eq!((change.entries, change.bytes, change.removed.len()), (0, 0, 0));
        assert_eq!(shard.remove(7, Sought::Whole(b"two")).entries, -1);
        assert_eq!((shard.entries.len(), shard.bytes), (0, 0));
    }

    #[test]
    fn what_is_put_in_again_and_again_leaves_no_trace() {
        let mut shard = Shard::default();
        for _ in 0..10_000 {
            insert(&mut shard, 7, "one");
        }
        assert!(shard.queue.len() < 64, "{}", shard.queue.len());
    }
}
