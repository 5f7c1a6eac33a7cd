//! Verifies tokens for a number of seconds. Meanwhile the issuer fails now and then, rotates its key, and is down a
//! third of the time:
//!
//! ```sh
//! cargo run -p jwt-tests --release --example soak -- 60
//! ```
//!
//! It prints one line of figures, and fails if a valid token of a known key was rejected or a forged token was
//! accepted.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use jwt_core::Clock as _;
use jwt_core::SystemClock;
use jwt_core::keys::KeyRefreshSettings;
use jwt_core::observe::{Event, Observer};
use jwt_core::testing::{AUDIENCE, Document, Script, ScriptedIssuer};
use jwt_core::{TrustedIssuer, Verifier};
use jwt_tower::JwtLayer;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

/// How long the issuer stays in one state.
const PHASE: Duration = Duration::from_secs(2);
/// A request that takes longer counts as one of this length.
const SLOWEST: usize = 100_000;

#[derive(Debug, Default)]
struct Counted {
    loaded: AtomicU64,
    failed: AtomicU64,
    stale: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct Count(Arc<Counted>);

impl Observer for Count {
    fn observe(&self, event: Event<'_>) {
        let counter = match event {
            Event::KeysLoaded { .. } => &self.0.loaded,
            Event::KeysFailed { .. } => &self.0.failed,
            Event::StaleKeysUsed { .. } => &self.0.stale,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The results of one task's requests.
struct Tally {
    verified: u64,
    refused: u64,
    unavailable: u64,
    /// Requests by their duration in microseconds.
    micros: Vec<u64>,
}

impl Tally {
    fn new() -> Self {
        Self { verified: 0, refused: 0, unavailable: 0, micros: vec![0; SLOWEST + 1] }
    }

    fn add(&mut self, other: &Self) {
        self.verified += other.verified;
        self.refused += other.refused;
        self.unavailable += other.unavailable;
        for (sum, count) in self.micros.iter_mut().zip(&other.micros) {
            *sum += count;
        }
    }

    async fn ask(&mut self, router: &Router, token: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty())?;
        let start = Instant::now();
        let status = router.clone().oneshot(request).await?.status();
        let micros = usize::try_from(start.elapsed().as_micros())?;
        self.micros[micros.min(SLOWEST)] += 1;
        match status {
            StatusCode::OK => self.verified += 1,
            StatusCode::SERVICE_UNAVAILABLE => self.unavailable += 1,
            _ => self.refused += 1,
        }
        // An answer that is ready never waits, so without this line the issuer would never run.
        tokio::task::yield_now().await;
        Ok(())
    }

    fn percentile(&self, percent: u64) -> usize {
        let all: u64 = self.micros.iter().sum();
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen * 100 >= all * percent
        };
        self.micros.iter().position(reached).unwrap_or(SLOWEST)
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 3)]
async fn main() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let seconds = std::env::args().nth(1).map_or(Ok(60), |text| text.parse())?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let (issuer, count) = (ScriptedIssuer::start().await?, Count::default());
    let policy = KeyRefreshSettings::new()
        .lifetime(Duration::from_secs(2))
        .lifetime_between(Duration::from_secs(1), Duration::from_secs(3))
        .stale_if_error(Duration::from_secs(30))
        .timeout(Duration::from_secs(1));
    let trusted = TrustedIssuer::discover(issuer.name()).audience(AUDIENCE).key_refresh(policy);
    let verifier = Verifier::builder().issuer(trusted).observer(count.clone()).build()?;
    let router = Router::new().route("/", get(async || "ok")).layer(JwtLayer::new(verifier.clone()));
    verifier.fetch_keys().await?;

    let token = watch::Sender::new(issuer.token().valid_from(SystemClock.now()).sign());
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = JoinSet::new();
    for _ in 0..2 {
        let (router, token, stop) = (router.clone(), token.subscribe(), Arc::clone(&stop));
        load.spawn(async move {
            let mut tally = Tally::new();
            while !stop.load(Ordering::Relaxed) {
                let token = token.borrow().clone();
                tally.ask(&router, &token).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(tally)
        });
    }
    let attack = tokio::spawn({
        let (router, stop) = (router.clone(), Arc::clone(&stop));
        let draft = issuer.token().valid_from(SystemClock.now()).unsigned();
        async move {
            let mut tally = Tally::new();
            while !stop.load(Ordering::Relaxed) {
                let number = tally.refused + tally.unavailable + tally.verified;
                tally.ask(&router, &draft.clone().kid(&format!("made-up-{number}")).sign()).await?;
                sleep(Duration::from_millis(1)).await;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(tally)
        }
    });

    let troubled = torment(&issuer, &verifier, &token, end).await?;
    stop.store(true, Ordering::Relaxed);
    let mut good = Tally::new();
    while let Some(tally) = load.join_next().await {
        good.add(&tally??);
    }
    let forged = attack.await??;
    println!(
        "{seconds} s: {} verified, {} refused, {} answered 503; p50 {} us, p99 {} us; {} forged refused, {} answered 503, {} \
         accepted; {} requests for the key set, {} fetches good, {} failed; stale keys used {} times; the key set\'s status \
         showed errors in {troubled} looks",
        good.verified,
        good.refused,
        good.unavailable,
        good.percentile(50),
        good.percentile(99),
        forged.refused,
        forged.unavailable,
        forged.verified,
        issuer.requests(Document::KeySet),
        count.0.loaded.load(Ordering::Relaxed),
        count.0.failed.load(Ordering::Relaxed),
        count.0.stale.load(Ordering::Relaxed),
    );
    let kept = good.refused + good.unavailable + forged.verified == 0 && good.verified > 0;
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Puts the issuer through its states in turn: down, flapping, healthy with a new key. Returns how many of its checks
/// of the key set's status found an error.
async fn torment(
    issuer: &ScriptedIssuer,
    verifier: &Verifier,
    token: &watch::Sender<String>,
    end: Instant,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let gone = [
        Script::HangUp,
        Script::BlackHole,
        Script::Status(500),
        Script::LoginPage,
        Script::SlowBody,
        Script::EmptySet,
        Script::EndlessBody,
    ];
    let (mut looks, mut troubled) = (0, 0);
    let mut gone = gone.iter().cycle();
    while Instant::now() < end {
        let flapping = Script::Turns(vec![Script::Well, Script::Status(503), Script::HangUp]);
        let moods = [gone.next().cloned().unwrap_or(Script::HangUp), flapping, Script::Well];
        for mood in moods {
            let well = mood == Script::Well;
            issuer.script_all(mood);
            if well {
                // The new key signs once the verifier has fetched it. The old key is withdrawn when nothing uses it any
                // more.
                let old = issuer.key();
                issuer.rotate();
                verifier.fetch_keys().await?;
                token.send_replace(issuer.token().valid_from(SystemClock.now()).sign());
                sleep(PHASE / 2).await;
                issuer.withdraw(old.kid().unwrap_or_default());
            }
            let phase = Instant::now() + PHASE;
            while Instant::now() < phase.min(end) {
                sleep(Duration::from_millis(100)).await;
                looks += 1;
                troubled += u64::from(verifier.key_set_status().iter().any(|(_, status)| status.last_error.is_some()));
            }
        }
    }
    Ok(format!("{troubled} of {looks}"))
}
