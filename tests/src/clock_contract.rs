//! The tests that every revocation list on a server must pass: it shows how far the clock is from the server's.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::observe::{Event, Observer};
use jwt_core::revocation::{RevocationListStatus, RevocationSettings};
use jwt_core::{Clock, SystemClock};

use crate::log::Log;
use crate::revocation_contract::until;

/// The machine's clock, turned by some seconds.
#[derive(Clone, Debug, Default)]
struct TurnedClock {
    ahead: Arc<AtomicI64>,
    passed: Arc<AtomicU64>,
}

impl TurnedClock {
    fn turn(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Moves the monotonic clock only, so that the offset stays the same.
    fn pass_a_minute(&self) {
        self.passed.fetch_add(60, Ordering::SeqCst);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Duration {
        let (now, ahead) = (SystemClock.now(), self.ahead.load(Ordering::SeqCst));
        let turn = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { now - turn } else { now + turn }
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic() + Duration::from_secs(self.passed.load(Ordering::SeqCst))
    }
}

/// Stores the offsets that it's told.
#[derive(Clone, Debug, Default)]
struct Offsets(Arc<Mutex<Vec<i64>>>);

impl Offsets {
    fn all(&self) -> Vec<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn more(&self, count: usize) {
        let before = self.all().len();
        until("the clocks are compared", async || self.all().len() >= before + count).await;
    }
}

impl Observer for Offsets {
    fn observe(&self, event: Event<'_>) {
        if let Event::ClockOffset { millis } = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(millis);
        }
    }
}

/// A process with a list that asks its server 20 times a second.
struct Process<L> {
    list: L,
    clock: TurnedClock,
    offsets: Offsets,
}

impl<L> Process<L> {
    async fn start(connect: impl Fn(RevocationSettings) -> L, seconds: i64) -> Self {
        let (clock, offsets) = (TurnedClock::default(), Offsets::default());
        clock.turn(seconds);
        let settings = RevocationSettings::new().staleness(Duration::from_millis(200));
        let list = connect(settings.clock(clock.clone()).observer(offsets.clone()));
        offsets.more(3).await;
        Self { list, clock, offsets }
    }
}

/// The server is on the same machine, and an offset is exact to half a second.
fn is_near(millis: i64, seconds: i64) -> bool {
    (millis - seconds * 1_000).abs() <= 500
}

fn warnings(log: &Log) -> Vec<String> {
    let text = log.text();
    text.lines().filter(|line| line.contains("the clock of this machine")).map(str::to_owned).collect()
}

/// The status and the observer show the difference, and one line a minute warns of more than half a minute.
///
/// # Panics
///
/// Panics if they don't.
pub async fn shows_how_far_the_clock_is_off<L>(
    connect: impl Fn(RevocationSettings) -> L,
    status: impl Fn(&L) -> RevocationListStatus,
) {
    for (seconds, place) in [(0, None), (29, None), (-29, None), (90, Some("ahead of")), (-90, Some("behind"))] {
        let log = Log::start();
        let Process { list, clock, offsets } = Process::start(&connect, seconds).await;
        let shown = status(&list).clock_offset_millis;
        assert!(shown.is_some_and(|millis| is_near(millis, seconds)), "{seconds}: {shown:?}");
        assert!(offsets.all().into_iter().all(|millis| is_near(millis, seconds)), "{seconds}: {:?}", offsets.all());
        let Some(place) = place else {
            assert_eq!(warnings(&log), [""; 0]);
            continue;
        };
        let warned = warnings(&log);
        assert!(matches!(&warned[..], [line] if line.starts_with("WARN ")), "{warned:?}");
        assert!(["seconds=89", "seconds=90"].iter().any(|field| warned[0].contains(field)), "{warned:?}");
        assert!(warned[0].contains(&format!("is {place} the server's: check NTP")), "{warned:?}");
        clock.pass_a_minute();
        until("the next warning", async || warnings(&log).len() > 1).await;
        offsets.more(3).await;
        clock.turn(0);
        let near = || status(&list).clock_offset_millis.is_some_and(|millis| is_near(millis, 0));
        until("the clock is right", async || near()).await;
        clock.pass_a_minute();
        offsets.more(3).await;
        assert_eq!(warnings(&log).len(), 2, "{:?}", warnings(&log));
    }
}

/// Some answers take one and a half seconds, because the server carries the question out late, or sends its answer late.
///
/// # Panics
///
/// Panics if the time in such an answer counts.
pub async fn ignores_slow_answers<L>(connect: impl Fn(RevocationSettings) -> L, stall: impl AsyncFn()) {
    let log = Log::start();
    let Process { list: _list, offsets, .. } = Process::start(&connect, 0).await;
    stall().await;
    offsets.more(5).await;
    assert!(offsets.all().into_iter().all(|millis| is_near(millis, 0)), "{:?}", offsets.all());
    assert_eq!(warnings(&log), [""; 0]);
}
