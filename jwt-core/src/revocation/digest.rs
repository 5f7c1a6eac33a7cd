//! Keyed digests, so that entries have a fixed size and a memory dump doesn't show who logged out.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

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

    /// The digest of a name. Different names have different words, because their lengths are among them.
    pub(super) fn digest(self, kind: Kind, issuer: &str, name: &str) -> u128 {
        let mut hash = SipHash::new(self.0);
        hash.word(issuer.len() as u64 ^ (kind as u64) << 56);
        hash.words(issuer.as_bytes());
        hash.words(name.as_bytes());
        hash.word(name.len() as u64);
        hash.finish()
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

    /// The digest of a text or a file.
    pub(super) fn digest_of(self, bytes: &[u8]) -> u128 {
        let mut hash = SipHash::new(self.0);
        hash.words(bytes);
        hash.word(bytes.len() as u64);
        hash.finish()
    }
}

/// SipHash-1-3 with a result of 128 bits (Aumasson and Bernstein), over whole words.
struct SipHash {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipHash {
    const fn new([first, second]: [u64; 2]) -> Self {
        Self {
            v0: first ^ 0x736f_6d65_7073_6575,
            v1: second ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            v2: first ^ 0x6c79_6765_6e65_7261,
            v3: second ^ 0x7465_6462_7974_6573,
        }
    }

    const fn word(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    /// The last word is filled up with zeros.
    fn words(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn finish(mut self) -> u128 {
        self.v2 ^= 0xee;
        let first = self.last_rounds();
        self.v1 ^= 0xdd;
        u128::from(self.last_rounds()) << 64 | u128::from(first)
    }

    fn last_rounds(&mut self) -> u64 {
        for _ in 0..3 {
            self.round();
        }
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    const fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::collections::hash_map::DefaultHasher;
    use std::hash::Hasher as _;

    use super::*;

    #[test]
    fn the_rounds_are_those_of_the_standard_library() {
        let words = [0, 1, 0x0123_4567_89ab_cdef, u64::MAX];
        // The same with a result of 64 bits, and the key of zeros.
        let (mut hash, mut expected) = (SipHash::new([0, 0]), DefaultHasher::new());
        hash.v1 ^= 0xee;
        for word in words {
            hash.word(word);
            expected.write_u64(word);
        }
        hash.word((words.len() as u64 * 8) << 56);
        hash.v2 ^= 0xff;
        assert_eq!(hash.last_rounds(), expected.finish());
    }

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
                    assert!(digests.insert(key.digest(kind, issuer, name)), "{kind:?} {issuer:?} {name:?}");
                }
            }
        }
        assert_ne!(DigestKey::random().0, DigestKey::random().0);
    }

    /// Files have digests, so if this changes, so must the version of the format.
    #[test]
    fn digests_stay_the_same() {
        let digest = DigestKey([1, 2]).digest(Kind::Session, "https://id.example", "s-1");
        assert_eq!(format!("{digest:032x}"), "3a94935b1d7b73ff9b9eb9a135d0b02d");
    }
}
