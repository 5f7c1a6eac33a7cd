//! Where tokens hide in a request. RFC 6750 section 2.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::request::RequestView;

/// The place a token was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// `Authorization: Bearer …`. RFC 6750 section 2.1.
    Authorization,
    /// A cookie.
    Cookie,
    /// A query parameter. RFC 6750 section 2.3.
    Query,
    /// A header of the application's own.
    Header,
    /// A closure of the application's own.
    Custom,
}

/// A token as it stands in the request: of legal characters, but neither taken apart nor verified.
pub(crate) struct RawToken<'r> {
    pub(crate) text: Cow<'r, str>,
    pub(crate) location: Location,
}

/// What a source found: collects candidates of every source, so that two of them are noticed.
#[derive(Default)]
pub struct Found<'r> {
    candidates: usize,
    first: Option<(Cow<'r, [u8]>, Location)>,
}

impl<'r> Found<'r> {
    /// Adds a candidate. It is checked later; empty and illegal ones are the client's mistake, not to be skipped here.
    pub fn add(&mut self, token: impl Into<Cow<'r, [u8]>>, location: Location) {
        self.candidates += 1;
        if self.first.is_none() {
            self.first = Some((token.into(), location));
        }
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("candidates", &self.candidates).finish_non_exhaustive()
    }
}

/// A place to look for a token.
///
/// A source adds every candidate that its place holds, and none when it holds none. It must not decide which of several
/// is meant: more than one candidate over all sources is refused (RFC 6750 section 3.1). The default is
/// [`TokenSources::new`], the null object [`TokenSources::none`].
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// Adds what `request` holds in this place to `found`.
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>);
}

/// The places in which a verifier looks for tokens.
///
/// ```
/// use jwt_core::token::TokenSources;
///
/// // A browser application: the header for scripts, a cookie for pages.
/// let sources = TokenSources::new().cookie("access_token");
/// ```
#[derive(Clone, Debug)]
pub struct TokenSources {
    sources: Vec<Arc<dyn TokenSource>>,
}

impl Default for TokenSources {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenSources {
    /// Looks at `Authorization: Bearer` and nowhere else. The scheme's case does not matter.
    #[must_use]
    pub fn new() -> Self {
        Self::none().source(Authorization)
    }

    /// Looks nowhere; add sources.
    #[must_use]
    pub const fn none() -> Self {
        Self { sources: Vec::new() }
    }

    /// Also looks at the cookie `name`. Default: no cookie.
    ///
    /// A browser attaches cookies by itself, to requests that other sites trigger too: protect such routes against
    /// cross-site request forgery (RFC 6750 section 5.3).
    #[must_use]
    pub fn cookie(self, name: impl Into<String>) -> Self {
        self.source(Cookie(name.into()))
    }

    /// Also looks at the query parameter `name` of `GET` and `HEAD` requests. Default: no query parameter.
    ///
    /// Addresses end up in logs and histories (RFC 9700 section 4.3.2): use it only where a client cannot send headers,
    /// a WebSocket from a browser for example, and with short-lived tokens. The adapters mark such answers
    /// `Cache-Control: private`.
    #[must_use]
    pub fn query(self, name: impl Into<String>) -> Self {
        self.source(Query(name.into()))
    }

    /// Also looks at the header `name`, whose whole value is the token. Default: no header.
    #[must_use]
    pub fn header(self, name: impl Into<String>) -> Self {
        self.source(OwnHeader(name.into().to_ascii_lowercase()))
    }

    /// Also asks a closure, which returns the token or `None`. Default: no closure.
    #[must_use]
    pub fn from_fn<F>(self, find: F) -> Self
    where
        F: Fn(&dyn RequestView) -> Option<String> + Send + Sync + 'static,
    {
        self.source(Closure(find))
    }

    /// Also asks a source of the application's own. Default: none.
    #[must_use]
    pub fn source(mut self, source: impl TokenSource + 'static) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Finds the one token that the request carries.
    pub(crate) fn find<'r>(&self, request: &'r dyn RequestView) -> Result<RawToken<'r>, ErrorKind> {
        let mut found = Found::default();
        for source in &self.sources {
            source.find(request, &mut found);
        }
        // RFC 6750 section 3.1: "uses more than one method for including an access token" is `invalid_request`.
        if found.candidates > 1 {
            return Err(ErrorKind::MultipleCredentials);
        }
        let (bytes, location) = found.first.ok_or(ErrorKind::NoCredentials)?;
        // RFC 6750 section 2.1: b64token. What passes is ASCII.
        let malformed = ErrorKind::MalformedCredentials;
        if bytes.is_empty() || !bytes.iter().all(|&byte| is_token_byte(byte)) {
            return Err(malformed);
        }
        let text = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| malformed)?),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).map_err(|_| malformed)?),
        };
        Ok(RawToken { text, location })
    }
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

/// Calls `each` with the values of `name`, unless the client declared the header to be for the next hop only: a proxy
/// would have removed it. RFC 9110 section 7.6.1.
fn end_to_end<'r>(request: &'r dyn RequestView, name: &str, mut each: impl FnMut(&'r [u8])) {
    let mut values = 0;
    request.header(name, &mut |_| values += 1);
    if values == 0 {
        return;
    }
    let mut hop_by_hop = false;
    request.header("connection", &mut |options| {
        hop_by_hop |=
            options.split(|&byte| byte == b',').any(|option| trim(option).eq_ignore_ascii_case(name.as_bytes()));
    });
    if !hop_by_hop {
        request.header(name, &mut each);
    }
}

fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

#[derive(Debug)]
struct Authorization;

impl TokenSource for Authorization {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        // RFC 9110 section 5.3: not a list field; several lines are an error, whichever of them is ours.
        let (mut lines, mut ours) = (0, None);
        end_to_end(request, "authorization", |value| {
            lines += 1;
            ours = ours.or(bearer(value));
        });
        if lines > 1 {
            found.candidates += lines;
        } else if let Some(token) = ours {
            found.add(token, Location::Authorization);
        }
    }
}

/// `credentials = "Bearer" 1*SP b64token`; the scheme's case does not matter (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer";
    let value = trim(value);
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ') => Some(&rest[rest.iter().take_while(|&&byte| byte == b' ').count()..]),
        // A longer scheme name is another scheme; any other byte makes the line illegible, which the check of the
        // token's characters then finds.
        Some(&byte) if is_scheme_byte(byte) => None,
        Some(_) => Some(rest),
    }
}

const fn is_scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

struct Cookie(String);

impl TokenSource for Cookie {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        end_to_end(request, "cookie", |value| {
            // A line that is not text may hide the cookie: it counts as an illegible one.
            let Ok(line) = std::str::from_utf8(value) else {
                found.add(value, Location::Cookie);
                return;
            };
            for cookie in cookie::Cookie::split_parse(line).flatten() {
                if cookie.name() == self.0 {
                    found.add(cookie.value_trimmed().as_bytes().to_vec(), Location::Cookie);
                }
            }
        });
    }
}

struct Query(String);

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
}

struct OwnHeader(String);

impl TokenSource for OwnHeader {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        end_to_end(request, &self.0, |value| found.add(trim(value), Location::Header));
    }
}

struct Closure<F>(F);

impl<F> TokenSource for Closure<F>
where
    F: Fn(&dyn RequestView) -> Option<String> + Send + Sync,
{
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        if let Some(token) = (self.0)(request) {
            found.add(token.into_bytes(), Location::Custom);
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
named!(Cookie, Query, OwnHeader);

impl<F> fmt::Debug for Closure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closure").finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::BareRequest;

    fn find(sources: &TokenSources, request: &BareRequest) -> Result<(String, Location), ErrorKind> {
        sources.find(request).map(|token| (token.text.into_owned(), token.location))
    }

    fn get(target: &str) -> BareRequest {
        BareRequest::new("GET", target)
    }

    #[test]
    fn the_authorization_header_is_read_as_its_grammar_says() {
        use ErrorKind::{MalformedCredentials, MultipleCredentials, NoCredentials};
        for (value, expected) in [
            (&b"Bearer abc"[..], Ok("abc")),
            (b"bearer abc", Ok("abc")),
            (b"BEARER  abc", Ok("abc")),
            (b" Bearer abc ", Ok("abc")),
            (b"Bearer", Err(MalformedCredentials)),
            (b"Bearer ", Err(MalformedCredentials)),
            (b"Bearer\tabc", Err(MalformedCredentials)),
            (b"Bearer a b", Err(MalformedCredentials)),
            (b"Bearer a,b", Err(MalformedCredentials)),
            (b"Bearer a, Bearer b", Err(MalformedCredentials)),
            (b"Bearer \xa0abc", Err(MalformedCredentials)),
            (b"Bearer ab\x7f", Err(MalformedCredentials)),
            (b"Bearer \xff\xfe", Err(MalformedCredentials)),
            (b"BearerX abc", Err(NoCredentials)),
            (b"Basic abc", Err(NoCredentials)),
            (b"DPoP abc", Err(NoCredentials)),
            (b"", Err(NoCredentials)),
        ] {
            let request = get("/").header("Authorization", value);
            let found = find(&TokenSources::new(), &request);
            let expected = expected.map(|token| (token.to_owned(), Location::Authorization));
            assert_eq!(found, expected, "{}", value.escape_ascii());
        }
        let twice = get("/").header("Authorization", "Basic x").header("authorization", "Bearer abc");
        assert_eq!(find(&TokenSources::new(), &twice), Err(MultipleCredentials));
    }

    #[test]
    fn a_header_for_the_next_hop_is_not_for_us() {
        let request = get("/").header("Authorization", "Bearer abc").header("Connection", "close, authorization");
        assert_eq!(find(&TokenSources::new(), &request), Err(ErrorKind::NoCredentials));
    }

    #[test]
    fn sources_are_off_until_they_are_named() {
        let request = get("/?access_token=abc").header("Cookie", "access_token=abc").header("X-Token", "abc");
        assert_eq!(find(&TokenSources::new(), &request), Err(ErrorKind::NoCredentials));
        for (sources, location) in [
            (TokenSources::new().cookie("access_token"), Location::Cookie),
            (TokenSources::new().query("access_token"), Location::Query),
            (TokenSources::new().header("X-Token"), Location::Header),
            (TokenSources::new().from_fn(|_| Some("abc".to_owned())), Location::Custom),
        ] {
            assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), location)));
        }
    }

    #[test]
    fn two_tokens_are_refused_wherever_they_are() {
        let both = TokenSources::new().cookie("t").query("t").header("x-t");
        for request in [
            get("/?t=a&t=a"),
            get("/?t=a").header("cookie", "t=a"),
            get("/").header("cookie", "t=a; t=a"),
            get("/").header("cookie", "t=a").header("cookie", "t=a"),
            get("/").header("authorization", "Bearer a").header("x-t", "a"),
            get("/").header("x-t", "a").header("x-t", "a"),
        ] {
            assert_eq!(find(&both, &request), Err(ErrorKind::MultipleCredentials));
        }
    }

    #[test]
    fn an_illegible_token_is_refused_in_every_source() {
        let all = TokenSources::new().cookie("t").query("t").header("x-t");
        for request in [
            get("/?t="),
            get("/?t=%FF"),
            get("/?t=a%20b"),
            get("/").header("cookie", "t="),
            get("/").header("cookie", "t=a\u{e9}"),
            get("/").header("cookie", b"t=\xff".to_vec()),
            get("/").header("x-t", ""),
            get("/").header("x-t", "a b"),
        ] {
            assert_eq!(find(&all, &request), Err(ErrorKind::MalformedCredentials));
        }
    }

    #[test]
    fn a_query_token_is_read_from_requests_that_change_nothing() {
        let sources = TokenSources::new().query("t");
        assert_eq!(find(&sources, &BareRequest::new("POST", "/?t=a")), Err(ErrorKind::NoCredentials));
        assert_eq!(find(&sources, &get("/?x=1&t=a%2Eb")), Ok(("a.b".to_owned(), Location::Query)));
    }
}
