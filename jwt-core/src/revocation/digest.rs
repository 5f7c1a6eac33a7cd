//! Keyed digests, so that entries have a fixed size and a memory dump does not show who logged out.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};

use siphasher::sip128::{Hash128, Hasher128 as _, SipHasher13};

use super::target::Kind;

/// The key of a list's digests. Unlike the standard library's, it can be saved with them.
#[derive(Clone, Copy)]
pub(super) struct DigestKey([u64; 2]);

impl DigestKey {
    pub(super) fn random() -> Self {
        // Each state of hashers is random.
        let state = RandomState::new();
        Self([state.hash_one(0_u8), state.hash_one(1_u8)])
    }

    /// The digest of a name. The issuer's length separates it from the name.
    pub(super) fn digest(self, kind: Kind, issuer: &str, name: &str) -> Digest {
        let mut hash = self.hasher();
        hash.write(&(issuer.len() as u64 ^ (kind as u64) << 56).to_le_bytes());
        hash.write(issuer.as_bytes());
        hash.write(name.as_bytes());
        let Hash128 { h1: low, h2: high } = hash.finish128();
        Digest { low, high }
    }

    fn hasher(self) -> SipHasher13 {
        let Self([first, second]) = self;
        SipHasher13::new_with_keys(first, second)
    }
}

#[cfg(any(feature = "postgres", feature = "redis"))]
impl DigestKey {
    pub(super) const fn from_words(words: [u64; 2]) -> Self {
        Self(words)
    }

    pub(super) const fn to_words(self) -> [u64; 2] {
        self.0
    }

    /// The digest of a text.
    pub(super) fn digest_of(self, text: &str) -> u128 {
        self.hasher().hash(text.as_bytes()).as_u128()
    }

    pub(super) fn checksum(self) -> Checksum {
        Checksum(self.hasher())
    }
}

/// The digest of a file.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(super) struct Checksum(SipHasher13);

#[cfg(any(feature = "postgres", feature = "redis"))]
impl Checksum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub(super) fn finish(&self) -> u128 {
        self.0.finish128().as_u128()
    }
}

/// The digest of a name: 128 bits, but aligned as a word, so that tables are smaller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    /// A table uses it as the hash.
    low: u64,
    /// Its lowest bits are the shard, its highest ones the fingerprint.
    pub(super) high: u64,
}

impl Digest {
    #[cfg(any(feature = "postgres", feature = "redis", test))]
    pub(super) const fn from_words([low, high]: [u64; 2]) -> Self {
        Self { low, high }
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) const fn to_words(self) -> [u64; 2] {
        [self.low, self.high]
    }
}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.high, self.low)
    }
}

/// A map from digests.
pub(super) type DigestMap<V> = HashMap<Digest, V, BuildHasherDefault<DigestHasher>>;

/// A digest is a hash already.
#[derive(Default)]
pub(super) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn different_names_have_different_digests() {
        let key = DigestKey([1, 2]);
        let mut digests = HashSet::new();
        for kind in Kind::ALL {
            for (issuer, name) in [
                ("", ""),
                ("", "\0"),
                ("\0", ""),
                ("ab", "c"),
                ("a", "bc"),
                ("", "abc"),
                ("abc", ""),
                ("12345678", "12345678"),
                ("1234567812345678", ""),
                ("", "1234567812345678"),
                ("12345678", "1234567\0"),
                ("12345678", "1234567"),
            ] {
                for key in [key, DigestKey([1, 3]), DigestKey([0, 2])] {
                    assert!(
                        digests.insert(format!("{:?}", key.digest(kind, issuer, name))),
                        "{kind:?} {issuer:?} {name:?}"
                    );
                }
            }
        }
        assert_ne!(DigestKey::random().0, DigestKey::random().0);
    }

    /// Files have digests, so if this changes, so must the version of the format.
    #[test]
    fn digests_stay_the_same() {
        let digest = DigestKey([1, 2]).digest(Kind::Session, "https://id.example", "s-1");
        assert_eq!(format!("{digest:?}"), "0f82408ce0912185b6c2de7b260fa083");
    }
}
