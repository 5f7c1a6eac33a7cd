use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::{FetchError, FetchErrorKind};

/// A document to fetch. Nothing of a request or token is in it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FetchRequest<'f> {
    /// The address: `https`, or `http` on a loopback host.
    pub url: &'f str,
    /// The value of `Accept`.
    pub accept: &'static str,
    /// The `ETag` of the document that is at hand: the value of `If-None-Match`. RFC 9110 section 13.1.2.
    pub etag: Option<&'f str>,
    /// The most bytes to take, counted after decompression.
    pub max_bytes: usize,
    /// The most time to take, from connecting to the last byte.
    pub timeout: Duration,
}

impl<'f> FetchRequest<'f> {
    /// Asks for a document with the limits that are used by default: 512 KiB, 5 seconds.
    #[must_use]
    pub const fn new(url: &'f str, accept: &'static str) -> Self {
        Self { url, accept, etag: None, max_bytes: 512 * 1024, timeout: Duration::from_secs(5) }
    }
}

/// A document that was fetched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The body; empty where the document is not modified.
    pub body: Vec<u8>,
    /// Whether the server says that the document at hand is still the one: status 304.
    pub not_modified: bool,
    /// `ETag`, where it was sent.
    pub etag: Option<String>,
    /// `max-age` of `Cache-Control` less the answer's `Age`, if the server states it.
    pub max_age: Option<Duration>,
}

impl Fetched {
    /// A body without a stated lifetime.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), not_modified: false, etag: None, max_age: None }
    }

    /// The answer that the document at hand is still the one.
    #[must_use]
    pub const fn not_modified() -> Self {
        Self { body: Vec::new(), not_modified: true, etag: None, max_age: None }
    }

    /// Sets the `ETag` that the server sent. Default: none.
    #[must_use]
    pub fn etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// Sets the lifetime that the server stated, from now on. Default: none.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

/// Gets documents over the network: key sets and discovery documents.
///
/// An implementation answers only with bodies of status 200, or with 304 to an `ETag`, follows no redirect, sends no cookies or credentials, and
/// keeps to the request's limits; a caller checks none of this again but the size. An error leaves earlier keys in
/// place. [`fetch_fn`] makes one from a closure, which is also the double.
#[cfg_attr(feature = "jwks", doc = "The default is [`HttpFetch`](super::HttpFetch).")]
#[cfg_attr(not(feature = "jwks"), doc = "The feature `reqwest` brings a default.")]
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Gets the document.
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError>;
}

/// Makes a [`Fetch`] of a closure that takes the address.
///
/// ```
/// use jwt_core::keys::{Fetched, fetch_fn};
///
/// let fetch = fetch_fn(|_url: String| async { Ok(Fetched::new(r#"{"keys":[]}"#)) });
/// ```
pub const fn fetch_fn<F, R>(fetch: F) -> impl Fetch
where
    F: Fn(String) -> R + Send + Sync,
    R: Future<Output = Result<Fetched, FetchError>> + Send,
{
    FetchFn(fetch)
}

struct FetchFn<F>(F);

impl<F> fmt::Debug for FetchFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FetchFn")
    }
}

#[async_trait]
impl<F, R> Fetch for FetchFn<F>
where
    F: Fn(String) -> R + Send + Sync,
    R: Future<Output = Result<Fetched, FetchError>> + Send,
{
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        (self.0)(request.url.to_owned()).await
    }
}

/// Decides by an address's host whether a document may be fetched from there.
pub(crate) type HostFilter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A [`Fetch`] that asks certain hosts only.
pub(crate) struct FilteredFetch {
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) hosts: HostFilter,
}

#[async_trait]
impl Fetch for FilteredFetch {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let url = Url::parse(request.url).map_err(|_| FetchErrorKind::Content)?;
        match url.host_str() {
            Some(host) if (self.hosts)(host) => self.fetch.fetch(request).await,
            _ => Err(FetchErrorKind::HostNotAllowed.into()),
        }
    }
}

impl fmt::Debug for FilteredFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilteredFetch").field("fetch", &self.fetch).finish_non_exhaustive()
    }
}
