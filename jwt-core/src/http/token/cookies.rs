//! The `Cookie` header. RFC 6265 section 5.4.

use std::fmt;
use std::sync::{Arc, Once};

use super::found::{Found, Location};
use super::source::{TokenSource, end_to_end};
use crate::http::csrf::host;
use crate::http::request::{RequestView, is_tchar};

/// One part of the header, between semicolons.
pub(super) struct Pair<'r> {
    pub(super) name: &'r [u8],
    /// The part after the first `=`, without quotation marks around it.
    pub(super) value: Option<&'r [u8]>,
    pub(super) whole: &'r [u8],
}

/// Splits the header into its parts.
///
/// Names are trimmed as browsers trim them: only spaces and tabs. To a browser, a name that starts with any other blank isn't a
/// `__Host-` name, so it must not become one here.
pub(super) fn pairs(line: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    line.split(|&byte| byte == b';').map(trim).filter(|whole| !whole.is_empty()).map(|whole| {
        let (name, value) = match whole.iter().position(|&byte| byte == b'=') {
            Some(end) => (trim(&whole[..end]), Some(unquoted(trim(&whole[end + 1..])))),
            None => (whole, None),
        };
        Pair { name, value, whole }
    })
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// The `Set-Cookie` values that remove a cookie.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    /// Removes the cookie that the application sets, if its attributes are known.
    pub(crate) own: Option<Arc<str>>,
    /// Remove cookies with the same name and no `Domain`, one value for each path. The last one is for the path `/`.
    pub(crate) host_only: Arc<[String]>,
    /// Whether browsers accept cookies of this name only from the host itself and for all of its paths.
    pub(crate) one_per_host: bool,
}

impl Removal {
    /// How many values are returned at most. Proxies limit the size of a response's headers.
    const MOST: usize = 24;

    /// Removes only further cookies of this name, whose attributes are not known. `None` if no cookie can have the name.
    pub(super) fn of_unknown(name: &str) -> Option<Self> {
        let is_prefixed =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let (host, secure) = (is_prefixed(HOST_PREFIX), is_prefixed("__Secure-"));
        let secure = if host || secure { "; Secure" } else { "" };
        let value = format!("{name}=; Path=/{secure}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        let is_legal = !name.is_empty() && name.bytes().all(is_tchar);
        is_legal.then(|| Self { own: None, host_only: Arc::new([value]), one_per_host: host })
    }

    /// Returns values that remove every cookie of this name that a page of the same site can have set for this request's path.
    /// The `Cookie` header does not say which of several is the application's.
    pub(super) fn of_every_copy(&self, request: &dyn RequestView) -> Vec<String> {
        let mut all: Vec<String> = self.own.iter().map(ToString::to_string).collect();
        let (mut values, mut sites) = (self.host_only.to_vec(), Vec::new());
        if !self.one_per_host {
            sites = domains(request);
            if let Some(root) = self.host_only.last() {
                values.extend(
                    paths(request).iter().map(|path| root.replacen("; Path=/;", &format!("; Path={path};"), 1)),
                );
            }
        }
        for value in values {
            let with_domains = sites.iter().map(|domain| format!("{value}; Domain={domain}"));
            all.extend(std::iter::once(value.clone()).chain(with_domains));
        }
        let mut seen = std::collections::HashSet::new();
        all.retain(|value| seen.insert(value.clone()));
        all.truncate(Self::MOST);
        all
    }
}

/// Returns the paths below `/` for which a cookie is sent with this request. RFC 6265 section 5.1.4.
fn paths(request: &dyn RequestView) -> Vec<&str> {
    let path = request.target().split('?').next().unwrap_or_default();
    // Any other character would end the attribute, or the header.
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
        return Vec::new();
    }
    let ends = path.bytes().enumerate().skip(1).filter(|&(_, byte)| byte == b'/').map(|(at, _)| at);
    let mut paths: Vec<&str> = ends.flat_map(|at| [&path[..at], &path[..=at]]).collect();
    if path.len() > 1 && !path.ends_with('/') {
        paths.push(path);
    }
    paths
}

/// Returns the host that a request was sent to, and its parent domains.
fn domains(request: &dyn RequestView) -> Vec<&str> {
    /// How many domains are returned at most. Few sites have more levels of subdomains.
    const MOST: usize = 4;
    let Some(host) = host(request).and_then(|host| std::str::from_utf8(host).ok()).map(without_port) else {
        return Vec::new();
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let is_address = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_address || !host.bytes().all(is_name) {
        return Vec::new();
    }
    let parents = std::iter::successors(Some(host), |domain| domain.split_once('.').map(|(_, parent)| parent));
    let domains: Vec<&str> = parents.filter(|domain| domain.contains('.')).collect();
    domains[domains.len().saturating_sub(MOST)..].to_vec()
}

/// The prefix of cookies that only the host itself can set. RFC 6265bis section 4.1.3.2.
pub(super) const HOST_PREFIX: &str = "__Host-";

pub(super) struct Cookie {
    pub(super) name: String,
    /// Whether to ignore the cookie in requests for other hosts than this machine, because it may be sent without TLS.
    pub(super) loopback_only: bool,
}

impl TokenSource for Cookie {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        if self.loopback_only && !is_loopback(request) {
            // Logged once, so that requests cannot fill the log.
            static LOGGED: Once = Once::new();
            LOGGED.call_once(|| {
                tracing::error!(
                    "a cookie was ignored in a request for another host than localhost: remove \
                     `dangerous_insecure_localhost` in production"
                );
            });
            return;
        }
        end_to_end(request, "cookie", |value| {
            for pair in pairs(value) {
                if pair.name == self.name.as_bytes()
                    && let Some(value) = pair.value
                    // Some applications clear a cookie by setting an empty value.
                    && !value.is_empty()
                {
                    found.add(value, Location::Cookie);
                }
            }
        });
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::Cookie, &self.name))
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cookie").field(&self.name).finish()
    }
}

fn is_loopback(request: &dyn RequestView) -> bool {
    let Some(host) = host(request).and_then(|host| std::str::from_utf8(host).ok()) else { return false };
    let name = without_port(host);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BareRequest;

    fn candidates(line: &str) -> Vec<String> {
        let request = BareRequest::new("GET", "/").header("cookie", line);
        let mut found = Found::default();
        Cookie { name: "__Host-access".to_owned(), loopback_only: false }.find(&request, &mut found);
        let first = found.first.map(|(value, _)| String::from_utf8_lossy(&value).into_owned());
        first.into_iter().chain((1..found.candidates).map(|_| "…".to_owned())).collect()
    }

    #[test]
    fn cookies_can_be_set_for_a_host_and_its_parent_domains() {
        for (host, expected) in [
            ("app.shop.example:8443", &["app.shop.example", "shop.example"][..]),
            ("shop.example", &["shop.example"]),
            ("a.b.c.d.shop.example", &["b.c.d.shop.example", "c.d.shop.example", "d.shop.example", "shop.example"]),
            ("localhost:8080", &[]),
            ("127.0.0.1:8080", &[]),
            ("[::1]:8080", &[]),
            ("shop.example; Path=/x", &[]),
            ("", &[]),
        ] {
            let request = BareRequest::new("GET", "/").header("host", host);
            assert_eq!(domains(&request), expected, "{host}");
        }
    }

    #[test]
    fn cookies_are_sent_for_a_path_and_the_paths_above_it() {
        for (target, expected) in [
            ("/", &[][..]),
            ("/?a=/b", &[]),
            ("/a", &["/a"]),
            ("/a/", &["/a", "/a/"]),
            ("/a/b?c", &["/a", "/a/", "/a/b"]),
            ("/a;b/c", &[]),
            ("*", &[]),
        ] {
            assert_eq!(paths(&BareRequest::new("GET", target)), expected, "{target}");
        }
    }

    #[test]
    fn every_copy_of_a_cookie_with_unknown_attributes_is_removed() {
        const GONE: &str = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let request = BareRequest::new("GET", "/a").header("host", "app.shop.example");
        let removals = |name| Removal::of_unknown(name).map(|removal| removal.of_every_copy(&request));
        let copies = |path: &str| {
            let value = format!("t=; Path={path}; {GONE}");
            [format!("{value}; Domain=app.shop.example"), format!("{value}; Domain=shop.example")]
        };
        let [root, a] = ["/", "/a"].map(copies);
        let host_only = ["/", "/a"].map(|path| format!("t=; Path={path}; {GONE}"));
        let expected = [&host_only[..1], &root, &host_only[1..], &a].concat();
        assert_eq!(removals("t"), Some(expected));
        assert_eq!(removals("__Host-t"), Some(vec![format!("__Host-t=; Path=/; Secure; {GONE}")]));
        assert_eq!(removals("t; Domain=x"), None);
        assert_eq!(removals(""), None);
        let deep = BareRequest::new("GET", "/a/b/c/d/e/f/g/h").header("host", "a.b.c.d.example");
        let removals = Removal::of_unknown("t").expect("a name").of_every_copy(&deep);
        assert_eq!(removals.len(), Removal::MOST);
    }

    #[test]
    fn names_are_trimmed_as_browsers_trim_them() {
        for (line, expected) in [
            ("__Host-access=a", &["a"][..]),
            ("x=1;__Host-access=a", &["a"]),
            ("x=1; \t__Host-access \t= a ;y", &["a"]),
            ("__Host-access=\"a\"", &["a"]),
            ("__Host-access=a=b", &["a=b"]),
            ("__Host-access=", &[]),
            ("__Host-access=\"\"", &[]),
            ("__Host-access=; __Host-access=a", &["a"]),
            ("__Host-access=a; __Host-access=b", &["a", "…"]),
            ("é=1; __Host-access=a", &["a"]),
            ("__Host-access", &[]),
            ("__host-access=a", &[]),
            ("\u{85}__Host-access=a", &[]),
            ("\u{a0}__Host-access=a", &[]),
            ("\u{2000}__Host-access=a", &[]),
            ("__Host-access\u{3000}=a", &[]),
            ("\u{b}__Host-access=a; \u{c}__Host-access=b", &[]),
        ] {
            assert_eq!(candidates(line), expected, "{line:?}");
        }
    }
}
