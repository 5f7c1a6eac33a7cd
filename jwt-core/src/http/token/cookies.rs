//! The header `Cookie`. RFC 6265 section 5.4.

use std::fmt;
use std::sync::{Arc, Once};

use super::places::end_to_end;
use super::source::{Found, Location, TokenPlace, TokenSource};
use crate::http::csrf::host;
use crate::http::request::RequestView;

/// A part of a line, as it stands between semicolons.
pub(super) struct Pair<'r> {
    pub(super) name: &'r [u8],
    /// What follows the first `=`, without quotation marks around it.
    pub(super) value: Option<&'r [u8]>,
    pub(super) whole: &'r [u8],
}

/// The parts of a line.
///
/// Names end where a browser ends them: only spaces and tabs are left out around them. One that begins with any other
/// blank, which a browser does not know for a `__Host-` name, is another name here too.
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

/// The `Set-Cookie` values that take a cookie away.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    /// For the cookie as the application sets it.
    pub(crate) own: Arc<str>,
    /// For cookies of the same name without `Domain`, by their paths.
    pub(crate) host_only: Arc<[String]>,
    /// Whether a browser also keeps cookies of this name with `Domain`.
    pub(crate) domains: bool,
}

impl Removal {
    /// Values for every cookie of this name that a page of the request's site can have set: which of several is the
    /// application's, the header `Cookie` doesn't say.
    pub(super) fn of_all(&self, request: &dyn RequestView) -> Vec<String> {
        let domains = if self.domains { domains(request) } else { Vec::new() };
        let mut all = vec![self.own.to_string()];
        for value in &*self.host_only {
            all.push(value.clone());
            all.extend(domains.iter().map(|domain| format!("{value}; Domain={domain}")));
        }
        all.dedup();
        all
    }
}

/// The host that a request was sent to and the domains above it.
fn domains(request: &dyn RequestView) -> Vec<&str> {
    /// More labels than a site has below its own domain.
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

pub(super) struct Cookie {
    pub(super) name: String,
    /// Whether the cookie may have travelled in clear, which it must not beyond this machine.
    pub(super) loopback_only: bool,
}

impl TokenSource for Cookie {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        if self.loopback_only && !is_loopback(request) {
            // Once, because whoever sends requests could fill the log.
            static TOLD: Once = Once::new();
            TOLD.call_once(|| {
                tracing::error!("cookies for development on localhost are not looked at in requests for other hosts");
            });
            return;
        }
        end_to_end(request, "cookie", |value| {
            for pair in pairs(value) {
                if pair.name == self.name.as_bytes()
                    && let Some(value) = pair.value
                    // Some programs clear a cookie by emptying it.
                    && !value.is_empty()
                {
                    found.add(value, Location::Cookie);
                }
            }
        });
    }

    fn place(&self) -> Option<TokenPlace<'_>> {
        Some(TokenPlace::Cookie(&self.name))
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
    fn cookies_can_be_set_for_a_host_and_the_domains_above_it() {
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
    fn a_name_is_the_one_that_the_browser_knows() {
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
