use std::fmt;
use std::sync::Arc;

use super::cookies::{Cookie, Removal};
use super::places::{Authorization, Closure, OwnHeader, Query};
use super::raw::{NoToken, RawToken};
use super::source::{Found, Location, TokenPlace, TokenSource};
use crate::error::ErrorKind;
use crate::http::csrf::{Csrf, Proof};
use crate::http::request::RequestView;

/// The places in which a verifier looks for tokens.
///
/// ```
/// use jwt_core::http::TokenSources;
///
/// // A browser application: the header for scripts, a cookie for pages.
/// let sources = TokenSources::new().cookie("access_token");
/// ```
#[derive(Clone)]
pub struct TokenSources {
    places: Vec<Place>,
    csrf: Csrf,
    /// Of the methods that RFC 6750 section 2 has, those in use.
    bearer_methods: Vec<&'static str>,
}

#[derive(Clone)]
struct Place {
    source: Arc<dyn TokenSource>,
    removal: Option<Removal>,
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
        Self { bearer_methods: vec!["header"], ..Self::none().source(Authorization) }
    }

    /// Looks nowhere; add sources.
    #[must_use]
    pub const fn none() -> Self {
        Self { places: Vec::new(), csrf: Csrf::new(), bearer_methods: Vec::new() }
    }

    /// Also looks at the cookie `name`. Default: no cookie.
    ///
    /// A browser attaches cookies by itself, to requests that other sites trigger too: [`Csrf`] says what a request must
    /// show beside the cookie. [`browser::Cookies`](crate::http::cookies::Cookies) knows how to set it, and where it is.
    #[must_use]
    pub fn cookie(self, name: impl Into<String>) -> Self {
        self.source(Cookie { name: name.into(), loopback_only: false })
    }

    /// Also looks at a cookie whose attributes are known, so that it can be taken away.
    pub(crate) fn known_cookie(mut self, name: &str, removal: Option<Removal>, loopback_only: bool) -> Self {
        let source = Arc::new(Cookie { name: name.to_owned(), loopback_only });
        self.places.push(Place { source, removal });
        self
    }

    /// Sets what a request must show beside a cookie. Default: [`Csrf::new`].
    #[must_use]
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = csrf;
        self
    }

    /// Accepts tokens from cookies whoever made the browser send them. Default: [`Csrf::new`].
    ///
    /// Every page that the user visits can then do in the user's name what an address and a form can express.
    /// Rather name the pages' origins with [`Csrf::allow_origin`]; only where something in front of this layer checks
    /// every request is there nothing left to check.
    #[must_use]
    pub fn dangerous_without_csrf_protection(self) -> Self {
        self.csrf(Csrf::disabled())
    }

    /// Also looks at the query parameter `name` of `GET` and `HEAD` requests. Default: no query parameter.
    ///
    /// Addresses end up in logs and histories (RFC 9700 section 4.3.2): use it only where a client cannot send headers,
    /// a WebSocket from a browser for example, and with short-lived tokens. What logs requests in your own service does it too:
    /// the span of tower-http's `TraceLayer` and actix-web's `Logger` hold the whole address unless they are told otherwise.
    /// The adapters mark such answers `Cache-Control: private`.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if name == "access_token" {
            self.bearer_methods.push("query");
        }
        self.source(Query(name))
    }

    /// Also looks at the header `name`, whose whole value is the token. Default: no header.
    #[must_use]
    pub fn header(self, name: impl Into<String>) -> Self {
        self.source(OwnHeader(name.into().to_ascii_lowercase()))
    }

    /// Also asks a closure, which returns the token or `None`. Default: no closure.
    ///
    /// `location` says where the closure looks. A token from [`Location::Cookie`], or from [`Location::Custom`], which says
    /// nothing, is [checked](Csrf) like one from a [cookie](Self::cookie). The rest isn't, so don't say
    /// [`Location::Header`] of a cookie that is encrypted or in parts.
    ///
    /// ```
    /// use jwt_core::http::{Location, TokenSources};
    ///
    /// // `Authorization: Token ...`, of an older client.
    /// let sources = TokenSources::new().from_fn(Location::Header, |request| {
    ///     let mut token = None;
    ///     request.header("authorization", &mut |value| {
    ///         token = value.strip_prefix(b"Token ").map(|token| String::from_utf8_lossy(token).into_owned());
    ///     });
    ///     token
    /// });
    /// ```
    #[must_use]
    pub fn from_fn<F>(self, location: Location, find: F) -> Self
    where
        F: Fn(&dyn RequestView) -> Option<String> + Send + Sync + 'static,
    {
        self.source(Closure { location, find })
    }

    /// Also asks a source of the application's own. Default: none.
    #[must_use]
    pub fn source(mut self, source: impl TokenSource + 'static) -> Self {
        self.places.push(Place { source: Arc::new(source), removal: None });
        self
    }

    pub(crate) fn bearer_methods(&self) -> &[&'static str] {
        &self.bearer_methods
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The first setting that can never be met.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        self.csrf.problem()
    }

    /// The parts of a request that may hold a token, or `None` where a source does not tell.
    pub(crate) fn places(&self) -> Option<Vec<TokenPlace<'_>>> {
        self.places.iter().map(|place| place.source.place()).collect()
    }

    /// Finds the one token that the request carries, or says why none is to be looked at.
    pub(crate) fn find<'r>(&self, request: &'r dyn RequestView) -> Result<RawToken<'r>, NoToken> {
        let (mut found, mut removal, mut repeated) = (Found::default(), None, None);
        for place in &self.places {
            let before = found.candidates;
            place.source.find(request, &mut found);
            if before == 0 && found.candidates > 0 {
                removal = place.removal.as_ref();
            }
            if found.candidates > before + 1 {
                repeated = place.removal.as_ref();
            }
        }
        // RFC 6750 section 3.1: "uses more than one method for including an access token" is `invalid_request`.
        if found.candidates > 1 {
            // Two cookies of one name come back with every request, until they are taken away.
            let removals = repeated.map(|removal| removal.of_all(request)).unwrap_or_default();
            return Err(NoToken { kind: ErrorKind::MultipleCredentials, removals });
        }
        let (bytes, location) = found.first.ok_or(ErrorKind::NoCredentials)?;
        let proof = match location {
            Location::Cookie | Location::Custom => self.csrf.inspect(request)?,
            _ => Proof::NOT_NEEDED,
        };
        Ok(RawToken { bytes, location, proof, removal: removal.map(|removal| Arc::clone(&removal.own)) })
    }
}

impl fmt::Debug for TokenSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources: Vec<_> = self.places.iter().map(|place| &place.source).collect();
        f.debug_struct("TokenSources").field("sources", &sources).field("csrf", &self.csrf).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BareRequest;

    fn find(sources: &TokenSources, request: &BareRequest) -> Result<(String, Location), ErrorKind> {
        let found = sources.find(request).map_err(|refused| refused.kind)?;
        Ok((found.text()?.to_owned(), found.location))
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
            (b"Bearer=abc", Err(MalformedCredentials)),
            (b"Bearer/abc", Err(MalformedCredentials)),
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
            (TokenSources::new().from_fn(Location::Custom, |_| Some("abc".to_owned())), Location::Custom),
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
            get("/").header("cookie", "t=a\u{e9}"),
            get("/").header("cookie", b"t=\xff".to_vec()),
            get("/").header("x-t", ""),
            get("/").header("x-t", "a b"),
        ] {
            assert_eq!(find(&all, &request), Err(ErrorKind::MalformedCredentials));
        }
    }

    #[test]
    fn an_empty_cookie_holds_no_token() {
        let sources = TokenSources::new().cookie("t");
        assert_eq!(find(&sources, &get("/").header("cookie", "t=")), Err(ErrorKind::NoCredentials));
        let request = get("/").header("cookie", "t=; a=b").header("authorization", "Bearer abc");
        assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), Location::Authorization)));
        let request = get("/").header("cookie", "t=; t=abc");
        assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), Location::Cookie)));
    }

    #[test]
    fn a_closure_that_may_read_cookies_is_protected_like_a_cookie() {
        use Location::{Authorization, Cookie, Custom, Header};
        for (location, refused) in [(Cookie, true), (Custom, true), (Header, false), (Authorization, false)] {
            let sources = TokenSources::none().from_fn(location, |_| Some("abc".to_owned()));
            let post = BareRequest::new("POST", "/").header("sec-fetch-site", "cross-site");
            let expected = if refused { Err(ErrorKind::CsrfFailed) } else { Ok(("abc".to_owned(), location)) };
            assert_eq!(find(&sources, &post), expected, "{location:?}");
        }
    }

    #[test]
    fn a_query_token_is_read_from_requests_that_change_nothing() {
        let sources = TokenSources::new().query("t");
        assert_eq!(find(&sources, &BareRequest::new("POST", "/?t=a")), Err(ErrorKind::NoCredentials));
        assert_eq!(find(&sources, &get("/?x=1&t=a%2Eb")), Ok(("a.b".to_owned(), Location::Query)));
    }
}
