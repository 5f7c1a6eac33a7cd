//! One issuer, one verifier that trusts it, one clock for both.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jwt_core::Step;
use jwt_core::keys::{Health, KeyRefreshSettings};
use jwt_core::observe::{Event, Observer};
use jwt_core::testing::ManualClock;
use jwt_core::testing::MemoryObserver;
use jwt_core::testing::{AUDIENCE, Document, Draft, Script, ScriptedIssuer};
use jwt_core::{Error, ErrorKind, TrustedIssuer, Verified, Verifier};
use tokio::sync::watch;

/// Longer than anything here takes, unless something waits that should not.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Waits, but not for ever.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it ends in time")
}

/// A policy with which a fetch gives up soon: for tests that wait for that.
pub(crate) fn hasty() -> KeyRefreshSettings {
    KeyRefreshSettings::new().timeout(seconds(1))
}

/// The memory of what was observed, with a bell for each fetch that ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    memory: MemoryObserver,
    fetches: Arc<watch::Sender<usize>>,
}

impl Observer for Told {
    fn observe(&self, event: Event<'_>) {
        self.memory.observe(event);
        if matches!(event, Event::KeysLoaded { .. } | Event::KeysFailed { .. }) {
            self.fetches.send_modify(|fetches| *fetches += 1);
        }
    }
}

pub(crate) struct Lab {
    pub(crate) issuer: ScriptedIssuer,
    pub(crate) verifier: Verifier,
    pub(crate) clock: ManualClock,
    told: Told,
}

impl Lab {
    /// An issuer that is discovered, with every default.
    pub(crate) async fn new() -> Self {
        Self::with(KeyRefreshSettings::new()).await
    }

    pub(crate) async fn with(policy: KeyRefreshSettings) -> Self {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        let trusted = TrustedIssuer::discover(issuer.name()).refresh(policy);
        Self::of(issuer, trusted)
    }

    /// An issuer that is trusted in a way of its own, and not yet asked for anything.
    pub(crate) fn of(issuer: ScriptedIssuer, trusted: TrustedIssuer) -> Self {
        let (clock, told) = (issuer.clock(), Told::default());
        let builder = Verifier::builder().issuer(trusted.audience(AUDIENCE)).clock(clock.clone());
        let verifier = builder.observer(told.clone()).build().expect("a verifier");
        Self { issuer, verifier, clock, told }
    }

    /// The same, with its first set at hand.
    pub(crate) async fn loaded(self) -> Self {
        assert_eq!(self.ask(&self.issuer.token()).await, Ok(()));
        assert_eq!(self.told(), ["loaded"]);
        self
    }

    /// Verifies a token, and waits for what must be waited for.
    pub(crate) async fn verify(&self, draft: &Draft) -> Result<Verified, Error> {
        within(self.verifier.verify(&draft.sign())).await
    }

    /// The same, when only the verdict matters.
    pub(crate) async fn ask(&self, draft: &Draft) -> Result<(), ErrorKind> {
        self.verify(draft).await.map(drop).map_err(|error| error.kind())
    }

    /// Verifies a token without waiting for anything.
    pub(crate) fn at_once(&self, draft: &Draft) -> Result<(), ErrorKind> {
        self.at_once_text(&draft.sign())
    }

    /// Verifies a token, whatever its text, without waiting for anything.
    pub(crate) fn at_once_text(&self, token: &str) -> Result<(), ErrorKind> {
        match self.verifier.start(token, None) {
            Step::Ready(outcome) => outcome.map(drop).map_err(|error| error.kind()),
            other => panic!("a request waits: {other:?}"),
        }
    }

    /// A good token of the moment.
    pub(crate) fn good(&self) -> Draft {
        self.issuer.token()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Lets the set grow so old that it is renewed ahead of its end, which is after ten minutes.
    pub(crate) fn grow_old(&self) {
        self.pass(seconds(545));
    }

    /// Takes the issuer off the network, or puts it back.
    pub(crate) fn all(&self, script: Script) {
        self.issuer.script_all(script);
    }

    /// How often the key set was asked for.
    pub(crate) fn sets(&self) -> usize {
        self.issuer.requests(Document::KeySet)
    }

    /// Waits until so many fetches have ended, since the verifier was built.
    pub(crate) async fn ended(&self, fetches: usize) {
        let mut ended = self.told.fetches.subscribe();
        within(ended.wait_for(|ended| *ended >= fetches)).await.expect("the verifier lives");
    }

    /// What happened to keys since this was last called.
    pub(crate) fn told(&self) -> Vec<&'static str> {
        self.told.memory.take_keys()
    }

    pub(crate) fn health(&self) -> Health {
        let health = self.verifier.health();
        assert_eq!(health.len(), 1);
        assert_eq!(health[0].issuer.as_deref(), Some(self.issuer.name()));
        health[0].health
    }
}
