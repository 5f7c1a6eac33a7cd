//! A part of a list, behind one lock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map;

use super::compact::MAX_LEN;
use super::digest::DigestMap;
use super::local::Now;
use super::sealed::{Sealable, Sealed};
use super::target::{ANY_TIME, Kind};

/// A shard seals entries once it has one for every 1,024 sealed ones, or the setting's number if that is more.
const SEALED_FOR_EACH: usize = 1_024;

/// A shard with entries that can't be sealed looks for others once it has one for every 16 of them.
const EXACT_FOR_EACH: usize = 16;

#[derive(Default)]
pub(super) struct Shard {
    pub(super) entries: DigestMap<u128, RevokedEntry>,
    /// Each entry once, by the earliest second of the monotonic clock at which it may be dropped.
    pub(super) ends: BinaryHeap<Reverse<(u64, u128)>>,
    pub(super) sealed: Sealed,
    /// How many entries the shard has when some are to be sealed.
    pub(super) seal_at: usize,
}

pub(super) struct RevokedEntry {
    pub(super) kind: Kind,
    pub(super) cutoff: i64,
    pub(super) until: i64,
    /// `until` on the monotonic clock. An entry is dropped only when both clocks are past it, so that setting the system
    /// clock forwards and back does not make a revoked token valid again.
    pub(super) monotonic: u64,
    pub(super) is_stored: bool,
}

impl RevokedEntry {
    /// Whether a fingerprint is enough, because a store has the revocation and it ends by `last`.
    fn is_sealable(&self, last: i64) -> bool {
        self.is_stored && self.cutoff == ANY_TIME && is_sealed_kind(self.kind) && self.until <= last
    }
}

impl Shard {
    /// Drops the entries that have ended. Each entry costs a few steps, once.
    pub(super) fn prune(&mut self, now: Now, mut dropped: impl FnMut(Kind)) {
        while let Some(&Reverse((end, digest))) = self.ends.peek()
            && end <= now.second()
        {
            self.ends.pop();
            let hash_map::Entry::Occupied(mut entry) = self.entries.entry(digest) else { continue };
            let revoked = entry.get_mut();
            if revoked.monotonic <= end && revoked.until > now.wall {
                // The system clock was set back.
                revoked.monotonic = now.second().saturating_add(revoked.until.saturating_sub(now.wall).unsigned_abs());
            }
            if revoked.monotonic > end {
                self.ends.push(Reverse((revoked.monotonic, digest)));
            } else {
                dropped(entry.remove().kind);
            }
        }
    }

    pub(super) fn sealable(&self, last: i64) -> Vec<Sealable> {
        let sealable = self.entries.iter().filter(|(_, entry)| entry.is_sealable(last));
        let sealable = sealable.map(|(digest, entry)| {
            let RevokedEntry { until, monotonic, .. } = *entry;
            Sealable { digest: *digest, until, monotonic }
        });
        sealable.take(MAX_LEN.saturating_sub(self.sealed.len())).collect()
    }

    /// Replaces entries by their fingerprints, and returns how many. `most` entries may follow until the next time.
    pub(super) fn seal(&mut self, sealed: Sealed, sealable: &[Sealable], last: i64, most: usize) -> usize {
        let before = self.entries.len();
        for one in sealable {
            // One that was changed since stays exact.
            if let hash_map::Entry::Occupied(entry) = self.entries.entry(one.digest)
                && entry.get().is_sealable(last)
                && entry.get().until == one.until
            {
                entry.remove();
            }
        }
        let kept = self.entries.len();
        self.ends = self.entries.iter().map(|(digest, entry)| Reverse((entry.monotonic, *digest))).collect();
        self.seal_at = kept + most.max(sealed.len() / SEALED_FOR_EACH).max(kept / EXACT_FOR_EACH);
        // On average, half as many follow before the next time.
        self.entries.shrink_to(self.seal_at / 2);
        self.sealed = sealed;
        before - kept
    }

    #[cfg(any(feature = "postgres", feature = "redis", test))]
    pub(super) fn orphan(&mut self, orphaned: Sealed) {
        self.sealed = orphaned;
        for entry in self.entries.values_mut() {
            entry.is_stored = false;
        }
    }
}

/// Cutoffs stay exact. They are few, and a fingerprint cannot express one.
pub(super) const fn is_sealed_kind(kind: Kind) -> bool {
    matches!(kind, Kind::Token | Kind::Session)
}
