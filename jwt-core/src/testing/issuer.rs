use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::clock::{Clock, ManualClock};
use crate::crypto::SigningKey;
use crate::jose::Algorithm;

use super::draft::Draft;
use super::received::Received;
use super::script::{Document, Script};
use super::server::{self, Stage};

/// The reading of a new issuer's clock.
const NOW: u64 = 1_800_000_000;

/// An issuer for tests: an HTTP server on a free loopback port that does what a [`Script`] says.
///
/// It starts with one ES256 key of the `kid` `key-1`, and answers well. What it is told takes effect with the next
/// request. It serves in tasks of the Tokio runtime that it was started on, and stops when it is dropped.
pub struct ScriptedIssuer {
    stage: Arc<Stage>,
    clock: ManualClock,
    stranger: SigningKey,
    tokens: AtomicU64,
    keys: AtomicU64,
    server: AbortHandle,
}

impl ScriptedIssuer {
    /// Starts an issuer whose name is its address.
    ///
    /// # Errors
    ///
    /// Where no port can be had, or no key made: there must be a back end.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub async fn start() -> io::Result<Self> {
        Self::start_under("").await
    }

    /// Starts an issuer whose name is its address and this path, such as `/tenants/a`.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_under(path: &str) -> io::Result<Self> {
        Self::bind(path, None).await
    }

    /// Starts an issuer of any name, which answers at its own [`address`](Self::address) all the same.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_as(name: &str) -> io::Result<Self> {
        Self::bind("", Some(name)).await
    }

    async fn bind(path: &str, name: Option<&str>) -> io::Result<Self> {
        let key = || SigningKey::generate(Algorithm::ES256).map_err(io::Error::other);
        let (first, stranger) = (key()?.with_kid("key-1"), key()?.with_kid("stranger"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let name = name.map_or_else(|| format!("{address}{path}"), str::to_owned);
        let stage = Arc::new(Stage::new(address, path.to_owned(), name, first));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&stage))).abort_handle();
        Ok(Self {
            stage,
            clock: ManualClock::at(NOW),
            stranger,
            tokens: AtomicU64::new(0),
            keys: AtomicU64::new(1),
            server,
        })
    }

    /// Returns the issuer's name: `iss` of its tokens, `issuer` of its metadata.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stage.name
    }

    /// Returns where the issuer answers: scheme, host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.stage.address
    }

    /// Returns the address of the key set.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        self.stage.jwks_uri()
    }

    /// Returns the clock that tokens are issued by, for the verifier to share. It stands until it is turned.
    #[must_use]
    pub fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// Answers requests for one document as `script` says, from now on. Default: [`Script::Well`].
    pub fn script(&self, document: Document, script: Script) {
        self.stage.change(|state| state.script(document, script));
    }

    /// Answers requests for every document as `script` says, from now on.
    #[expect(clippy::needless_pass_by_value, reason = "the same signature as for one document")]
    pub fn script_all(&self, script: Script) {
        for document in Document::ALL {
            self.script(document, script.clone());
        }
    }

    /// Answers the requests that are held at the moment. Those that come later are held again, as long as the script says
    /// so.
    pub fn release(&self) {
        self.stage.gate.send_modify(|releases| *releases += 1);
    }

    /// Sends this `Cache-Control` with the key set. Default: none is sent.
    pub fn cache_control(&self, value: Option<&str>) {
        self.stage.change(|state| state.cache_control = value.map(str::to_owned));
    }

    /// Sends an `ETag` with the key set, and answers 304 while it is the same. Default: none is sent.
    pub fn etags(&self, sent: bool) {
        self.stage.change(|state| state.etags = sent);
    }

    /// Returns the key that tokens are signed with.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        self.stage.change(|state| state.signing.clone())
    }

    /// Returns a key that is not the issuer's, of the `kid` `stranger`.
    #[must_use]
    pub fn stranger(&self) -> SigningKey {
        self.stranger.clone()
    }

    /// Makes a new key, publishes it besides the others, and signs with it from now on. The keys' names are `key-1`,
    /// `key-2` and so on.
    ///
    /// # Panics
    ///
    /// When the system gives no random bytes.
    pub fn rotate(&self) -> SigningKey {
        let number = self.keys.fetch_add(1, Ordering::Relaxed) + 1;
        // The back end made keys when the issuer was started.
        let key = SigningKey::generate(Algorithm::ES256).expect("a new key").with_kid(format!("key-{number}"));
        self.stage.change(|state| {
            state.publish(state.keys.iter().cloned().chain([key.clone()]).collect());
            state.signing = key.clone();
        });
        key
    }

    /// Removes the keys of this `kid` from the set.
    pub fn withdraw(&self, kid: &str) {
        self.stage.change(|state| {
            state.publish(state.keys.iter().filter(|key| key.kid() != Some(kid)).cloned().collect());
        });
    }

    /// Publishes these keys and no others. Tokens are signed as before.
    pub fn publish(&self, keys: impl IntoIterator<Item = SigningKey>) {
        let keys = keys.into_iter().collect();
        self.stage.change(|state| state.publish(keys));
    }

    /// Starts a token: good for five minutes from the reading of the clock, for [`AUDIENCE`](super::AUDIENCE).
    pub fn token(&self) -> Draft {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        Draft::new(self.name(), self.key(), self.clock.now(), number)
    }

    /// Returns every request so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.stage.received.borrow().clone()
    }

    /// Returns how many requests for a document there were so far.
    #[must_use]
    pub fn requests(&self, document: Document) -> usize {
        count(&self.stage.received.borrow(), document)
    }

    /// Waits until there were so many requests for a document, since the issuer was started.
    pub async fn until_requests(&self, document: Document, times: usize) {
        let mut received = self.stage.received.subscribe();
        // The sender lives as long as `self`.
        let _ = received.wait_for(|received| count(received, document) >= times).await;
    }
}

impl Drop for ScriptedIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn count(received: &[Received], document: Document) -> usize {
    received.iter().filter(|received| received.document == Some(document)).count()
}

impl fmt::Debug for ScriptedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedIssuer").field("name", &self.name()).finish_non_exhaustive()
    }
}
