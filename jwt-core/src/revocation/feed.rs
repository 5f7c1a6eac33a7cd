#[cfg(any(feature = "postgres", feature = "redis"))]
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
#[cfg(any(feature = "postgres", feature = "redis"))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "redis"))]
use super::entries::Entries;
#[cfg(any(feature = "postgres", feature = "redis"))]
use super::file::SnapshotFile;
use super::freshness::Freshness;
#[cfg(any(feature = "postgres", feature = "redis"))]
use super::local::Origin;
use super::memory::Memory;
#[cfg(any(feature = "postgres", feature = "redis"))]
use super::target::Kind;
use super::{MemoryRevocations, Revocation, RevocationSettings, RevokeError};
use crate::clock::Moment;
#[cfg(any(feature = "postgres", feature = "redis"))]
use crate::observe::Event;

/// Fills a list from a source of your own; made by [`MemoryRevocations::with_feed`].
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings, RevokeError};
///
/// # async fn follow(mut messages: tokio::sync::mpsc::Receiver<Option<Revocation>>) -> Result<(), RevokeError> {
/// let (revocations, feed) = MemoryRevocations::with_feed(RevocationSettings::new(), Duration::from_secs(10));
/// while let Some(message) = messages.recv().await {
///     match message {
///         Some(revocation) => feed.revoke(&revocation)?,
///         // At least every ten seconds, the source says that there's nothing new.
///         None => feed.caught_up(),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Feed {
    memory: Arc<Memory>,
    /// How often the store may have lost data.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    losses: AtomicU64,
    #[cfg(any(feature = "postgres", feature = "redis"))]
    file: Option<Arc<SnapshotFile>>,
}

impl MemoryRevocations {
    /// Creates a list that you fill from a message queue, a stream of security events or a poller.
    ///
    /// Requests are answered with 503 until the feed has [caught up](Feed::caught_up) for the first time, and again
    /// whenever it last caught up more than `bound` ago. So a token that was revoked at the source is never accepted for
    /// longer than `bound` afterwards.
    #[must_use]
    pub fn with_feed(settings: RevocationSettings, bound: Duration) -> (Self, Feed) {
        let memory = Arc::new(Memory::new(settings, Some(Freshness::new(bound))));
        (Self(Arc::clone(&memory)), Feed::of(memory))
    }
}

#[cfg(any(feature = "postgres", feature = "redis"))]
impl MemoryRevocations {
    /// The same for a store that can be asked, so that old revocations need little memory. Snapshots are of the store with this
    /// name only.
    pub(crate) fn with_store(settings: RevocationSettings, store: &str) -> (Self, Feed) {
        let longest = settings.remembers_for();
        let mut entries = Entries::new(settings.capacity).sealing(settings.exact_capacity, longest);
        let file = settings.snapshot_file.clone().map(|path| SnapshotFile::open(path, store, settings.capacity));
        if let Some(key) = file.as_ref().and_then(SnapshotFile::key) {
            entries = entries.keyed(key);
        }
        let freshness = Freshness::new(settings.staleness);
        let mut memory = Memory::of(entries, settings, Some(freshness));
        memory.has_server = true;
        let memory = Arc::new(memory);
        (Self(Arc::clone(&memory)), Feed { file: file.map(Arc::new), ..Feed::of(memory) })
    }
}

impl Feed {
    fn of(memory: Arc<Memory>) -> Self {
        Self {
            memory,
            #[cfg(any(feature = "postgres", feature = "redis"))]
            losses: AtomicU64::new(0),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            file: None,
        }
    }

    /// Adds a revocation to the list. Adding one again changes nothing.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](RevokeError::MissingClaim) if the revocation lacks an identifier, and
    /// [`Full`](RevokeError::Full) if the list has no space. After `Full` the list is incomplete, and requests are
    /// answered with 503 until you have sent everything again: see [`begin_resync`](Self::begin_resync).
    pub fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.note_if_full(self.memory.revoke(revocation))
    }

    /// Says that you have added every revocation that the source knows at this moment.
    pub fn caught_up(&self) {
        self.caught_up_at(self.memory.moment());
    }

    /// Says that you start to send everything again, after a revocation found the list full.
    ///
    /// The list keeps what it has. It answers again once you call [`caught_up`](Self::caught_up), if nothing found it full
    /// in between.
    pub fn begin_resync(&self) {
        if let Some(freshness) = &self.memory.freshness {
            freshness.begin_resync();
        }
    }

    /// The same as [`caught_up`](Self::caught_up), for an earlier moment.
    pub(crate) fn caught_up_at(&self, moment: Moment) {
        if let Some(freshness) = &self.memory.freshness {
            freshness.end_resync();
            freshness.extend(moment);
        }
    }

    /// Says, during a resync, that every new revocation up to this moment was added.
    #[cfg(feature = "redis")]
    pub(crate) fn current_at(&self, moment: Moment) {
        if let Some(freshness) = &self.memory.freshness {
            freshness.extend(moment);
        }
    }

    /// Adds a revocation whose cutoff and end are known.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn remember(
        &self,
        key: (Kind, &str, &str),
        cutoff: i64,
        until: i64,
        origin: Origin,
    ) -> Result<(), RevokeError> {
        self.note_if_full(self.memory.remember(key, cutoff, until, origin))
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn is_incomplete(&self) -> bool {
        self.memory.freshness.as_ref().is_some_and(Freshness::is_incomplete)
    }

    /// Says that the source has a revocation that could not be added.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn set_incomplete(&self) {
        if let Some(freshness) = &self.memory.freshness {
            freshness.set_incomplete();
        }
    }

    fn note_if_full(&self, result: Result<(), RevokeError>) -> Result<(), RevokeError> {
        if result.as_ref().is_err_and(|error| *error == RevokeError::Full)
            && let Some(freshness) = &self.memory.freshness
        {
            freshness.set_incomplete();
        }
        result
    }
}

#[cfg(any(feature = "postgres", feature = "redis"))]
impl Feed {
    /// Says that the store may have lost revocations, so it cannot tell anymore that a sealed one isn't one.
    pub(crate) fn orphan(&self) {
        self.losses.fetch_add(1, Ordering::SeqCst);
        self.memory.orphan();
    }

    /// How often the store may have lost revocations: to be read before the memory is asked.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::SeqCst)
    }

    /// The [mark](Self::set_mark) of the snapshot that the list could start from.
    pub(crate) fn start(&self) -> Option<String> {
        self.file.as_ref()?.start()
    }

    /// Adds the snapshot's entries. If the store may have lost some of them, call [`orphan`](Self::orphan) then.
    pub(crate) fn use_start(&self) {
        if let Some(file) = &self.file {
            let added = file.use_start(&self.memory.entries, self.memory.now());
            let _ = self.note_if_full(added.map_err(|_| RevokeError::Full));
        }
    }

    /// Does not use the snapshot, and logs why.
    #[cfg(feature = "redis")]
    pub(crate) fn reject_start(&self, reason: &'static str) {
        if let Some(file) = &self.file {
            file.reject_start(reason);
        }
    }

    /// Says that every revocation up to a point of the store's history is in memory. If that is long ago, the file is written.
    /// `None` means that something may be missing.
    pub(crate) fn set_mark(&self, mark: Option<String>) {
        let Some(file) = &self.file else { return };
        file.set_mark(mark.filter(|_| !self.is_incomplete()));
        let now = self.memory.now();
        if file.is_due(now) {
            let (file, memory) = (Arc::clone(file), Arc::clone(&self.memory));
            drop(tokio::task::spawn_blocking(move || save(&file, &memory)));
        }
    }

    /// Compares the clock with the server's time in an answer.
    pub(crate) fn compare_clocks(&self, asked: Moment, answered: Moment, server: Duration) {
        let Some(millis) = self.memory.clock_offset.compare(asked, answered, server) else { return };
        let report = || self.memory.settings.observer.observe(Event::ClockOffset { millis });
        // A panic must not end the task that follows the server.
        if panic::catch_unwind(AssertUnwindSafe(report)).is_err() {
            tracing::error!("the observer panicked");
        }
    }

    /// Writes the file if there is something new.
    pub(crate) fn save(&self) {
        if let Some(file) = &self.file {
            save(file, &self.memory);
        }
    }
}

#[cfg(any(feature = "postgres", feature = "redis"))]
fn save(file: &SnapshotFile, memory: &Memory) {
    let is_incomplete = || memory.freshness.as_ref().is_some_and(Freshness::is_incomplete);
    file.save(&memory.entries, memory.now(), is_incomplete);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::claims::RegisteredClaims;
    use crate::clock::ManualClock;
    use crate::revocation::freshness::Coverage;
    use crate::revocation::{RevocationList as _, Standing, TokenIdentity};

    const BOUND: Duration = Duration::from_secs(10);

    fn standing(list: &MemoryRevocations, session: &str) -> Standing {
        let claims = format!(r#"{{"iss":"i","jti":"t","sid":"{session}","iat":1000,"exp":1300}}"#);
        let claims = RegisteredClaims::read(&claims).expect("claims");
        list.look_up(&TokenIdentity::of(&claims, Duration::from_secs(1_000).into()))
            .ready()
            .expect("an immediate answer")
    }

    fn list_with_feed(capacity: usize) -> (MemoryRevocations, Feed, ManualClock) {
        let clock = ManualClock::at(1_000);
        let settings = RevocationSettings::new().capacity(capacity).clock(clock.clone());
        let (list, feed) = MemoryRevocations::with_feed(settings, BOUND);
        (list, feed, clock)
    }

    #[test]
    fn a_list_answers_while_its_feed_is_current() {
        let (list, feed, clock) = list_with_feed(10);
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
        feed.revoke(&Revocation::session("i", "b")).expect("space");
        assert!(matches!(standing(&list, "a"), Standing::Unavailable), "the feed has not caught up");
        assert!(matches!(standing(&list, "b"), Standing::Revoked), "a known revocation counts at once");
        feed.caught_up();
        assert!(matches!(standing(&list, "a"), Standing::Good));
        clock.advance(BOUND - Duration::from_micros(1));
        assert!(matches!(standing(&list, "a"), Standing::Good));
        clock.advance(Duration::from_micros(1));
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
        assert!(matches!(standing(&list, "b"), Standing::Revoked));
        let now = Moment::of(&clock);
        feed.caught_up_at(Moment { wall: now.wall - BOUND, monotonic: now.monotonic - BOUND });
        assert!(matches!(standing(&list, "a"), Standing::Unavailable), "longer ago than the bound");
        feed.caught_up();
        assert!(matches!(standing(&list, "a"), Standing::Good));
        drop(feed);
        clock.advance(BOUND);
        assert!(matches!(standing(&list, "a"), Standing::Unavailable));
    }

    #[test]
    fn a_list_is_stale_when_either_clock_passes_the_bound() {
        for (wall, monotonic, stale) in
            [(9, 9, false), (10, 0, true), (0, 10, true), (-500, 9, false), (-500, 10, true)]
        {
            let (list, feed, clock) = list_with_feed(10);
            feed.caught_up();
            clock.advance(Duration::from_secs(monotonic));
            clock.set(Duration::from_secs(1_000_u64.saturating_add_signed(wall)));
            assert_eq!(matches!(standing(&list, "a"), Standing::Unavailable), stale, "{wall} {monotonic}");
            feed.caught_up();
            assert!(matches!(standing(&list, "a"), Standing::Good), "{wall} {monotonic}");
        }
    }

    #[test]
    fn a_full_list_stays_incomplete_if_its_feed_catches_up_at_the_same_moment() {
        let (list, feed, _) = list_with_feed(1);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    feed.caught_up();
                }
            });
            let missed = (0..300_000).any(|_| {
                feed.begin_resync();
                feed.note_if_full(Err(RevokeError::Full)).expect_err("full");
                (0..10).any(|_| list.coverage() == Coverage::Complete)
            });
            done.store(true, Ordering::SeqCst);
            assert!(!missed);
        });
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    #[test]
    fn an_observer_that_panics_does_not_stop_the_task_that_compares_clocks() {
        #[derive(Debug)]
        struct Panicking;
        impl crate::observe::Observer for Panicking {
            fn observe(&self, event: Event<'_>) {
                panic!("an observer of a test: {event:?}");
            }
        }
        let (clock, settings) = (ManualClock::at(1_000), RevocationSettings::new().observer(Panicking));
        let (list, feed) = MemoryRevocations::with_store(settings.clock(clock.clone()), "test");
        let now = Moment::of(&clock);
        feed.compare_clocks(now, now, Duration::from_secs(990));
        assert_eq!(list.status().clock_offset_millis, Some(10_000));
    }

    #[test]
    fn a_list_that_was_full_answers_again_after_a_complete_resync() {
        let (list, feed, clock) = list_with_feed(1);
        feed.caught_up();
        feed.revoke(&Revocation::token_id("i", "a", Duration::from_secs(1_001))).expect("space");
        feed.revoke(&Revocation::session("i", "b")).expect_err("full");
        feed.caught_up();
        assert!(matches!(standing(&list, "c"), Standing::Unavailable));
        clock.advance(Duration::from_secs(302));
        feed.begin_resync();
        assert!(matches!(standing(&list, "c"), Standing::Unavailable));
        feed.revoke(&Revocation::session("i", "b")).expect("space again");
        feed.caught_up();
        assert!(matches!(standing(&list, "c"), Standing::Good));
        assert!(matches!(standing(&list, "b"), Standing::Revoked));
    }
}
