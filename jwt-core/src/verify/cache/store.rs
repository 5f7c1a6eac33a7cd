use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::crypto::Backend;
use crate::verified::{Budget, Parts};

use super::entry::{Entry, Proven, Sought};
use super::near::Lanes;
use super::settings::{CacheStatus, TokenCacheSettings};
use super::shard::{Bounds, Change, Shard};

/// The most shards that a cache is divided into.
const SHARDS: usize = 32;

/// The cache of one verifier.
pub(in crate::verify) struct Store {
    /// Where tokens are known by their digest, what makes it.
    digests: Option<Backend>,
    lanes: Lanes,
    shards: Box<[Mutex<Shard>]>,
    entries_per_shard: usize,
    /// Nobody can find out which tokens meet in one place.
    hasher: RandomState,
    entries: AtomicIsize,
    budget: Arc<Budget>,
}

impl Store {
    /// `None` where the back end cannot make the digests that are asked for.
    pub(in crate::verify) fn new(settings: TokenCacheSettings, backend: Option<Backend>) -> Option<Self> {
        let digests = match settings.digests {
            true => Some(backend.filter(|backend| backend.sha256(b"").is_some())?),
            false => None,
        };
        // Small caches are not divided, so that their bounds mean what they say.
        let shards = (settings.entries / 64).clamp(1, SHARDS);
        Some(Self {
            digests,
            lanes: Lanes::new(),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            entries_per_shard: settings.entries / shards,
            hasher: RandomState::new(),
            entries: AtomicIsize::new(0),
            budget: Arc::new(Budget::new(settings.bytes)),
        })
    }

    /// What decoded claims are charged to.
    pub(in crate::verify) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    fn bounds(&self) -> Bounds {
        Bounds { entries: self.entries_per_shard, bytes: self.budget.for_tokens() / self.shards.len() }
    }

    /// Whether all that is known of tokens is that their signatures are good.
    pub(in crate::verify) const fn keeps_digests(&self) -> bool {
        self.digests.is_some()
    }

    pub(in crate::verify) fn find(&self, token: &[u8]) -> Option<Arc<Entry>> {
        self.sought(token, |sought| {
            if let Some(entry) = self.lanes.find(sought) {
                return Some(entry);
            }
            let hash = self.hash(sought);
            let entry = self.shard(hash).find(hash, sought)?;
            self.lanes.found_far(hash, sought, &entry);
            Some(entry)
        })
    }

    pub(in crate::verify) fn keep(&self, token: &[u8], proven: Proven, parts: &Arc<Parts>) {
        self.sought(token, |sought| {
            let hash = self.hash(sought);
            let entry = Arc::new(Entry::new(sought, proven, parts));
            let change = self.shard(hash).insert(hash, entry, self.bounds());
            self.settle(change);
            Some(())
        });
    }

    pub(in crate::verify) fn forget(&self, token: &[u8]) {
        self.sought(token, |sought| {
            self.lanes.remove(sought);
            let hash = self.hash(sought);
            let change = self.shard(hash).remove(hash, sought);
            self.settle(change);
            Some(())
        });
    }

    pub(in crate::verify) fn status(&self) -> CacheStatus {
        // Changes are added up in any order, so for a moment there may seem to be less than nothing.
        let entries = usize::try_from(self.entries.load(Ordering::Relaxed)).unwrap_or_default();
        CacheStatus { entries, bytes: self.budget.bytes() }
    }

    fn sought<R>(&self, token: &[u8], act: impl FnOnce(Sought<'_>) -> Option<R>) -> Option<R> {
        match self.digests {
            None => act(Sought::Whole(token)),
            Some(backend) => act(Sought::Digest(&backend.sha256(token)?)),
        }
    }

    fn hash(&self, sought: Sought<'_>) -> u64 {
        self.hasher.hash_one(sought.tail())
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The lower bits choose a place within the shard.
        let index = (hash >> 48) as usize % self.shards.len();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a change, and drops the entries that it removed: the shard's lock must be free.
    fn settle(&self, change: Change) {
        let Change { entries, bytes, removed } = change;
        self.entries.fetch_add(entries, Ordering::Relaxed);
        self.budget.count_tokens(bytes);
        drop(removed);
    }
}
