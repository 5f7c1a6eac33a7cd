use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Client, StatusCode, redirect};

use super::{Fetch, FetchError, FetchErrorKind, FetchRequest, Fetched};

/// Fetches over HTTP with `reqwest`: rustls with the platform's certificate authorities, no redirects, no cookies.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: Client,
}

impl HttpFetch {
    /// Builds the default client.
    ///
    /// # Errors
    ///
    /// Where the TLS library cannot be set up.
    pub fn new() -> Result<Self, FetchError> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self::from_client).map_err(|_| FetchErrorKind::Transport.into())
    }

    /// Uses a client of the application's own: its proxy, its certificate authorities, its connection timeouts.
    ///
    /// Build it with [`redirect::Policy::none`]: an issuer's redirect would otherwise be followed to wherever it leads.
    #[must_use]
    pub const fn from_client(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let mut get = self.client.get(request.url).header(ACCEPT, request.accept).timeout(request.timeout);
        if let Some(etag) = request.etag {
            get = get.header(IF_NONE_MATCH, etag);
        }
        let mut response = get.send().await.map_err(kind)?;
        let max_age = max_age(response.headers());
        if response.status() == StatusCode::NOT_MODIFIED && request.etag.is_some() {
            return Ok(Fetched { max_age, ..Fetched::not_modified() });
        }
        if response.status() != StatusCode::OK {
            return Err(FetchErrorKind::Status.into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(kind)? {
            if body.len() + chunk.len() > request.max_bytes {
                return Err(FetchErrorKind::TooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        Ok(Fetched { etag, max_age, ..Fetched::new(body) })
    }
}

// By value: this is a `map_err` argument.
#[expect(clippy::needless_pass_by_value, reason = "the signature `map_err` asks for")]
fn kind(error: reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchErrorKind::Timeout.into() } else { FetchErrorKind::Transport.into() }
}

/// RFC 9111 section 5.2.2.1. `no-store` and `no-cache` ask for the shortest lifetime there is.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives =
        values.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    directives.find_map(|directive| match directive.split_once('=') {
        Some(("max-age", seconds)) => seconds.trim_matches('"').parse().ok().map(Duration::from_secs),
        None if directive == "no-store" || directive == "no-cache" => Some(Duration::ZERO),
        _ => None,
    })
}
