use std::net::IpAddr;

use crate::http::request::RequestView;

/// A request without a framework: for tests, and for tokens from queue messages or tools.
///
/// ```
/// use jwt_core::http::RequestView;
/// use jwt_core::testing::BareRequest;
///
/// let request = BareRequest::new("GET", "/reports?page=2").header("Authorization", "Bearer abc");
/// let mut seen = Vec::new();
/// RequestView::header(&request, "authorization", &mut |value| seen.push(value));
/// assert_eq!(seen, [b"Bearer abc"]);
/// ```
#[derive(Clone, Default)]
pub struct BareRequest {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    routes: Vec<String>,
    peer: Option<IpAddr>,
    certificate: Option<Vec<u8>>,
}

impl BareRequest {
    /// Creates a request without headers.
    #[must_use]
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self { method: method.into(), target: target.into(), ..Self::default() }
    }

    /// Adds a field line. Earlier lines with the same name stay.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the pattern of a route that the request matches.
    #[must_use]
    pub fn route(mut self, pattern: impl Into<String>) -> Self {
        self.routes.push(pattern.into());
        self
    }

    /// Sets the address of the connection's other end. Default: unknown.
    #[must_use]
    pub fn peer(mut self, address: impl Into<IpAddr>) -> Self {
        self.peer = Some(address.into());
        self
    }

    /// Sets the client's certificate, in DER. Default: no certificate.
    #[must_use]
    pub fn certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some(der.into());
        self
    }
}

impl RequestView for BareRequest {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        for (_, value) in self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)) {
            each(value);
        }
    }

    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        self.routes.iter().for_each(|pattern| each(Some(pattern)));
    }

    fn peer_address(&self) -> Option<IpAddr> {
        self.peer
    }

    fn peer_certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }
}

// Header values and targets may contain tokens.
impl std::fmt::Debug for BareRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BareRequest").field("method", &self.method).finish_non_exhaustive()
    }
}
