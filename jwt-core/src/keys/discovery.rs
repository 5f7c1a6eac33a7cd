//! Finds and fetches an issuer's key set. OpenID Connect Discovery section 4, RFC 8414 section 3.

use std::sync::Arc;

use url::{Host, Url};

use crate::error::{BuildErrorKind, Found};
use crate::json::{self, Unique};

use super::fetch_error::printable;
use super::{Fetch, FetchError, FetchErrorKind, FetchRequest, Fetched, KeyRefreshSettings, Location, is_metadata_url};

const JWK_SET: &str = "application/jwk-set+json, application/json";
const METADATA: &str = "application/json";

impl Location {
    /// Checks that the configured address can be used. The problem's words follow the setting's name.
    pub(crate) fn check(&self, http_hosts: &[String]) -> Result<(), (FetchErrorKind, &'static str)> {
        let content = |problem| Err((FetchErrorKind::Content, problem));
        match self {
            Self::Discover { issuer, at } => {
                let url = secure(at.as_deref().unwrap_or(issuer), http_hosts)?;
                // RFC 8414 section 2: an issuer has neither query nor fragment.
                match at {
                    Some(at) if is_metadata_url(at) && url.fragment().is_none() => Ok(()),
                    _ if url.query().is_some() || url.fragment().is_some() => {
                        content("is not a usable URL: it has a query or a fragment, which no issuer has")
                    }
                    _ => Ok(()),
                }
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
    ) -> Result<FetchedSet, FetchError> {
        let address = match self {
            Self::JwkSet { url } => Arc::clone(url),
            Self::Discover { issuer, at } => {
                discover(fetch, settings, issuer, at.as_deref().unwrap_or(issuer)).await?.into()
            }
        };
        let known = known.filter(|tag| tag.address == address);
        let fetched = get(fetch, settings, &address, JWK_SET, known.map(|tag| &*tag.etag)).await?;
        let tag = if fetched.not_modified {
            known.cloned()
        } else {
            fetched.etag.clone().map(|etag| Tag { address: Arc::clone(&address), etag })
        };
        Ok(FetchedSet { fetched, tag, address })
    }
}

/// A fetched key set, its tag, and its address.
pub(super) struct FetchedSet {
    pub(super) fetched: Fetched,
    pub(super) tag: Option<Tag>,
    pub(super) address: Arc<str>,
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
    if is_metadata_url(issuer) {
        return vec![issuer.to_owned()];
    }
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
    // RFC 8259 section 8.1 lets a reader ignore a byte order mark.
    let text = text(document).map_err(content)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
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
    let url = secure(&uri, http_hosts).map_err(|(kind, problem)| {
        let uri = printable(&uri);
        FetchError::explained(kind, format!("the discovery document's `jwks_uri` is `{uri}`, which {problem}"))
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
        Some(named) if named.contains('{') => format!(
            "the discovery document names the issuer `{}`, which is a template for many tenants: configure the issuer of your \
             tenant, as its tokens have it in `iss`",
            printable(named)
        ),
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

/// Returns a body as text, or describes it.
pub(super) fn text(body: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(body).map_err(|_| {
        if body.starts_with(b"\x1f\x8b") {
            "the body is compressed with gzip, which wasn't asked for: have the server, or a proxy before it, send it uncompressed"
        } else if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
            "the body is UTF-16, and JSON must be UTF-8"
        } else {
            "the body isn't UTF-8"
        }
    })
}

/// Describes a body that isn't JSON.
pub(super) fn not_json(text: &str) -> &'static str {
    match text.trim_start().bytes().next() {
        None => "the body is empty",
        Some(b'[') => "the body is a JSON array, and not an object",
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
fn secure(text: &str, http_hosts: &[String]) -> Result<Url, (FetchErrorKind, &'static str)> {
    // The parser drops some white space, and the issuer's name would keep it.
    if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return Err((FetchErrorKind::Content, "is not a usable URL: it has white space in it, perhaps a line end"));
    }
    let incomplete = "is not a usable URL: write all of it, for example `https://id.example`";
    let url = Url::parse(text).map_err(|_| (FetchErrorKind::Content, incomplete))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err((FetchErrorKind::InsecureUrl, "is not a usable URL: it has a user name or a password in it"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) || is_named(&url, http_hosts) => Ok(url),
        "file" => {
            Err((FetchErrorKind::InsecureUrl, "is the address of a file; `KeySet::from_jwks` and `jwks_file` read one"))
        }
        _ => Err((FetchErrorKind::InsecureUrl, BuildErrorKind::InsecureUrl.problem())),
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
            let checked = Location::Discover { issuer: url.into(), at: None }.check(&[]);
            assert_eq!(checked.map_err(|(kind, _)| kind), expected, "{url}");
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
    fn the_address_of_the_metadata_itself_is_asked_as_it_is() {
        let issuer = "https://id.example/tfp";
        for at in [
            "https://inner.example/tfp/.well-known/openid-configuration",
            "https://inner.example/.well-known/oauth-authorization-server/tfp",
            "https://inner.example/tfp/.well-known/openid-configuration?p=b2c_1_sign_in",
        ] {
            assert_eq!(Location::Discover { issuer: issuer.into(), at: Some(at.into()) }.check(&[]), Ok(()), "{at}");
            assert_eq!(metadata_urls(at), [at]);
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_explained() {
        for (url, part) in [
            ("/jwks", "write all of it"),
            ("//id.example/jwks", "write all of it"),
            ("id.example", "write all of it"),
            (" https://id.example/jwks", "white space"),
            ("https://id.example/jwks\n", "white space"),
            ("https://id .example", "white space"),
            ("https://user@id.example/jwks", "a user name"),
            ("http://id.example/jwks", "neither https"),
            ("file:///jwks.json", "`jwks_file`"),
        ] {
            let (_, problem) = Location::JwkSet { url: url.into() }.check(&[]).expect_err(url);
            assert!(problem.contains(part), "{url}: {problem}");
            let document = serde_json::json!({"issuer": "https://id.example", "jwks_uri": url}).to_string();
            let error = jwks_uri(document.as_bytes(), "https://id.example", "https://id.example", &[]).expect_err(url);
            assert!(error.detail().is_some_and(|detail| detail.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_body_that_is_no_metadata_is_explained() {
        let issuer = "https://id.example";
        let good = r#"{"issuer":"https://id.example","jwks_uri":"https://id.example/k"}"#;
        let read = |body: &[u8]| jwks_uri(body, issuer, issuer, &[]);
        assert!(read(format!("\u{feff}{good}").as_bytes()).is_ok());
        let utf16: Vec<u8> = format!("\u{feff}{good}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (body, part) in [
            (&b"\x1f\x8b\x08\0"[..], "gzip"),
            (&utf16, "UTF-16"),
            (b"\xe9", "isn't UTF-8"),
            (b"[]", "a JSON array"),
            (br#"{"issuer":"https://login.example/{tenantid}/v2.0"}"#, "a template for many tenants"),
        ] {
            let error = read(body).expect_err(part);
            assert!(error.detail().is_some_and(|detail| detail.contains(part)), "{error}");
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
            let checked = Location::JwkSet { url: url.into() }.check(&hosts);
            assert_eq!(checked.map_err(|(kind, _)| kind), expected, "{url}");
            let document = format!(r#"{{"issuer":"https://id.example","jwks_uri":"{url}"}}"#);
            let from = jwks_uri(document.as_bytes(), "https://id.example", "http://keycloak:8080", &hosts);
            // Metadata from another machine still cannot lead to plain HTTP on this one.
            let expected = if url == "http://localhost/" { Err(InsecureUrl) } else { expected };
            assert_eq!(from.map(drop).map_err(|error| error.kind()), expected, "{url}");
        }
        for name in ["", "http://keycloak", "keycloak:8080", "keycloak/", "a b", "*"] {
            assert!(!is_host(name), "{name}");
        }
    }
}
