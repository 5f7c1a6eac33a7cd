//! Many fingerprints in little memory.

/// How many bits of a digest a set keeps. A name that isn't in a set of `n` is taken for one that is with a probability of
/// `n / 2^32`.
const BITS: u32 = 32;

/// Bits of a tag.
const TAG_BITS: u32 = 3;

pub(super) const TAGS: usize = 1 << TAG_BITS;

/// One in this many buckets has its position recorded.
const PER_START: usize = 64;

/// More would overflow the positions of buckets.
pub(super) const MAX_LEN: usize = 1 << 26;

/// Sorted fingerprints, each with a small tag: about 2.9 bytes for each of 16,000, and 2.4 for each of 300,000.
///
/// The high bits of a fingerprint are its bucket, of which there are about as many as fingerprints. The buckets' sizes are
/// unary numbers, and the rest of each fingerprint has a fixed length, so a look-up reads three places (Elias 1974, Fano 1971).
/// Sets merge in one pass.
#[derive(Debug, Default)]
pub(super) struct CompactSet {
    /// For each bucket a one for each of its fingerprints, and a zero.
    buckets: Box<[u64]>,
    /// Where every 64th bucket begins in `buckets`.
    starts: Box<[u32]>,
    /// The low bits of each fingerprint, with its tag before them.
    rests: Box<[u64]>,
    len: usize,
    bucket_bits: u32,
}

/// A fingerprint with its tag.
pub(super) type Tagged = (u32, u8);

impl CompactSet {
    /// Creates a set from at most `most` fingerprints, which are sorted and distinct.
    pub(super) fn new(most: usize, sorted: impl Iterator<Item = Tagged>) -> Self {
        let most = most.clamp(1, MAX_LEN);
        let bucket_bits = (most * 4 / 3).ilog2();
        let (count, low_bits) = (1 << bucket_bits, BITS - bucket_bits);
        let (mut buckets, mut rests) = (Bits::default(), Bits::default());
        // The expected lengths, so that the buffers aren't moved while they grow.
        buckets.words.reserve((most + count) / 64 + 1);
        rests.words.reserve(most * (low_bits + TAG_BITS) as usize / 64 + 1);
        let mut starts = Vec::with_capacity(count / PER_START + 1);
        starts.push(0);
        let (mut len, mut closed) = (0, 0);
        let mut close = |buckets: &mut Bits, until: usize| {
            while closed < until {
                buckets.write(0, 1);
                closed += 1;
                if closed.is_multiple_of(PER_START) {
                    starts.push(buckets.len as u32);
                }
            }
        };
        for (fingerprint, tag) in sorted {
            let bucket = bucket_of(fingerprint, bucket_bits);
            close(&mut buckets, bucket);
            buckets.write(1, 1);
            let low = u64::from(fingerprint) & mask(low_bits);
            rests.write(low << TAG_BITS | u64::from(tag), low_bits + TAG_BITS);
            len += 1;
        }
        close(&mut buckets, count);
        Self { buckets: buckets.words.into(), starts: starts.into(), rests: rests.words.into(), len, bucket_bits }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many bytes the set takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.starts) + size_of_val(&*self.rests) + size_of::<Self>()
    }

    /// The tag of a fingerprint, if it's in the set.
    pub(super) fn tag(&self, fingerprint: u32) -> Option<u8> {
        if self.len == 0 {
            return None;
        }
        let bucket = bucket_of(fingerprint, self.bucket_bits);
        let low = u64::from(fingerprint) & mask(BITS - self.bucket_bits);
        let mut at = self.start_of(bucket)?;
        while is_one(&self.buckets, at) {
            // The zeros before are those of the buckets before.
            let rest = self.rest(at - bucket);
            if rest >> TAG_BITS >= low {
                return (rest >> TAG_BITS == low).then_some((rest & mask(TAG_BITS)) as u8);
            }
            at += 1;
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        let (mut at, mut bucket) = (0, 0_u64);
        (0..self.len).map(move |index| {
            while !is_one(&self.buckets, at) {
                (at, bucket) = (at + 1, bucket + 1);
            }
            at += 1;
            let rest = self.rest(index);
            let fingerprint = bucket << (BITS - self.bucket_bits) | rest >> TAG_BITS;
            (fingerprint as u32, (rest & mask(TAG_BITS)) as u8)
        })
    }

    /// The position in `buckets` at which a bucket begins.
    fn start_of(&self, bucket: usize) -> Option<usize> {
        let start = *self.starts.get(bucket / PER_START)? as usize;
        let (mut zeros, mut index) = ((bucket % PER_START) as u32, start / 64);
        if zeros == 0 {
            return Some(start);
        }
        let mut word = self.buckets.get(index)? | mask((start % 64) as u32);
        while word.count_zeros() < zeros {
            zeros -= word.count_zeros();
            index += 1;
            word = *self.buckets.get(index)?;
        }
        for _ in 1..zeros {
            word |= word + 1;
        }
        Some(index * 64 + word.trailing_ones() as usize + 1)
    }

    /// The low bits of a fingerprint, and its tag.
    fn rest(&self, index: usize) -> u64 {
        let length = BITS - self.bucket_bits + TAG_BITS;
        let at = index * length as usize;
        let (index, shift) = (at / 64, (at % 64) as u32);
        let word = |index| self.rests.get(index).copied().unwrap_or(0);
        let low = word(index) >> shift;
        // Most are within one word.
        let rest = if shift + length > 64 { low | word(index + 1) << (64 - shift) } else { low };
        rest & mask(length)
    }
}

/// Merges sorted fingerprints, which are distinct in each. `choose` gets the tags of equal ones.
pub(super) fn merged(
    first: impl Iterator<Item = Tagged>,
    second: impl Iterator<Item = Tagged>,
    choose: impl Fn(u8, u8) -> u8,
) -> impl Iterator<Item = Tagged> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || match (first.peek().copied(), second.peek().copied()) {
        (Some(one), Some(other)) if one.0 == other.0 => {
            first.next();
            second.next().map(|_| (one.0, choose(one.1, other.1)))
        }
        (Some(one), Some(other)) if one.0 < other.0 => first.next(),
        (_, Some(_)) => second.next(),
        (_, None) => first.next(),
    })
}

#[derive(Default)]
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

fn is_one(words: &[u64], at: usize) -> bool {
    words.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn bucket_of(fingerprint: u32, bucket_bits: u32) -> usize {
    (u64::from(fingerprint) >> (BITS - bucket_bits)) as usize
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
        for (count, most) in [(15_625, 2.98), (31_250, 2.86), (312_500, 2.45)] {
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
