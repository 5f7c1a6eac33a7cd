use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::clock::{Clock, ManualClock};
use crate::crypto::SigningKey;
use crate::jose::Algorithm;

use super::auth::NOW;
use super::script::{Document, Script};
use super::server::{self, Received, ServerState};
use super::token::TestToken;

/// An issuer for tests: an HTTP server on a free loopback port that follows a [`Script`].
///
/// It starts with one ES256 key, whose `kid` is `key-1`, and correct answers. A new script applies from the next request on. It
/// runs in tasks of the Tokio runtime that it was started on, and stops when you drop it.
pub struct ScriptedIssuer {
    state: Arc<ServerState>,
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
    /// Returns an error if no port is free, or if no key can be generated because no cryptography back end is enabled.
    ///
    /// # Panics
    ///
    /// Panics outside a Tokio runtime.
    pub async fn start() -> io::Result<Self> {
        Self::start_under("").await
    }

    /// Starts an issuer whose name is its address followed by `path`, for example `/tenants/a`.
    ///
    /// # Errors
    ///
    /// The same as [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// The same as [`start`](Self::start).
    pub async fn start_under(path: &str) -> io::Result<Self> {
        Self::bind(path, None).await
    }

    /// Starts an issuer with any name. It still answers at its own [`address`](Self::address).
    ///
    /// # Errors
    ///
    /// The same as [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// The same as [`start`](Self::start).
    pub async fn start_as(name: &str) -> io::Result<Self> {
        Self::bind("", Some(name)).await
    }

    async fn bind(path: &str, name: Option<&str>) -> io::Result<Self> {
        let key = || SigningKey::generate(Algorithm::ES256).map_err(io::Error::other);
        let (first, stranger) = (key()?.with_kid("key-1"), key()?.with_kid("stranger"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let name = name.map_or_else(|| format!("{address}{path}"), str::to_owned);
        let state = Arc::new(ServerState::new(address, path.to_owned(), name, first));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&state))).abort_handle();
        Ok(Self {
            state,
            clock: ManualClock::at(NOW),
            stranger,
            tokens: AtomicU64::new(0),
            keys: AtomicU64::new(1),
            server,
        })
    }

    /// Returns the issuer's name: `iss` in its tokens, and `issuer` in its metadata.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Returns the address of the server: scheme, host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.state.address
    }

    /// Returns the URL of the key set.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        self.state.jwks_uri()
    }

    /// Returns the clock that tokens are issued by. Give it to the verifier too. Time passes only if you advance the clock.
    #[must_use]
    pub fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// Sets how requests for one document are answered from now on. Default: [`Script::Well`].
    pub fn script(&self, document: Document, script: Script) {
        self.state.change(|state| state.script(document, script));
    }

    /// Sets how requests for every document are answered from now on.
    #[expect(clippy::needless_pass_by_value, reason = "the same signature as for one document")]
    pub fn script_all(&self, script: Script) {
        for document in Document::ALL {
            self.script(document, script.clone());
        }
    }

    /// Answers the requests that are waiting now. Later ones wait again, as long as the script says so.
    pub fn release(&self) {
        self.state.gate.send_modify(|releases| *releases += 1);
    }

    /// Sends this `Cache-Control` with the key set. Default: no `Cache-Control`.
    pub fn cache_control(&self, value: Option<&str>) {
        self.state.change(|state| state.cache_control = value.map(str::to_owned));
    }

    /// Sends an `ETag` with the key set, and answers 304 if it has not changed. Default: no `ETag`.
    pub fn etags(&self, sent: bool) {
        self.state.change(|state| state.etags = sent);
    }

    /// Returns the key that tokens are signed with.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        self.state.change(|state| state.signing.clone())
    }

    /// Returns a key that isn't the issuer's. Its `kid` is `stranger`.
    #[must_use]
    pub fn stranger(&self) -> SigningKey {
        self.stranger.clone()
    }

    /// Generates a new key, publishes it together with the others, and signs with it from now on. The keys' `kid`s are `key-1`,
    /// `key-2` and so on.
    ///
    /// # Panics
    ///
    /// Panics if the system's random number generator fails.
    pub fn rotate(&self) -> SigningKey {
        let number = self.keys.fetch_add(1, Ordering::Relaxed) + 1;
        // The back end generated keys when the issuer started.
        let key = SigningKey::generate(Algorithm::ES256).expect("a new key").with_kid(format!("key-{number}"));
        self.state.change(|state| {
            state.publish(state.keys.iter().cloned().chain([key.clone()]).collect());
            state.signing = key.clone();
        });
        key
    }

    /// Removes the keys with this `kid` from the published set.
    pub fn withdraw(&self, kid: &str) {
        self.state.change(|state| {
            state.publish(state.keys.iter().filter(|key| key.kid() != Some(kid)).cloned().collect());
        });
    }

    /// Publishes only these keys. Tokens are still signed with the same key.
    pub fn publish(&self, keys: impl IntoIterator<Item = SigningKey>) {
        let keys = keys.into_iter().collect();
        self.state.change(|state| state.publish(keys));
    }

    /// Creates a token for [`AUDIENCE`](super::AUDIENCE), valid for five minutes from the clock's time on.
    pub fn token(&self) -> TestToken {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        TestToken::new(self.name(), self.key(), self.clock.now(), number)
    }

    /// Returns all requests so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// Returns the number of requests for a document so far.
    #[must_use]
    pub fn requests(&self, document: Document) -> usize {
        count(&self.state.received.borrow(), document)
    }

    /// Waits until there have been `times` requests for a document since the issuer started.
    pub async fn until_requests(&self, document: Document, times: usize) {
        let mut received = self.state.received.subscribe();
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
