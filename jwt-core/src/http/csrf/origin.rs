use crate::http::request::RequestView;

/// The application's decision about other origins.
pub(super) type AllowsOrigin = dyn Fn(&str) -> bool + Send + Sync;

/// Where the page that sent a request comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestOrigin {
    /// The application itself, or an allowed origin.
    Trusted,
    /// Another site.
    Untrusted,
    /// The browser does not say, or the client isn't a browser.
    Unknown,
}

impl RequestOrigin {
    /// Reads the browser's headers that name the page's origin. Scripts cannot set these headers: their names are
    /// forbidden.
    pub(super) fn of(request: &dyn RequestView, allowed: &[String], allows: Option<&AllowsOrigin>) -> Self {
        let (mut site, mut origin) = (SingleLine::default(), SingleLine::default());
        request.header("sec-fetch-site", &mut |value| site.add(value));
        request.header("origin", &mut |value| origin.add(value));
        // Browsers send `null` for pages without an origin, such as sandboxed ones. It's never trusted, even if allowed by mistake.
        let is_allowed = |origin: &[u8]| {
            let origin = std::str::from_utf8(origin).ok().filter(|origin| is_origin(origin));
            origin.is_some_and(|origin| {
                allowed.iter().any(|own| names(own, origin)) || allows.is_some_and(|allows| allows(origin))
            })
        };
        let is_named = || origin.only().is_some_and(is_allowed);
        let same = match (&site, &origin) {
            (SingleLine::Absent, SingleLine::Absent) => return Self::Unknown,
            (SingleLine::Absent, _) => origin.only().is_some_and(|origin| is_request_host(origin, request)),
            (_, _) => matches!(site.only(), Some(b"same-origin" | b"none")),
        };
        if same || is_named() { Self::Trusted } else { Self::Untrusted }
    }
}

/// A header that must not be repeated.
#[derive(Default)]
pub(super) enum SingleLine<'r> {
    #[default]
    Absent,
    One(&'r [u8]),
    Repeated,
}

impl<'r> SingleLine<'r> {
    pub(super) fn add(&mut self, value: &'r [u8]) {
        *self = match self {
            Self::Absent => Self::One(value),
            _ => Self::Repeated,
        };
    }

    pub(super) const fn only(&self) -> Option<&'r [u8]> {
        match self {
            Self::One(value) => Some(*value),
            _ => None,
        }
    }
}

/// Returns whether the request opens a WebSocket: a `GET` that any page can trigger, with cookies, and whose messages that page
/// can read.
pub(in crate::http) fn is_websocket_handshake(request: &dyn RequestView) -> bool {
    let mut upgrades = false;
    request.header("upgrade", &mut |value| {
        let mut protocols = value.split(|&byte| byte == b',');
        upgrades |= protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"));
    });
    upgrades
}

/// Returns whether `origin` names the host and port that the request was sent to. The scheme cannot be compared: only the
/// server that terminates TLS knows it.
fn is_request_host(origin: &[u8], request: &dyn RequestView) -> bool {
    let Some(at) = origin.windows(3).position(|part| part == b"://") else { return false };
    let named = &origin[at + 3..];
    host(request).is_some_and(|host| !host.is_empty() && host.eq_ignore_ascii_case(named))
}

/// Returns the host and port that a request was sent to. RFC 9112 section 3.2: a host in the target overrides the header
/// `Host`.
pub(in crate::http) fn host(request: &dyn RequestView) -> Option<&[u8]> {
    if let Some(authority) = request.authority() {
        return Some(authority.as_bytes());
    }
    let mut host = SingleLine::default();
    request.header("host", &mut |value| host.add(value));
    host.only()
}

/// Returns whether `named`, which may have `*` for its first label, is this origin.
fn names(named: &str, origin: &str) -> bool {
    let Some((scheme, domain)) = named.split_once("*.") else { return named == origin };
    let label = origin.strip_prefix(scheme).and_then(|host| host.strip_suffix(domain)?.strip_suffix('.'));
    label.is_some_and(|label| !label.is_empty() && !label.contains(['.', ':', '[', ']']))
}

/// Returns whether this is an origin, or one whose first label is `*` in a domain of at least two labels.
pub(super) fn is_origin_pattern(text: &str) -> bool {
    let Some((scheme, domain)) = text.split_once("://*.") else { return is_origin(text) };
    let has_labels = domain.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && !rest.is_empty());
    has_labels && !domain.contains(['[', '*']) && is_origin(&format!("{scheme}://{domain}"))
}

/// Returns whether this is an origin as browsers write it: `scheme "://" host [ ":" port ]`, in lower case and without the
/// scheme's default port. RFC 6454 section 6.2.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let legal = |text: &str, others: &[u8]| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte))
    };
    let own_port = (scheme == "https" && host.ends_with(":443")) || (scheme == "http" && host.ends_with(":80"));
    let filled = !scheme.is_empty() && !host.is_empty() && !host.starts_with(':') && !host.ends_with(':');
    filled && !own_port && legal(scheme, b"+-.") && legal(host, b".-_:[]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label_of_a_domain_of_at_least_two() {
        for (pattern, matching, others) in [
            (
                "https://*.shop.example",
                &["https://tenant-7.shop.example", "https://a.shop.example"][..],
                &[
                    "https://shop.example",
                    "https://.shop.example",
                    "https://a.b.shop.example",
                    "https://evilshop.example",
                    "https://a.shop.example.evil.example",
                    "http://a.shop.example",
                    "https://a.shop.example:8443",
                    "https://evil.example:1.shop.example",
                    "https://[::1].shop.example",
                ][..],
            ),
            (
                "http://*.shop.example:8080",
                &["http://a.shop.example:8080"],
                &["http://a.shop.example", "http://a.shop.example:80800", "https://a.shop.example:8080"],
            ),
            ("https://app.example", &["https://app.example"], &["https://a.app.example"]),
        ] {
            assert!(is_origin_pattern(pattern), "{pattern}");
            assert!(matching.iter().all(|origin| names(pattern, origin)), "{pattern}");
            assert!(!others.iter().any(|origin| names(pattern, origin)), "{pattern}");
        }
        for pattern in [
            "*",
            "https://*",
            "https://*.",
            "https://*.example",
            "https://*.example.",
            "https://*..example",
            "https://shop.*.example",
            "https://a*.shop.example",
            "https://*.*.example",
            "*.shop.example",
            "*://a.shop.example",
            "https://*.shop.example/",
            "https://*.shop.example:443",
            "https://*.Shop.example",
            "https://*.[::1].example",
        ] {
            assert!(!is_origin_pattern(pattern), "{pattern}");
        }
    }
}
