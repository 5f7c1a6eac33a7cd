use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AGE, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, LOCATION};
use reqwest::{Client, Response, StatusCode, redirect};

use super::fetch_error::printable;
use super::{Fetch, FetchError, FetchErrorKind, FetchRequest, Fetched};

/// Fetches over HTTP with `reqwest`: rustls, the platform's certificate authorities, no redirects, no cookies.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: Client,
}

impl HttpFetch {
    /// Creates the default client.
    ///
    /// # Errors
    ///
    /// Fails if the TLS library cannot be set up.
    pub fn new() -> Result<Self, FetchError> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self::from_client).map_err(|error| FetchError::new(FetchErrorKind::Transport, error))
    }

    /// Uses your own client, for its proxy, certificate authorities or connection timeouts.
    ///
    /// Build it with [`redirect::Policy::none`]. If a client follows redirects, it sends requests to their targets,
    /// and the response is refused.
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
        let mut get = get.build().map_err(kind)?;
        // A fragment isn't sent, and the response's address does not have one.
        get.url_mut().set_fragment(None);
        let asked = get.url().clone();
        let mut response = self.client.execute(get).await.map_err(kind)?;
        // Keys are trusted only from the configured address, which answered with a redirect instead of 200.
        if *response.url() != asked {
            tracing::error!("the HTTP client follows redirects: build it with `redirect::Policy::none()`");
            return Err(FetchError::explained(
                FetchErrorKind::Status,
                "the HTTP client followed a redirect: build it with `redirect::Policy::none()`",
            ));
        }
        let max_age = max_age(response.headers());
        if response.status() == StatusCode::NOT_MODIFIED && request.etag.is_some() {
            return Ok(Fetched { max_age, ..Fetched::not_modified() });
        }
        if response.status() != StatusCode::OK {
            return Err(FetchError::explained(FetchErrorKind::Status, describe_status(&response)));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(kind)? {
            if body.len() + chunk.len() > request.max_bytes {
                return Err(FetchError::too_large(request.max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        Ok(Fetched { etag, max_age, ..Fetched::new(body) })
    }
}

/// The address is left out, because its query may hold a secret.
fn kind(error: reqwest::Error) -> FetchError {
    let kind = if error.is_timeout() { FetchErrorKind::Timeout } else { FetchErrorKind::Transport };
    FetchError::new(kind, error.without_url())
}

/// Says which status it is and what to do. Of a redirect's target only the host is named.
fn describe_status(response: &Response) -> String {
    let status = response.status().as_u16();
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let target = location.and_then(|location| response.url().join(location).ok());
    let host = target.as_ref().and_then(|url| url.host_str());
    match (status, host) {
        (300..=399, Some(host)) => format!(
            "status {status}, which redirects to the host `{}`; redirects aren't followed: configure the address that it leads to",
            printable(host)
        ),
        (300..=399, None) => format!("status {status}, and redirects aren't followed"),
        (401 | 403 | 407, _) => {
            format!("status {status}: the server or a proxy wants credentials, or doesn't let this machine in")
        }
        (404 | 410, _) => format!(
            "status {status}: the server has nothing at this address; compare the issuer's name and path with the `iss` of a token"
        ),
        (429, _) => format!("status {status}: the server wants fewer requests"),
        (500..=599, _) => format!("status {status}: the server, or a proxy before it, fails"),
        _ => format!("status {status}"),
    }
}

/// Returns how long the response stays fresh from now on, if it says so. RFC 9111 section 4.2.
///
/// `no-store` and `no-cache` mean zero, wherever they are. If there are several values, the strictest counts.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut max_age: Option<Duration> = None;
    for directive in values(headers, &CACHE_CONTROL).flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let lifetime = match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => Some(Duration::ZERO),
            "max-age" => delta_seconds(value.trim().trim_matches('"')),
            _ => None,
        };
        max_age = max_age.into_iter().chain(lifetime).min();
    }
    // RFC 9111 section 4.2.3: the time in a cache counts.
    let age = values(headers, &AGE).filter_map(|age| delta_seconds(age.trim())).max().unwrap_or_default();
    max_age.map(|max_age| max_age.saturating_sub(age))
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

/// RFC 9111 section 1.2.2: a number that overflows counts as the largest.
fn delta_seconds(digits: &str) -> Option<Duration> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_lifetime_counts() {
        for (cache_control, age, lifetime) in [
            (&[][..], &[][..], None),
            (&[], &["30"], None),
            (&["public"], &[], None),
            (&["max-age=86400"], &[], Some(86_400)),
            (&["max-age=86400"], &["86390"], Some(10)),
            (&["max-age=86400"], &["86400"], Some(0)),
            (&["max-age=86400"], &["99999999999999999999"], Some(0)),
            (&["max-age=86400"], &["-5", "ten", ""], Some(86_400)),
            (&["max-age=86400"], &["5", "86390"], Some(10)),
            (&["max-age=600, no-store"], &[], Some(0)),
            (&["no-cache, max-age=600"], &[], Some(0)),
            (&["max-age=600", "no-store"], &[], Some(0)),
            (&["max-age=600", "public, No-Cache"], &[], Some(0)),
            (&["max-age=600, no-cache=\"set-cookie\""], &[], Some(0)),
            (&["max-age=600, max-age=300"], &[], Some(300)),
            (&["max-age=600", "max-age=900"], &["1"], Some(599)),
            (&["max-age = \"600\""], &[], Some(600)),
            (&["s-maxage=5, max-age=600"], &[], Some(600)),
            (&["max-age=99999999999999999999999"], &[], Some(u64::MAX)),
            (&["max-age=-1, max-age=+5, max-age="], &[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in cache_control {
                headers.append(CACHE_CONTROL, value.parse().expect("a header value"));
            }
            for value in age {
                headers.append(AGE, value.parse().expect("a header value"));
            }
            assert_eq!(max_age(&headers), lifetime.map(Duration::from_secs), "{cache_control:?} {age:?}");
        }
    }
}
