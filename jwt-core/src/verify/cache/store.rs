use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::crypto::Backend;
use crate::verified::{Budget, Parts};

use super::entry::{CacheKey, Entry, NewEntry};
use super::hot_copies::HotCopies;
use super::settings::{TokenCacheSettings, TokenCacheStatus};
use super::shard::{Bounds, Change, Shard};

/// The cache is divided into at most this many shards.
const SHARDS: usize = 32;

/// The cache of one verifier.
pub(in crate::verify) struct Store {
    /// Computes the digests, if the cache keeps digests instead of tokens.
    digests: Option<Backend>,
    hot_copies: HotCopies,
    shards: Box<[Mutex<Shard>]>,
    entries_per_shard: usize,
    /// Keyed, so that clients cannot choose tokens that collide.
    hasher: RandomState,
    entries: AtomicIsize,
    budget: Arc<Budget>,
}

impl Store {
    /// Returns `None` if digests are configured but the back end cannot compute SHA-256.
    pub(in crate::verify) fn new(settings: TokenCacheSettings, backend: Option<Backend>) -> Option<Self> {
        let digests = match settings.digests {
            true => Some(backend.filter(|backend| backend.sha256(b"").is_some())?),
            false => None,
        };
        // A small cache has one shard, so that its bounds are exact.
        let shards = (settings.entries / 64).clamp(1, SHARDS);
        Some(Self {
            digests,
            hot_copies: HotCopies::new(),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            entries_per_shard: settings.entries / shards,
            hasher: RandomState::new(),
            entries: AtomicIsize::new(0),
            budget: Arc::new(Budget::new(settings.bytes)),
        })
    }

    /// Returns the budget that decoded claims are charged to.
    pub(in crate::verify) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    fn bounds(&self) -> Bounds {
        Bounds { entries: self.entries_per_shard, bytes: self.budget.for_tokens() / self.shards.len() }
    }

    /// Whether the cache keeps digests instead of tokens and their claims.
    pub(in crate::verify) const fn keeps_digests(&self) -> bool {
        self.digests.is_some()
    }

    /// Looks a token up, and reads its entry.
    ///
    /// A hot copy is read under its lock, which is only ever tried: `read` may call code of the application, even code that verifies
    /// a token.
    pub(in crate::verify) fn read_token<R>(&self, token: &[u8], mut read: impl FnMut(&Entry) -> R) -> Option<R> {
        self.with_key(token, |key| {
            if let Some(result) = self.hot_copies.read_entry(key, &mut read) {
                return Some(result);
            }
            let hash = self.hash(key);
            let entry = self.shard(hash).find_entry(hash, key)?;
            self.hot_copies.found_in_table(hash, key, &entry);
            Some(read(&entry))
        })
    }

    pub(in crate::verify) fn insert(&self, token: &[u8], new: NewEntry, parts: &Arc<Parts>) {
        self.with_key(token, |key| {
            let hash = self.hash(key);
            let entry = Arc::new(Entry::new(key, new, parts));
            let change = self.shard(hash).insert(hash, entry, self.bounds());
            self.apply_change(change);
            Some(())
        });
    }

    pub(in crate::verify) fn forget(&self, token: &[u8]) {
        self.with_key(token, |key| {
            self.hot_copies.remove(key);
            let hash = self.hash(key);
            let change = self.shard(hash).remove(hash, key);
            self.apply_change(change);
            Some(())
        });
    }

    pub(in crate::verify) fn status(&self) -> TokenCacheStatus {
        // Threads count their changes in any order, so the sum may be negative for a moment.
        let entries = usize::try_from(self.entries.load(Ordering::Relaxed)).unwrap_or_default();
        TokenCacheStatus { entries, bytes: self.budget.bytes() }
    }

    fn with_key<R>(&self, token: &[u8], act: impl FnOnce(CacheKey<'_>) -> Option<R>) -> Option<R> {
        match self.digests {
            None => act(CacheKey::Token(token)),
            Some(backend) => act(CacheKey::Digest(&backend.sha256(token)?)),
        }
    }

    fn hash(&self, key: CacheKey<'_>) -> u64 {
        self.hasher.hash_one(key.tail())
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The map within the shard uses the lower bits.
        let index = (hash >> 48) as usize % self.shards.len();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a change and drops the entries that it removed. Release the shard's lock first.
    fn apply_change(&self, change: Change) {
        let Change { entries, bytes, removed } = change;
        self.entries.fetch_add(entries, Ordering::Relaxed);
        self.budget.count_tokens(bytes);
        drop(removed);
    }
}
