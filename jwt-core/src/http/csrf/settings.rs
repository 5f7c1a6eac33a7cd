use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::origin::{AllowsOrigin, is_origin_pattern};

const HEADER: &str = "x-csrf-token";

/// The safe methods. RFC 9110 section 9.2.1.
pub(super) const SAFE: &[Cow<'static, str>] =
    &[Cow::Borrowed("GET"), Cow::Borrowed("HEAD"), Cow::Borrowed("OPTIONS"), Cow::Borrowed("TRACE")];

/// Cross-site request forgery protection for tokens from cookies. RFC 6750 section 5.3.
///
/// Browsers attach cookies to requests that other sites trigger. So all [`TokenSources`](crate::http::TokenSources) with a
/// cookie check where such a request comes from, even if you configure nothing. Tokens from other places don't need the check:
/// no other site can make a browser send them.
///
/// The check applies to requests that may change something: every method except `GET`, `HEAD`, `OPTIONS` and `TRACE`, and
/// WebSocket handshakes. Such a request must come from the application's own pages:
///
/// 1. if it has `Sec-Fetch-Site`, the value is `same-origin` or `none`;
/// 2. if it does not, `Origin` names the host that the request was sent to;
/// 3. in both cases an `Origin` that you [name](Self::allow_origin) or [allow](Self::allow_origin_if) is accepted too.
///
/// If the token has a claim `csrf`, the header `X-CSRF-Token` must also repeat its value. The header is a proof by itself: with
/// it, a request is accepted even if it has none of the headers above. Without it, such a request is rejected. If
/// you [configure](Self::form_field) a form field, the field may repeat the value instead. A WebSocket handshake cannot send
/// either, so only its origin is checked.
///
/// A request that fails the check gets 403 with the code `csrf_failed` and no challenge.
///
/// ```
/// use jwt_core::http::{Csrf, TokenSources};
///
/// // The pages are served from another origin than the API, and every token has the claim.
/// let csrf = Csrf::new().allow_origin("https://app.example").require_claim();
/// let sources = TokenSources::new().cookie("__Host-access").csrf(csrf);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Csrf {
    pub(super) origins: Vec<String>,
    pub(super) allows_origin: Option<Arc<AllowsOrigin>>,
    pub(super) header: Cow<'static, str>,
    pub(super) form_field: Option<String>,
    pub(super) safe_methods: Cow<'static, [Cow<'static, str>]>,
    /// Whether `safe_methods` may include methods that change something.
    pub(super) any_method: bool,
    pub(super) require_claim: bool,
    pub(super) disabled: bool,
}

impl Csrf {
    /// Creates the default check, as described above.
    pub const fn new() -> Self {
        Self {
            origins: Vec::new(),
            allows_origin: None,
            header: Cow::Borrowed(HEADER),
            form_field: None,
            safe_methods: Cow::Borrowed(SAFE),
            any_method: false,
            require_claim: false,
            disabled: false,
        }
    }

    /// Also accepts requests from the pages of `origin`, written as browsers write it: `https://app.example`, with the
    /// port unless it's the scheme's default, and without a trailing slash. Default: no other origin.
    ///
    /// You need it if the pages are on another host than the API, or if a proxy changes `Host`. A value that isn't an origin
    /// makes building the verifier fail.
    ///
    /// `https://*.shop.example` has one label of any name: it matches `https://tenant-7.shop.example`, but not
    /// `https://shop.example` or `https://a.b.shop.example`. Scheme and port must be equal. Every page of an origin that you
    /// accept can make changes in your users' names, so don't accept a domain where other people publish pages, such as
    /// `https://*.github.io`. Anything else is a decision of your code: [`allow_origin_if`](Self::allow_origin_if).
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Also accepts requests from the pages of origins for which `allows` returns `true`. Default: no such origins.
    ///
    /// It's for origins that you cannot list, for example those of tenants with domains of their own. `allows` gets only well-formed origins, as browsers
    /// write them; it never sees `null`. It runs for requests that no other rule accepts, and must not block.
    ///
    /// Compare the whole origin: `ends_with("shop.example")` also accepts `https://evilshop.example`. Every page of an origin
    /// that you accept can make changes in your users' names, so accept no subdomain whose pages other people write.
    ///
    /// ```
    /// use jwt_core::http::Csrf;
    ///
    /// let csrf = Csrf::new().allow_origin_if(|origin| {
    ///     let tenant = origin.strip_prefix("https://").and_then(|host| host.strip_suffix(".shop.example"));
    ///     tenant.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('.'))
    /// });
    /// ```
    pub fn allow_origin_if(mut self, allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.allows_origin = Some(Arc::new(allows));
        self
    }

    /// Sets the header that repeats the claim `csrf`. Default: `X-CSRF-Token`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into().to_ascii_lowercase().into();
        self
    }

    /// Accepts the value from the form field `name` if the header is absent, for pages that work without scripts. Default: no
    /// field, and no body is read.
    ///
    /// The field must appear exactly once in the first 64 KiB of an `application/x-www-form-urlencoded` body; make it the form's
    /// first field. `multipart/form-data` bodies, which upload files, are not read: send the header with them, or issue tokens
    /// without the claim `csrf`. The body is read only after the token and everything in the headers has been accepted, and
    /// the handler still gets all of it. `jwt-tower` can read only axum's body type, with its feature `axum`. An empty
    /// name makes building the verifier fail.
    ///
    /// The server writes the value into the page. It comes from the user's own token, which scripts cannot read:
    ///
    /// ```
    /// use jwt_core::Verified;
    /// use jwt_core::http::{Csrf, TokenSources};
    ///
    /// let csrf = Csrf::new().form_field("csrf_token");
    /// let sources = TokenSources::new().cookie("__Host-access").csrf(csrf);
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Form {
    ///     csrf: String,
    /// }
    ///
    /// // `TokenIssuer` and `Sessions` generate values that need no escaping.
    /// fn logout_button(verified: &Verified) -> Result<String, jwt_core::Error> {
    ///     let Form { csrf } = verified.claims()?;
    ///     let hidden = format!(r#"<input type="hidden" name="csrf_token" value="{csrf}">"#);
    ///     Ok(format!(r#"<form method="post" action="/auth/logout">{hidden}<button>Log out</button></form>"#))
    /// }
    /// ```
    pub fn form_field(mut self, name: impl Into<String>) -> Self {
        self.form_field = Some(name.into());
        self
    }

    /// Sets the methods that are not checked, in upper case: `GET`, `HEAD`, `OPTIONS` and `TRACE`, or fewer if one of yours
    /// changes something. Default: all four. RFC 9110 section 9.2.1.
    ///
    /// Any other method makes building the verifier fail: see [`dangerous_safe_methods`](Self::dangerous_safe_methods).
    pub fn safe_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.safe_methods = methods.into_iter().map(|method| Cow::Owned(method.into())).collect();
        self.any_method = false;
        self
    }

    /// Sets the methods that are not checked, with no restriction on them. Default: see [`safe_methods`](Self::safe_methods).
    ///
    /// If one of them changes something, as `POST` does, every page that a user visits can make the change in the user's name.
    /// Use it for methods that only read but are not in RFC 9110, such as `PROPFIND`. To accept requests from pages of your
    /// own, name their origin with [`allow_origin`](Self::allow_origin) instead.
    pub fn dangerous_safe_methods<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        Self { any_method: true, ..self.safe_methods(methods) }
    }

    /// Requires the claim `csrf`, so that every checked request must repeat its value. Default: only requests whose token has
    /// the claim must repeat it.
    pub const fn require_claim(mut self) -> Self {
        self.require_claim = true;
        self
    }

    pub(in crate::http) fn disabled() -> Self {
        Self { disabled: true, ..Self::new() }
    }

    /// Returns the first setting that is invalid.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if !self.origins.iter().all(|origin| is_origin_pattern(origin)) {
            return Some("allow_origin");
        }
        if self.form_field.as_deref() == Some("") {
            return Some("form_field");
        }
        if !self.any_method && !self.safe_methods.iter().all(|method| SAFE.contains(method)) {
            return Some("safe_methods");
        }
        let is_header = !self.header.is_empty() && self.header.bytes().all(is_name_byte);
        (!is_header).then_some("header")
    }
}

impl Default for Csrf {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csrf")
            .field("enabled", &!self.disabled)
            .field("origins", &self.origins)
            .field("decides_about_origins", &self.allows_origin.is_some())
            .field("header", &self.header)
            .field("form_field", &self.form_field)
            .field("safe_methods", &self.safe_methods)
            .field("require_claim", &self.require_claim)
            .finish()
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_setting_is_reported() {
        for origin in ["https://a.example", "http://localhost:8080", "https://[::1]:8443", "capacitor://localhost"] {
            assert_eq!(Csrf::new().allow_origin(origin).problem(), None, "{origin}");
        }
        for origin in [
            "",
            "*",
            "null",
            "a.example",
            "https://",
            "https://A.example",
            "https://a.example/",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:",
            "https://:443",
            "https://u@a.example",
            "https://*.example",
            "https://a.example b",
            "://a.example",
        ] {
            assert_eq!(Csrf::new().allow_origin(origin).problem(), Some("allow_origin"), "{origin}");
        }
        assert_eq!(Csrf::new().form_field("").problem(), Some("form_field"));
        assert_eq!(Csrf::new().form_field("csrf token").problem(), None);
        for method in ["POST", "DELETE", "PROPFIND", "get", "GET ", ""] {
            assert_eq!(Csrf::new().safe_methods(["GET", method]).problem(), Some("safe_methods"), "{method}");
            assert_eq!(Csrf::new().dangerous_safe_methods(["GET", method]).problem(), None, "{method}");
            let last = Csrf::new().dangerous_safe_methods(["GET"]).safe_methods([method]);
            assert_eq!(last.problem(), Some("safe_methods"), "{method}");
        }
        assert_eq!(Csrf::new().safe_methods::<&str>([]).problem(), None);
        for name in ["", "a b", "a:", "é"] {
            assert_eq!(Csrf::new().header(name).problem(), Some("header"), "{name}");
        }
    }
}
