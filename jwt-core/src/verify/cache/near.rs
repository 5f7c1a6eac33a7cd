use std::cell::Cell;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, TryLockError};

use super::entry::{Entry, Sought};

/// How many tokens a lane holds.
const PLACES: usize = 16;
/// How often a token must be found elsewhere, and the one in its place not be, before it gets the place.
const PATIENCE: u8 = 4;

/// Copies of the tokens that are used most, for each processor its own.
///
/// One token in the hands of all processors would otherwise have them wait for each other, at a lock and at the count of
/// its references. A thread keeps to one lane; there are as many as processors, so that a lane's lock is nearly always
/// free, and passed by where it is not.
pub(super) struct Lanes(Box<[Lane]>);

/// Alone in its cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Lane(Mutex<[Place; PLACES]>);

#[derive(Default)]
struct Place {
    entry: Option<Arc<Entry>>,
    /// Who wants the place, and how often it was looked for since the one in the place was.
    suitor: u64,
    tries: u8,
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of this thread.
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

fn own() -> usize {
    let number = |own: &Cell<Option<usize>>| match own.get() {
        Some(number) => number,
        None => {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            own.set(Some(number));
            number
        }
    };
    // A thread that is ending shares the first lane.
    OWN.try_with(number).unwrap_or_default()
}

impl Lanes {
    pub(super) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self((0..processors.next_power_of_two().min(64)).map(|_| Lane::default()).collect())
    }

    fn with<R>(&self, sought: Sought<'_>, act: impl FnOnce(&mut Place) -> R) -> Option<R> {
        let lane = &self.0[own() % self.0.len()];
        match lane.0.try_lock() {
            Ok(mut places) => Some(act(&mut places[place_of(sought)])),
            Err(TryLockError::Poisoned(places)) => Some(act(&mut places.into_inner()[place_of(sought)])),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn find(&self, sought: Sought<'_>) -> Option<Arc<Entry>> {
        self.with(sought, |place| {
            let entry = place.entry.as_ref().filter(|entry| entry.is(sought))?;
            place.tries = 0;
            Some(Arc::clone(entry))
        })
        .flatten()
    }

    /// Takes note that a token was found elsewhere.
    pub(super) fn found_far(&self, hash: u64, sought: Sought<'_>, entry: &Entry) {
        // The entry before is dropped when the lock is free, because claims may verify a token in their `Drop`.
        let _before = self.with(sought, |place| {
            place.tries = if place.suitor == hash { place.tries + 1 } else { 1 };
            place.suitor = hash;
            if place.tries >= PATIENCE {
                return mem::replace(place, Place { entry: Some(Arc::new(entry.apart())), ..Place::default() }).entry;
            }
            None
        });
    }

    pub(super) fn remove(&self, sought: Sought<'_>) {
        let _before = self.with(sought, |place| {
            let is_there = place.entry.as_ref().is_some_and(|entry| entry.is(sought));
            if is_there { mem::take(place).entry } else { None }
        });
    }
}

/// Need not be keyed: a lane holds only what was found elsewhere, and whoever collides is no worse off than without it.
fn place_of(sought: Sought<'_>) -> usize {
    let tail = sought.tail().last_chunk::<8>().map_or(0, |tail| u64::from_le_bytes(*tail));
    // The topmost bits, on which all others bear.
    (tail.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("len", &self.0.len()).finish_non_exhaustive()
    }
}
