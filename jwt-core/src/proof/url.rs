//! Compares the URL in a proof with the request's. RFC 9449 section 4.3, RFC 3986 section 6.2.

/// An `http` or `https` URL in its normal form, without query and fragment: lower-case scheme and host, no default port, no dot
/// segments, and only necessary percent-encoding in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Normal {
    /// Scheme, host and port.
    pub(super) origin: String,
    /// Begins with a slash.
    pub(super) path: String,
}

impl Normal {
    /// Returns `None` if it isn't such a URL, or has a query, a fragment, or a user.
    pub(super) fn of(url: &str) -> Option<Self> {
        let is_legal = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#".contains(&byte);
        if !url.bytes().all(is_legal) {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(Self { origin: origin(scheme, authority)?, path: normal_path(path)? })
    }
}

/// Returns scheme, host and port in their normal form.
pub(super) fn origin(scheme: &str, authority: &str) -> Option<String> {
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => "443",
        "http" => "80",
        _ => return None,
    };
    // The port follows the last colon, unless that is in an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let is_address = |host: &str| {
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
    };
    if host.is_empty() || !(is_name(host) || is_address(host)) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    // RFC 3986 section 6.2.3: an empty port is the default one.
    let port = port.trim_start_matches('0');
    Some(if port.is_empty() || port == default_port {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    })
}

/// Returns the normal form of a path. RFC 3986 sections 5.2.4 and 6.2.2.
fn normal_path(path: &str) -> Option<String> {
    let mut decoded = String::with_capacity(path.len() + 1);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(char::from(byte));
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = digit()? << 4 | digit()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            decoded.push(char::from(byte));
        } else {
            decoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_open = false;
    for segment in decoded.split('/').skip(1) {
        ends_open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    if ends_open {
        segments.push("");
    }
    Some(format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_mean_the_same_have_one_normal_form() {
        for (expected, others) in [
            (
                "https://api.example/",
                &["https://api.example", "HTTPS://API.Example:443/", "https://api.example:/", "https://api.example/."]
                    [..],
            ),
            ("https://api.example:8443/", &["https://api.example:8443", "https://api.example:08443/a/.."]),
            ("http://127.0.0.1:3000/me", &["http://127.0.0.1:3000/%6De", "http://127.0.0.1:3000/a/../me"]),
            ("http://api.example/", &["http://api.example:80"]),
            ("https://[2001:db8::1]/a", &["https://[2001:DB8::1]:443/a"]),
            (
                "https://api.example/a%2Fb/~c/",
                &["https://api.example/a%2fb/%7ec/", "https://api.example/./a%2Fb/x/../~c/."],
            ),
            ("https://api.example/a//b", &["https://api.example/a//b"]),
        ] {
            for url in others.iter().chain([&expected]) {
                let Normal { origin, path } = Normal::of(url).expect(url);
                assert_eq!(format!("{origin}{path}"), expected, "{url}");
            }
        }
    }

    #[test]
    fn urls_that_mean_something_else_differ() {
        let url = Normal::of("https://api.example/reports").expect("a URL");
        for other in [
            "http://api.example/reports",
            "https://api.example:8443/reports",
            "https://api.example.org/reports",
            "https://api.example/Reports",
            "https://api.example/reports/",
            "https://api.example//reports",
            "https://api.example/reports%2F",
            "https://api.example/%2Freports",
            "https://api.example/",
        ] {
            assert_ne!(Normal::of(other).expect(other), url, "{other}");
        }
    }

    #[test]
    fn a_query_a_fragment_a_user_and_illegal_characters_are_refused() {
        for url in [
            "",
            "https://",
            "https:///reports",
            "https://api.example/?a=b",
            "https://api.example/?",
            "https://api.example/#a",
            "https://ada@api.example/",
            "https://api.example:port/",
            "https://[::1/",
            "https://::1/",
            "https://api%2Eexample/",
            "ftp://api.example/",
            "/reports",
            "api.example/reports",
            "https://api.example/a b",
            "https://api.example/caf\u{e9}",
            "https://api.example/%",
            "https://api.example/%4",
            "https://api.example/%zz",
            "https://api.example\\reports",
        ] {
            assert_eq!(Normal::of(url), None, "{url}");
        }
    }
}
