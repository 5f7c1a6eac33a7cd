//! The `Cookie` header. RFC 6265 section 5.4.

use std::fmt;
use std::sync::Once;

use super::found::{Found, Location};
use super::source::{TokenSource, end_to_end};
use crate::http::csrf::host;
use crate::http::request::RequestView;

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

pub(super) fn without_port(host: &str) -> &str {
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
