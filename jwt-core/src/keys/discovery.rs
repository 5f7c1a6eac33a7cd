//! Finds and fetches an issuer's key set. OpenID Connect Discovery section 4, RFC 8414 section 3.

use std::sync::Arc;

use url::{Host, Url};

use crate::error::Found;
use crate::json::{self, Unique};

use super::fetch_error::printable;
use super::{Fetch, FetchError, FetchErrorKind, FetchRequest, Fetched, KeyRefreshSettings, Location};

const JWK_SET: &str = "application/jwk-set+json, application/json";
const METADATA: &str = "application/json";

impl Location {
    /// Checks that the configured address can be used.
    pub(crate) fn check(&self, http_hosts: &[String]) -> Result<(), FetchErrorKind> {
        match self {
            Self::Discover { issuer, at } => {
                let url = secure(at.as_deref().unwrap_or(issuer), http_hosts)?;
                // RFC 8414 section 2: an issuer has neither query nor fragment.
                if url.query().is_some() || url.fragment().is_some() { Err(FetchErrorKind::Content) } else { Ok(()) }
            }
            Self::JwkSet { url } => secure(url, http_hosts).map(|_| ()),
        }
    }

    /// Fetches the key set, unless the set with the tag `known` is still current. Also returns the tag of the current
    /// set.
    pub(super) async fn fetch(
        &self,
        fetch: &dyn Fetch,
        settings: &KeyRefreshSettings,
        known: Option<&Tag>,
    ) -> Result<(Fetched, Option<Tag>), FetchError> {
        let address = match self {
            Self::JwkSet { url } => Arc::clone(url),
            Self::Discover { issuer, at } => {
                discover(fetch, settings, issuer, at.as_deref().unwrap_or(issuer)).await?.into()
            }
        };
        let known = known.filter(|tag| tag.address == address);
        let fetched = get(fetch, settings, &address, JWK_SET, known.map(|tag| &*tag.etag)).await?;
        let tag =
            if fetched.not_modified { known.cloned() } else { fetched.etag.clone().map(|etag| Tag { address, etag }) };
        Ok((fetched, tag))
    }
}

/// An `ETag`. It only identifies versions of the document at its own address. RFC 9110 section 8.8.3.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    address: Arc<str>,
    etag: String,
}

/// Fetches the metadata of `issuer` from the address `at`, and returns its `jwks_uri`.
async fn discover(
    fetch: &dyn Fetch,
    settings: &KeyRefreshSettings,
    issuer: &str,
    at: &str,
) -> Result<String, FetchError> {
    let mut failed: Vec<String> = Vec::new();
    for url in metadata_urls(at) {
        match get(fetch, settings, &url, METADATA, None).await {
            Ok(document) => {
                let uri = jwks_uri(&document.body, issuer, at, &settings.http_hosts);
                return uri.map_err(|error| error.at(&url));
            }
            // Only a status, such as 404, leads to the other address. If the issuer is down, the second request would
            // fail too.
            Err(error) if error.kind() == FetchErrorKind::Status => failed.extend(error.detail().map(str::to_owned)),
            Err(error) => return Err(error),
        }
    }
    Err(FetchError::explained(FetchErrorKind::Status, failed.join("; ")))
}

/// OpenID Connect appends the well-known path to the issuer; RFC 8414 section 3.1 inserts it between host and path.
fn metadata_urls(issuer: &str) -> Vec<String> {
    let trimmed = issuer.trim_end_matches('/');
    let mut urls = vec![format!("{trimmed}/.well-known/openid-configuration")];
    if let Ok(mut url) = Url::parse(trimmed) {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        urls.push(url.into());
    }
    urls
}

/// Returns the `jwks_uri` of a metadata document from `at`. The document's `issuer` must be the expected one, code
/// point by code point (RFC 8414 section 3.3).
fn jwks_uri(document: &[u8], issuer: &str, at: &str, http_hosts: &[String]) -> Result<String, FetchError> {
    let content = |detail| FetchError::explained(FetchErrorKind::Content, detail);
    let text = std::str::from_utf8(document).map_err(|_| content("the body isn't UTF-8"))?;
    let (mut named, mut uri, mut is_key_set) = (None, None, false);
    json::object(text, Unique::Outermost, |name, value| match name {
        "issuer" => named = value.as_text(),
        "jwks_uri" => uri = value.as_text(),
        "keys" => is_key_set = true,
        _ => {}
    })
    .map_err(|_| content(not_json(text)))?;
    if is_key_set && named.is_none() {
        return Err(content("this is a key set and not a discovery document: use `TrustedIssuer::jwks`"));
    }
    if named.as_deref() != Some(issuer) {
        return Err(mismatch(named.as_deref(), issuer));
    }
    let uri = uri.ok_or_else(|| content("the discovery document has no `jwks_uri`: use `TrustedIssuer::jwks`"))?;
    // Only metadata from this machine may lead to plain HTTP on this machine. Otherwise, a remote document could send
    // requests to local services, which may trust them.
    let url = secure(&uri, http_hosts).map_err(|kind| {
        let uri = printable(&uri);
        let problem = "which is neither https nor on a host that `dangerous_http_hosts` names";
        FetchError::explained(kind, format!("the discovery document's `jwks_uri` is `{uri}`, {problem}"))
    })?;
    let is_local = is_loopback(&url) && !is_named(&url, http_hosts);
    if url.scheme() == "http" && is_local && !Url::parse(at).is_ok_and(|at| is_loopback(&at)) {
        return Err(FetchError::explained(
            FetchErrorKind::InsecureUrl,
            "`jwks_uri` is plain `http` on this machine, and the discovery document isn't from this machine",
        ));
    }
    Ok(uri.into_owned())
}

fn mismatch(named: Option<&str>, issuer: &str) -> FetchError {
    let issuer = printable(issuer);
    let detail = match named {
        Some(named) => {
            let hint = match Found::near(named, &issuer) {
                Some(Found::TrailingSlash) => " They differ only by a slash at the end.",
                Some(Found::Case) => " They differ only in upper and lower case.",
                Some(Found::Scheme) => " They differ only by `http` for `https`.",
                Some(Found::Host) => " They differ only in the host or the port.",
                Some(Found::Path) => " They differ only in the path.",
                _ => "",
            };
            let named = printable(named);
            format!(
                "the discovery document names the issuer `{named}`, and `{issuer}` is configured.{hint} Configure `{named}` \
                 if you trust it, because that's the `iss` of its tokens; `TrustedIssuer::metadata_url` sets another address"
            )
        }
        None => format!("the discovery document has no `issuer`, and `{issuer}` is configured"),
    };
    FetchError::explained(FetchErrorKind::IssuerMismatch, detail)
}

/// Describes a body that isn't JSON.
pub(super) fn not_json(text: &str) -> &'static str {
    match text.trim_start().bytes().next() {
        None => "the body is empty",
        Some(b'<') => "the body is HTML or XML, perhaps a login page or the error page of a proxy, and not JSON",
        Some(_) if text.contains("-----BEGIN") => {
            "the body is PEM and not a JSON key set: fetch it yourself, or use the issuer's JWKS address"
        }
        // Base64url of `{"`: RFC 7517 section 7 lets a set be encrypted.
        Some(_) if text.trim_start().starts_with("eyJ") => {
            "the body is encrypted or a token, and not JSON: have the issuer publish its public keys as a JWK Set"
        }
        Some(_) => "the body isn't a JSON object with unique names",
    }
}

async fn get(
    fetch: &dyn Fetch,
    settings: &KeyRefreshSettings,
    url: &str,
    accept: &'static str,
    etag: Option<&str>,
) -> Result<Fetched, FetchError> {
    let request = FetchRequest { url, accept, etag, max_bytes: settings.max_bytes, timeout: settings.timeout };
    // Applications can bring their own `Fetch`, so its promises are enforced here.
    let fetched = tokio::time::timeout(settings.timeout, fetch.fetch(request)).await;
    let fetched = fetched.unwrap_or_else(|_| Err(FetchErrorKind::Timeout.into()));
    let fetched = fetched.map_err(|error| match error.kind() {
        FetchErrorKind::Timeout => timeout(settings).at(url),
        _ => error.at(url),
    })?;
    if fetched.not_modified && etag.is_none() {
        // The request had no `If-None-Match`, so 304 isn't a valid answer.
        return Err(FetchError::explained(FetchErrorKind::Content, "status 304 without `If-None-Match`").at(url));
    }
    if fetched.body.len() > settings.max_bytes {
        Err(FetchError::too_large(settings.max_bytes).at(url))
    } else {
        Ok(fetched)
    }
}

fn timeout(settings: &KeyRefreshSettings) -> FetchError {
    let detail = format!(
        "no complete response within {:?} (`KeyRefreshSettings::timeout`): can this machine reach the address, or does a \
         firewall drop the request, or does it need a proxy?",
        settings.timeout
    );
    FetchError::explained(FetchErrorKind::Timeout, detail)
}

/// RFC 8414 section 2 requires `https`. Plain `http` is only for this machine, and for the hosts that the application names.
fn secure(url: &str, http_hosts: &[String]) -> Result<Url, FetchErrorKind> {
    let url = Url::parse(url).map_err(|_| FetchErrorKind::Content)?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        "https" if !has_credentials => Ok(url),
        "http" if (is_loopback(&url) || is_named(&url, http_hosts)) && !has_credentials => Ok(url),
        _ => Err(FetchErrorKind::InsecureUrl),
    }
}

fn is_named(url: &Url, hosts: &[String]) -> bool {
    url.host()
        .is_some_and(|host| hosts.iter().any(|named| Host::parse(named).is_ok_and(|named| named == host.to_owned())))
}

/// Returns whether this is the name or address of a host, without a port. There are no wildcards.
pub(crate) fn is_host(name: &str) -> bool {
    !name.contains('*') && Host::parse(name).is_ok()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_allowed_only_on_loopback_hosts() {
        for (url, expected) in [
            ("https://id.example/tenant", Ok(())),
            ("http://127.0.0.1:3000/dev", Ok(())),
            ("http://[::1]:3000", Ok(())),
            ("http://localhost", Ok(())),
            ("http://id.example", Err(FetchErrorKind::InsecureUrl)),
            ("http://127.0.0.1@id.example/", Err(FetchErrorKind::InsecureUrl)),
            ("https://user:pass@id.example/", Err(FetchErrorKind::InsecureUrl)),
            ("http://localhost.id.example/", Err(FetchErrorKind::InsecureUrl)),
            ("http://169.254.169.254/", Err(FetchErrorKind::InsecureUrl)),
            ("file:///etc/passwd", Err(FetchErrorKind::InsecureUrl)),
            ("id.example", Err(FetchErrorKind::Content)),
            ("https://id.example/?a=b", Err(FetchErrorKind::Content)),
            ("https://id.example/#a", Err(FetchErrorKind::Content)),
        ] {
            assert_eq!(Location::Discover { issuer: url.into(), at: None }.check(&[]), expected, "{url}");
        }
    }

    #[test]
    fn metadata_is_fetched_from_both_well_known_addresses() {
        for (issuer, oidc, oauth) in [
            (
                "https://id.example",
                "https://id.example/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://id.example/a/b/",
                "https://id.example/a/b/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/a/b",
            ),
        ] {
            assert_eq!(metadata_urls(issuer), [oidc, oauth]);
        }
    }

    #[test]
    fn metadata_of_another_issuer_is_refused() {
        let document = |issuer: &str, uri: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}"}}"#).into_bytes();
        let issuer = "https://id.example";
        let read = |document: &[u8], at| jwks_uri(document, issuer, at, &[]);
        assert_eq!(read(&document(issuer, "https://keys.example/k"), issuer), Ok("https://keys.example/k".into()));
        for (document, kind) in [
            (document("https://id.example/", "https://keys.example/k"), FetchErrorKind::IssuerMismatch),
            (document(issuer, "http://keys.example/k"), FetchErrorKind::InsecureUrl),
            (br#"{"issuer":"https://id.example"}"#.to_vec(), FetchErrorKind::Content),
            (b"<html>".to_vec(), FetchErrorKind::Content),
            (b"\xff".to_vec(), FetchErrorKind::Content),
        ] {
            assert_eq!(read(&document, issuer).map_err(|error| error.kind()), Err(kind));
        }
    }

    #[test]
    fn only_metadata_from_this_machine_can_lead_to_plain_http() {
        let issuer = "https://id.example";
        for (at, uri, expected) in [
            (issuer, "http://127.0.0.1:9000/keys", Err(FetchErrorKind::InsecureUrl)),
            (issuer, "http://[::1]/keys", Err(FetchErrorKind::InsecureUrl)),
            (issuer, "http://localhost/keys", Err(FetchErrorKind::InsecureUrl)),
            ("https://localhost.example", "http://localhost/keys", Err(FetchErrorKind::InsecureUrl)),
            ("http://localhost:3000", "http://127.0.0.1:9000/keys", Ok(())),
            ("https://127.0.0.1:3000", "http://localhost/keys", Ok(())),
            ("http://localhost:3000", "http://keys.example/keys", Err(FetchErrorKind::InsecureUrl)),
            ("http://localhost:3000", "https://keys.example/keys", Ok(())),
        ] {
            let document = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}"}}"#);
            let read = jwks_uri(document.as_bytes(), issuer, at, &[]).map(drop).map_err(|error| error.kind());
            assert_eq!(read, expected, "{at} names {uri}");
        }
    }

    #[test]
    fn named_hosts_may_be_asked_over_plain_http_and_no_others() {
        use FetchErrorKind::InsecureUrl;
        let hosts = ["keycloak".to_owned(), "10.0.0.5".to_owned(), "[fd00::1]".to_owned()];
        for (url, expected) in [
            ("http://keycloak:8080/realms/shop", Ok(())),
            ("http://KEYCLOAK/", Ok(())),
            ("http://10.0.0.5/", Ok(())),
            ("http://[fd00::1]:8080/", Ok(())),
            ("https://keycloak/", Ok(())),
            ("http://localhost/", Ok(())),
            ("http://keycloak.example/", Err(InsecureUrl)),
            ("http://evil-keycloak/", Err(InsecureUrl)),
            ("http://keycloak@evil.example/", Err(InsecureUrl)),
            ("http://user:pass@keycloak/", Err(InsecureUrl)),
            ("http://10.0.0.50/", Err(InsecureUrl)),
            ("ftp://keycloak/", Err(InsecureUrl)),
        ] {
            assert_eq!(Location::JwkSet { url: url.into() }.check(&hosts), expected, "{url}");
            let document = format!(r#"{{"issuer":"https://id.example","jwks_uri":"{url}"}}"#);
            let from = jwks_uri(document.as_bytes(), "https://id.example", "http://keycloak:8080", &hosts);
            // Metadata from another machine still can't lead to plain HTTP on this one.
            let expected = if url == "http://localhost/" { Err(InsecureUrl) } else { expected };
            assert_eq!(from.map(drop).map_err(|error| error.kind()), expected, "{url}");
        }
        for name in ["", "http://keycloak", "keycloak:8080", "keycloak/", "a b", "*"] {
            assert!(!is_host(name), "{name}");
        }
    }
}
