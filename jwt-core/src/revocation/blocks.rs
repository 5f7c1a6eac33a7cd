//! Blocks of fingerprints.

pub(super) use super::block::Found;
use super::block::{BUCKET_BITS, Block, TAG_BITS, capacity, mask};
use super::pages::Pages;

/// A fingerprint with its tag.
pub(super) type Tagged = (u64, u8);

/// The share of entries that may be taken. Then a twelfth of the blocks are full, and one in two hundred fingerprints had no space in
/// its block. A look-up reads another block only for a fingerprint that is greater than all of a full one.
const FULL: (usize, usize) = (27, 32);

/// Blocks for fingerprints, by their high bits. A look-up reads one. A full one has the smallest of its fingerprints.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    pages: Pages,
    shape: Shape,
    pub(super) len: usize,
}

impl Blocks {
    pub(super) fn none(bits: u32) -> Self {
        Self { pages: Pages::default(), shape: Shape::none(bits), len: 0 }
    }

    /// Creates blocks with space for `most` fingerprints, and fills them. Returns the ones that found no space.
    pub(super) fn new(bits: u32, most: usize, sorted: impl Iterator<Item = Tagged>) -> (Self, Vec<Tagged>) {
        let shape = Shape::of(bits, most);
        let (mut blocks, mut over) = (Self { pages: Pages::zeroed(shape.blocks), shape, len: 0 }, Vec::new());
        for (fingerprint, tag) in sorted {
            let (index, entry) = shape.split(fingerprint, tag);
            match blocks.pages.get_mut(index).map(Block) {
                Some(mut block) if block.len() < shape.capacity => {
                    block.push(entry, shape.entry_bits);
                    blocks.len += 1;
                }
                _ => over.push((fingerprint, tag)),
            }
        }
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
    pub(super) const fn bytes(&self) -> usize {
        self.pages.bytes()
    }

    pub(super) fn find(&self, fingerprint: u64) -> Found {
        let Shape { entry_bits, capacity, .. } = self.shape;
        let (index, entry) = self.shape.split(fingerprint, 0);
        self.pages.get(index).map_or(Found::Nothing, |bytes| Block(bytes).find(entry, entry_bits, capacity))
    }

    /// Inserts a fingerprint. If there is the same, `choose` gets its tag and the new one. If its block is full, the greatest
    /// fingerprint of the block is returned.
    pub(super) fn insert(&mut self, (fingerprint, tag): Tagged, choose: impl Fn(u8, u8) -> u8) -> Result<(), Tagged> {
        let Shape { entry_bits, capacity, .. } = self.shape;
        let (index, entry) = self.shape.split(fingerprint, tag);
        let Some(mut block) = self.pages.get_mut(index).map(Block) else { return Err((fingerprint, tag)) };
        if let Some((at, old)) = block.position(entry, entry_bits) {
            block.flip(at, entry_bits, (old ^ choose(old, tag)).into());
            return Ok(());
        }
        if block.len() < capacity {
            block.insert(entry, entry_bits);
            self.len += 1;
            return Ok(());
        }
        let last = block.last(entry_bits);
        if last < entry {
            return Err((fingerprint, tag));
        }
        block.pop();
        block.insert(entry, entry_bits);
        Err(self.shape.join(index, last))
    }

    /// The fingerprints, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = Tagged> {
        (0..self.shape.blocks).filter_map(|index| Some((index, self.pages.get(index)?))).flat_map(
            move |(index, bytes)| {
                Block(bytes).entries(self.shape.entry_bits).map(move |entry| self.shape.join(index, entry))
            },
        )
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
            let blocks = (most * FULL.1).div_ceil(capacity * FULL.0).max(apart);
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
