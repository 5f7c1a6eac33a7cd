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
