//! Turns the fuzzer's bytes into decisions.

/// The fuzzer's bytes, used from the front. When they run out, every decision is its first choice.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// Returns a number below `bound`, which must be at least one.
    pub fn below(&mut self, bound: usize) -> usize {
        let number =
            if bound <= 256 { self.byte().into() } else { usize::from(self.byte()) << 8 | usize::from(self.byte()) };
        number % bound
    }

    /// Returns `true` about once in `times`, and never after the bytes have run out.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Picks one of the first `usual` choices, and about once in 16 times any of them.
    pub fn pick_mostly<T: Copy>(&mut self, usual: usize, choices: &[T]) -> T {
        if self.once_in(16) { self.pick(choices) } else { self.pick(&choices[..usual]) }
    }

    /// Takes up to `most` bytes. The byte before them says how many.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.below(most + 1).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    /// Takes bytes as [`bytes`](Self::bytes) does, and replaces invalid UTF-8.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// Returns the bytes that are left.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Changes a byte, or removes, inserts or repeats a few.
    pub fn edit(&mut self, bytes: &mut Vec<u8>, insertions: &[u8]) {
        // Decoders fail at the ends more often than in the middle.
        let (length, near) = (bytes.len(), self.pick(&[0, 0, 0, 1, 1, 2, 3, 4, 5, 8]));
        let at = match self.below(4) {
            0 => near.min(length),
            1 => length.saturating_sub(near),
            _ => self.below(length + 1),
        };
        match self.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.pick(insertions),
            2 => bytes.insert(at, self.pick(insertions)),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 if at < bytes.len() => {
                let end = bytes.len().min(at + 1 + self.below(16));
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => {}
        }
    }
}
