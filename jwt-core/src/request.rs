//! A request as the core sees it: lent by a framework, read without copying.

/// What the core reads of a request.
///
/// Adapters implement it over their framework's request, so that no framework type appears in this crate. Every method
/// borrows; none may allocate or fail. [`BareRequest`] is the double, and serves where there is no HTTP request: queue
/// messages, tools, tests.
pub trait RequestView {
    /// Returns the method as it was sent, for example `GET`.
    fn method(&self) -> &str;

    /// Returns the path and, where there is one, `?` and the query, as they were sent.
    fn target(&self) -> &str;

    /// Calls `each` with the value of every field line named `name`, in the order they were sent. `name` is lower case;
    /// the comparison ignores case.
    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8]));

    /// Returns the host and, where there is one, `:` and the port that the target itself names, as in HTTP/2, where they
    /// need not stand in the header `Host`. Default: `None`.
    fn authority(&self) -> Option<&str> {
        None
    }

    /// Calls `each` with the pattern of the route that the framework matched, for example `/reports/{id}`, with the prefixes
    /// that it is nested under, or with `None` if it matched nothing. If the framework hasn't matched yet, calls it with every
    /// pattern that the request may match, and with `None` if it may match nothing. Not calling it is the same as calling it once
    /// with `None`. Default: not called.
    ///
    /// Patterns must come from the framework's router: [a table of routes](crate::authorize::Routes) relies on them.
    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        let _ = each;
    }

    /// Returns the client's certificate in DER, as the TLS layer that terminates the connection saw it. Default: `None`.
    fn peer_certificate(&self) -> Option<&[u8]> {
        None
    }
}

/// `tchar`, of which names of headers, schemes and cookies are made. RFC 9110 section 5.6.2.
pub(crate) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// A request made of its parts.
///
/// ```
/// use jwt_core::request::{BareRequest, RequestView};
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
}

impl BareRequest {
    /// Creates a request without headers.
    #[must_use]
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), routes: Vec::new() }
    }

    /// Adds a field line; lines of the same name are kept.
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
}

// Header values and targets may carry tokens.
impl std::fmt::Debug for BareRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BareRequest").field("method", &self.method).finish_non_exhaustive()
    }
}
