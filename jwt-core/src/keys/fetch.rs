use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::fetch_error::printable;
use super::{FetchError, FetchErrorKind};

/// A document to fetch. It contains nothing from a request or a token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FetchRequest<'f> {
    /// The address: `https`, or `http` on a loopback host.
    pub url: &'f str,
    /// The value of `Accept`.
    pub accept: &'static str,
    /// The `ETag` of the cached document: the value of `If-None-Match`. RFC 9110 section 13.1.2.
    pub etag: Option<&'f str>,
    /// The largest accepted body, in bytes after decompression.
    pub max_bytes: usize,
    /// The time limit, from connecting to the last byte.
    pub timeout: Duration,
}

impl<'f> FetchRequest<'f> {
    /// Creates a request with the default limits: 512 KiB, 5 seconds.
    #[must_use]
    pub const fn new(url: &'f str, accept: &'static str) -> Self {
        Self { url, accept, etag: None, max_bytes: 512 * 1024, timeout: Duration::from_secs(5) }
    }
}

/// A fetched document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The body; empty if the document was not modified.
    pub body: Vec<u8>,
    /// Whether the server said that the cached document is still current: status 304.
    pub not_modified: bool,
    /// The response's `ETag`, if it has one.
    pub etag: Option<String>,
    /// How long the document stays fresh: `max-age` of `Cache-Control` minus `Age`, if the server sent it.
    pub max_age: Option<Duration>,
}

impl Fetched {
    /// Creates a document without an `ETag` or a lifetime.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), not_modified: false, etag: None, max_age: None }
    }

    /// Creates the answer that the cached document is still current.
    #[must_use]
    pub const fn not_modified() -> Self {
        Self { body: Vec::new(), not_modified: true, etag: None, max_age: None }
    }

    /// Sets the `ETag` that the server sent. Default: no `ETag`.
    #[must_use]
    pub fn etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// Sets how long the document stays fresh from now on. Default: unknown.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

/// Fetches documents over the network: key sets and discovery documents.
///
/// An implementation must return only bodies of status 200, or [`Fetched::not_modified`] for a 304 if the request has
/// an `ETag`. It must not follow redirects or send cookies and credentials, and it must keep to the request's limits.
/// The caller enforces only the limits, and refuses a 304 that it did not ask for. If a fetch fails, the earlier keys
/// stay in use.
///
/// [`fetch_fn`] turns a closure into a `Fetch`, which is also the easiest way to fake one in a test.
///
/// The default is `HttpFetch`, with the feature `jwks`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't fetch keys",
    note = "use `HttpFetch` (feature `jwks`) or `fetch_fn(closure)` from `jwt_core::keys`, or implement `Fetch`, \
            with `#[async_trait]`"
)]
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Fetches a document.
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError>;
}

/// Turns a closure that takes the address into a [`Fetch`].
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

/// Decides whether documents may be fetched from a host.
pub(crate) type HostFilter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A [`Fetch`] that refuses hosts that the filter does not allow.
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
            host => {
                let host = printable(host.unwrap_or_default());
                let detail = format!("`IssuerResolver::hosts` doesn't allow the host `{host}`");
                Err(FetchError::explained(FetchErrorKind::HostNotAllowed, detail))
            }
        }
    }
}

impl fmt::Debug for FilteredFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilteredFetch").field("fetch", &self.fetch).finish_non_exhaustive()
    }
}
