use std::fmt;

use smallvec::SmallVec;

use super::found::{Found, Location};
use crate::http::request::{RequestView, is_tchar};

/// A place where requests may carry a token. [`TokenSources`](super::TokenSources) combines several.
///
/// A source adds every token that it finds in its place. It must not choose between several: a request with more than one
/// token, over all sources, is rejected (RFC 6750 section 3.1).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a place in a request that may have a token",
    note = "`TokenSources` has methods for headers, cookies and query parameters; for another place, implement \
            `TokenSource`"
)]
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// Adds the tokens in this place of `request` to `found`.
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>);

    /// Returns the part of the request that this source reads, and the name of its header, cookie or parameter. A gateway needs
    /// it to remove tokens from the requests that it forwards. Default: `None`, which means unknown.
    fn place(&self) -> Option<(Location, &str)> {
        None
    }
}

/// Calls `each` with the values of `name`, unless `Connection` declares the header to be for the next hop only. A proxy would
/// remove it then, so a service must ignore it. RFC 9110 section 7.6.1.
pub(super) fn end_to_end<'r>(request: &'r dyn RequestView, name: &str, mut each: impl FnMut(&'r [u8])) {
    let mut values: SmallVec<[&[u8]; 2]> = SmallVec::new();
    request.header(name, &mut |value| values.push(value));
    if !values.is_empty() && !is_hop_by_hop(request, name) {
        values.into_iter().for_each(&mut each);
    }
}

fn is_hop_by_hop(request: &dyn RequestView, name: &str) -> bool {
    let mut listed = false;
    request.header("connection", &mut |options| {
        listed |= options.split(|&byte| byte == b',').any(|option| trim(option).eq_ignore_ascii_case(name.as_bytes()));
    });
    listed
}

fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

#[derive(Debug)]
pub(super) struct AuthorizationHeader;

impl TokenSource for AuthorizationHeader {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        find_credentials(request, "authorization", b"bearer", Location::Authorization, found);
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::Authorization, "authorization"))
    }
}

/// Credentials that come with a proof of possession. RFC 9449 section 7.1.
#[derive(Debug)]
pub(super) struct DpopCredentials;

impl TokenSource for DpopCredentials {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        find_credentials(request, "authorization", b"dpop", Location::Dpop, found);
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::Dpop, "authorization"))
    }
}

/// A header in the form of `Authorization`.
pub(super) struct BearerHeader(pub(super) String);

impl TokenSource for BearerHeader {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        find_credentials(request, &self.0, b"bearer", Location::Header, found);
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::Header, &self.0))
    }
}

fn find_credentials<'r, const N: usize>(
    request: &'r dyn RequestView,
    name: &str,
    scheme: &[u8; N],
    location: Location,
    found: &mut Found<'r>,
) {
    // RFC 9110 section 5.3: it isn't a list field, so several lines are an error, even if only one has the scheme.
    let (mut lines, mut token) = (0, None);
    request.header(name, &mut |value| {
        lines += 1;
        token = credentials(value, scheme);
    });
    if lines == 0 || (lines == 1 && token.is_none()) || is_hop_by_hop(request, name) {
        return;
    }
    match token {
        Some(token) if lines == 1 => found.add(token, location),
        _ => found.candidates += lines,
    }
}

/// Returns the token of `credentials = scheme 1*SP b64token`. The scheme's case does not matter (RFC 9110 section 11.1);
/// `expected` is in lower case.
#[inline]
fn credentials<'v, const N: usize>(value: &'v [u8], expected: &[u8; N]) -> Option<&'v [u8]> {
    let (scheme, mut rest) = trim(value).split_first_chunk::<N>()?;
    // An array, because the comparison of slices of unknown length is a loop. `| 0x20` turns only the other case into a lower-case
    // letter.
    if scheme.map(|byte| byte | 0x20) != *expected {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ') => {
            while let [b' ', token @ ..] = rest {
                rest = token;
            }
            Some(rest)
        }
        // A longer scheme name is another scheme. Any other byte, even `=` or `/`, makes the line malformed, which an empty
        // token stands for.
        Some(&byte) if is_tchar(byte) => None,
        Some(_) => Some(&[]),
    }
}

pub(super) struct Query(pub(super) String);

impl TokenSource for Query {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        if !matches!(request.method(), "GET" | "HEAD") {
            return;
        }
        let Some((_, query)) = request.target().split_once('?') else { return };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == self.0 {
                found.add(value.into_owned().into_bytes(), Location::Query);
            }
        }
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::Query, &self.0))
    }
}

pub(super) struct CustomHeader(pub(super) String);

impl TokenSource for CustomHeader {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        let (mut lines, mut last) = (0, None);
        end_to_end(request, &self.0, |value| {
            lines += 1;
            if let Some(earlier) = last.replace(trim(value)) {
                found.add(earlier, Location::Header);
            }
        });
        // Proxies write an empty line if their variable is empty: it holds no token, like an empty cookie.
        if let Some(last) = last.filter(|last| lines > 1 || !last.is_empty()) {
            found.add(last, Location::Header);
        }
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::Header, &self.0))
    }
}

pub(super) struct Closure<F> {
    pub(super) location: Location,
    pub(super) find: F,
}

impl<F> TokenSource for Closure<F>
where
    F: Fn(&dyn RequestView) -> Option<String> + Send + Sync,
{
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        if let Some(token) = (self.find)(request) {
            found.add(token.into_bytes(), self.location);
        }
    }
}

macro_rules! named {
    ($($source:ident),+) => {$(
        impl fmt::Debug for $source {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($source)).field(&self.0).finish()
            }
        }
    )+};
}
named!(Query, CustomHeader, BearerHeader);

impl<F> fmt::Debug for Closure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closure").field("location", &self.location).finish_non_exhaustive()
    }
}
