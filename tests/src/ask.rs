//! A request, described once for all adapters.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use jwt_core::testing::BareRequest;

/// A request. Header lines are bytes, keep their order, and may repeat.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ask {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// How the body arrives, unless it arrives all at once.
    pub(crate) arrival: Option<Arrival>,
    /// The address that the connection comes from.
    pub(crate) peer: Option<IpAddr>,
}

/// A body that arrives in pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    size: usize,
    breaks_off: bool,
    read: Arc<AtomicUsize>,
}

impl Arrival {
    /// Returns the chunks of a body, each after a wait.
    pub(crate) fn of(&self, body: &[u8]) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let mut chunks: Vec<io::Result<Bytes>> =
            body.chunks(self.size).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        if self.breaks_off {
            chunks.push(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let read = Arc::clone(&self.read);
        stream::iter(chunks).then(move |chunk| {
            read.fetch_add(chunk.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
            async {
                tokio::task::yield_now().await;
                chunk
            }
        })
    }
}

impl Ask {
    /// Creates a request with any method.
    pub fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), body: Vec::new(), arrival: None, peer: None }
    }

    /// Creates a `GET` request.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// Creates a `POST` request.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header line.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Returns the request without a framework and without its body.
    #[must_use]
    pub fn bare(&self) -> BareRequest {
        let request = BareRequest::new(self.method, self.target.as_str());
        self.headers.iter().fold(request, |request, (name, value)| request.header(name.as_str(), value.as_slice()))
    }

    /// Adds `Authorization: Bearer` with a token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds `Authorization: DPoP` with a token, and the header `DPoP` with a proof.
    pub fn dpop(self, token: &str, proof: &str) -> Self {
        self.header("authorization", format!("DPoP {token}")).header("dpop", proof)
    }

    /// Lets the connection come from this address.
    pub fn from(mut self, address: impl Into<IpAddr>) -> Self {
        self.peer = Some(address.into());
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Lets the body arrive in chunks of this size, with a wait before each, and counts the chunks that are read.
    pub fn in_chunks(mut self, size: usize, read: &Arc<AtomicUsize>) -> Self {
        self.arrival = Some(Arrival { size, read: Arc::clone(read), ..self.arrival.unwrap_or_default() });
        self
    }

    /// Lets the body end with an error.
    pub fn breaking_off(mut self) -> Self {
        self.arrival =
            Some(Arrival { breaks_off: true, size: self.body.len().max(1), ..self.arrival.unwrap_or_default() });
        self
    }
}
