use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::replay::{ProofUse, ReplayLog};
use crate::clock::Moment;
use crate::error::BoxError;
use crate::step::Step;

/// A replay log in the memory of one process. Clones are the same log.
///
/// It keeps at most a million proofs and 100,000 of each key, so that one client cannot fill it. With the default settings of
/// [`Dpop`](super::Dpop), proofs are kept for about 70 seconds, so this is enough for 14,000 requests a second, and it then takes
/// about 150 MB. If either limit is reached, requests with a proof are answered 503 until old entries end. An entry is dropped when
/// both the wall clock and the monotonic clock are past its end.
///
/// If several processes serve the same clients, each would accept a proof once: share a log on Redis instead.
#[derive(Clone)]
pub struct MemoryReplayLog(Arc<Log>);

struct Log {
    most: usize,
    max_per_key: u32,
    /// Of all shards.
    entries: AtomicUsize,
    /// All proofs of a key are in one shard.
    shards: [Mutex<Shard>; SHARDS],
}

const SHARDS: usize = 16;

/// Half of a SHA-256 hash. Finding two equal ones takes 2^64 attempts, and the attacker's own proof is refused then.
type Short = [u8; 16];

#[derive(Default)]
struct Shard {
    /// Every entry, and when it ends on the monotonic clock.
    entries: HashMap<Short, Duration, RandomState>,
    of_key: HashMap<Short, u32, RandomState>,
    /// Every entry and its key, ordered by when it ends on the wall clock.
    ends: BinaryHeap<Reverse<(Duration, Short, Short)>>,
}

impl Default for MemoryReplayLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryReplayLog {
    /// Creates an empty log for a million proofs, and 100,000 of each key.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(1_000_000, 100_000)
    }

    /// Creates an empty log that keeps at most `most` proofs, and `max_per_key` of each key.
    #[must_use]
    pub fn with_limits(most: usize, max_per_key: u32) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self(Arc::new(Log { most, max_per_key, entries: AtomicUsize::new(0), shards }))
    }

    fn insert(&self, proof: &ProofUse) -> Result<bool, BoxError> {
        let log = &*self.0;
        let (key, id) = (short(&proof.key), short(&proof.id));
        let shard = &log.shards[usize::from(key[0]) % SHARDS];
        for is_last in [false, true] {
            // Look-up and insertion are under one lock.
            let mut guard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let shard = &mut *guard;
            log.drop_ended(shard, proof.now);
            let Entry::Vacant(entry) = shard.entries.entry(id) else { return Ok(false) };
            let of_key = shard.of_key.entry(key);
            if matches!(&of_key, Entry::Occupied(count) if *count.get() >= log.max_per_key) {
                return Err("one key has used too many proofs".into());
            }
            if log.entries.fetch_add(1, Ordering::Relaxed) < log.most {
                let Moment { wall, monotonic } = proof.now;
                let wall = wall.saturating_add(proof.keep_for);
                entry.insert(monotonic.saturating_add(proof.keep_for));
                shard.ends.push(Reverse((wall, id, key)));
                *of_key.or_default() += 1;
                return Ok(true);
            }
            log.entries.fetch_sub(1, Ordering::Relaxed);
            drop(guard);
            if !is_last {
                // Other shards may have entries that have ended.
                for shard in &log.shards {
                    log.drop_ended(&mut shard.lock().unwrap_or_else(PoisonError::into_inner), proof.now);
                }
            }
        }
        Err("the replay log is full".into())
    }
}

impl Log {
    fn drop_ended(&self, shard: &mut Shard, now: Moment) {
        while let Some(Reverse((wall, id, key))) = shard.ends.peek().copied() {
            let has_ended = wall < now.wall && shard.entries.get(&id).is_none_or(|end| *end < now.monotonic);
            if !has_ended {
                break;
            }
            shard.ends.pop();
            shard.entries.remove(&id);
            self.entries.fetch_sub(1, Ordering::Relaxed);
            if let Some(count) = shard.of_key.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    shard.of_key.remove(&key);
                }
            }
        }
    }
}

impl ReplayLog for MemoryReplayLog {
    fn record(&self, proof: &ProofUse) -> Step<Result<bool, BoxError>> {
        Step::Ready(self.insert(proof))
    }
}

const fn short(hash: &[u8; 32]) -> Short {
    let (short, _) = hash.split_at(16);
    match short.first_chunk() {
        Some(short) => *short,
        None => [0; 16],
    }
}

impl fmt::Debug for MemoryReplayLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.entries.load(Ordering::Relaxed);
        f.debug_struct("MemoryReplayLog").field("entries", &entries).field("most", &self.0.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn proof(key: u8, id: u8, now: u64, keep_for: u64) -> ProofUse {
        let moment = Moment { wall: Duration::from_secs(1_000 + now), monotonic: Duration::from_secs(now) };
        ProofUse { key: [key; 32], id: [id; 32], keep_for: Duration::from_secs(keep_for), now: moment }
    }

    fn outcome(log: &MemoryReplayLog, proof: &ProofUse) -> Option<bool> {
        log.insert(proof).ok()
    }

    #[test]
    fn a_proof_is_new_once_until_its_entry_ends() {
        let log = MemoryReplayLog::new();
        for (id, now, keep_for, is_new) in [
            (1, 0, 60, true),
            (1, 0, 60, false),
            (2, 0, 90, true),
            (1, 60, 60, false),
            (1, 61, 60, true),
            (2, 90, 60, false),
        ] {
            assert_eq!(outcome(&log, &proof(1, id, now, keep_for)), Some(is_new), "{id} at {now}");
        }
    }

    #[test]
    fn an_entry_ends_only_when_both_clocks_are_past_its_end() {
        let log = MemoryReplayLog::new();
        assert_eq!(outcome(&log, &proof(1, 1, 0, 60)), Some(true));
        for (wall, monotonic) in [(5_000, 5), (5, 5_000)] {
            let moment = Moment { wall: Duration::from_secs(1_000 + wall), monotonic: Duration::from_secs(monotonic) };
            assert_eq!(
                outcome(&log, &ProofUse { now: moment, ..proof(1, 1, 0, 60) }),
                Some(false),
                "{wall} {monotonic}"
            );
        }
    }

    #[test]
    fn a_full_log_refuses_until_entries_end_and_one_key_cannot_fill_it() {
        let log = MemoryReplayLog::with_limits(3, 2);
        assert_eq!(outcome(&log, &proof(1, 1, 0, 60)), Some(true));
        assert_eq!(outcome(&log, &proof(1, 2, 0, 60)), Some(true));
        assert_eq!(outcome(&log, &proof(1, 3, 0, 60)), None, "the limit of the key");
        assert_eq!(outcome(&log, &proof(2, 4, 0, 60)), Some(true));
        assert_eq!(outcome(&log, &proof(3, 5, 0, 60)), None, "the limit of the log");
        assert_eq!(outcome(&log, &proof(2, 4, 0, 60)), Some(false), "a replay is still recognized");
        // The entries that end are in other shards.
        assert_eq!(outcome(&log, &proof(3, 5, 61, 60)), Some(true));
        assert_eq!(outcome(&log, &proof(1, 3, 61, 60)), Some(true));
        assert_eq!(log.0.entries.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn one_proof_that_is_recorded_many_times_at_once_is_new_once() {
        let (log, new) = (MemoryReplayLog::new(), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for id in 0..100 {
                        if outcome(&log, &proof(1, id, 0, 60)) == Some(true) {
                            new.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(new.load(Ordering::Relaxed), 100);
    }
}
