//! Many fingerprints in little memory.

/// How many bits of a digest a set keeps. A name that isn't in a set of `n` is taken for one that is with a probability of
/// `n / 2^32`.
const BITS: u32 = 32;

/// Bits of a tag.
const TAG_BITS: u32 = 3;

pub(super) const TAGS: usize = 1 << TAG_BITS;

/// How many fingerprints a bucket has on average. Looking one up decodes half of them.
const PER_BUCKET: usize = 32;

/// More would overflow the positions of buckets.
pub(super) const MAX_LEN: usize = 1 << 26;

/// Sorted fingerprints, each with a small tag. The differences are Rice-coded: about 2.9 bytes for each of 16,000, and 2.4 for
/// each of 300,000.
///
/// A binary fuse filter would take 2.3 bytes. But it's built from all digests at once, so it can't grow unless they are kept
/// somewhere. These sets merge in one pass.
#[derive(Debug, Default)]
pub(super) struct CompactSet {
    words: Box<[u64]>,
    /// Where each bucket begins, in bits, and where the last one ends.
    starts: Box<[u32]>,
    len: usize,
    bucket_bits: u32,
    /// How many low bits of a difference are written as they are.
    low_bits: u32,
}

/// A fingerprint with its tag.
pub(super) type Tagged = (u32, u8);

impl CompactSet {
    /// Creates a set from at most `most` fingerprints, which are sorted and distinct.
    pub(super) fn new(most: usize, sorted: impl Iterator<Item = Tagged>) -> Self {
        let most = most.clamp(1, MAX_LEN);
        let (bucket_bits, gap) = ((most / PER_BUCKET).max(1).ilog2(), (1_u64 << BITS) / most as u64);
        let (low_bits, mut bits) = (gap.max(1).ilog2(), Bits::default());
        // The expected length, so that the buffer isn't moved while it grows.
        bits.words.reserve(most * (low_bits + 2 + TAG_BITS) as usize / 64);
        let mut starts = Vec::with_capacity((1 << bucket_bits) + 1);
        let (mut len, mut next) = (0, 0_u64);
        for (fingerprint, tag) in sorted {
            let bucket = bucket_of(fingerprint, bucket_bits);
            while starts.len() <= bucket {
                next = first_of(starts.len(), bucket_bits);
                starts.push(bits.len);
            }
            let difference = u64::from(fingerprint) - next;
            bits.write_ones(difference >> low_bits);
            bits.write(difference & mask(low_bits), low_bits);
            bits.write(u64::from(tag), TAG_BITS);
            next = u64::from(fingerprint) + 1;
            len += 1;
        }
        starts.resize((1 << bucket_bits) + 1, bits.len);
        Self { words: bits.words.into(), starts: starts.into(), len, bucket_bits, low_bits }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many bytes the set takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.starts) + size_of::<Self>()
    }

    /// The tag of a fingerprint, if it's in the set.
    pub(super) fn tag(&self, fingerprint: u32) -> Option<u8> {
        let bucket = bucket_of(fingerprint, self.bucket_bits);
        let found = self.bucket(bucket).find(|(known, _)| *known >= fingerprint);
        found.filter(|(known, _)| *known == fingerprint).map(|(_, tag)| tag)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        (0..self.starts.len().saturating_sub(1)).flat_map(|bucket| self.bucket(bucket))
    }

    fn bucket(&self, bucket: usize) -> Bucket<'_> {
        let start = |bucket| self.starts.get(bucket).copied().unwrap_or(0);
        Bucket { set: self, at: start(bucket), end: start(bucket + 1), next: first_of(bucket, self.bucket_bits) }
    }

    /// 64 bits from a position on.
    fn window(&self, at: u32) -> u64 {
        let (index, shift) = ((at / 64) as usize, at % 64);
        let word = |index| self.words.get(index).copied().unwrap_or(0);
        if shift == 0 { word(index) } else { word(index) >> shift | word(index + 1) << (64 - shift) }
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

/// The fingerprints of a bucket that are left.
struct Bucket<'s> {
    set: &'s CompactSet,
    at: u32,
    end: u32,
    /// The smallest value that the next fingerprint can have.
    next: u64,
}

impl Iterator for Bucket<'_> {
    type Item = Tagged;

    fn next(&mut self) -> Option<Tagged> {
        if self.at >= self.end {
            return None;
        }
        let mut ones = 0;
        loop {
            let more = self.set.window(self.at + ones).trailing_ones();
            ones += more;
            if more < 64 || self.at + ones >= self.end {
                break;
            }
        }
        let (window, low_bits) = (self.set.window(self.at + ones + 1), self.set.low_bits);
        self.at += ones + 1 + low_bits + TAG_BITS;
        let difference = u64::from(ones) << low_bits | window & mask(low_bits);
        let fingerprint = u32::try_from(self.next + difference).ok()?;
        self.next = u64::from(fingerprint) + 1;
        Some((fingerprint, (window >> low_bits & mask(TAG_BITS)) as u8))
    }
}

#[derive(Default)]
struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    fn write(&mut self, value: u64, count: u32) {
        if count == 0 {
            return;
        }
        let shift = self.len % 64;
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
        self.len += count;
    }

    /// Writes `count` ones, and a zero.
    fn write_ones(&mut self, mut count: u64) {
        while count >= 32 {
            self.write(mask(32), 32);
            count -= 32;
        }
        self.write(mask(count as u32), count as u32 + 1);
    }
}

fn bucket_of(fingerprint: u32, bucket_bits: u32) -> usize {
    (u64::from(fingerprint) >> (BITS - bucket_bits)) as usize
}

fn first_of(bucket: usize, bucket_bits: u32) -> u64 {
    (bucket as u64) << (BITS - bucket_bits)
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
