//! Removing cookies from a browser.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::cookies::{HOST_PREFIX, without_port};
use crate::http::csrf::host;
use crate::http::request::{RequestView, is_tchar};

/// How to remove a cookie.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    /// The `Set-Cookie` values that remove the cookie that the application sets, and the ones that it replaces, if the attributes
    /// are known.
    pub(crate) own: Option<Arc<[String]>>,
    pub(crate) name: Arc<str>,
    pub(crate) path: Arc<str>,
    /// `SameSite` and `Secure`, as `Set-Cookie` has them after `; `. Browsers ignore a removal that lacks what its name or the
    /// embedding page requires.
    pub(crate) conditions: Arc<str>,
    /// Whether browsers accept cookies of this name only from the host itself and for all of its paths.
    pub(crate) one_per_host: bool,
}

impl Removal {
    /// Removes only further cookies of this name, whose attributes are not known. `None` if no cookie can have the name.
    pub(super) fn of_unknown(name: &str) -> Option<Self> {
        let is_prefixed =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let (host, secure) = (is_prefixed(HOST_PREFIX), is_prefixed("__Secure-"));
        let conditions = if host || secure { "; Secure" } else { "" }.into();
        let is_legal = !name.is_empty() && name.bytes().all(is_tchar);
        is_legal.then(|| Self { own: None, name: name.into(), path: "/".into(), conditions, one_per_host: host })
    }

    /// Returns values that remove every cookie of this name that a page of the same site can have set for this request's path.
    /// The `Cookie` header does not say which of several is the application's.
    pub(super) fn of_every_copy(&self, request: &dyn RequestView) -> Vec<String> {
        let Self { name, conditions, .. } = self;
        let (mut paths, mut domains) = (vec!["/", &*self.path], Vec::new());
        if !self.one_per_host {
            paths.extend(paths_of(request.original_target()));
            domains = host(request).map(domains_of).unwrap_or_default();
            // A proxy may have changed the host or the path.
            if let Some((host, target)) = page(request) {
                paths.extend(paths_of(target));
                domains.extend(domains_of(host.as_bytes()));
            }
        }
        let mut all: Vec<String> = self.own.iter().flat_map(|own| own.iter().cloned()).collect();
        // Browsers keep a cookie apart from the one with `Partitioned`, and send both.
        for partitioned in ["", "; Partitioned"] {
            let secure = if partitioned.is_empty() || conditions.contains("Secure") { "" } else { "; Secure" };
            for path in &paths {
                let value = format!("{name}=; Path={path}{conditions}{secure}{partitioned}; Max-Age=0");
                let with_domains = domains.iter().map(|domain| format!("{value}; Domain={domain}"));
                all.extend(std::iter::once(value.clone()).chain(with_domains));
            }
        }
        let mut seen = HashSet::new();
        all.retain(|value| seen.insert(value.clone()));
        all
    }
}

/// Returns as many of the values as fit into a response, and others the next time.
pub(super) fn in_turn(mut values: Vec<String>) -> Vec<String> {
    /// nginx takes 4 KiB for all headers of a response by default.
    const MOST_BYTES: usize = 3_000;
    static TURN: AtomicU32 = AtomicU32::new(0);
    let size = |value: &String| "set-cookie: \r\n".len() + value.len();
    if values.iter().map(size).sum::<usize>() > MOST_BYTES {
        // Multiples of the golden ratio, so that requests which alternate don't get the same values again.
        let turn = u64::from(TURN.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9));
        let from = usize::try_from((turn * values.len() as u64) >> 32).unwrap_or_default();
        values.rotate_left(from);
        let mut total = 0;
        let fitting = values.iter().take_while(|value| {
            total += size(value);
            total <= MOST_BYTES
        });
        let count = fitting.count();
        values.truncate(count);
    }
    values
}

/// Returns the host and the target of the application's page that sent the request, if the browser says so.
fn page(request: &dyn RequestView) -> Option<(&str, &str)> {
    let is_own = request.header_value("sec-fetch-site") == Some("same-origin");
    let (_, rest) = request.header_value("referer").filter(|_| is_own)?.split_once("://")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

/// Returns the paths below `/` whose cookies are sent with a request for this target. RFC 6265 section 5.1.4.
fn paths_of(target: &str) -> Vec<&str> {
    let path = target.split('?').next().unwrap_or_default();
    // Any other character would end the attribute, or the header.
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
        return Vec::new();
    }
    let ends = path.bytes().enumerate().skip(1).filter(|&(_, byte)| byte == b'/').map(|(at, _)| at);
    let mut paths: Vec<&str> = ends.flat_map(|at| [&path[..at], &path[..=at]]).collect();
    if path.len() > 1 && !path.ends_with('/') {
        paths.push(path);
    }
    paths
}

/// Returns a host that a request was sent to, and its parent domains.
fn domains_of(host: &[u8]) -> Vec<&str> {
    /// How many domains are returned at most. Few sites have more levels of subdomains.
    const MOST: usize = 4;
    let Ok(host) = std::str::from_utf8(host).map(without_port) else { return Vec::new() };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let is_address = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_address || !host.bytes().all(is_name) {
        return Vec::new();
    }
    let parents = std::iter::successors(Some(host), |domain| domain.split_once('.').map(|(_, parent)| parent));
    let domains: Vec<&str> = parents.filter(|domain| domain.contains('.')).collect();
    domains[domains.len().saturating_sub(MOST)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BareRequest;

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
            assert_eq!(domains_of(host.as_bytes()), expected, "{host}");
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
            assert_eq!(paths_of(target), expected, "{target}");
        }
    }

    fn removals(name: &str, request: &BareRequest) -> Option<Vec<String>> {
        Removal::of_unknown(name).map(|removal| removal.of_every_copy(request))
    }

    #[test]
    fn every_copy_of_a_cookie_with_unknown_attributes_is_removed() {
        let request = BareRequest::new("GET", "/a").header("host", "app.shop.example");
        let copies = |attributes: &'static str| {
            let paths = ["/", "/a"].into_iter();
            paths.flat_map(move |path| {
                let value = format!("t=; Path={path}{attributes}; Max-Age=0");
                ["", "; Domain=app.shop.example", "; Domain=shop.example"].map(|domain| format!("{value}{domain}"))
            })
        };
        let expected: Vec<_> = copies("").chain(copies("; Secure; Partitioned")).collect();
        assert_eq!(removals("t", &request), Some(expected));
        for name in ["__Host-t", "__host-t"] {
            let expected =
                ["", "; Partitioned"].map(|partitioned| format!("{name}=; Path=/; Secure{partitioned}; Max-Age=0"));
            assert_eq!(removals(name, &request), Some(expected.to_vec()));
        }
        assert_eq!(removals("t; Domain=x", &request), None);
        assert_eq!(removals("", &request), None);
    }

    #[test]
    fn the_host_and_the_path_that_a_proxy_has_changed_are_those_of_the_page() {
        let request = |site| {
            let request =
                BareRequest::new("GET", "/me").header("host", "127.0.0.1:3000").header("sec-fetch-site", site);
            request.header("referer", "https://app.shop.example/shop/?a=/b")
        };
        let own = removals("t", &request("same-origin")).expect("a name");
        for value in ["t=; Path=/shop/; Max-Age=0; Domain=shop.example", "t=; Path=/me; Max-Age=0"] {
            assert!(own.iter().any(|own| own == value), "{value}");
        }
        for site in ["cross-site", "same-site"] {
            let foreign = removals("t", &request(site)).expect("a name");
            assert!(!foreign.iter().any(|value| value.contains("shop")), "{site}");
        }
        let injected = BareRequest::new("GET", "/").header("sec-fetch-site", "same-origin");
        let injected = injected.header("referer", "https://a.example; Q/b; Q");
        assert!(!removals("t", &injected).expect("a name").iter().any(|value| value.contains('Q')));
    }

    #[test]
    fn the_values_fit_into_the_headers_of_a_response_and_all_have_their_turn() {
        let deep = BareRequest::new("GET", "/a/b/c/d/e/f/g/h").header("host", "a.b.c.d.example");
        let all = removals("session", &deep).expect("a name");
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let some = in_turn(all.clone());
            assert!(some.iter().map(|value| value.len() + 14).sum::<usize>() <= 3_000);
            seen.extend(some);
        }
        assert_eq!(seen.len(), all.len());
        let few = removals("__Host-t", &deep).expect("a name");
        assert_eq!(in_turn(few.clone()), few);
    }
}
