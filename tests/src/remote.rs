//! An issuer's documents, served by a closure that can be slow or fail, and that counts requests.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jwt_core::crypto::SigningKey;
use jwt_core::keys::{Fetch, FetchError, FetchErrorKind, Fetched, fetch_fn};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The address of the issuer's key set.
pub const JWKS: &str = "https://id.example/jwks";

type Document = Result<Vec<u8>, FetchErrorKind>;

/// A remote key set. Clones share their state.
#[derive(Clone)]
#[must_use]
pub struct Remote {
    document: Arc<Mutex<Document>>,
    asked: Arc<watch::Sender<Vec<String>>>,
    open: Arc<watch::Sender<bool>>,
}

impl Remote {
    /// Serves the public keys of these keys, without a wait.
    pub fn serving(keys: &[&SigningKey]) -> Self {
        Self::with(Ok(set(keys)))
    }

    /// Fails, without a wait.
    pub fn failing() -> Self {
        Self::with(Err(FetchErrorKind::Transport))
    }

    fn with(document: Document) -> Self {
        let (asked, open) = (watch::Sender::new(Vec::new()), watch::Sender::new(true));
        Self { document: Arc::new(Mutex::new(document)), asked: Arc::new(asked), open: Arc::new(open) }
    }

    /// Makes requests wait.
    pub fn hold(self) -> Self {
        self.open.send_replace(false);
        self
    }

    /// Answers the waiting requests, and lets no further request wait.
    pub fn release(&self) {
        self.open.send_replace(true);
    }

    /// Serves the public keys of these keys from now on.
    pub fn serve(&self, keys: &[&SigningKey]) {
        self.set(Ok(set(keys)));
    }

    /// Serves this body from now on.
    pub fn serve_body(&self, body: impl Into<Vec<u8>>) {
        self.set(Ok(body.into()));
    }

    /// Fails from now on.
    pub fn fail(&self) {
        self.set(Err(FetchErrorKind::Transport));
    }

    /// Returns the requested addresses.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Waits until this many documents have been requested.
    pub async fn until_asked(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        // The channel cannot be closed, because `self` has the sender.
        let _ = asked.wait_for(|asked| asked.len() >= times).await;
    }

    /// Returns the document that is served now.
    ///
    /// # Errors
    ///
    /// Returns an error while the issuer is set to fail.
    pub fn document(&self) -> Result<Fetched, FetchError> {
        let document = self.document.lock().unwrap_or_else(PoisonError::into_inner).clone();
        document.map(Fetched::new).map_err(Into::into)
    }

    /// Returns a `Fetch` that gets its documents from here.
    #[must_use]
    pub fn fetch(&self) -> impl Fetch + use<> {
        let this = self.clone();
        fetch_fn(move |url: String| {
            let this = this.clone();
            async move {
                this.asked.send_modify(|asked| asked.push(url));
                let mut open = this.open.subscribe();
                let _ = open.wait_for(|open| *open).await;
                this.document()
            }
        })
    }

    fn set(&self, document: Document) {
        *self.document.lock().unwrap_or_else(PoisonError::into_inner) = document;
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("asked", &self.asked().len()).finish_non_exhaustive()
    }
}

fn set(keys: &[&SigningKey]) -> Vec<u8> {
    let keys: Vec<Value> = keys.iter().filter_map(|key| key.public_jwk()).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}
