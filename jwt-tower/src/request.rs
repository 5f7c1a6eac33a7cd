use std::mem;
use std::net::IpAddr;

use http::header::AsHeaderName;
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, Method, Request, Uri, Version, header};
use jwt_core::gate::{Admission, RequestState};
use jwt_core::http::{Peer, RequestView};

use crate::headers::HeadersMut;

/// An `http` request, borrowed by the core.
pub(crate) struct HttpView<'r> {
    method: &'r Method,
    uri: &'r Uri,
    pub(crate) version: Version,
    headers: &'r HeaderMap,
    extensions: &'r Extensions,
}

impl<'r> HttpView<'r> {
    pub(crate) fn of<B>(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

#[cfg(feature = "axum")]
impl<'r> From<&'r http::request::Parts> for HttpView<'r> {
    fn from(parts: &'r http::request::Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            version: parts.version,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

impl RequestView for HttpView<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(|authority| authority.as_str())
    }

    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        // These are read from every request, and a constant name is found faster than a string.
        match name {
            "authorization" => for_each_value(self.headers, &header::AUTHORIZATION, each),
            "connection" => for_each_value(self.headers, &header::CONNECTION, each),
            "cookie" => for_each_value(self.headers, &header::COOKIE, each),
            _ => for_each_value(self.headers, name, each),
        }
    }

    /// Nested routers of axum remove their prefix.
    #[cfg(feature = "axum")]
    fn original_target(&self) -> &str {
        let original = self.extensions.get::<axum::extract::OriginalUri>();
        let original = original.and_then(|original| original.0.path_and_query());
        original.map_or_else(|| self.target(), |target| target.as_str())
    }

    fn peer_address(&self) -> Option<IpAddr> {
        self.extensions.get::<Peer>()?.peer_address()
    }

    fn peer_certificate(&self) -> Option<&[u8]> {
        self.extensions.get::<Peer>()?.peer_certificate()
    }

    #[cfg(feature = "axum")]
    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        each(self.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str));
    }
}

fn for_each_value<'r>(headers: &'r HeaderMap, name: impl AsHeaderName, each: &mut dyn FnMut(&'r [u8])) {
    if headers.keys_len() == headers.len() {
        // No header has several values. Finding one value is faster than iterating over it.
        if let Some(value) = headers.get(name) {
            each(value.as_bytes());
        }
    } else {
        headers.get_all(name).iter().for_each(|value| each(value.as_bytes()));
    }
}

/// Returns the results of gates for a request.
pub(crate) fn state(extensions: &Extensions) -> &RequestState {
    static MISSING: RequestState = RequestState::missing("JwtLayer");
    extensions.get().unwrap_or(&MISSING)
}

/// Applies an admission to a request.
#[inline]
pub(crate) fn admit<B>(request: &mut Request<B>, admission: &mut Admission) {
    if let Some(state) = admission.state.take() {
        request.extensions_mut().insert(state);
    }
    if let Some(target) = admission.rewrite(&mut HeadersMut(request.headers_mut())) {
        let mut parts = mem::take(request.uri_mut()).into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(target).unwrap_or(PathAndQuery::from_static("/")));
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
}
