//! Many fingerprints in little memory.

/// How many bits of a digest a set keeps. A name that isn't in a set of `n` is taken for one that is with a probability of
/// `n / 2^32`.
const BITS: u32 = 32;

/// Bits of a tag.
const TAG_BITS: u32 = 3;

pub(super) const TAGS: usize = 1 << TAG_BITS;

/// The number of buckets that are stored together.
const GROUP: usize = 128;

/// The most buckets of a chunk. Chunks are small, so that the memory of a set's chunks fits those of the next set.
const CHUNK: usize = 4_096;

/// With more, the store would be asked about every 64th name.
pub(super) const MAX_LEN: usize = 1 << 26;

/// Sorted fingerprints, each with a small tag: about 2.9 bytes for each of 16,000, and 2.4 for each of 300,000.
///
/// The high bits of a fingerprint are its bucket, of which there are about as many as fingerprints. The buckets' sizes are
/// unary numbers, and the rest of each fingerprint has a fixed length (Elias 1974, Fano 1971). The sizes of some buckets are
/// beside their rests, so that a look-up reads one place in memory besides the small starts. Sets merge in one pass.
#[derive(Debug, Default)]
pub(super) struct CompactSet {
    chunks: Box<[Chunk]>,
    /// The position of each group's middle in its chunk.
    middles: Box<[u32]>,
    len: usize,
    bucket_bits: u32,
}

/// The groups of some buckets.
///
/// Upwards from its middle, a group has its sizes: for each bucket a one for each of its fingerprints, and a zero. Downwards,
/// it has the rests: the low bits of each fingerprint, and its tag. A few bytes follow, so that each place can be read as a word.
#[derive(Debug)]
struct Chunk(Box<[u8]>);

/// A fingerprint with its tag.
pub(super) type Tagged = (u32, u8);

impl CompactSet {
    /// Creates a set from at most `most` fingerprints, which are sorted and distinct.
    pub(super) fn new(most: usize, sorted: impl Iterator<Item = Tagged>) -> Self {
        let mut builder = Builder::new(most.clamp(1, MAX_LEN));
        sorted.for_each(|tagged| builder.push(tagged));
        builder.finish()
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many bytes the set takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let places = size_of_val(&*self.chunks) + size_of_val(&*self.middles);
        size_of::<Self>() + places + self.chunks.iter().map(|chunk| chunk.0.len()).sum::<usize>()
    }

    /// The tag of a fingerprint, if it's in the set.
    pub(super) fn tag(&self, fingerprint: u32) -> Option<u8> {
        let bucket = bucket_of(fingerprint, self.bucket_bits);
        let chunk = self.chunks.get(bucket / CHUNK)?;
        let middle = *self.middles.get(bucket / GROUP)? as usize;
        let (rest_bits, bucket) = (rest_bits(self.bucket_bits), bucket % GROUP);
        let wanted = rest_of(fingerprint, rest_bits) >> TAG_BITS;
        let mut sizes = chunk.after_zeros(middle, bucket)?;
        // The zeros before are those of the buckets before.
        let mut index = sizes - bucket;
        loop {
            let run = (chunk.bits(8 * middle + sizes)?.trailing_ones() as usize).min(WINDOW);
            for index in index..index + run {
                let rest = chunk.rest(middle, index, rest_bits)?;
                if rest >> TAG_BITS >= wanted {
                    return (rest >> TAG_BITS == wanted).then_some((rest & mask(TAG_BITS)) as u8);
                }
            }
            if run < WINDOW {
                return None;
            }
            (sizes, index) = (sizes + run, index + run);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        let groups = self.middles.iter().enumerate().map(|(group, middle)| (group * GROUP, *middle as usize));
        let groups = groups.map_while(|(first, middle)| Some((first, middle, self.chunks.get(first / CHUNK)?)));
        groups.flat_map(|(first, middle, chunk)| chunk.iter(middle, first, self.bucket_bits))
    }
}

/// How many bits of a word can be read from any place.
const WINDOW: usize = 56;

impl Chunk {
    /// The number of sizes' bits to the end of this number of zeros.
    fn after_zeros(&self, middle: usize, zeros: usize) -> Option<usize> {
        let Some(mut left) = zeros.checked_sub(1) else { return Some(0) };
        let mut skipped = 0;
        loop {
            let zeros = !self.word(middle + skipped / 8)?;
            let sums = byte_sums(zeros);
            let here = (sums >> 56) as usize;
            if left < here {
                return Some(skipped + nth_one(zeros, sums, left as u32) as usize + 1);
            }
            (left, skipped) = (left - here, skipped + 64);
        }
    }

    /// The low bits of a fingerprint, and its tag.
    fn rest(&self, middle: usize, index: usize, rest_bits: u32) -> Option<u64> {
        let at = (8 * middle).checked_sub((index + 1) * rest_bits as usize)?;
        Some(self.bits(at)? & mask(rest_bits))
    }

    /// At least 57 bits from a place on.
    fn bits(&self, at: usize) -> Option<u64> {
        Some(self.word(at / 8)? >> (at % 8))
    }

    fn word(&self, at: usize) -> Option<u64> {
        self.0.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The fingerprints of the group with this first bucket.
    fn iter(&self, middle: usize, first: usize, bucket_bits: u32) -> impl Iterator<Item = Tagged> {
        let rest_bits = rest_bits(bucket_bits);
        let (mut index, mut skipped, mut ones) = (0, 0, self.word(middle).unwrap_or_default());
        std::iter::from_fn(move || {
            while ones == 0 {
                skipped += 64;
                // The sizes have ended, and others follow them.
                if skipped >= GROUP + index {
                    return None;
                }
                ones = self.word(middle + skipped / 8)?;
            }
            let bucket = skipped + ones.trailing_zeros() as usize - index;
            if bucket >= GROUP {
                return None;
            }
            let rest = self.rest(middle, index, rest_bits)?;
            (ones, index) = (ones & (ones - 1), index + 1);
            let high = ((first + bucket) as u64) << (BITS - bucket_bits);
            Some(((high | rest >> TAG_BITS) as u32, (rest & mask(TAG_BITS)) as u8))
        })
    }
}

/// Merges sorted fingerprints, which are distinct in each. `choose` gets the tags of equal ones.
pub(super) fn merged(
    mut first: impl Iterator<Item = Tagged>,
    mut second: impl Iterator<Item = Tagged>,
    choose: impl Fn(u8, u8) -> u8,
) -> impl Iterator<Item = Tagged> {
    let (mut one, mut other) = (first.next(), second.next());
    std::iter::from_fn(move || match (one, other) {
        (Some((fingerprint, tag)), Some(same)) if fingerprint == same.0 => {
            (one, other) = (first.next(), second.next());
            Some((fingerprint, choose(tag, same.1)))
        }
        (Some(next), other) if other.is_none_or(|other| next.0 < other.0) => std::mem::replace(&mut one, first.next()),
        (_, Some(_)) => std::mem::replace(&mut other, second.next()),
        (_, None) => None,
    })
}

/// Writes a set, group by group.
struct Builder {
    chunks: Vec<Chunk>,
    middles: Vec<u32>,
    len: usize,
    bucket_bits: u32,
    rest_bits: u32,
    /// The chunk that isn't complete yet.
    bits: Bits,
    /// The first bucket of the group that isn't written yet, its sizes, and its rests.
    group: usize,
    sizes: Vec<u64>,
    rests: Vec<u64>,
}

impl Builder {
    fn new(most: usize) -> Self {
        let bucket_bits = (most * 4 / 3).ilog2().max(GROUP.ilog2());
        let buckets = 1_usize << bucket_bits;
        Self {
            chunks: Vec::with_capacity(buckets.div_ceil(CHUNK)),
            middles: Vec::with_capacity(buckets / GROUP),
            len: 0,
            bucket_bits,
            rest_bits: rest_bits(bucket_bits),
            bits: Bits::default(),
            group: 0,
            sizes: Vec::new(),
            rests: Vec::new(),
        }
    }

    fn push(&mut self, (fingerprint, tag): Tagged) {
        let bucket = bucket_of(fingerprint, self.bucket_bits);
        while bucket - self.group >= GROUP {
            self.write_group();
        }
        let at = bucket - self.group + self.rests.len();
        if self.sizes.len() <= at / 64 {
            self.sizes.resize(at / 64 + 1, 0);
        }
        self.sizes[at / 64] |= 1 << (at % 64);
        self.rests.push(rest_of(fingerprint, self.rest_bits) | u64::from(tag));
    }

    fn write_group(&mut self) {
        self.len += self.rests.len();
        let rests = self.rests.len() * self.rest_bits as usize;
        // The middle is between two bytes.
        self.bits.write(0, ((8 - (self.bits.len() + rests) % 8) % 8) as u32);
        self.middles.push(((self.bits.len() + rests) / 8) as u32);
        for rest in self.rests.drain(..).rev() {
            self.bits.write(rest, self.rest_bits);
        }
        let length = GROUP + rests / self.rest_bits as usize;
        self.sizes.resize(length.div_ceil(64), 0);
        for (index, word) in self.sizes.drain(..).enumerate() {
            self.bits.write(word, (length - index * 64).min(64) as u32);
        }
        self.group += GROUP;
        if self.group.is_multiple_of(CHUNK) || self.group >> self.bucket_bits == 1 {
            self.chunks.push(self.bits.take());
        }
    }

    fn finish(mut self) -> CompactSet {
        while self.group < 1 << self.bucket_bits {
            self.write_group();
        }
        CompactSet {
            chunks: self.chunks.into(),
            middles: self.middles.into(),
            len: self.len,
            bucket_bits: self.bucket_bits,
        }
    }
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// The bits that are no whole word yet, and how many they are.
    last: u64,
    last_len: u32,
}

impl Bits {
    fn len(&self) -> usize {
        8 * self.bytes.len() + self.last_len as usize
    }

    fn write(&mut self, value: u64, count: u32) {
        self.last |= value << self.last_len;
        let len = self.last_len + count;
        if len >= 64 {
            self.bytes.extend(self.last.to_le_bytes());
            // In two steps, because shifting by 64 is an error.
            self.last = value >> 1 >> (63 - self.last_len);
        }
        self.last_len = len % 64;
    }

    /// The chunk that was written. Its memory is copied, so that it's no longer than necessary and the buffer can be used again.
    fn take(&mut self) -> Chunk {
        let padding = self.last_len.div_ceil(8) as usize + 8;
        let last = [self.last.to_le_bytes(), [0; 8]];
        self.bytes.extend(&last.as_flattened()[..padding]);
        let chunk = Chunk(self.bytes.as_slice().into());
        self.bytes.clear();
        (self.last, self.last_len) = (0, 0);
        chunk
    }
}

const EACH: u64 = 0x0101_0101_0101_0101;

/// In each byte, how many ones it and the bytes before it have.
const fn byte_sums(word: u64) -> u64 {
    let pairs = word - ((word >> 1) & (0x55 * EACH));
    let nibbles = (pairs & (0x33 * EACH)) + ((pairs >> 2) & (0x33 * EACH));
    ((nibbles + (nibbles >> 4)) & (0x0f * EACH)).wrapping_mul(EACH)
}

/// The position of a word's one with `n` other ones below it.
fn nth_one(word: u64, sums: u64, n: u32) -> u32 {
    // The high bit of each byte whose sum isn't greater than `n`.
    let before = (((u64::from(n) * EACH) | (0x80 * EACH)) - sums) & (0x80 * EACH);
    let byte = ((before >> 7).wrapping_mul(EACH) >> 56) as u32 * 8;
    let mut rest = word >> byte;
    for _ in (sums << 8 >> byte & 0xff) as u32..n {
        rest &= rest - 1;
    }
    byte + rest.trailing_zeros()
}

fn bucket_of(fingerprint: u32, bucket_bits: u32) -> usize {
    (u64::from(fingerprint) >> (BITS - bucket_bits)) as usize
}

const fn rest_bits(bucket_bits: u32) -> u32 {
    BITS - bucket_bits + TAG_BITS
}

/// The low bits of a fingerprint, and space for its tag.
fn rest_of(fingerprint: u32, rest_bits: u32) -> u64 {
    u64::from(fingerprint) << TAG_BITS & mask(rest_bits)
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Fingerprints without a pattern, the same in each run.
    fn some(count: usize, seed: u64) -> BTreeMap<u32, u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        (0..count).map(|_| (next(), (next() >> 29) as u8)).collect()
    }

    fn set(fingerprints: &BTreeMap<u32, u8>) -> CompactSet {
        CompactSet::new(fingerprints.len(), fingerprints.iter().map(|(fingerprint, tag)| (*fingerprint, *tag)))
    }

    #[test]
    fn a_set_has_the_fingerprints_that_it_was_made_from_and_no_others() {
        let edges = BTreeMap::from([(0, 1), (1, 7), (u32::MAX - 1, 0), (u32::MAX, 5)]);
        let close: BTreeMap<u32, u8> = (7_000..8_000).map(|fingerprint| (fingerprint, 3)).collect();
        for fingerprints in [BTreeMap::new(), edges, close, some(1, 1), some(33, 2), some(5_000, 3), some(70_000, 4)] {
            let set = set(&fingerprints);
            assert_eq!(set.len(), fingerprints.len());
            assert!(set.iter().eq(fingerprints.iter().map(|(fingerprint, tag)| (*fingerprint, *tag))));
            for (fingerprint, tag) in &fingerprints {
                assert_eq!(set.tag(*fingerprint), Some(*tag));
                for near in [fingerprint.wrapping_sub(1), fingerprint.wrapping_add(1)] {
                    assert_eq!(set.tag(near), fingerprints.get(&near).copied());
                }
            }
        }
        assert_eq!(CompactSet::default().tag(5), None);
        assert_eq!(CompactSet::default().iter().count(), 0);
    }

    #[test]
    fn merging_keeps_every_fingerprint_and_one_tag_of_two() {
        let (mut older, newer) = (some(3_000, 5), some(900, 6));
        older.extend(newer.keys().step_by(3).map(|fingerprint| (*fingerprint, 7)));
        let (first, second) = (set(&older), set(&newer));
        let both = CompactSet::new(first.len() + second.len(), merged(first.iter(), second.iter(), |_, newer| newer));
        let expected: BTreeMap<u32, u8> = older.into_iter().chain(newer).collect();
        assert!(both.iter().eq(expected.iter().map(|(fingerprint, tag)| (*fingerprint, *tag))));
    }

    #[test]
    fn a_fingerprint_takes_less_than_three_bytes() {
        // A list of a million has 64 sets of this size, and a list of twenty million the larger ones.
        for (count, most) in [(15_625, 2.93), (31_250, 2.81), (312_500, 2.39)] {
            let set = set(&some(count, 7));
            let bytes = set.bytes() as f64 / set.len() as f64;
            assert!(bytes < most, "{count}: {bytes}");
        }
    }

    #[test]
    fn a_name_is_mistaken_for_another_one_in_a_hundred_thousand_times() {
        let set = set(&some(31_250, 8));
        // 31,250 / 2^32 of them, so about 7 of a million.
        let mistaken = some(1_000_000, 9).keys().filter(|fingerprint| set.tag(**fingerprint).is_some()).count();
        assert!(mistaken < 30, "{mistaken}");
    }
}
