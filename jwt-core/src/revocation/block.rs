//! Some fingerprints in two lines of the processor's cache.

use std::ops::{Deref, DerefMut, Range};

use super::pages::{BLOCK, Bytes};

const WORDS: usize = BLOCK / size_of::<u64>();

/// Bits of a tag.
pub(super) const TAG_BITS: u32 = 3;

/// The buckets of a block. They are twice as many as the entries, so two of three look-ups find theirs empty, and end there.
const BUCKETS: u32 = u128::BITS;

pub(super) const BUCKET_BITS: u32 = BUCKETS.ilog2();

/// The most entries of a block.
const MOST: u32 = u64::BITS;

/// The word with the ends of the buckets, and the first one of the entries.
const ENDS: usize = 2;
const ENTRIES: usize = 3;

/// How many entries fit a block.
pub(super) const fn capacity(entry_bits: u32) -> usize {
    let capacity = (WORDS - ENTRIES) as u32 * u64::BITS / entry_bits;
    (if capacity < MOST { capacity } else { MOST }) as usize
}

/// Sorted entries, without their buckets. Before them, two words have a bit for each bucket that isn't empty, and one word has a bit for
/// each entry that is the last one of its bucket: a quotient filter (Bender et al. 2012).
pub(super) struct Block<B>(pub(super) B);

/// What's known about a fingerprint.
pub(super) enum Found {
    Tag(u8),
    Nothing,
    /// Its block is full of smaller ones, so it may be elsewhere.
    Elsewhere,
}

impl<B: Deref<Target = Bytes>> Block<B> {
    fn word(&self, index: usize) -> u64 {
        u64::from_ne_bytes(self.0.as_chunks().0[index % WORDS])
    }

    fn occupied(&self) -> u128 {
        u128::from(self.word(0)) | u128::from(self.word(1)) << u64::BITS
    }

    pub(super) fn len(&self) -> usize {
        (u64::BITS - self.word(ENDS).leading_zeros()) as usize
    }

    /// An entry without its bucket.
    fn entry(&self, index: usize, entry_bits: u32) -> u64 {
        let (word, shift) = place(index, entry_bits);
        // The next word has the highest bits, if there are more. Shifting by 64 is an error, so it's done in two steps.
        let bits = self.word(word) >> shift | self.word(word + 1) << 1 << (63 - shift);
        bits & mask(entry_bits)
    }

    fn is_occupied(&self, bucket: u32) -> bool {
        self.word((bucket / u64::BITS) as usize) >> (bucket % u64::BITS) & 1 == 1
    }

    /// The index of a bucket's first entry. If the bucket is empty, there must be space for one.
    fn first(&self, bucket: u32) -> usize {
        let before = (self.occupied() & ((1 << bucket) - 1)).count_ones();
        nth_one(self.word(ENDS) << 1 | 1, before) as usize
    }

    /// The indexes of a bucket's entries.
    fn run(&self, bucket: u32) -> Range<usize> {
        if !self.is_occupied(bucket) {
            return 0..0;
        }
        let first = self.first(bucket);
        first..first + (self.word(ENDS) >> first).trailing_zeros() as usize + 1
    }

    /// The index of the entry with the same place, and its tag.
    pub(super) fn position(&self, wanted: u64, entry_bits: u32) -> Option<(usize, u8)> {
        let place = (wanted & mask(entry_bits)) >> TAG_BITS;
        self.run(bucket(wanted, entry_bits)).find_map(|index| {
            let entry = self.entry(index, entry_bits);
            (entry >> TAG_BITS == place).then_some((index, (entry & mask(TAG_BITS)) as u8))
        })
    }

    pub(super) fn find(&self, wanted: u64, entry_bits: u32, capacity: usize) -> Found {
        match self.position(wanted, entry_bits) {
            Some((_, tag)) => Found::Tag(tag),
            // If there was no space for all, these are the smallest.
            None if self.len() == capacity && bucket(wanted, entry_bits) >= self.last_bucket() => Found::Elsewhere,
            None => Found::Nothing,
        }
    }

    /// The greatest bucket with entries.
    fn last_bucket(&self) -> u32 {
        (BUCKETS - 1).saturating_sub(self.occupied().leading_zeros())
    }

    /// The greatest entry. There is one.
    pub(super) fn last(&self, entry_bits: u32) -> u64 {
        u64::from(self.last_bucket()) << entry_bits | self.entry(self.len() - 1, entry_bits)
    }

    /// All entries, sorted.
    pub(super) fn entries(self, entry_bits: u32) -> impl Iterator<Item = u64> {
        let (mut buckets, ends) = (self.occupied(), self.word(ENDS));
        (0..self.len()).map(move |index| {
            let bucket = u64::from(buckets.trailing_zeros());
            if ends >> index & 1 == 1 {
                buckets &= buckets - 1;
            }
            bucket << entry_bits | self.entry(index, entry_bits)
        })
    }
}

impl<B: DerefMut<Target = Bytes>> Block<B> {
    fn change(&mut self, index: usize, to: impl FnOnce(u64) -> u64) {
        let word = to(self.word(index));
        self.0.as_chunks_mut().0[index % WORDS] = word.to_ne_bytes();
    }

    fn flip_bucket(&mut self, bucket: u32) {
        self.change((bucket / u64::BITS) as usize, |word| word ^ 1 << (bucket % u64::BITS));
    }

    /// Adds an entry that is greater than all others. There is space for it, and no entry was removed before.
    pub(super) fn push(&mut self, entry: u64, entry_bits: u32) {
        let (bucket, rest, len) = (bucket(entry, entry_bits), entry & mask(entry_bits), self.len());
        let is_new = !self.is_occupied(bucket);
        self.change(ENDS, |ends| ends & !(u64::from(!is_new) << len >> 1) | 1 << len);
        if is_new {
            self.flip_bucket(bucket);
        }
        let (word, shift) = place(len, entry_bits);
        self.change(word, |bits| bits | rest << shift);
        if shift + entry_bits > u64::BITS {
            self.change(word + 1, |bits| bits | rest >> (u64::BITS - shift));
        }
    }

    /// Inserts an entry. There is space for it, and no other entry has its place.
    pub(super) fn insert(&mut self, entry: u64, entry_bits: u32) {
        let (bucket, rest) = (bucket(entry, entry_bits), entry & mask(entry_bits));
        let (first, is_new) = (self.first(bucket), !self.is_occupied(bucket));
        let smaller = self.run(bucket).take_while(|index| self.entry(*index, entry_bits) < rest).count();
        self.change(ENDS, |ends| {
            ends & mask(first as u32) | u64::from(is_new) << first | (ends & !mask(first as u32)) << 1
        });
        if is_new {
            self.flip_bucket(bucket);
        }
        let (word, shift) = place(first + smaller, entry_bits);
        // The entries from there on move up.
        for index in (word + 1..WORDS).rev() {
            let below = self.word(index - 1) & if index == word + 1 { !mask(shift) } else { u64::MAX };
            self.change(index, |bits| bits << entry_bits | below >> (u64::BITS - entry_bits));
        }
        self.change(word, |bits| bits & mask(shift) | (bits & !mask(shift)) << entry_bits | rest << shift);
        if shift + entry_bits > u64::BITS {
            self.change(word + 1, |bits| bits | rest >> (u64::BITS - shift));
        }
    }

    /// Removes the greatest entry. There is one.
    pub(super) fn pop(&mut self) {
        let (bucket, last) = (self.last_bucket(), self.len() - 1);
        let is_only = last == 0 || self.word(ENDS) >> (last - 1) & 1 == 1;
        // Now the one before it is the last one of its bucket.
        self.change(ENDS, |ends| ends & mask(last as u32) | 1 << last >> 1);
        if is_only {
            self.flip_bucket(bucket);
        }
    }

    /// Changes bits of an entry.
    pub(super) fn flip(&mut self, index: usize, entry_bits: u32, difference: u64) {
        let (word, shift) = place(index, entry_bits);
        self.change(word, |bits| bits ^ difference << shift);
        if shift + TAG_BITS > u64::BITS {
            self.change(word + 1, |bits| bits ^ difference >> (u64::BITS - shift));
        }
    }
}

const fn bucket(entry: u64, entry_bits: u32) -> u32 {
    (entry >> entry_bits) as u32
}

/// The place of an entry in its block: the word, and the bit of it.
const fn place(index: usize, entry_bits: u32) -> (usize, u32) {
    let at = index as u32 * entry_bits;
    (ENTRIES + (at / u64::BITS) as usize, at % u64::BITS)
}

const EACH: u64 = 0x0101_0101_0101_0101;

/// The position of a word's one with `n` other ones below it.
const fn nth_one(word: u64, n: u32) -> u32 {
    let pairs = word - ((word >> 1) & (0x55 * EACH));
    let nibbles = (pairs & (0x33 * EACH)) + ((pairs >> 2) & (0x33 * EACH));
    // In each byte, how many ones it and the bytes before it have.
    let sums = ((nibbles + (nibbles >> 4)) & (0x0f * EACH)).wrapping_mul(EACH);
    // The high bit of each byte whose sum isn't greater than `n`.
    let before = (((n as u64 * EACH) | (0x80 * EACH)) - sums) & (0x80 * EACH);
    let byte = ((before >> 7).wrapping_mul(EACH) >> 56) as u32 * 8;
    let left = n - (sums << 8 >> byte & 0xff) as u32;
    byte + NTH_ONE[(word >> byte & 0xff) as usize][left as usize % 8] as u32
}

/// The same for a byte. A loop over its ones would be slower, because the processor can't guess how often it runs.
const NTH_ONE: [[u8; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut byte = 0;
    while byte < all.len() {
        let (mut bit, mut ones) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                all[byte][ones] = bit as u8;
                ones += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    all
};

pub(super) const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_block_has_the_smallest_entries_with_their_last_tags() {
        for entry_bits in TAG_BITS + 1..=35 {
            let (mut bytes, mut model, mut state) = ([0; BLOCK], BTreeMap::new(), u64::from(entry_bits));
            let mut block = Block(&mut bytes);
            for _ in 0..500 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let entry = state >> (u64::BITS - BUCKET_BITS - entry_bits);
                let (place, tag) = (entry >> TAG_BITS, (entry & mask(TAG_BITS)) as u8);
                let position = block.position(entry, entry_bits);
                assert_eq!(position.map(|(_, tag)| tag), model.get(&place).copied(), "{entry_bits}");
                match position {
                    Some((index, old)) => block.flip(index, entry_bits, (old ^ tag).into()),
                    None => {
                        if block.len() == capacity(entry_bits) {
                            let (last, tag) = model.pop_last().expect("an entry");
                            assert_eq!(block.last(entry_bits), last << TAG_BITS | u64::from(tag), "{entry_bits}");
                            block.pop();
                        }
                        block.insert(entry, entry_bits);
                    }
                }
                model.insert(place, tag);
            }
            let expected: Vec<u64> = model.iter().map(|(place, tag)| place << TAG_BITS | u64::from(*tag)).collect();
            assert!(Block(&*block.0).entries(entry_bits).eq(expected.iter().copied()), "{entry_bits}");
            while block.len() > 0 {
                block.pop();
            }
            assert_eq!(Block(&*block.0).entries(entry_bits).count(), 0, "{entry_bits}");
            let mut pushed = [0; BLOCK];
            expected.iter().for_each(|entry| Block(&mut pushed).push(*entry, entry_bits));
            assert!(Block(&pushed).entries(entry_bits).eq(expected), "{entry_bits}");
        }
    }
}
