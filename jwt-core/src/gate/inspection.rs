use std::fmt;

use crate::step::Step;

/// Reads the beginning of a request's body, if a gate or an endpoint cannot decide without it. The body is read only after
/// everything in the headers has been accepted.
pub(crate) struct Inspection<T> {
    limit: usize,
    read: Vec<u8>,
    cut: bool,
    decide: Box<Decide<T>>,
}

type Decide<T> = dyn FnOnce(&[u8], Extent) -> Step<T> + Send;

/// How much of a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// As much as the limit allows. There is more.
    Cut,
    /// A part: then the connection failed.
    Broken,
}

impl<T> Inspection<T> {
    pub(crate) fn new(limit: usize, decide: impl FnOnce(&[u8], Extent) -> Step<T> + Send + 'static) -> Self {
        Self { limit, read: Vec::new(), cut: false, decide: Box::new(decide) }
    }

    /// Takes the next bytes of the body, and returns how many it took. If it took fewer than all, it has enough.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> usize {
        let taken = chunk.len().min(self.limit - self.read.len());
        self.read.extend_from_slice(&chunk[..taken]);
        self.cut |= taken < chunk.len();
        taken
    }

    /// Decides, and returns the bytes that were read together with the decision. Set `failed` if the body could not be read to its
    /// end.
    pub(super) fn finish(self, failed: bool) -> (Vec<u8>, Step<T>) {
        let extent = match (failed, self.cut) {
            (true, _) => Extent::Broken,
            (false, true) => Extent::Cut,
            (false, false) => Extent::Whole,
        };
        let step = (self.decide)(&self.read, extent);
        (self.read, step)
    }

    /// Continues with another step after the decision.
    pub(crate) fn then<U>(self, next: impl FnOnce(T) -> Step<U> + Send + 'static) -> Inspection<U>
    where
        T: 'static,
        U: Send + 'static,
    {
        let Self { limit, read, cut, decide } = self;
        Inspection { limit, read, cut, decide: Box::new(move |read, extent| decide(read, extent).then(next)) }
    }
}

// Bodies contain user input.
impl<T> fmt::Debug for Inspection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspection").field("limit", &self.limit).finish_non_exhaustive()
    }
}
