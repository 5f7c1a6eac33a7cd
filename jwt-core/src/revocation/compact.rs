//! Many fingerprints in little memory.

use std::collections::BTreeMap;

use super::block::TAG_BITS;
pub(super) use super::blocks::Tagged;
use super::blocks::{Blocks, Found};

pub(super) const TAGS: usize = 1 << TAG_BITS;

/// The bits of the shortest fingerprints.
const SHORTEST: u32 = 31;

/// The bits of the longest ones.
const LONGEST: u32 = 39;

/// The most fingerprints of a set.
pub(super) const MAX_LEN: usize = 1 << 28;

/// Fingerprints, each with a small tag: about 3.3 bytes for each of 60,000, and 2.4 for each of a million or more.
///
/// They have [so many bits](bits_for) that a name is taken for another one with a probability of one in 1,000 at most.
///
/// The high bits of a fingerprint are its block, the next ones its bucket. A block says which of its buckets have entries, and then, at
/// a fixed length, has the rest of each fingerprint and its tag. So a look-up reads one place in memory. If a block is full, its greatest
/// fingerprints are in a few spare blocks. Sets are sorted, so they merge in one pass.
#[derive(Clone, Debug)]
pub(super) struct CompactSet {
    blocks: Blocks,
    spare: Blocks,
    /// Fingerprints whose spare block is full too.
    rest: BTreeMap<u64, u8>,
}

/// The bits of the fingerprints of a set that has `most` of them at the end.
pub(super) const fn bits_for(most: usize) -> u32 {
    let bits = (if most == 0 { 0 } else { most.ilog2() }) + 11;
    if bits < SHORTEST {
        SHORTEST
    } else if bits > LONGEST {
        LONGEST
    } else {
        bits
    }
}

impl CompactSet {
    pub(super) fn empty(bits: u32) -> Self {
        Self { blocks: Blocks::none(bits), spare: Blocks::none(bits), rest: BTreeMap::new() }
    }

    /// Creates a set from fingerprints, which are sorted and distinct, with space for `most`.
    pub(super) fn new(bits: u32, most: usize, sorted: impl Iterator<Item = Tagged>) -> Self {
        if most == 0 {
            return Self::empty(bits);
        }
        let (blocks, over) = Blocks::new(bits, most.min(MAX_LEN), sorted);
        let (spare, rest) = spare_blocks(bits, over.len(), over.into_iter());
        Self { blocks, spare, rest }
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.len + self.spare.len + self.rest.len()
    }

    pub(super) const fn bits(&self) -> u32 {
        self.blocks.bits()
    }

    /// Whether more can be inserted before look-ups become slower and a larger set is better.
    pub(super) fn has_space_for(&self, more: usize) -> bool {
        self.len() + more <= self.blocks.space()
    }

    /// How many bytes the set takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.blocks.bytes() + self.spare.bytes() + 30 * self.rest.len()
    }

    /// The tag of a fingerprint, if it's in the set.
    pub(super) fn tag(&self, fingerprint: u64) -> Option<u8> {
        match self.blocks.find(fingerprint) {
            Found::Tag(tag) => Some(tag),
            Found::Nothing => None,
            Found::Elsewhere => match self.spare.find(fingerprint) {
                Found::Tag(tag) => Some(tag),
                Found::Nothing => None,
                Found::Elsewhere => self.rest.get(&fingerprint).copied(),
            },
        }
    }

    /// Inserts a fingerprint. If the set has it already, `choose` gets the old tag and the new one.
    pub(super) fn insert(&mut self, tagged: Tagged, choose: impl Fn(u8, u8) -> u8) {
        if self.blocks.space() == 0 {
            *self = Self::new(self.bits(), 1, [tagged].into_iter());
            return;
        }
        let Err(tagged) = self.blocks.insert(tagged, &choose) else { return };
        if self.spare.len + self.rest.len() >= self.spare.space() / 4 * 3 {
            let (len, rest) = (self.spare.len + self.rest.len(), std::mem::take(&mut self.rest));
            (self.spare, self.rest) =
                spare_blocks(self.bits(), len + 1, merged(self.spare.iter(), rest.into_iter(), &choose));
        }
        if let Err((fingerprint, tag)) = self.spare.insert(tagged, &choose) {
            self.rest.entry(fingerprint).and_modify(|old| *old = choose(*old, tag)).or_insert(tag);
        }
    }

    /// The fingerprints, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        let rest = self.rest.iter().map(|(fingerprint, tag)| (*fingerprint, *tag));
        merged(self.blocks.iter(), merged(self.spare.iter(), rest, |tag, _| tag), |tag, _| tag)
    }
}

/// Spare blocks have more space, because they are few, and so that very few of them are full.
fn spare_blocks(bits: u32, len: usize, sorted: impl Iterator<Item = Tagged>) -> (Blocks, BTreeMap<u64, u8>) {
    if len == 0 {
        return (Blocks::none(bits), BTreeMap::new());
    }
    let (spare, over) = Blocks::new(bits, 2 * len + 1, sorted);
    (spare, over.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Fingerprints without a pattern, the same in each run.
    fn some(count: usize, seed: u64) -> BTreeMap<u64, u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> (u64::BITS - SHORTEST)
        };
        (0..count).map(|_| (next(), (next() >> (SHORTEST - TAG_BITS)) as u8)).collect()
    }

    fn pairs(fingerprints: &BTreeMap<u64, u8>) -> impl Iterator<Item = Tagged> {
        fingerprints.iter().map(|(fingerprint, tag)| (*fingerprint, *tag))
    }

    fn set(fingerprints: &BTreeMap<u64, u8>) -> CompactSet {
        CompactSet::new(SHORTEST, fingerprints.len(), pairs(fingerprints))
    }

    /// The same, one by one and without order, and with less space than it needs.
    fn grown(fingerprints: &BTreeMap<u64, u8>) -> CompactSet {
        let mut set = CompactSet::empty(SHORTEST);
        let mut all: Vec<Tagged> = pairs(fingerprints).collect();
        all.sort_by_key(|(fingerprint, _)| fingerprint.reverse_bits());
        for (number, (fingerprint, tag)) in all.into_iter().enumerate() {
            if number.is_power_of_two() {
                set = CompactSet::new(SHORTEST, number, set.iter());
            }
            set.insert((fingerprint, 7 - tag), |_, _| unreachable!());
            set.insert((fingerprint, tag), |old, new| {
                assert_eq!(old, 7 - tag);
                new
            });
        }
        set
    }

    #[test]
    fn a_set_has_the_fingerprints_that_it_was_made_from_and_no_others() {
        let last = (1 << SHORTEST) - 1;
        let edges = BTreeMap::from([(0, 1), (1, 7), (last - 1, 0), (last, 5)]);
        // They belong to one block, so most of them are in spare sets of spare sets.
        let close: BTreeMap<u64, u8> = (7_000..8_000).map(|fingerprint| (fingerprint, 3)).collect();
        for fingerprints in [BTreeMap::new(), edges, close, some(1, 1), some(33, 2), some(5_000, 3), some(70_000, 4)] {
            for set in [set(&fingerprints), grown(&fingerprints), set(&fingerprints).clone()] {
                assert_eq!(set.len(), fingerprints.len());
                assert!(set.iter().eq(pairs(&fingerprints)));
                for (fingerprint, tag) in &fingerprints {
                    assert_eq!(set.tag(*fingerprint), Some(*tag));
                    for near in [fingerprint.wrapping_sub(1) & last, (fingerprint + 1) & last] {
                        assert_eq!(set.tag(near), fingerprints.get(&near).copied());
                    }
                }
            }
        }
        assert_eq!(CompactSet::empty(SHORTEST).tag(5), None);
        assert_eq!(CompactSet::empty(SHORTEST).iter().count(), 0);
    }

    #[test]
    fn merging_keeps_every_fingerprint_and_one_tag_of_two() {
        let (mut older, newer) = (some(3_000, 5), some(900, 6));
        older.extend(newer.keys().step_by(3).map(|fingerprint| (*fingerprint, 7)));
        let (first, second) = (set(&older), set(&newer));
        let both = CompactSet::new(
            SHORTEST,
            first.len() + second.len(),
            merged(first.iter(), second.iter(), |_, newer| newer),
        );
        let expected: BTreeMap<u64, u8> = older.into_iter().chain(newer).collect();
        assert!(both.iter().eq(pairs(&expected)));
    }

    #[test]
    fn a_fingerprint_of_a_large_set_takes_two_and_a_half_bytes() {
        // A list has 16 sets, so these are for a million, two million and 20 million.
        for (count, most) in [(62_500, 3.3), (125_000, 3.05), (1_250_000, 2.5)] {
            // Fingerprints of larger sets are longer.
            let bits = bits_for(count);
            let fingerprints = some(count, 7);
            let longer = fingerprints.iter().map(|(fingerprint, tag)| (fingerprint << (bits - SHORTEST), *tag));
            let set = CompactSet::new(bits, fingerprints.len(), longer);
            let bytes = set.bytes() as f64 / set.len() as f64;
            assert!(bytes < most, "{count}: {bytes}");
        }
    }

    #[test]
    fn a_name_is_mistaken_for_another_one_in_ten_thousand_times() {
        let set = set(&some(125_000, 8));
        // 125,000 / 2^31 of them, so about 58 of a million.
        let mistaken = some(1_000_000, 9).keys().filter(|fingerprint| set.tag(**fingerprint).is_some()).count();
        assert!((20..120).contains(&mistaken), "{mistaken}");
    }
}
