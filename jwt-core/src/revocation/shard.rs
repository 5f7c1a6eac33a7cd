//! A part of a list, behind one lock.

use std::collections::hash_map;

use super::compact::MAX_LEN;
use super::digest::DigestMap;
use super::local::Now;
use super::sealed::{Sealable, Sealed};
use super::target::{ANY_TIME, Kind};

/// Looking for entries to drop or seal takes a step for each, so it waits until a shard has one more for each 16.
const MORE_FOR_EACH: usize = 16;

pub(super) struct Shard {
    pub(super) entries: DigestMap<RevokedEntry>,
    /// No entry may be dropped before this second of the monotonic clock.
    first_end: Second,
    /// How many entries the shard has when ended ones are to be dropped.
    prune_at: usize,
    pub(super) sealed: Sealed,
    /// How many entries the shard has when some are to be sealed.
    pub(super) seal_at: usize,
}

#[derive(Clone, Copy)]
pub(super) struct RevokedEntry {
    pub(super) cutoff: i64,
    pub(super) until: i64,
    /// `until` on the monotonic clock. An entry is dropped only when both clocks are past it, so that setting the system
    /// clock forwards and back does not make a revoked token valid again.
    pub(super) end: Second,
    pub(super) kind: Kind,
    pub(super) is_stored: bool,
}

/// A second of the monotonic clock. The last one never comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(u32);

impl Second {
    const NEVER: Self = Self(u32::MAX);

    /// The end of an entry that ends at `until` by the system clock. `None` if it has ended.
    pub(super) fn of(until: i64, now: Now) -> Option<Self> {
        let left = u64::try_from(until.saturating_sub(now.wall)).ok().filter(|left| *left > 0)?;
        Some(u32::try_from(now.second().saturating_add(left)).map_or(Self::NEVER, Self))
    }

    const fn has_come(self, now: Now) -> bool {
        self.0 as u64 <= now.second() && self.0 != Self::NEVER.0
    }

    pub(super) const fn number(self) -> u64 {
        self.0 as u64
    }
}

impl RevokedEntry {
    /// Whether a fingerprint is enough, because a store has the revocation and it ends by `last`.
    fn is_sealable(&self, last: i64) -> bool {
        self.is_stored && self.cutoff == ANY_TIME && is_sealed_kind(self.kind) && self.until <= last
    }
}

impl Shard {
    /// Creates an empty shard for fingerprints with this number of bits.
    pub(super) fn empty(bits: u32) -> Self {
        let (entries, sealed) = (DigestMap::default(), Sealed::empty(bits));
        Self { entries, first_end: Second::NEVER, prune_at: 0, sealed, seal_at: usize::MAX }
    }

    /// Records that an entry was added that may be dropped at `end`.
    pub(super) fn note_end(&mut self, end: Second) {
        self.first_end = self.first_end.min(end);
    }

    /// Drops the entries that have ended, if there are enough others since the last time or a new one `needs_space`.
    pub(super) fn prune(&mut self, now: Now, needs_space: bool, mut dropped: impl FnMut(Kind)) {
        if !self.first_end.has_come(now) || self.entries.len() < self.prune_at && !needs_space {
            return;
        }
        let mut first_end = Second::NEVER;
        self.entries.retain(|_, entry| {
            if entry.end.has_come(now) {
                let Some(end) = Second::of(entry.until, now) else {
                    dropped(entry.kind);
                    return false;
                };
                // The system clock was set back.
                entry.end = end;
            }
            first_end = first_end.min(entry.end);
            true
        });
        (self.first_end, self.prune_at) = (first_end, self.entries.len() + self.entries.len() / MORE_FOR_EACH);
    }

    pub(super) fn sealable(&self, last: i64) -> Vec<Sealable> {
        let sealable = self.entries.iter().filter(|(_, entry)| entry.is_sealable(last));
        let sealable = sealable.map(|(digest, entry)| Sealable {
            digest: *digest,
            until: entry.until,
            monotonic: entry.end.number(),
        });
        sealable.take(MAX_LEN.saturating_sub(self.sealed.len())).collect()
    }

    /// Replaces entries by their fingerprints, and returns how many.
    pub(super) fn seal(&mut self, sealable: &[Sealable], period: i64, last: i64) -> usize {
        let before = self.entries.len();
        for one in sealable {
            // One that was changed since stays exact.
            if let hash_map::Entry::Occupied(entry) = self.entries.entry(one.digest)
                && entry.get().is_sealable(last)
                && entry.get().until == one.until
            {
                entry.remove();
                self.sealed.add(one, period);
            }
        }
        before - self.entries.len()
    }

    /// Says that `most` entries may follow until the next sealing.
    pub(super) fn seal_after(&mut self, most: usize) {
        let kept = self.entries.len();
        self.seal_at = kept + most.max(kept / MORE_FOR_EACH);
        self.entries.shrink_to(self.seal_at);
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
