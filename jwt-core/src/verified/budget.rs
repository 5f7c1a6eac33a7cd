use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// The bytes that a cache of tokens may take, divided between tokens and the claims that were decoded from them.
pub(crate) struct Budget {
    bytes: usize,
    tokens: AtomicIsize,
    decoded: AtomicUsize,
    /// The most that decoded claims have asked for so far, up to half of the bytes. Tokens leave it to them.
    wanted: AtomicUsize,
}

/// Bytes that decoded claims take, until they are dropped.
pub(super) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { bytes, tokens: AtomicIsize::new(0), decoded: AtomicUsize::new(0), wanted: AtomicUsize::new(0) }
    }

    pub(crate) fn count_tokens(&self, change: isize) {
        self.tokens.fetch_add(change, Ordering::Relaxed);
    }

    /// How many bytes are in use.
    pub(crate) fn bytes(&self) -> usize {
        self.tokens() + self.decoded.load(Ordering::Relaxed)
    }

    /// How many bytes tokens may take.
    pub(crate) fn for_tokens(&self) -> usize {
        self.bytes - self.wanted.load(Ordering::Relaxed)
    }

    fn tokens(&self) -> usize {
        // Changes are added up in any order, so for a moment there may seem to be less than nothing.
        usize::try_from(self.tokens.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Charges decoded claims. `None` if they don't fit; the next token that is stored then displaces others for them.
    pub(super) fn charge(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let most = self.bytes / 2;
        let room = most.min(self.bytes.saturating_sub(self.tokens()));
        let charged = self.decoded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |decoded| {
            Some(decoded.saturating_add(bytes)).filter(|decoded| *decoded <= room)
        });
        let wanted = match charged {
            Ok(before) => before + bytes,
            Err(decoded) => decoded.saturating_add(bytes).min(most),
        };
        self.wanted.fetch_max(wanted, Ordering::Relaxed);
        charged.is_ok().then(|| Charge { budget: Arc::clone(self), bytes })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.decoded.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The most that a [`serde_json::Value`] of a JSON text takes on the heap.
///
/// An element takes a place in an array that may be twice as long as it needs to be; a member, a share of a tree's node that may
/// be half empty, and a name; an object that isn't empty takes at least one node. Text is counted by its length.
pub(super) fn decoded_bytes(json: &str) -> usize {
    const ELEMENT_OR_NAME: usize = 100;
    const NODE: usize = 800;
    json.bytes().fold(json.len(), |bytes, byte| match byte {
        b',' | b':' => bytes + ELEMENT_OR_NAME,
        b'{' | b'[' => bytes + NODE,
        _ => bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_decoded_claims_stay_within_the_bytes_together() {
        let budget = Arc::new(Budget::new(1_000));
        budget.count_tokens(900);
        let first = budget.charge(100);
        assert!(first.is_some() && budget.bytes() == 1_000);
        assert!(budget.charge(100).is_none(), "tokens take the rest");
        assert_eq!(budget.for_tokens(), 800, "and have to leave it");
        budget.count_tokens(-100);
        let second = budget.charge(100);
        assert!(second.is_some() && budget.bytes() == 1_000);
        drop((first, second));
        assert_eq!(budget.bytes(), 800);
    }

    #[test]
    fn decoded_claims_get_half_and_no_more() {
        let budget = Arc::new(Budget::new(1_000));
        assert!(budget.charge(501).is_none() && budget.charge(usize::MAX).is_none());
        assert_eq!((budget.for_tokens(), budget.bytes()), (500, 0));
        let _charge = budget.charge(500).expect("half of it");
        assert!(budget.charge(1).is_none());
    }
}
