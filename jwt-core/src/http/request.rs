//! An HTTP request, borrowed from a framework.

use std::net::IpAddr;

/// The parts of a request that this crate reads.
///
/// Adapters implement it for their framework's request, so no framework type appears in this crate. Every method borrows,
/// and must neither allocate nor fail. If you have no HTTP request, as with queue messages, tools and tests, use
/// [`BareRequest`](crate::testing::BareRequest).
pub trait RequestView {
    /// Returns the method as it was sent, for example `GET`.
    fn method(&self) -> &str;

    /// Returns the path, and `?` and the query if there is one, as they were sent.
    fn target(&self) -> &str;

    /// Calls `each` with the value of every field line called `name`, in the order they were sent. `name` is in lower case;
    /// the comparison ignores case.
    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8]));

    /// Returns the value of the field line called `name`, or `None` unless there is exactly one, in UTF-8.
    /// `name` is in lower case.
    fn header_value(&self, name: &str) -> Option<&str> {
        let (mut found, mut lines) = (None, 0);
        self.header(name, &mut |value| {
            found = Some(value);
            lines += 1;
        });
        found.filter(|_| lines == 1).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the host, and `:` and the port if there is one, from the request's target itself. HTTP/2 sends them there, and
    /// may send no `Host` header. Default: `None`.
    fn authority(&self) -> Option<&str> {
        None
    }

    /// Calls `each` with the pattern of the route that the framework matched, for example `/reports/{id}`, including the
    /// prefixes that it's nested under, or with `None` if nothing matched. If the framework has not matched yet, calls it with
    /// every pattern that the request may match, and with `None` if it may match nothing. Not calling it means the same as
    /// calling it once with `None`. Default: not called.
    ///
    /// Patterns must come from the framework's router: [a table of routes](crate::authorize::Routes) relies on them.
    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        let _ = each;
    }

    /// Returns the path and the query as the client sent them, if routers have changed them since. Default: the
    /// [target](Self::target).
    fn original_target(&self) -> &str {
        self.target()
    }

    /// Returns the address of the connection's other end: the client's, or that of the last proxy. Default: `None`.
    fn peer_address(&self) -> Option<IpAddr> {
        None
    }

    /// Returns the client's certificate in DER, as seen by the TLS layer that terminates the connection. Default: `None`.
    fn peer_certificate(&self) -> Option<&[u8]> {
        None
    }
}

/// A request that isn't at hand: nothing is known about it.
pub(crate) struct Unknown;

impl RequestView for Unknown {
    fn method(&self) -> &str {
        ""
    }

    fn target(&self) -> &str {
        ""
    }

    fn header<'r>(&'r self, _name: &str, _each: &mut dyn FnMut(&'r [u8])) {}
}

/// Returns whether this is a `tchar`: a character of header names, schemes and cookie names. RFC 9110 section 5.6.2.
pub(crate) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}
