//! Remembers the keys of proofs, so that a client's next proof costs only its signature.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::crypto::PreparedKey;

const SHARDS: usize = 16;

/// Keys of clients whose proofs were accepted, by thumbprint. If it's full, the oldest key is dropped.
pub(super) struct ProofKeys {
    most_of_shard: usize,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    keys: HashMap<[u8; 32], Arc<ProofKey>, RandomState>,
    /// The thumbprints, oldest first.
    order: VecDeque<[u8; 32]>,
}

/// A key, and the encoded header that it was read from. A proof with the same header needs no further check of it.
pub(super) struct ProofKey {
    pub(super) header: Box<[u8]>,
    pub(super) key: PreparedKey,
}

impl ProofKeys {
    pub(super) fn new(most: usize) -> Self {
        Self { most_of_shard: most.div_ceil(SHARDS), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    pub(super) fn find(&self, thumbprint: &[u8; 32], header: &[u8]) -> Option<Arc<ProofKey>> {
        let shard = self.shard(thumbprint).lock().unwrap_or_else(PoisonError::into_inner);
        shard.keys.get(thumbprint).filter(|key| *key.header == *header).cloned()
    }

    pub(super) fn remember(&self, thumbprint: [u8; 32], key: Arc<ProofKey>) {
        if self.most_of_shard == 0 {
            return;
        }
        let mut shard = self.shard(&thumbprint).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.keys.insert(thumbprint, key).is_none() {
            shard.order.push_back(thumbprint);
        }
        if shard.keys.len() > self.most_of_shard
            && let Some(oldest) = shard.order.pop_front()
        {
            shard.keys.remove(&oldest);
        }
    }

    fn shard(&self, thumbprint: &[u8; 32]) -> &Mutex<Shard> {
        // A thumbprint is as good as random.
        &self.shards[usize::from(thumbprint[0]) % SHARDS]
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;
    use crate::crypto::{Backend, SigningKey};
    use crate::jose::Algorithm;

    #[test]
    fn a_key_is_found_by_its_thumbprint_and_header_and_the_oldest_is_dropped() {
        let backend = Backend::compiled_in().expect("a back end");
        let signing = SigningKey::generate(Algorithm::Ed25519).expect("a key");
        let key = |header: &str| {
            let key = backend.prepare(&signing.verification_key(), Algorithm::Ed25519).expect("a key");
            Arc::new(ProofKey { header: header.as_bytes().into(), key })
        };
        let keys = ProofKeys::new(2 * SHARDS);
        // All of these are in one shard.
        let [first, second, third] =
            [1, 2, 3].map(|last| [[0; 31].as_slice(), &[last]].concat().try_into().expect("32"));
        keys.remember(first, key("a"));
        keys.remember(first, key("b"));
        keys.remember(second, key("c"));
        assert!(keys.find(&first, b"a").is_none() && keys.find(&first, b"b").is_some());
        keys.remember(third, key("d"));
        assert!(
            keys.find(&first, b"b").is_none()
                && keys.find(&second, b"c").is_some()
                && keys.find(&third, b"d").is_some()
        );
        let none = ProofKeys::new(0);
        none.remember(first, key("a"));
        assert!(none.find(&first, b"a").is_none());
    }

    #[test]
    fn many_keys_and_headers_take_no_more_space_than_allowed() {
        let backend = Backend::compiled_in().expect("a back end");
        let signing = SigningKey::generate(Algorithm::Ed25519).expect("a key");
        let keys = ProofKeys::new(64);
        for number in 0..1_000_u32 {
            let thumbprint = backend.sha256(&number.to_be_bytes()).expect("a hash");
            for header in ["a", "b"] {
                let key = backend.prepare(&signing.verification_key(), Algorithm::Ed25519).expect("a key");
                keys.remember(thumbprint, Arc::new(ProofKey { header: header.as_bytes().into(), key }));
            }
        }
        let shards = keys.shards.iter().map(|shard| shard.lock().expect("a shard"));
        let lengths: Vec<_> = shards.map(|shard| (shard.keys.len(), shard.order.len())).collect();
        assert!(lengths.iter().all(|(keys, order)| keys == order && *keys == 64 / SHARDS), "{lengths:?}");
    }
}
