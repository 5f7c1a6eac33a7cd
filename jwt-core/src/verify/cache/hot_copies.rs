use std::cell::Cell;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, TryLockError};

use super::entry::{CacheKey, Entry};

/// How many tokens each processor has copies of.
const SLOTS: usize = 16;
/// Lookups a token needs before it replaces the current occupant of its slot.
const LOOKUPS_TO_REPLACE: u8 = 4;

/// Copies of the most used tokens, separately for each processor.
///
/// If all processors used the same entry, they would wait for each other at its lock and its reference count. There are as many
/// groups of copies as processors, and a thread always uses the same group, so a group's lock is nearly always free. If it
/// isn't, the shared table is used.
pub(super) struct HotCopies(Box<[Copies]>);

/// The copies of one processor. The alignment keeps them in cache lines of their own.
#[derive(Default)]
#[repr(align(128))]
struct Copies(Mutex<[HotSlot; SLOTS]>);

#[derive(Default)]
struct HotSlot {
    entry: Option<Arc<Entry>>,
    /// The hash of the last other token that was looked up.
    challenger: u64,
    /// How often the challenger was looked up since the occupant was.
    lookups: u8,
}

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Returns the number of this thread.
fn thread_number() -> usize {
    let number = |own: &Cell<Option<usize>>| match own.get() {
        Some(number) => number,
        None => {
            let number = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
            own.set(Some(number));
            number
        }
    };
    // A thread that is ending uses the first copies.
    THREAD.try_with(number).unwrap_or_default()
}

impl HotCopies {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self((0..processors.next_power_of_two().min(64)).map(|_| Copies::default()).collect())
    }

    fn with_slot<R>(&self, key: CacheKey<'_>, act: impl FnOnce(&mut HotSlot) -> R) -> Option<R> {
        let copies = &self.0[thread_number() % self.0.len()];
        match copies.0.try_lock() {
            Ok(mut slots) => Some(act(&mut slots[slot_of(key)])),
            Err(TryLockError::Poisoned(slots)) => Some(act(&mut slots.into_inner()[slot_of(key)])),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Looks a token up, and reads its entry under the lock.
    pub(super) fn read_entry<R>(&self, key: CacheKey<'_>, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        self.with_slot(key, |slot| {
            let entry = slot.entry.as_ref().filter(|entry| entry.has_key(key))?;
            slot.lookups = 0;
            Some(read(entry))
        })
        .flatten()
    }

    /// Notes that a token was found in the shared table, and copies it if it's looked up often enough.
    pub(super) fn found_in_table(&self, hash: u64, key: CacheKey<'_>, entry: &Entry) {
        // The previous entry is dropped after the lock is released, because dropping claims may verify a token.
        let _previous = self.with_slot(key, |slot| {
            slot.lookups = if slot.challenger == hash { slot.lookups + 1 } else { 1 };
            slot.challenger = hash;
            if slot.lookups >= LOOKUPS_TO_REPLACE {
                let copy = Some(Arc::new(entry.detached()));
                return mem::replace(slot, HotSlot { entry: copy, ..HotSlot::default() }).entry;
            }
            None
        });
    }

    pub(super) fn remove(&self, key: CacheKey<'_>) {
        let _previous = self.with_slot(key, |slot| {
            let is_there = slot.entry.as_ref().is_some_and(|entry| entry.has_key(key));
            if is_there { mem::take(slot).entry } else { None }
        });
    }
}

/// Returns the index of a token's slot. The hash needs no secret: on a collision, the shared table is used.
fn slot_of(key: CacheKey<'_>) -> usize {
    let tail = key.tail().last_chunk::<8>().map_or(0, |tail| u64::from_le_bytes(*tail));
    // The high bits depend on every input bit.
    (tail.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize
}

impl fmt::Debug for HotCopies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotCopies").field("len", &self.0.len()).finish_non_exhaustive()
    }
}
