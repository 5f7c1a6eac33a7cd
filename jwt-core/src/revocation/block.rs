//! Some fingerprints in two lines of the processor's cache.

use std::array;

use super::pages::{BLOCK, Bytes};

const WORDS: usize = BLOCK / size_of::<u64>();

/// Bits of a tag.
pub(super) const TAG_BITS: u32 = 3;

/// The buckets of a block, and the most entries: the sizes of the buckets then take two words.
const BUCKETS: u32 = 64;
const MOST: u32 = 64;

pub(super) const BUCKET_BITS: u32 = BUCKETS.ilog2();

/// The bits of a block beside the sizes.
const SPACE: u32 = (WORDS as u32 - 2) * u64::BITS;

/// How many entries fit a block.
pub(super) const fn capacity(entry_bits: u32) -> usize {
    let capacity = SPACE / entry_bits;
    (if capacity < MOST { capacity } else { MOST }) as usize
}

/// Two words with the buckets' sizes, for each bucket a zero, and a one for each of its entries. Then the entries without their buckets.
#[derive(Clone, Copy, Default)]
pub(super) struct Block([u64; WORDS]);

/// The place of an entry in its block.
pub(super) enum Place {
    /// The set has it at this index, with this tag.
    Taken(usize, u8),
    /// Its index, and the place of its one among the sizes.
    Free(usize, u32),
}

impl Block {
    pub(super) fn of(bytes: &Bytes) -> Self {
        let (words, _) = bytes.as_chunks();
        Self(array::from_fn(|index| u64::from_ne_bytes(words[index])))
    }

    pub(super) fn write_to(self, bytes: &mut Bytes) {
        let (words, _) = bytes.as_chunks_mut();
        for (chunk, word) in words.iter_mut().zip(self.0) {
            *chunk = word.to_ne_bytes();
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.sizes().count_ones() as usize
    }

    const fn sizes(&self) -> u128 {
        self.0[0] as u128 | (self.0[1] as u128) << u64::BITS
    }

    const fn set_sizes(&mut self, sizes: u128) {
        (self.0[0], self.0[1]) = (sizes as u64, (sizes >> u64::BITS) as u64);
    }

    /// An entry without its bucket.
    const fn entry(&self, index: usize, entry_bits: u32) -> u64 {
        let (word, shift) = bit(index, entry_bits);
        // The next word has the highest bits, if there are more. Shifting by 64 is an error, so it's done in two steps.
        let bits = self.0[word % WORDS] >> shift | self.0[(word + 1) % WORDS] << 1 << (63 - shift);
        bits & mask(entry_bits)
    }

    /// The place of a bucket's zero, the index of its first entry, and how many it has.
    const fn bucket(&self, bucket: u32) -> (u32, usize, usize) {
        let zeros = self.0[0].count_zeros();
        let zero =
            if bucket < zeros { nth_one(!self.0[0], bucket) } else { u64::BITS + nth_one(!self.0[1], bucket - zeros) };
        (zero, (zero - bucket) as usize, (self.sizes() >> zero >> 1).trailing_ones() as usize)
    }

    /// The tag of the entry with the same place.
    pub(super) fn find(&self, wanted: u64, entry_bits: u32) -> Option<u8> {
        let (_, first, size) = self.bucket((wanted >> entry_bits) as u32);
        let wanted = wanted & mask(entry_bits);
        let mut found = None;
        // Few buckets have more entries than three. If all others take three steps, the processor has nothing to guess.
        for index in 0..size.max(3) {
            let difference = self.entry(first + index, entry_bits) ^ wanted;
            if index < size && difference >> TAG_BITS == 0 {
                found = Some(difference as u8);
            }
        }
        found
    }

    pub(super) fn place(&self, wanted: u64, entry_bits: u32) -> Place {
        let (zero, first, size) = self.bucket((wanted >> entry_bits) as u32);
        let wanted = (wanted & mask(entry_bits)) >> TAG_BITS;
        let smaller = (0..size).take_while(|index| self.entry(first + index, entry_bits) >> TAG_BITS < wanted).count();
        let index = first + smaller;
        match self.entry(index, entry_bits) {
            entry if smaller < size && entry >> TAG_BITS == wanted => {
                Place::Taken(index, (entry & mask(TAG_BITS)) as u8)
            }
            _ => Place::Free(index, zero + 1 + smaller as u32),
        }
    }

    /// Adds an entry after the `len` others.
    pub(super) fn push(&mut self, len: usize, entry_bits: u32, entry: u64) {
        self.set_sizes(self.sizes() | 1 << ((entry >> entry_bits) as usize + 1 + len));
        let ((word, shift), rest) = (bit(len, entry_bits), entry & mask(entry_bits));
        self.0[word] |= rest << shift;
        if shift + entry_bits > u64::BITS {
            self.0[word + 1] |= rest >> (u64::BITS - shift);
        }
    }

    /// Inserts an entry, and a one into the sizes. There is space for it.
    pub(super) fn insert(&mut self, index: usize, one: u32, entry_bits: u32, entry: u64) {
        let (sizes, below) = (self.sizes(), (1 << one) - 1);
        self.set_sizes(sizes & below | 1 << one | (sizes & !below) << 1);
        let Self(words) = self;
        let (first, shift) = bit(index, entry_bits);
        // The entries from there on move up.
        for word in (first + 1..WORDS).rev() {
            let below = if word == first + 1 { words[first] & !mask(shift) } else { words[word - 1] };
            words[word] = words[word] << entry_bits | below >> (u64::BITS - entry_bits);
        }
        let rest = entry & mask(entry_bits);
        words[first] = words[first] & mask(shift) | (words[first] & !mask(shift)) << entry_bits | rest << shift;
        if shift + entry_bits > u64::BITS {
            words[first + 1] |= rest >> (u64::BITS - shift);
        }
    }

    /// Changes bits of an entry.
    pub(super) fn replace(&mut self, index: usize, entry_bits: u32, difference: u64) {
        let (word, shift) = bit(index, entry_bits);
        self.0[word] ^= difference << shift;
        if shift + TAG_BITS > u64::BITS {
            self.0[word + 1] ^= difference >> (u64::BITS - shift);
        }
    }

    /// All entries, sorted.
    pub(super) fn entries(self, entry_bits: u32) -> impl Iterator<Item = u64> {
        let (mut sizes, mut index) = (self.sizes(), 0);
        std::iter::from_fn(move || {
            let one = (sizes != 0).then(|| sizes.trailing_zeros())?;
            sizes &= sizes - 1;
            let bucket = u64::from(one - 1) - index as u64;
            index += 1;
            Some(bucket << entry_bits | self.entry(index - 1, entry_bits))
        })
    }
}

/// The place of an entry in its block: the word, and the bit of it.
const fn bit(index: usize, entry_bits: u32) -> (usize, u32) {
    let at = index as u32 * entry_bits;
    (2 + (at / u64::BITS) as usize, at % u64::BITS)
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
