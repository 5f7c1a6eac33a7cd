//! The public URL of a request that came through proxies. RFC 7239.

use std::net::IpAddr;

use super::url;
use crate::http::request::RequestView;

/// The addresses of proxies whose headers are believed.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Vec<Network>);

/// An address, or the addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Proxies {
    /// Reads addresses such as `10.0.0.7` and networks such as `10.0.0.0/8`. `None` if one is neither.
    pub(crate) fn parse(networks: &[String]) -> Option<Self> {
        networks.iter().map(|network| Network::parse(network)).collect::<Option<Vec<_>>>().map(Self)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the request's connection comes from one of them.
    pub(crate) fn sent(&self, request: &dyn RequestView) -> bool {
        request.peer_address().is_some_and(|peer| self.0.iter().any(|network| network.has(peer)))
    }

    /// Returns the origin that the client used, and the path prefix that the proxy removed. `None` if no trusted proxy says it.
    pub(super) fn public_origin(&self, request: &dyn RequestView) -> Option<String> {
        if !self.sent(request) {
            return None;
        }
        let (mut scheme, mut host) = forwarded(request);
        for (name, value) in [("x-forwarded-proto", &mut scheme), ("x-forwarded-host", &mut host)] {
            let Some(other) = last(request, name) else { continue };
            // A proxy that writes only one of the two headers passes the client's other one on.
            if value.as_ref().is_some_and(|value| !value.eq_ignore_ascii_case(&other)) {
                return None;
            }
            *value = Some(other);
        }
        let own_host = || last(request, "host").or_else(|| request.authority().map(str::to_owned));
        let origin = url::origin(&scheme?, &host.or_else(own_host)?)?;
        let prefix = last(request, "x-forwarded-prefix").unwrap_or_default();
        Some(format!("{origin}{}", prefix.trim_end_matches('/')))
    }
}

/// Returns the last value of a list header, which is the one that the nearest proxy wrote.
fn last(request: &dyn RequestView, name: &str) -> Option<String> {
    let mut last = None;
    request.header(name, &mut |line| last = Some(line));
    let value = std::str::from_utf8(last?).ok()?.rsplit(',').next()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// Returns `proto` and `host` of the last element of `Forwarded`.
fn forwarded(request: &dyn RequestView) -> (Option<String>, Option<String>) {
    let (mut scheme, mut host) = (None, None);
    let Some(element) = last(request, "forwarded") else { return (scheme, host) };
    for pair in element.split(';') {
        let Some((name, value)) = pair.trim().split_once('=') else { continue };
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        if name.eq_ignore_ascii_case("proto") {
            scheme = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("host") {
            host = Some(value.to_owned());
        }
    }
    (scheme, host)
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
        Some(Self { address, bits })
    }

    fn has(&self, other: IpAddr) -> bool {
        // A socket for both versions shows IPv4 addresses as IPv6.
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(own).checked_shr(shift) == u32::from(other).checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(own).checked_shr(shift) == u128::from(other).checked_shr(shift)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BareRequest;

    fn proxies() -> Proxies {
        Proxies::parse(&["10.0.0.0/8".to_owned(), "::1".to_owned()]).expect("networks")
    }

    #[test]
    fn only_addresses_and_networks_are_read() {
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0", "proxy.internal", "", "::/129", "10.0.0.0/-1"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network = Network::parse(network).expect("a network");
            assert_eq!(network.has(address.parse().expect("an address")), expected, "{network:?} {address}");
        }
    }

    #[test]
    fn the_origin_comes_from_the_nearest_trusted_proxy() {
        let request = || BareRequest::new("GET", "/me").header("host", "inner:3000");
        let trusted = |request: BareRequest| proxies().public_origin(&request.peer([10, 0, 0, 1]));
        let forwarded = |value: &str| request().header("forwarded", value);
        for (request, expected) in [
            (forwarded("for=1.2.3.4;proto=https;host=api.example"), Some("https://api.example")),
            (
                forwarded("proto=http;host=evil.example, Proto=https;Host=\"API.example:8443\""),
                Some("https://api.example:8443"),
            ),
            (forwarded("proto=https"), Some("https://inner:3000")),
            (forwarded("host=api.example"), None),
            (request().header("x-forwarded-proto", "https"), Some("https://inner:3000")),
            (
                request().header("x-forwarded-proto", "http, https").header("x-forwarded-host", "api.example"),
                Some("https://api.example"),
            ),
            (
                request().header("x-forwarded-proto", "https").header("x-forwarded-prefix", "/v1/"),
                Some("https://inner:3000/v1"),
            ),
            (forwarded("proto=https;host=api.example").header("x-forwarded-host", "evil.example"), None),
            (
                forwarded("proto=https;host=api.example").header("x-forwarded-proto", "HTTPS"),
                Some("https://api.example"),
            ),
            (request().header("x-forwarded-proto", "gopher"), None),
            (request(), None),
        ] {
            let shown = format!("{request:?}");
            assert_eq!(trusted(request).as_deref(), expected, "{shown}");
        }
    }

    #[test]
    fn headers_from_anywhere_else_are_not_believed() {
        let request = || BareRequest::new("GET", "/me").header("forwarded", "proto=https;host=api.example");
        assert_eq!(proxies().public_origin(&request()), None);
        assert_eq!(proxies().public_origin(&request().peer([192, 0, 2, 1])), None);
    }
}
