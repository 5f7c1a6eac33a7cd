//! Many fingerprints in little memory.

/// How many bits of a digest a set keeps. A name that isn't in a set of `n` is taken for one that is with a probability of
/// `n / 2^32`.
const BITS: u32 = 32;

/// Bits of a tag.
const TAG_BITS: u32 = 3;

pub(super) const TAGS: usize = 1 << TAG_BITS;

/// The number of buckets that are stored together.
const GROUP: usize = 256;

/// More would overflow the positions of groups.
pub(super) const MAX_LEN: usize = 1 << 26;

/// Sorted fingerprints, each with a small tag: about 2.9 bytes for each of 16,000, and 2.4 for each of 300,000.
///
/// The high bits of a fingerprint are its bucket, of which there are about as many as fingerprints. The buckets' sizes are
/// unary numbers, and the rest of each fingerprint has a fixed length (Elias 1974, Fano 1971). The sizes of some buckets are
/// followed by their rests, so that a look-up reads one place in memory besides the small `starts`. Sets merge in one pass.
#[derive(Debug, Default)]
pub(super) struct CompactSet {
    /// For each group, first its sizes: for each bucket a one for each of its fingerprints, and a zero. Then the rests: the low
    /// bits of each fingerprint, and its tag.
    words: Box<[u64]>,
    /// How many fingerprints are before each group, and how many there are.
    starts: Box<[u32]>,
    bucket_bits: u32,
}

/// A fingerprint with its tag.
pub(super) type Tagged = (u32, u8);

/// The places of a group, counted in bits.
struct Group {
    sizes: usize,
    rests: usize,
    /// How many fingerprints it has.
    len: usize,
}

impl CompactSet {
    /// Creates a set from at most `most` fingerprints, which are sorted and distinct.
    pub(super) fn new(most: usize, sorted: impl Iterator<Item = Tagged>) -> Self {
        let mut builder = Builder::new(most.clamp(1, MAX_LEN));
        sorted.for_each(|tagged| builder.push(tagged));
        builder.finish()
    }

    pub(super) fn len(&self) -> usize {
        self.starts.last().map_or(0, |len| *len as usize)
    }

    /// How many bytes the set takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.starts) + size_of::<Self>()
    }

    /// The tag of a fingerprint, if it's in the set.
    pub(super) fn tag(&self, fingerprint: u32) -> Option<u8> {
        let bucket = bucket_of(fingerprint, self.bucket_bits);
        let group = self.group(bucket / GROUP)?;
        let (bucket, wanted) = (bucket % GROUP, rest_of(fingerprint, self.rest_bits()) >> TAG_BITS);
        // The zeros before are those of the buckets before.
        let mut index = self.after_zeros(group.sizes, bucket) - bucket;
        while index < group.len && self.read(group.sizes + bucket + index) & 1 == 1 {
            let rest = self.rest(&group, index);
            if rest >> TAG_BITS >= wanted {
                return (rest >> TAG_BITS == wanted).then_some((rest & mask(TAG_BITS)) as u8);
            }
            index += 1;
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        let groups = (0..).map_while(|index| Some((index, self.group(index)?)));
        groups.flat_map(move |(number, group)| {
            let (mut bucket, mut at) = (number * GROUP, group.sizes);
            (0..group.len).map(move |index| {
                let mut zeros = self.read(at).trailing_zeros() as usize;
                while self.read(at + zeros) & 1 == 0 {
                    zeros += self.read(at + zeros).trailing_zeros() as usize;
                }
                (bucket, at) = (bucket + zeros, at + zeros + 1);
                let rest = self.rest(&group, index);
                let high = (bucket as u64) << (BITS - self.bucket_bits);
                ((high | rest >> TAG_BITS) as u32, (rest & mask(TAG_BITS)) as u8)
            })
        })
    }

    const fn rest_bits(&self) -> u32 {
        BITS - self.bucket_bits + TAG_BITS
    }

    fn group(&self, index: usize) -> Option<Group> {
        let &[start, end] = self.starts.get(index..index + 2)? else { return None };
        let sizes = index * GROUP + start as usize * (1 + self.rest_bits() as usize);
        let len = (end - start) as usize;
        Some(Group { sizes, rests: sizes + GROUP + len, len })
    }

    /// The number of bits from `at` to the end of this number of zeros.
    fn after_zeros(&self, at: usize, zeros: usize) -> usize {
        let (mut left, mut skipped) = (zeros as u32, 0);
        while left > 0 {
            let word = !self.read(at + skipped);
            let here = word.count_ones();
            if here >= left {
                return skipped + nth_one(word, left - 1) as usize + 1;
            }
            (left, skipped) = (left - here, skipped + 64);
        }
        skipped
    }

    /// The low bits of a fingerprint, and its tag.
    fn rest(&self, group: &Group, index: usize) -> u64 {
        let length = self.rest_bits();
        self.read(group.rests + index * length as usize) & mask(length)
    }

    /// The 64 bits from a place on.
    fn read(&self, at: usize) -> u64 {
        let (index, shift) = (at / 64, (at % 64) as u32);
        let word = |index: usize| self.words.get(index).copied().unwrap_or(0);
        // In two steps, because shifting by 64 is an error.
        word(index) >> shift | word(index + 1) << 1 << (63 - shift)
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
    bits: Bits,
    starts: Vec<u32>,
    bucket_bits: u32,
    rest_bits: u32,
    /// The first bucket of the group that isn't written yet, its sizes, and its rests.
    group: usize,
    sizes: Vec<u64>,
    rests: Vec<u64>,
}

impl Builder {
    fn new(most: usize) -> Self {
        let bucket_bits = (most * 4 / 3).ilog2().max(GROUP.ilog2());
        let (count, rest_bits) = (1_usize << bucket_bits, BITS - bucket_bits + TAG_BITS);
        // The expected lengths, so that the buffers are not moved while they grow.
        let words = Vec::with_capacity((most * (1 + rest_bits as usize) + count) / 64 + 1);
        let mut starts = Vec::with_capacity(count / GROUP + 1);
        starts.push(0);
        let bits = Bits { words, len: 0 };
        Self { bits, starts, bucket_bits, rest_bits, group: 0, sizes: Vec::new(), rests: Vec::new() }
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
        let length = GROUP + self.rests.len();
        self.sizes.resize(length.div_ceil(64), 0);
        for (index, word) in self.sizes.drain(..).enumerate() {
            self.bits.write(word, (length - index * 64).min(64) as u32);
        }
        self.starts.push(self.starts.last().copied().unwrap_or(0) + self.rests.len() as u32);
        for rest in self.rests.drain(..) {
            self.bits.write(rest, self.rest_bits);
        }
        self.group += GROUP;
    }

    fn finish(mut self) -> CompactSet {
        while self.group < 1 << self.bucket_bits {
            self.write_group();
        }
        CompactSet { words: self.bits.words.into(), starts: self.starts.into(), bucket_bits: self.bucket_bits }
    }
}

struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    fn write(&mut self, value: u64, count: u32) {
        let shift = (self.len % 64) as u32;
        if shift == 0 {
            self.words.push(value);
        } else {
            if let Some(last) = self.words.last_mut() {
                *last |= value << shift;
            }
            if shift + count > 64 {
                self.words.push(value >> (64 - shift));
            }
        }
        self.len += count as usize;
    }
}

/// The position of a word's one with `n` other ones below it.
fn nth_one(word: u64, n: u32) -> u32 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let pairs = word - ((word >> 1) & (0x55 * EACH));
    let nibbles = (pairs & (0x33 * EACH)) + ((pairs >> 2) & (0x33 * EACH));
    // In each byte, how many ones it and the bytes before it have.
    let sums = ((nibbles + (nibbles >> 4)) & (0x0f * EACH)).wrapping_mul(EACH);
    // The high bit of each byte whose sum isn't greater than `n`.
    let before = (((u64::from(n) * EACH) | (0x80 * EACH)) - sums) & (0x80 * EACH);
    let byte = before.count_ones() * 8;
    let mut rest = word >> byte;
    for _ in (sums << 8 >> byte & 0xff) as u32..n {
        rest &= rest - 1;
    }
    byte + rest.trailing_zeros()
}

fn bucket_of(fingerprint: u32, bucket_bits: u32) -> usize {
    (u64::from(fingerprint) >> (BITS - bucket_bits)) as usize
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
        for (count, most) in [(15_625, 2.93), (31_250, 2.80), (312_500, 2.38)] {
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
