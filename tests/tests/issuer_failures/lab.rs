//! A scripted issuer, a verifier that trusts it, and a clock for both.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jwt_core::Step;
use jwt_core::keys::{KeyRefreshSettings, KeySetStatus};
use jwt_core::observe::{Event, Observer};
use jwt_core::testing::ManualClock;
use jwt_core::testing::{AUDIENCE, Document, Script, ScriptedIssuer, TestToken};
use jwt_core::{Error, ErrorKind, TrustedIssuer, Verified, Verifier};
use jwt_tests::observer::MemoryObserver;
use tokio::sync::watch;

/// Longer than anything here takes, unless something waits that shouldn't.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Waits, with a time limit.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("a result in time")
}

/// Settings with a short fetch timeout, for tests that wait for it.
pub(crate) fn hasty() -> KeyRefreshSettings {
    KeyRefreshSettings::new().timeout(seconds(1))
}

/// Records the events, and notifies waiting tests when a fetch ends.
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
    /// An issuer that is discovered, with all defaults.
    pub(crate) async fn new() -> Self {
        Self::with(KeyRefreshSettings::new()).await
    }

    pub(crate) async fn with(policy: KeyRefreshSettings) -> Self {
        let issuer = ScriptedIssuer::start().await.expect("an issuer");
        let trusted = TrustedIssuer::discover(issuer.name()).key_refresh(policy);
        Self::of(issuer, trusted)
    }

    /// An issuer with other settings, from which nothing was fetched yet.
    pub(crate) fn of(issuer: ScriptedIssuer, trusted: TrustedIssuer) -> Self {
        let (clock, told) = (issuer.clock(), Told::default());
        let builder = Verifier::builder().issuer(trusted.audience(AUDIENCE)).clock(clock.clone());
        let verifier = builder.observer(told.clone()).build().expect("a verifier");
        Self { issuer, verifier, clock, told }
    }

    /// The same, after its first set was fetched.
    pub(crate) async fn loaded(self) -> Self {
        assert_eq!(self.ask(&self.issuer.token()).await, Ok(()));
        assert_eq!(self.told(), ["loaded"]);
        self
    }

    /// Verifies a token, and waits if necessary.
    pub(crate) async fn verify(&self, draft: &TestToken) -> Result<Verified, Error> {
        within(self.verifier.verify(&draft.sign())).await
    }

    /// The same, and returns only the error's kind.
    pub(crate) async fn ask(&self, draft: &TestToken) -> Result<(), ErrorKind> {
        self.verify(draft).await.map(drop).map_err(|error| error.kind())
    }

    /// Verifies a token. Panics if that has to wait.
    pub(crate) fn at_once(&self, draft: &TestToken) -> Result<(), ErrorKind> {
        self.at_once_text(&draft.sign())
    }

    /// Verifies any string as a token. Panics if that has to wait.
    pub(crate) fn at_once_text(&self, token: &str) -> Result<(), ErrorKind> {
        match self.verifier.verify_step(token, None) {
            Step::Ready(outcome) => outcome.map(drop).map_err(|error| error.kind()),
            other => panic!("a request waits: {other:?}"),
        }
    }

    /// A token that is valid now.
    pub(crate) fn good(&self) -> TestToken {
        self.issuer.token()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Advances the clock until the set is due for early renewal. The set's lifetime is ten minutes.
    pub(crate) fn grow_old(&self) {
        self.pass(seconds(545));
    }

    /// Takes the issuer off the network, or puts it back.
    pub(crate) fn all(&self, script: Script) {
        self.issuer.script_all(script);
    }

    /// The number of requests for the key set.
    pub(crate) fn sets(&self) -> usize {
        self.issuer.requests(Document::KeySet)
    }

    /// Waits until this many fetches have ended since the verifier was built.
    pub(crate) async fn ended(&self, fetches: usize) {
        let mut ended = self.told.fetches.subscribe();
        within(ended.wait_for(|ended| *ended >= fetches)).await.expect("the verifier exists");
    }

    /// Takes the events of the token cache so far.
    pub(crate) fn cache_events(&self) -> Vec<&'static str> {
        self.told.memory.take_cache()
    }

    /// Returns what happened to keys since the last call.
    pub(crate) fn told(&self) -> Vec<&'static str> {
        self.told.memory.take_keys()
    }

    pub(crate) fn status(&self) -> KeySetStatus {
        let status = self.verifier.key_set_status();
        assert_eq!(status.len(), 1);
        assert_eq!(status[0].0.as_deref(), Some(self.issuer.name()));
        status[0].1.clone()
    }
}
