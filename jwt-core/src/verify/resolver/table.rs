use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use crate::verify::prepare::Issuer;

use super::tenancy::Tenancy;

/// How many parts the table is divided into, so that requests for different issuers don't meet.
const SHARDS: usize = 32;
/// How many used issuers get another round when a place is needed, so that the cost of taking one is bounded.
const CHANCES: usize = 8;

type Shard = RwLock<HashMap<Arc<str>, Arc<Issuer>>>;

/// The live issuers, by name. Finding one takes a read lock for a few instructions.
pub(super) struct Table {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

/// The order in which issuers leave the table: first in, first out, with a second chance if one was used.
///
/// Issuers with a verified token have a queue of their own, so that names in forged tokens only displace each other.
pub(super) struct Order {
    proven: Queue,
    unproven: Queue,
}

struct Queue {
    /// Some of them have ended, or moved to the other queue.
    issuers: VecDeque<Arc<Issuer>>,
    live: usize,
    bound: usize,
    proven: bool,
}

/// Issuers that left. They are dropped without a lock: their key sources may be the application's.
pub(super) type Left = Vec<Arc<Issuer>>;

impl Table {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), hasher: RandomState::new() }
    }

    /// Returns the keyed hash of a name.
    pub(super) fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Issuer>> {
        let shard = self.shard(self.hash(name)).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(name).map(Arc::clone)
    }

    /// Returns the issuers with a verified token.
    pub(super) fn proven(&self) -> Vec<Arc<Issuer>> {
        let mut issuers = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            issuers.extend(shard.values().filter(|issuer| is_proven(issuer)).map(Arc::clone));
        }
        issuers
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    fn insert(&self, name: &Arc<str>, issuer: &Arc<Issuer>) -> Option<Arc<Issuer>> {
        let mut shard = self.shard(self.hash(name)).write().unwrap_or_else(PoisonError::into_inner);
        shard.insert(Arc::clone(name), Arc::clone(issuer))
    }

    /// Removes this issuer, if it's still the one of its name.
    fn remove(&self, issuer: &Arc<Issuer>) -> Option<Arc<Issuer>> {
        let name = issuer.name.as_deref()?;
        let mut shard = self.shard(self.hash(name)).write().unwrap_or_else(PoisonError::into_inner);
        shard.get(name).is_some_and(|live| Arc::ptr_eq(live, issuer)).then(|| shard.remove(name)).flatten()
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The lower bits choose a place within the shard.
        &self.shards[(hash >> 48) as usize % self.shards.len()]
    }
}

impl Order {
    pub(super) const fn new(proven: usize, unproven: usize) -> Self {
        Self { proven: Queue::new(proven, true), unproven: Queue::new(unproven, false) }
    }

    /// Puts an issuer into the table, in the place of one of its name if there is one.
    pub(super) fn insert(&mut self, table: &Table, name: &Arc<str>, issuer: &Arc<Issuer>, left: &mut Left) {
        if let Some(before) = table.find(name) {
            self.end(table, before, left);
        }
        self.queue(is_proven(issuer)).push(table, Arc::clone(issuer), left);
        left.extend(table.insert(name, issuer));
    }

    /// Ends an issuer: none of its tokens is accepted any more.
    pub(super) fn end(&mut self, table: &Table, issuer: Arc<Issuer>, left: &mut Left) {
        let Some(tenancy) = tenancy(&issuer) else { return };
        if !tenancy.has_ended() {
            self.queue(is_proven(&issuer)).end(table, &issuer, left);
        }
        left.push(issuer);
    }

    /// Notes that the first token of an issuer was verified.
    pub(super) fn prove(&mut self, table: &Table, issuer: &Arc<Issuer>, left: &mut Left) {
        let Some(tenancy) = tenancy(issuer) else { return };
        if tenancy.has_ended() || is_proven(issuer) {
            return;
        }
        tenancy.quota.prove();
        self.unproven.live -= 1;
        self.unproven.tidy(left);
        self.proven.push(table, Arc::clone(issuer), left);
    }

    const fn queue(&mut self, proven: bool) -> &mut Queue {
        if proven { &mut self.proven } else { &mut self.unproven }
    }
}

impl Queue {
    const fn new(bound: usize, proven: bool) -> Self {
        Self { issuers: VecDeque::new(), live: 0, bound, proven }
    }

    fn holds(&self, issuer: &Issuer) -> bool {
        is_proven(issuer) == self.proven && issuer.tenancy.as_ref().is_some_and(|tenancy| !tenancy.has_ended())
    }

    fn push(&mut self, table: &Table, issuer: Arc<Issuer>, left: &mut Left) {
        let mut chances = CHANCES;
        while self.live >= self.bound {
            let Some(first) = self.issuers.pop_front() else { break };
            if !self.holds(&first) {
                left.push(first);
            } else if chances > 0 && tenancy(&first).is_some_and(Tenancy::take_use) {
                chances -= 1;
                self.issuers.push_back(first);
            } else {
                self.end(table, &first, left);
                left.push(first);
            }
        }
        self.issuers.push_back(issuer);
        self.live += 1;
    }

    fn end(&mut self, table: &Table, issuer: &Arc<Issuer>, left: &mut Left) {
        if let Some(tenancy) = tenancy(issuer) {
            tenancy.end();
        }
        left.extend(table.remove(issuer));
        self.live -= 1;
        self.tidy(left);
    }

    /// Drops the issuers that have ended or moved, once they're more than half of the queue.
    fn tidy(&mut self, left: &mut Left) {
        if self.issuers.len() > 2 * self.live + 16 {
            let issuers = std::mem::take(&mut self.issuers);
            let (held, gone): (VecDeque<_>, VecDeque<_>) = issuers.into_iter().partition(|issuer| self.holds(issuer));
            self.issuers = held;
            left.extend(gone);
        }
    }
}

fn tenancy(issuer: &Issuer) -> Option<&Tenancy> {
    issuer.tenancy.as_deref()
}

fn is_proven(issuer: &Issuer) -> bool {
    tenancy(issuer).is_some_and(|tenancy| tenancy.quota.is_proven())
}
