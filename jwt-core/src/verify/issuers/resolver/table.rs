use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use crate::verify::issuers::issuer::Issuer;

use super::tenancy::Tenancy;

/// How many locks the table is divided into, so that requests for different issuers rarely wait for each other.
const SHARDS: usize = 32;
/// How many used issuers are spared in one eviction, so that its cost is bounded.
const CHANCES: usize = 8;

type Shard = RwLock<HashMap<Arc<str>, Arc<Issuer>>>;

/// The live issuers, by name. A look-up holds a read lock for a few instructions.
pub(super) struct Table {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

/// The order in which issuers are evicted: first in, first out, with a second chance for an issuer that was used.
///
/// Issuers with a verified token have a queue of their own, so that names in forged tokens only displace each other.
pub(super) struct EvictionOrder {
    proven: Queue,
    unproven: Queue,
}

struct Queue {
    /// It may still contain issuers that ended or moved to the other queue.
    issuers: VecDeque<Arc<Issuer>>,
    /// The issuers that belong to this queue.
    live: usize,
    bound: usize,
    proven: bool,
}

/// Issuers that were removed. Drop them after every lock is released: their key sources may run the application's code.
pub(super) type Removed = Vec<Arc<Issuer>>;

impl Table {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), hasher: RandomState::new() }
    }

    /// Returns the keyed hash of a name.
    pub(super) fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

    pub(super) fn find_live(&self, name: &str) -> Option<Arc<Issuer>> {
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
        // The map within the shard uses the lower bits.
        &self.shards[(hash >> 48) as usize % self.shards.len()]
    }
}

impl EvictionOrder {
    pub(super) const fn new(proven: usize, unproven: usize) -> Self {
        Self { proven: Queue::new(proven, true), unproven: Queue::new(unproven, false) }
    }

    /// Inserts an issuer into the table. It replaces an issuer of the same name.
    pub(super) fn insert(&mut self, table: &Table, name: &Arc<str>, issuer: &Arc<Issuer>, removed: &mut Removed) {
        if let Some(before) = table.find_live(name) {
            self.end(table, before, removed);
        }
        self.queue(is_proven(issuer)).push(table, Arc::clone(issuer), removed);
        removed.extend(table.insert(name, issuer));
    }

    /// Ends an issuer: its tokens are no longer accepted.
    pub(super) fn end(&mut self, table: &Table, issuer: Arc<Issuer>, removed: &mut Removed) {
        let Some(tenancy) = tenancy(&issuer) else { return };
        if !tenancy.has_ended() {
            self.queue(is_proven(&issuer)).end(table, &issuer, removed);
        }
        removed.push(issuer);
    }

    /// Notes that the first token of an issuer was verified.
    pub(super) fn prove(&mut self, table: &Table, issuer: &Arc<Issuer>, removed: &mut Removed) {
        let Some(tenancy) = tenancy(issuer) else { return };
        if tenancy.has_ended() || is_proven(issuer) {
            return;
        }
        tenancy.quota.prove();
        self.unproven.live -= 1;
        self.unproven.tidy(removed);
        self.proven.push(table, Arc::clone(issuer), removed);
    }

    const fn queue(&mut self, proven: bool) -> &mut Queue {
        if proven { &mut self.proven } else { &mut self.unproven }
    }
}

impl Queue {
    const fn new(bound: usize, proven: bool) -> Self {
        Self { issuers: VecDeque::new(), live: 0, bound, proven }
    }

    fn contains(&self, issuer: &Issuer) -> bool {
        is_proven(issuer) == self.proven && issuer.tenancy.as_ref().is_some_and(|tenancy| !tenancy.has_ended())
    }

    fn push(&mut self, table: &Table, issuer: Arc<Issuer>, removed: &mut Removed) {
        let mut chances = CHANCES;
        while self.live >= self.bound {
            let Some(first) = self.issuers.pop_front() else { break };
            if !self.contains(&first) {
                removed.push(first);
            } else if chances > 0 && tenancy(&first).is_some_and(Tenancy::take_use) {
                chances -= 1;
                self.issuers.push_back(first);
            } else {
                self.end(table, &first, removed);
                removed.push(first);
            }
        }
        self.issuers.push_back(issuer);
        self.live += 1;
    }

    fn end(&mut self, table: &Table, issuer: &Arc<Issuer>, removed: &mut Removed) {
        if let Some(tenancy) = tenancy(issuer) {
            tenancy.end();
        }
        removed.extend(table.remove(issuer));
        self.live -= 1;
        self.tidy(removed);
    }

    /// Removes the issuers that ended or moved, once they are more than half of the queue.
    fn tidy(&mut self, removed: &mut Removed) {
        if self.issuers.len() > 2 * self.live + 16 {
            let issuers = std::mem::take(&mut self.issuers);
            let (kept, gone): (VecDeque<_>, VecDeque<_>) =
                issuers.into_iter().partition(|issuer| self.contains(issuer));
            self.issuers = kept;
            removed.extend(gone);
        }
    }
}

fn tenancy(issuer: &Issuer) -> Option<&Tenancy> {
    issuer.tenancy.as_deref()
}

fn is_proven(issuer: &Issuer) -> bool {
    tenancy(issuer).is_some_and(|tenancy| tenancy.quota.is_proven())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tenancy::Lifetimes;
    use super::*;
    use crate::claim_rules::ClaimRules;
    use crate::keys::{Budget, KeyTable, Quota};
    use crate::verify::issuers::expected::Expected;
    use crate::verify::issuers::trusted_issuer::TrustedIssuer;

    fn put(table: &Table, order: &mut EvictionOrder, name: &str) -> Arc<Issuer> {
        let quota = Arc::new(Quota::new(&Arc::new(Budget::new(1, 1)), false));
        let lifetimes = Lifetimes { lifetime: Duration::MAX, stale_if_error: Duration::MAX, sooner: Duration::ZERO };
        let tenancy = Tenancy::new(TrustedIssuer::new(name), quota, lifetimes, Duration::ZERO);
        let name: Arc<str> = name.into();
        let issuer = Arc::new(Issuer {
            name: Some(Arc::clone(&name)),
            domain: None,
            keys: Arc::new(KeyTable::default()),
            keys_are_fixed: true,
            algorithms: Vec::new(),
            policy: ClaimRules::default(),
            expected: Expected::of(&ClaimRules::default(), &[]),
            tenancy: Some(Arc::new(tenancy)),
        });
        order.insert(table, &name, &issuer, &mut Removed::new());
        issuer
    }

    #[test]
    fn issuers_without_a_verified_token_evict_only_each_other() {
        let (table, mut order) = (Table::new(), EvictionOrder::new(4, 2));
        for name in ["a", "b", "c", "d"] {
            let issuer = put(&table, &mut order, name);
            order.prove(&table, &issuer, &mut Removed::new());
        }
        let newcomers: Vec<_> = (0..1_000).map(|number| put(&table, &mut order, &number.to_string())).collect();
        assert_eq!((table.len(), table.proven().len()), (6, 4));
        assert!(table.find_live("999").is_some() && table.find_live("997").is_none());
        assert!(newcomers[..998].iter().all(|issuer| tenancy(issuer).is_some_and(Tenancy::has_ended)));
        // When one more is proven, an unused issuer is evicted.
        table.find_live("a").iter().filter_map(|issuer| tenancy(issuer)).for_each(Tenancy::note_use);
        order.prove(&table, &newcomers[999], &mut Removed::new());
        assert_eq!((table.len(), table.proven().len()), (5, 4));
        assert!(table.find_live("a").is_some() && table.find_live("b").is_none());
    }

    #[test]
    fn issuers_that_come_and_go_do_not_grow_the_queues() {
        let (table, mut order) = (Table::new(), EvictionOrder::new(10_000, 10_000));
        let mut removed = Removed::new();
        for number in 0..=10_000 {
            let issuer = put(&table, &mut order, "again");
            if number % 2 == 0 {
                order.prove(&table, &issuer, &mut removed);
            }
            if number % 3 == 0 {
                order.end(&table, issuer, &mut removed);
            }
        }
        let EvictionOrder { proven, unproven } = &order;
        assert!(table.len() == 1 && proven.live + unproven.live == 1);
        assert!(proven.issuers.len() < 32 && unproven.issuers.len() < 32);
    }

    #[test]
    fn evicting_from_a_full_table_of_used_issuers_has_a_bounded_cost() {
        let (table, mut order) = (Table::new(), EvictionOrder::new(100, 1));
        for number in 0..101 {
            let issuer = put(&table, &mut order, &number.to_string());
            order.prove(&table, &issuer, &mut Removed::new());
            tenancy(&issuer).into_iter().for_each(Tenancy::note_use);
        }
        assert_eq!((table.len(), table.find_live("8").is_none()), (100, true));
    }
}
