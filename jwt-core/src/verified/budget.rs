use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// The bytes that a token cache may take, divided between tokens and decoded claims.
pub(crate) struct Budget {
    bytes: usize,
    tokens: AtomicIsize,
    decoded: AtomicUsize,
    /// The most that decoded claims have needed so far, up to half of the bytes. Tokens may not use these bytes.
    wanted: AtomicUsize,
}

/// The bytes of decoded claims, released when this is dropped.
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

    /// Returns how many bytes are in use.
    pub(crate) fn bytes(&self) -> usize {
        self.tokens() + self.decoded.load(Ordering::Relaxed)
    }

    /// Returns how many bytes tokens may take.
    pub(crate) fn for_tokens(&self) -> usize {
        self.bytes - self.wanted.load(Ordering::Relaxed)
    }

    fn tokens(&self) -> usize {
        // Threads count their changes in any order, so the sum may be negative for a moment.
        usize::try_from(self.tokens.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Charges decoded claims. `None` if they don't fit; storing the next token then evicts others to make space for them.
    pub(super) fn charge(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let most = self.bytes / 2;
        let limit = most.min(self.bytes.saturating_sub(self.tokens()));
        let charged = self.decoded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |decoded| {
            Some(decoded.saturating_add(bytes)).filter(|decoded| *decoded <= limit)
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

/// Returns how many bytes a [`serde_json::Value`] of this JSON takes on the heap at most.
///
/// An array may have twice the capacity that it needs. A member takes a name and a share of a tree node that may be half empty.
/// An object that isn't empty takes at least one node. Strings count by their length.
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
    fn tokens_and_decoded_claims_together_stay_within_the_bytes() {
        let budget = Arc::new(Budget::new(1_000));
        budget.count_tokens(900);
        let first = budget.charge(100);
        assert!(first.is_some() && budget.bytes() == 1_000);
        assert!(budget.charge(100).is_none(), "tokens use the rest");
        assert_eq!(budget.for_tokens(), 800, "and have to release it");
        budget.count_tokens(-100);
        let second = budget.charge(100);
        assert!(second.is_some() && budget.bytes() == 1_000);
        drop((first, second));
        assert_eq!(budget.bytes(), 800);
    }

    #[test]
    fn decoded_claims_get_at_most_half_of_the_bytes() {
        let budget = Arc::new(Budget::new(1_000));
        assert!(budget.charge(501).is_none() && budget.charge(usize::MAX).is_none());
        assert_eq!((budget.for_tokens(), budget.bytes()), (500, 0));
        let _charge = budget.charge(500).expect("half of it");
        assert!(budget.charge(1).is_none());
    }
}
