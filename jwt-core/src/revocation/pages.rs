//! Memory for blocks.

use std::fmt;
use std::ops::{Deref, DerefMut};

#[cfg(all(target_os = "linux", any(feature = "postgres", feature = "redis")))]
use memmap2::Advice;
#[cfg(any(feature = "postgres", feature = "redis"))]
use memmap2::MmapMut;

/// Two lines of the processor's cache, which it reads at the same time.
pub(super) const BLOCK: usize = 128;

pub(super) type Bytes = [u8; BLOCK];

/// The bytes of a huge page. With small ones, the processor looks for the page before each read, which takes as long as the read.
const HUGE_PAGE: usize = 2 << 20;

/// Pages of memory with a fixed number of blocks.
///
/// They do not come from the allocator, because sets grow one after the other: each would leave a gap that is too small for the next.
#[derive(Default)]
pub(super) struct Pages {
    memory: Memory,
    /// The place of the first block in the memory.
    first: usize,
    count: usize,
}

enum Memory {
    #[cfg(any(feature = "postgres", feature = "redis"))]
    Mapped(MmapMut),
    /// Only if the operating system refuses to map memory.
    Allocated(Vec<u8>),
}

impl Pages {
    /// Creates blocks of zeros.
    pub(super) fn zeroed(count: usize) -> Self {
        if count == 0 {
            return Self::default();
        }
        let length = count * BLOCK;
        let in_huge_pages = length / HUGE_PAGE * HUGE_PAGE;
        let alignment = if in_huge_pages > 0 { HUGE_PAGE } else { BLOCK };
        let memory = Memory::zeroed(length + alignment - 1);
        // It is allowed to find no place. Blocks that are not aligned are slower.
        let first = memory.as_ptr().align_offset(alignment).min(alignment - 1);
        // Without huge pages, look-ups are slower. In them, the rest of the blocks would take more memory than it needs.
        #[cfg(all(target_os = "linux", any(feature = "postgres", feature = "redis")))]
        if let Memory::Mapped(mapped) = &memory
            && in_huge_pages > 0
        {
            let _ = mapped.advise_range(Advice::HugePage, first, in_huge_pages);
            let _ = mapped.advise_range(Advice::NoHugePage, first + in_huge_pages, length - in_huge_pages);
        }
        Self { memory, first, count }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.count * BLOCK
    }

    pub(super) fn get(&self, index: usize) -> Option<&Bytes> {
        self.memory.get(self.first..self.first + self.bytes())?.as_chunks().0.get(index)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Bytes> {
        let end = self.first + self.bytes();
        self.memory.get_mut(self.first..end)?.as_chunks_mut().0.get_mut(index)
    }
}

impl Clone for Pages {
    fn clone(&self) -> Self {
        let mut clone = Self::zeroed(self.count);
        let (from, to) = (self.first, clone.first);
        clone.memory[to..to + self.bytes()].copy_from_slice(&self.memory[from..from + self.bytes()]);
        clone
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Memory {
    fn zeroed(length: usize) -> Self {
        #[cfg(any(feature = "postgres", feature = "redis"))]
        if let Ok(mapped) = MmapMut::map_anon(length) {
            return Self::Mapped(mapped);
        }
        Self::Allocated(vec![0; length])
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::Allocated(Vec::new())
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            #[cfg(any(feature = "postgres", feature = "redis"))]
            Self::Mapped(mapped) => mapped,
            Self::Allocated(allocated) => allocated,
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            #[cfg(any(feature = "postgres", feature = "redis"))]
            Self::Mapped(mapped) => mapped,
            Self::Allocated(allocated) => allocated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUGE: usize = HUGE_PAGE / BLOCK;

    #[test]
    fn blocks_are_aligned_distinct_and_zero_at_first() {
        for count in [1, 2, 31, 32, 1_000, HUGE - 1, HUGE, HUGE + 1, 3 * HUGE, 3 * HUGE + 100] {
            let mut pages = Pages::zeroed(count);
            let alignment = if count < HUGE { BLOCK } else { HUGE_PAGE };
            assert_eq!(pages.get(0).expect("a block").as_ptr().align_offset(alignment), 0, "{count}");
            for index in 0..count {
                let block = pages.get_mut(index).expect("a block");
                assert_eq!(*block, [0; BLOCK]);
                block[..8].copy_from_slice(&(index as u64).to_le_bytes());
                block[BLOCK - 1] = 1;
            }
            assert!(pages.get(count).is_none() && pages.get_mut(count).is_none());
            let copy = pages.clone();
            pages.get_mut(0).expect("a block")[0] = 7;
            for index in 0..count {
                let block = copy.get(index).expect("a block");
                assert_eq!((&block[..8], block[BLOCK - 1]), (&(index as u64).to_le_bytes()[..], 1), "{count}");
            }
        }
        assert!(Pages::zeroed(0).get(0).is_none() && Pages::default().get(0).is_none());
    }
}
