use std::fmt;
use std::sync::Arc;

use super::cookies::Cookie;
use super::found::Location;
use super::removal::Removal;
use super::source::{AuthorizationHeader, BearerHeader, Closure, CustomHeader, DpopCredentials, Query, TokenSource};
use super::websocket::WebSocketProtocol;
use crate::http::csrf::Csrf;
use crate::http::request::{RequestView, is_tchar};

/// The places where a verifier looks for tokens.
///
/// ```
/// use jwt_core::http::TokenSources;
///
/// // A browser application: the header for scripts, a cookie for pages.
/// let sources = TokenSources::new().cookie("access_token");
/// ```
#[derive(Clone)]
pub struct TokenSources {
    pub(super) places: Vec<Place>,
    pub(super) csrf: Csrf,
    /// Whether the first source that has a token counts, and the others are ignored.
    pub(super) first_wins: bool,
    /// Which of the methods of RFC 6750 section 2 are in use.
    bearer_methods: Vec<&'static str>,
}

#[derive(Clone)]
pub(super) struct Place {
    pub(super) source: Arc<dyn TokenSource>,
    pub(super) removal: Option<Removal>,
}

impl Default for TokenSources {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenSources {
    /// Looks only at `Authorization: Bearer`. The scheme's case does not matter.
    #[must_use]
    pub fn new() -> Self {
        Self::none().authorization()
    }

    /// Looks nowhere. Add at least one source.
    #[must_use]
    pub const fn none() -> Self {
        Self { places: Vec::new(), csrf: Csrf::new(), first_wins: false, bearer_methods: Vec::new() }
    }

    /// Also looks at `Authorization: Bearer`, as [`new`](Self::new) does. For sources that start without it, for example
    /// [`Cookies::refresh_sources`](crate::http::Cookies::refresh_sources).
    #[must_use]
    pub fn authorization(mut self) -> Self {
        // A second one would find every token twice.
        if self.bearer_methods.contains(&"header") {
            return self;
        }
        self.bearer_methods.push("header");
        self.source(AuthorizationHeader)
    }

    /// Also looks at the cookie `name`. Default: no cookie.
    ///
    /// Browsers attach cookies to requests that other sites trigger, so tokens from cookies get a [CSRF check](Csrf).
    /// [`Cookies`](crate::http::Cookies) sets cookies, and knows the sources that find them.
    ///
    /// If a request has several cookies with this name, it's answered 400, and the response removes all of them: a page of
    /// another subdomain may have planted one, and nothing says which. Only the host itself can set a cookie whose name starts
    /// with `__Host-`. So if you look at both `__Host-session` and `session`, and a request has both, the first one counts.
    #[must_use]
    pub fn cookie(self, name: impl Into<String>) -> Self {
        let name = name.into();
        let removal = Removal::of_unknown(&name);
        self.cookie_with_removal(&name, removal, false)
    }

    /// Also looks at a cookie whose attributes are known, so that the response can remove it.
    pub(crate) fn cookie_with_removal(mut self, name: &str, removal: Option<Removal>, loopback_only: bool) -> Self {
        let source = Arc::new(Cookie { name: name.to_owned(), loopback_only });
        self.places.push(Place { source, removal });
        self
    }

    /// Sets the CSRF check for tokens from cookies. Default: [`Csrf::new`].
    #[must_use]
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = csrf;
        self
    }

    /// Returns whether the headers prove that one of the application's pages sent this request.
    #[cfg(feature = "issue")]
    pub(crate) fn is_from_own_page(&self, request: &dyn RequestView) -> bool {
        self.csrf.is_from_own_page(request)
    }

    /// Accepts tokens from cookies without a CSRF check. Default: the check of [`Csrf::new`].
    ///
    /// Every page that a user visits can then send links and forms in the user's name. If your pages have another origin, name
    /// it with [`Csrf::allow_origin`] instead. Use this only if something in front of this layer already checks every request.
    #[must_use]
    pub fn dangerous_without_csrf_protection(self) -> Self {
        self.csrf(Csrf::disabled())
    }

    /// Also looks at the query parameter `name` of `GET` and `HEAD` requests. Default: no query parameter.
    ///
    /// URLs end up in logs and browser histories (RFC 9700 section 4.3.2). Use it only with short-lived tokens, and only if a
    /// client cannot send headers, for example to open a WebSocket in a browser. Request logs of your own service have the URL
    /// too: by default, tower-http's `TraceLayer` and actix-web's `Logger` record all of it. The adapters add
    /// `Cache-Control: private` to the responses.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if name == "access_token" {
            self.bearer_methods.push("query");
        }
        self.source(Query(name))
    }

    /// Also looks at the header `name`, whose whole value is the token. Default: no header.
    ///
    /// An empty line holds no token, because proxies write one if their variable is empty. Two lines are refused, even if one is
    /// empty.
    #[must_use]
    pub fn header(self, name: impl Into<String>) -> Self {
        self.source(CustomHeader(name.into().to_ascii_lowercase()))
    }

    /// Also looks at the header `name`, whose value has the form of `Authorization`: `Bearer` and the token. Default: no header.
    ///
    /// Some gateways move the header `Authorization` that they received to another one, for example `X-Forwarded-Authorization`,
    /// and put credentials of their own into `Authorization`. The source follows the same rules as
    /// [`authorization`](Self::authorization): the scheme's case does not matter, other schemes are ignored, and two lines are
    /// refused. If clients can reach the service past the gateway, they can set this header too, which is as safe as
    /// `Authorization` itself.
    #[must_use]
    pub fn bearer_header(self, name: impl Into<String>) -> Self {
        let name = name.into().to_ascii_lowercase();
        // That one would be found twice.
        if name == "authorization" { self.authorization() } else { self.source(BearerHeader(name)) }
    }

    /// Also looks at the protocols that a WebSocket client offers. Default: off.
    ///
    /// A page cannot set headers of a WebSocket handshake, except this one: `new WebSocket(url, ["bearer", token])`. There are two
    /// forms, and other protocols may be beside them:
    ///
    /// | `Sec-WebSocket-Protocol` | the response must select |
    /// | --- | --- |
    /// | `bearer, <token>` | `bearer`, or another protocol that the client offers |
    /// | `base64url.bearer.authorization.k8s.io.<token in base64url>`, as in Kubernetes | another protocol that the client offers |
    ///
    /// Browsers close a connection whose response selects no protocol. If your handler selects none and the client offered
    /// `bearer`, the layer adds `Sec-WebSocket-Protocol: bearer` to a response with `Sec-WebSocket-Accept`. Over HTTP/2, and with
    /// the second form, your handler has to select a protocol itself. Never answer with the token.
    ///
    /// Only handshakes are looked at. [`ForwardClaims`](crate::forward::ForwardClaims) removes the token and keeps the other
    /// protocols. Logs of proxies may have the header, so use short-lived tokens. Handshakes with a token here need no
    /// [CSRF check](Csrf), because another site does not know the token.
    #[must_use]
    pub fn websocket_protocol(self) -> Self {
        self.source(WebSocketProtocol)
    }

    /// Uses the first source that has a token, in the order in which you add them, and ignores the others. Default: a request with
    /// tokens in several places is answered 400 (RFC 6750 section 3.1).
    ///
    /// Parts of a system that read different tokens then act for different users: a proxy that logs or limits by the header, and
    /// this service by the cookie. And anyone who can plant a token in the first place, for example a sibling domain in a cookie,
    /// decides who the user is. If you need it, because your pages send a header beside a cookie that the browser attaches, put
    /// the header first. Several tokens in one place are still refused, and so is a malformed one in the place that counts.
    #[must_use]
    pub const fn dangerous_first_source_wins(mut self) -> Self {
        self.first_wins = true;
        self
    }

    /// Also calls a closure, which returns the token or `None`. Default: no closure.
    ///
    /// `location` says where the closure looks. Tokens from [`Location::Cookie`] and [`Location::Custom`] get the
    /// [CSRF check](Csrf); tokens from other locations don't. So if the closure reads a cookie, for example one that is encrypted
    /// or split, say [`Location::Cookie`]: [`Location::Header`] would turn the protection off.
    ///
    /// ```
    /// use jwt_core::http::{Location, TokenSources};
    ///
    /// // `Authorization: Token ...` from an older client.
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

    /// Also looks at a source of your own. Default: no such source.
    #[must_use]
    pub fn source(mut self, source: impl TokenSource + 'static) -> Self {
        self.places.push(Place { source: Arc::new(source), removal: None });
        self
    }

    /// Also looks at `Authorization: DPoP`, if these sources look at that header.
    #[must_use]
    pub(crate) fn with_dpop(self) -> Self {
        if self.reads_authorization() { self.source(DpopCredentials) } else { self }
    }

    pub(crate) fn reads_authorization(&self) -> bool {
        self.bearer_methods.contains(&"header")
    }

    pub(crate) fn is_only_authorization(&self) -> bool {
        self.places.len() == 1 && self.reads_authorization()
    }

    pub(crate) fn bearer_methods(&self) -> &[&'static str] {
        &self.bearer_methods
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns the first setting that is invalid.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let misnamed = |place: &Place| {
            let (location, name) = place.source.place()?;
            match location {
                Location::Cookie => (!is_name(name)).then_some("cookie"),
                Location::Header => (!is_name(name)).then_some("header"),
                Location::Query => name.is_empty().then_some("query"),
                _ => None,
            }
        };
        self.places.iter().find_map(misnamed).or_else(|| self.csrf.problem())
    }

    /// Returns the parts of a request that may have a token, or `None` if a source does not know its place.
    pub(crate) fn places(&self) -> Option<Vec<(Location, &str)>> {
        self.places.iter().map(|place| place.source.place()).collect()
    }
}

impl fmt::Debug for TokenSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources: Vec<_> = self.places.iter().map(|place| &place.source).collect();
        f.debug_struct("TokenSources")
            .field("sources", &sources)
            .field("csrf", &self.csrf)
            .field("first_wins", &self.first_wins)
            .finish()
    }
}

/// Whether a header or a cookie can have this name: `token`, RFC 9110 section 5.6.2, RFC 6265 section 4.1.1.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_tchar)
}
