use std::borrow::Cow;

use jwt_core::http::RequestView;

/// The request as the client sent it to the proxy.
pub(super) struct Original<'r> {
    request: &'r dyn RequestView,
    method: Cow<'r, str>,
    target: Cow<'r, str>,
}

impl<'r> Original<'r> {
    /// Reads the method and the URI from the headers that proxies add.
    ///
    /// The proxy must set them itself, so that clients can't. A method that it doesn't tell counts as `POST`, because requests
    /// that only read need no protection from other sites.
    pub(super) fn of_headers(request: &'r dyn RequestView) -> Self {
        let method = one_of(request, &["x-original-method", "x-forwarded-method"]);
        let method = method.filter(|method| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()));
        let uri = one_of(request, &["x-original-uri", "x-forwarded-uri", "x-original-url"]);
        let target = uri.map_or("/", |uri| path_of(uri));
        Self { request, method: method.unwrap_or("POST").into(), target: target.into() }
    }

    /// Takes the request's own method, and this target. Envoy repeats the method, and appends the path to its prefix.
    pub(super) fn of_envoy(request: &'r dyn RequestView, target: &'r str) -> Self {
        Self { request, method: request.method().into(), target: format!("/{target}").into() }
    }
}

/// Returns the path and the query of a URI with or without a scheme and a host.
fn path_of(uri: &str) -> &str {
    let Some((_, rest)) = uri.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else { return uri };
    rest.find('/').map_or("/", |start| &rest[start..])
}

/// Returns the first of these headers that is there, unless there are several of it.
fn one_of<'r>(request: &'r dyn RequestView, names: &[&str]) -> Option<&'r str> {
    names.iter().find_map(|name| {
        let mut values = Vec::new();
        request.header(name, &mut |value| values.push(value));
        match values[..] {
            [] => None,
            [value] => Some(std::str::from_utf8(value).ok()),
            _ => Some(None),
        }
    })?
}

impl RequestView for Original<'_> {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        // The host decides whether a request comes from another site.
        if name == "host"
            && let Some(host) = one_of(self.request, &["x-forwarded-host"])
        {
            return each(host.as_bytes());
        }
        // Most proxies remove `Upgrade` on the way here. The other headers of a WebSocket handshake arrive.
        if name == "upgrade" && one_of(self.request, &["sec-websocket-key"]).is_some() {
            return each(b"websocket");
        }
        self.request.header(name, each);
    }

    fn authority(&self) -> Option<&str> {
        one_of(self.request, &["x-forwarded-host"]).is_none().then(|| self.request.authority())?
    }
}

#[cfg(test)]
mod tests {
    use jwt_core::testing::BareRequest;

    use super::*;

    #[test]
    fn the_method_and_the_uri_come_from_the_proxys_headers() {
        for (headers, method, target) in [
            (&[][..], "POST", "/"),
            (&[("X-Original-Method", "GET"), ("X-Original-URI", "/a?b=1")], "GET", "/a?b=1"),
            (&[("X-Forwarded-Method", "PUT"), ("X-Forwarded-Uri", "/a")], "PUT", "/a"),
            (&[("X-Original-URL", "https://app.example/a?b=://c")], "POST", "/a?b=://c"),
            (&[("X-Original-URL", "https://app.example")], "POST", "/"),
            (&[("X-Original-URI", "/a?b=https://c/d")], "POST", "/a?b=https://c/d"),
            (&[("X-Original-Method", "get")], "POST", "/"),
            (&[("X-Original-Method", "GET"), ("X-Original-Method", "POST")], "POST", "/"),
        ] {
            let request = headers
                .iter()
                .fold(BareRequest::new("GET", "/auth"), |request, (name, value)| request.header(*name, *value));
            let original = Original::of_headers(&request);
            assert_eq!((original.method(), original.target()), (method, target), "{headers:?}");
        }
    }

    #[test]
    fn a_handshake_is_recognized_without_the_header_that_proxies_remove() {
        let upgrades = |request: &BareRequest| {
            let (original, mut values) = (Original::of_headers(request), Vec::new());
            original.header("upgrade", &mut |value| values.push(String::from_utf8_lossy(value).into_owned()));
            values
        };
        let request = BareRequest::new("GET", "/auth");
        assert_eq!(upgrades(&request), [""; 0]);
        assert_eq!(upgrades(&request.header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")), ["websocket"]);
    }

    #[test]
    fn the_host_is_the_one_that_the_client_asked() {
        let host = |request: &BareRequest| {
            let original = Original::of_headers(request);
            let mut hosts = Vec::new();
            original.header("host", &mut |host| hosts.push(String::from_utf8_lossy(host).into_owned()));
            hosts
        };
        let request = BareRequest::new("GET", "/auth").header("Host", "gate");
        assert_eq!(host(&request), ["gate"]);
        assert_eq!(host(&request.header("X-Forwarded-Host", "app.example")), ["app.example"]);
    }
}
