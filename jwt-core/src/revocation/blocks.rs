//! Blocks of fingerprints.

use std::fmt;

use super::block::{BUCKET_BITS, Block, Place, TAG_BITS, WORDS, capacity, insert, mask, push, replace};

/// A fingerprint with its tag.
pub(super) type Tagged = (u64, u8);

const LINE: usize = WORDS * size_of::<u64>();

/// Blocks that are allocated together, always as many, so that the memory of a set's chunks fits those of the next set.
const CHUNK: usize = 128;

/// The share of entries that may be taken. Then a fourth of the blocks are full, and three in a hundred fingerprints had no space
/// in theirs.
const FULL: (usize, usize) = (28, 32);

/// Blocks for fingerprints, by their high bits. A look-up reads one.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    chunks: Vec<Chunk>,
    shape: Shape,
    pub(super) len: usize,
}

/// What's known about a fingerprint.
pub(super) enum Found {
    Tag(u8),
    Nothing,
    /// Its block is full, so it may be elsewhere.
    FullBlock,
}

impl Blocks {
    pub(super) const fn none(bits: u32) -> Self {
        Self { chunks: Vec::new(), shape: Shape::none(bits), len: 0 }
    }

    /// Creates blocks with space for `most` fingerprints, and fills them. Returns the ones that found no space.
    pub(super) fn new(bits: u32, most: usize, sorted: impl Iterator<Item = Tagged>) -> (Self, Vec<Tagged>) {
        let shape = Shape::of(bits, most);
        let chunks = (0..shape.blocks / CHUNK).map(|_| Chunk::new()).collect();
        let mut blocks = Self { chunks, shape, len: 0 };
        let (mut block, mut words, mut len, mut over) = (0, [0; WORDS], 0, Vec::new());
        for (fingerprint, tag) in sorted {
            let (index, entry) = shape.split(fingerprint, tag);
            if index != block {
                blocks.write(block, words);
                (block, words, len) = (index, [0; WORDS], 0);
            }
            if len == shape.capacity {
                over.push((fingerprint, tag));
            } else {
                push(&mut words, len, shape.entry_bits, entry);
                (len, blocks.len) = (len + 1, blocks.len + 1);
            }
        }
        blocks.write(block, words);
        (blocks, over)
    }

    pub(super) const fn bits(&self) -> u32 {
        self.shape.bits
    }

    /// How many fingerprints the blocks are for.
    pub(super) const fn space(&self) -> usize {
        self.shape.blocks * self.shape.capacity * FULL.0 / FULL.1
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| size_of::<Chunk>() + size_of_val(&*chunk.0)).sum()
    }

    pub(super) fn find(&self, fingerprint: u64) -> Found {
        let (index, entry) = self.shape.split(fingerprint, 0);
        let block = self.chunks.get(index / CHUNK).and_then(|chunk| chunk.block(index % CHUNK));
        let Some(block) = block else { return Found::Nothing };
        match block.find(entry, self.shape.entry_bits) {
            Some(tag) => Found::Tag(tag),
            None if block.len() == self.shape.capacity => Found::FullBlock,
            None => Found::Nothing,
        }
    }

    /// Inserts a fingerprint if there is space. If there is the same, `choose` gets its tag and the new one. There are blocks.
    pub(super) fn insert(&mut self, (fingerprint, tag): Tagged, choose: impl Fn(u8, u8) -> u8) -> Result<(), Tagged> {
        let Shape { entry_bits, capacity, .. } = self.shape;
        let (index, entry) = self.shape.split(fingerprint, tag);
        let words = self.chunks.get_mut(index / CHUNK).and_then(|chunk| chunk.block_mut(index % CHUNK));
        let Some(words) = words else { return Err((fingerprint, tag)) };
        let block = Block(words);
        let is_full = block.len() == capacity;
        match block.place(entry, entry_bits) {
            Place::Taken(index, old) => replace(words, index, entry_bits, (old ^ choose(old, tag)).into()),
            Place::Free(..) if is_full => return Err((fingerprint, tag)),
            Place::Free(index, one) => {
                insert(words, index, one, entry_bits, entry);
                self.len += 1;
            }
        }
        Ok(())
    }

    /// The fingerprints, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        (0..self.shape.blocks).flat_map(move |index| {
            let block = self.chunks.get(index / CHUNK).and_then(|chunk| chunk.block(index % CHUNK));
            let entries = block.into_iter().flat_map(|block| block.entries(self.shape.entry_bits));
            entries.map(move |entry| self.shape.join(index, entry))
        })
    }

    fn write(&mut self, index: usize, words: [u64; WORDS]) {
        if let Some(block) = self.chunks.get_mut(index / CHUNK).and_then(|chunk| chunk.block_mut(index % CHUNK)) {
            *block = words;
        }
    }
}

/// How blocks divide fingerprints.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    /// The bits of a fingerprint.
    bits: u32,
    blocks: usize,
    /// The bits that tell the fingerprints of a block apart.
    place_bits: u32,
    /// The bits of a fingerprint that its bucket doesn't tell, and those of its tag.
    entry_bits: u32,
    /// The entries that fit a block.
    capacity: usize,
}

impl Shape {
    const fn none(bits: u32) -> Self {
        Self { bits, blocks: 0, place_bits: 0, entry_bits: 0, capacity: 0 }
    }

    /// The shape with the fewest blocks.
    fn of(bits: u32, most: usize) -> Self {
        let shapes = (BUCKET_BITS + 1..=bits).map(|place_bits| {
            let entry_bits = place_bits - BUCKET_BITS + TAG_BITS;
            let capacity = capacity(entry_bits);
            // As many as they need so that no two fingerprints of a block have the same place.
            let apart = 1 << (bits - place_bits);
            let blocks = (most * FULL.1).div_ceil(capacity * FULL.0).max(apart).next_multiple_of(CHUNK);
            Self { bits, blocks, place_bits, entry_bits, capacity }
        });
        shapes.min_by_key(|shape| shape.blocks).unwrap_or(Self::none(bits))
    }

    /// The block of a fingerprint, and its entry.
    fn split(&self, fingerprint: u64, tag: u8) -> (usize, u64) {
        let product = fingerprint * self.blocks as u64;
        let place = (product & mask(self.bits)) >> (self.bits - self.place_bits);
        ((product >> self.bits) as usize, place << TAG_BITS | u64::from(tag))
    }

    fn join(&self, block: usize, entry: u64) -> Tagged {
        let place = (block as u64) << self.place_bits | entry >> TAG_BITS;
        // The smallest product with this place. Only one fingerprint has it.
        let fingerprint = (place << (self.bits - self.place_bits)).div_ceil(self.blocks as u64);
        (fingerprint, (entry & mask(TAG_BITS)) as u8)
    }
}

/// Blocks, from the first place on that is the beginning of a line.
struct Chunk(Box<[u64; CHUNK_WORDS]>);

const CHUNK_WORDS: usize = (CHUNK + 1) * WORDS - 1;

impl Chunk {
    fn new() -> Self {
        Self(Box::new([0; CHUNK_WORDS]))
    }

    fn first(&self) -> usize {
        self.0.as_ptr().align_offset(LINE).min(WORDS - 1)
    }

    fn block(&self, index: usize) -> Option<Block<'_>> {
        self.0.get(self.first() + index * WORDS..)?.first_chunk().map(Block)
    }

    fn block_mut(&mut self, index: usize) -> Option<&mut [u64; WORDS]> {
        let first = self.first();
        self.0.get_mut(first + index * WORDS..)?.first_chunk_mut()
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Self {
        let mut clone = Self::new();
        let (from, to) = (self.first(), clone.first());
        clone.0[to..to + CHUNK * WORDS].copy_from_slice(&self.0[from..from + CHUNK * WORDS]);
        clone
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").finish_non_exhaustive()
    }
}
