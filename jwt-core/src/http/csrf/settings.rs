use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::check::CsrfCheck;
use super::field::has_form;
use super::origin::{AllowsOrigin, RequestOrigin, SingleLine, is_origin_pattern, is_websocket_handshake};
use crate::error::ErrorKind;
use crate::http::request::RequestView;

const HEADER: &str = "x-csrf-token";

/// The safe methods. RFC 9110 section 9.2.1.
const SAFE: &[Cow<'static, str>] =
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
/// 2. if it doesn't, `Origin` names the host that the request was sent to;
/// 3. in both cases an `Origin` that you [name](Self::allow_origin) or [allow](Self::allow_origin_if) is accepted too.
///
/// If the token has a claim `csrf`, the header `X-CSRF-Token` must also repeat its value. The header is a proof by itself: with
/// it, a request is accepted even if it has none of the headers above. Without it, such a request is rejected. If
/// you [configure](Self::form_field) a form field, the field may repeat the value instead. A WebSocket handshake can't send
/// either, so only its origin is checked.
///
/// A request that fails the check gets 403 with the code `csrf_failed` and no challenge.
///
/// ```
/// use jwt_core::http::{Csrf, TokenSources};
///
/// // The pages are served from another origin than the API, and every token has the claim.
/// let csrf = Csrf::new().allow_origin("https://app.example").require_token();
/// let sources = TokenSources::new().cookie("__Host-access").csrf(csrf);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Csrf {
    origins: Vec<String>,
    allows_origin: Option<Arc<AllowsOrigin>>,
    header: Cow<'static, str>,
    form_field: Option<String>,
    safe_methods: Cow<'static, [Cow<'static, str>]>,
    /// Whether `safe_methods` may include methods that change something.
    any_method: bool,
    require_token: bool,
    disabled: bool,
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
            require_token: false,
            disabled: false,
        }
    }

    /// Also accepts requests from the pages of `origin`, written as browsers write it: `https://app.example`, with the
    /// port unless it's the scheme's default, and without a trailing slash. Default: no other origin.
    ///
    /// You need it if the pages are on another host than the API, or if a proxy changes `Host`. A value that isn't an origin
    /// makes building the verifier fail.
    ///
    /// `https://*.shop.example` stands for one label of any name, so for `https://tenant-7.shop.example` and neither for
    /// `https://shop.example` nor for `https://a.b.shop.example`. Scheme and port must be equal. Every page of an origin that you
    /// accept can make changes in your users' names, so don't accept a domain where other people publish pages, such as
    /// `https://*.github.io`. Anything else is a decision of your code: [`allow_origin_if`](Self::allow_origin_if).
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Also accepts requests from the pages of origins for which `allows` returns `true`. Default: no such origins.
    ///
    /// It's for origins that you can't list, for example those of tenants with domains of their own. `allows` gets only well-formed origins, as browsers
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
    /// first field. `multipart/form-data` bodies, which upload files, aren't read: send the header with them, or issue tokens
    /// without the claim `csrf`. The body is read only after the token and everything in the headers has been accepted, and
    /// the handler still gets all of it. `jwt-tower` can read only axum's body type, with its feature `axum`. An empty
    /// name makes building the verifier fail.
    ///
    /// The server writes the value into the page. It comes from the user's own token, which scripts can't read:
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

    /// Sets the methods that aren't checked, in upper case: `GET`, `HEAD`, `OPTIONS` and `TRACE`, or fewer if one of yours
    /// changes something. Default: all four. RFC 9110 section 9.2.1.
    ///
    /// Any other method makes building the verifier fail: see [`dangerous_safe_methods`](Self::dangerous_safe_methods).
    pub fn safe_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.safe_methods = methods.into_iter().map(|method| Cow::Owned(method.into())).collect();
        self.any_method = false;
        self
    }

    /// Sets the methods that aren't checked, with no restriction on them. Default: see [`safe_methods`](Self::safe_methods).
    ///
    /// If one of them changes something, as `POST` does, every page that a user visits can make the change in the user's name.
    /// Use it for methods that only read but aren't in RFC 9110, such as `PROPFIND`. To accept requests from pages of your
    /// own, name their origin with [`allow_origin`](Self::allow_origin) instead.
    pub fn dangerous_safe_methods<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        Self { any_method: true, ..self.safe_methods(methods) }
    }

    /// Requires the claim `csrf`, so that every checked request must repeat its value. Default: only requests whose token has
    /// the claim must repeat it.
    pub const fn require_token(mut self) -> Self {
        self.require_token = true;
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

    /// Checks everything that doesn't need the token.
    pub(in crate::http) fn check_request<'r>(&self, request: &'r dyn RequestView) -> Result<CsrfCheck<'r>, ErrorKind> {
        let handshake = is_websocket_handshake(request);
        if self.disabled || (!handshake && self.is_safe(request.method())) {
            return Ok(CsrfCheck::NOT_NEEDED);
        }
        let origin = RequestOrigin::of(request, &self.origins, self.allows_origin.as_deref());
        match origin {
            RequestOrigin::Untrusted => return Err(ErrorKind::CsrfFailed),
            RequestOrigin::Unknown if handshake => return Err(ErrorKind::CsrfFailed),
            RequestOrigin::Trusted if handshake => return Ok(CsrfCheck::NOT_NEEDED),
            RequestOrigin::Trusted | RequestOrigin::Unknown => {}
        }
        let line = self.header_line(request);
        // If the header is there, it decides, even if it's empty or repeated.
        let form_field = match (&line, &self.form_field) {
            (SingleLine::Absent, Some(name)) if !name.is_empty() && has_form(request) => Some(name.clone()),
            _ => None,
        };
        Ok(CsrfCheck {
            needed: true,
            trusted_origin: origin == RequestOrigin::Trusted,
            require_token: self.require_token,
            sent: line.only().map(Cow::Borrowed),
            form_field,
        })
    }

    /// `safe_methods` can't exempt a method that changes something, even if the settings were never validated.
    fn is_safe(&self, method: &str) -> bool {
        let is_in = |methods: &[Cow<'static, str>]| methods.iter().any(|safe| safe == method);
        is_in(&self.safe_methods) && (self.any_method || is_in(SAFE))
    }

    /// Returns the header that repeats the claim.
    fn header_line<'r>(&self, request: &'r dyn RequestView) -> SingleLine<'r> {
        let mut line = SingleLine::default();
        request.header(&self.header, &mut |value| line.add(value));
        line
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
            .field("require_token", &self.require_token)
            .finish()
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::csrf::CsrfOutcome;
    use crate::testing::BareRequest;

    const CLAIM: &str = r#"{"csrf":"s3cret"}"#;
    const NONE: &str = r#"{"sub":"a"}"#;

    /// Creates a request with these headers, each as `name: value`.
    fn request(method: &str, headers: &[&str]) -> BareRequest {
        headers.iter().fold(BareRequest::new(method, "/"), |request, line| {
            let (name, value) = line.split_once(": ").expect("a header line");
            request.header(name, value)
        })
    }

    /// Checks a request's headers and then the payload.
    fn passes(csrf: &Csrf, method: &str, headers: &[&str], payload: &str) -> bool {
        let request = request(method, headers);
        csrf.check_request(&request)
            .is_ok_and(|proof| matches!(proof.into_owned().finish(payload), CsrfOutcome::Passed))
    }

    #[test]
    fn a_request_that_may_change_something_must_come_from_an_own_page() {
        const HOST: &str = "host: api.example";
        let csrf = Csrf::new().allow_origin("https://app.example");
        for (headers, accepted) in [
            (&["sec-fetch-site: same-origin"][..], true),
            (&["sec-fetch-site: none"], true),
            (&["sec-fetch-site: same-site"], false),
            (&["sec-fetch-site: cross-site"], false),
            (&["sec-fetch-site: "], false),
            (&["sec-fetch-site: Same-Origin"], false),
            (&["sec-fetch-site: same-origin", "sec-fetch-site: same-origin"], false),
            // A proxy may change `Host`; `Sec-Fetch-Site` doesn't depend on it.
            (&["sec-fetch-site: same-origin", "origin: https://elsewhere.example", HOST], true),
            (&["sec-fetch-site: cross-site", "origin: https://api.example", HOST], false),
            (&["sec-fetch-site: cross-site", "origin: https://app.example", HOST], true),
            (&["origin: https://api.example", HOST], true),
            (&["origin: https://API.example", HOST], true),
            (&["origin: http://api.example", HOST], true),
            (&["origin: https://api.example:8443", HOST], false),
            (&["origin: https://api.example:8443", "host: api.example:8443"], true),
            (&["origin: https://app.example", HOST], true),
            (&["origin: http://app.example", HOST], false),
            (&["origin: https://app.example.evil.example", HOST], false),
            (&["origin: https://evil.example", HOST], false),
            (&["origin: https://evil.example/api.example", HOST], false),
            (&["origin: https://x@api.example", HOST], false),
            (&["origin: null", HOST], false),
            (&["origin: null", "host: null"], false),
            (&["origin: api.example", HOST], false),
            (&["origin: https://", "host: "], false),
            (&["origin: ", HOST], false),
            (&["origin: https://api.example"], false),
            (&["origin: https://api.example", HOST, "host: evil.example"], false),
            (&["origin: https://api.example", "origin: https://api.example", HOST], false),
            (&["x-forwarded-host: api.example", "origin: https://api.example"], false),
            (&[HOST], false),
            (&[], false),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "post", "get", "PROPFIND", ""] {
                assert_eq!(passes(&csrf, method, headers, NONE), accepted, "{method} {headers:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
                assert!(passes(&csrf, method, headers, NONE), "{method} {headers:?}");
            }
        }
    }

    #[test]
    fn a_token_with_the_claim_requires_the_header() {
        let own = "sec-fetch-site: same-origin";
        for (headers, payload, usually, strictly) in [
            (&[own, "x-csrf-token: s3cret"][..], CLAIM, true, true),
            (&[own], CLAIM, false, false),
            (&[own, "x-csrf-token: s3cret"], NONE, true, false),
            (&[own], NONE, true, false),
            (&[own, "x-csrf-token: S3cret"], CLAIM, false, false),
            (&[own, "x-csrf-token: s3cre"], CLAIM, false, false),
            (&[own, "x-csrf-token: s3crets"], CLAIM, false, false),
            (&[own, "x-csrf-token: "], CLAIM, false, false),
            (&[own, "x-csrf-token: s3cret", "x-csrf-token: s3cret"], CLAIM, false, false),
            (&[own, "x-csrf-token: "], r#"{"csrf":""}"#, false, false),
            (&[own, "x-csrf-token: 1"], r#"{"csrf":1}"#, false, false),
            (&[own, "x-csrf-token: null"], r#"{"csrf":null}"#, false, false),
            (&[own, "cookie: csrf=s3cret"], CLAIM, false, false),
            // The header is enough by itself, but not if another site sent the request.
            (&["x-csrf-token: s3cret"], CLAIM, true, true),
            (&["x-csrf-token: s3cret"], NONE, false, false),
            (&["sec-fetch-site: cross-site", "x-csrf-token: s3cret"], CLAIM, false, false),
        ] {
            assert_eq!(passes(&Csrf::new(), "POST", headers, payload), usually, "{headers:?} {payload}");
            assert_eq!(
                passes(&Csrf::new().require_token(), "POST", headers, payload),
                strictly,
                "{headers:?} {payload}"
            );
            assert!(passes(&Csrf::new().require_token(), "GET", headers, payload), "{headers:?} {payload}");
        }
        let named = Csrf::new().header("X-XSRF-Token");
        assert!(passes(&named, "POST", &["x-xsrf-token: s3cret"], CLAIM));
        assert!(!passes(&named, "POST", &["x-csrf-token: s3cret"], CLAIM));
    }

    #[test]
    fn a_form_field_replaces_an_absent_header() {
        const OWN: &str = "sec-fetch-site: same-origin";
        const FORM: &str = "content-type: application/x-www-form-urlencoded";
        let passes = |csrf: &Csrf, headers: &[&str], field: Option<&str>, payload: &str| {
            let form = field.map(|value| format!("csrf_token={value}")).unwrap_or_default();
            let request = request("POST", headers).header("content-type", "application/x-www-form-urlencoded");
            match csrf.check_request(&request).map(|proof| proof.into_owned().finish(payload)) {
                Ok(CsrfOutcome::Passed) => true,
                Ok(CsrfOutcome::CheckForm(field)) => field.is_in(form.as_bytes(), false),
                Ok(CsrfOutcome::Failed) | Err(_) => false,
            }
        };
        let is_read = |csrf: &Csrf, headers: &[&str], payload: &str| {
            let request = request("POST", headers);
            matches!(csrf.check_request(&request).map(|proof| proof.finish(payload)), Ok(CsrfOutcome::CheckForm(_)))
        };
        let with = Csrf::new().form_field("csrf_token");
        for (headers, field, payload, accepted) in [
            (&[OWN][..], Some("s3cret"), CLAIM, true),
            (&[OWN], Some("other"), CLAIM, false),
            (&[OWN], Some(""), CLAIM, false),
            (&[OWN], None, CLAIM, false),
            (&[OWN], Some(""), r#"{"csrf":""}"#, false),
            (&[OWN], None, NONE, true),
            (&[], Some("s3cret"), CLAIM, true),
            (&[], Some("other"), CLAIM, false),
            (&[], Some("s3cret"), NONE, false),
            (&["sec-fetch-site: cross-site"], Some("s3cret"), CLAIM, false),
            (&[OWN, "x-csrf-token: s3cret"], Some("other"), CLAIM, true),
            (&[OWN, "x-csrf-token: other"], Some("s3cret"), CLAIM, false),
            (&[OWN, "x-csrf-token: "], Some("s3cret"), CLAIM, false),
            (&[OWN, "x-csrf-token: s3cret", "x-csrf-token: s3cret"], Some("s3cret"), CLAIM, false),
        ] {
            assert_eq!(passes(&with, headers, field, payload), accepted, "{headers:?} {field:?} {payload}");
        }
        assert!(!passes(&with.clone().require_token(), &[OWN], Some("s3cret"), NONE));
        assert!(!passes(&Csrf::new(), &[OWN], Some("s3cret"), CLAIM), "no field is configured");
        for (headers, payload, expected) in [
            (&[OWN, FORM][..], CLAIM, true),
            // The value is the only proof of the request's origin.
            (&[FORM], CLAIM, true),
            (&[OWN, FORM], NONE, false),
            (&[OWN, FORM], r#"{"csrf":""}"#, false),
            (&[OWN], CLAIM, false),
            (&[OWN, "content-type: text/plain"], CLAIM, false),
            (&[OWN, FORM, FORM], CLAIM, false),
            (&[OWN, FORM, "x-csrf-token: a"], CLAIM, false),
            (&[OWN, FORM, "x-csrf-token: "], CLAIM, false),
            (&[OWN, FORM, "x-csrf-token: a", "x-csrf-token: a"], CLAIM, false),
            (&[OWN, FORM, "upgrade: websocket"], CLAIM, false),
            (&[FORM, "sec-fetch-site: cross-site"], CLAIM, false),
            (&[FORM, "origin: https://evil.example", "host: a.example"], CLAIM, false),
        ] {
            assert_eq!(is_read(&with, headers, payload), expected, "{headers:?} {payload}");
            assert!(!is_read(&Csrf::new(), headers, payload), "{headers:?} {payload}");
            assert!(!is_read(&Csrf::new().form_field(""), headers, payload), "{headers:?} {payload}");
        }
        let safe = request("GET", &[OWN, FORM]);
        assert!(matches!(with.check_request(&safe).map(|proof| proof.finish(CLAIM)), Ok(CsrfOutcome::Passed)));
    }

    #[test]
    fn a_closure_decides_only_about_well_formed_origins_of_other_sites() {
        let tenant = |origin: &str| origin.starts_with("https://") && origin.ends_with(".shop.example");
        let csrf = Csrf::new().allow_origin("https://app.example").allow_origin_if(tenant);
        for (origin, accepted) in [
            ("https://tenant-7.shop.example", true),
            ("https://app.example", true),
            ("https://shop.example", false),
            ("http://tenant-7.shop.example", false),
            ("https://tenant-7.shop.example/", false),
            ("https://evil.example", false),
        ] {
            for site in ["same-site", "cross-site"] {
                let headers = [&*format!("sec-fetch-site: {site}"), &format!("origin: {origin}")];
                assert_eq!(passes(&csrf, "POST", &headers, NONE), accepted, "{origin} {site}");
            }
            assert_eq!(passes(&csrf, "POST", &[&format!("origin: {origin}")], NONE), accepted, "{origin}");
            let upgrade = ["upgrade: websocket", &format!("origin: {origin}")];
            assert_eq!(passes(&csrf, "GET", &upgrade, NONE), accepted, "{origin}");
        }
        let any = Csrf::new().allow_origin_if(|_| true);
        for headers in [
            &["origin: null"][..],
            &["origin: "],
            &["origin: https://A.example"],
            &["origin: https://a.example, https://b.example"],
            &["sec-fetch-site: cross-site"],
            &["origin: https://a.example", "origin: https://a.example"],
        ] {
            assert!(!passes(&any, "POST", headers, NONE), "{headers:?}");
        }
        assert_eq!(any.problem(), None);
    }

    #[test]
    fn a_websocket_handshake_must_come_from_an_own_page() {
        for upgrade in ["upgrade: websocket", "upgrade: WebSocket", "upgrade: h2c, websocket"] {
            let own = [upgrade, "origin: https://api.example", "host: api.example"];
            for csrf in [Csrf::new(), Csrf::new().require_token()] {
                for payload in [NONE, CLAIM] {
                    assert!(passes(&csrf, "GET", &own, payload), "{upgrade}");
                }
            }
            let other = [upgrade, "origin: https://evil.example", "host: api.example"];
            assert!(!passes(&Csrf::new(), "GET", &other, NONE), "{upgrade}");
            assert!(!passes(&Csrf::new(), "GET", &[upgrade, "x-csrf-token: s3cret"], CLAIM), "{upgrade}");
        }
        assert!(passes(&Csrf::new(), "GET", &["upgrade: h2c"], NONE));
    }

    #[test]
    fn the_checked_methods_can_be_configured() {
        let all = Csrf::new().safe_methods(["OPTIONS"]);
        assert!(!passes(&all, "GET", &[], NONE) && passes(&all, "OPTIONS", &[], NONE));
        let refused = Csrf::new().safe_methods(["GET", "POST"]);
        assert!(!passes(&refused, "POST", &[], NONE) && passes(&refused, "GET", &[], NONE));
        let dav = Csrf::new().dangerous_safe_methods(["GET", "PROPFIND"]);
        assert!(passes(&dav, "PROPFIND", &[], NONE) && !passes(&dav, "HEAD", &[], NONE));
        assert!(passes(&Csrf::disabled(), "POST", &["sec-fetch-site: cross-site"], CLAIM));
    }

    #[test]
    fn the_host_in_the_target_overrides_the_header() {
        struct Http2(BareRequest);
        impl RequestView for Http2 {
            fn method(&self) -> &str {
                "POST"
            }
            fn target(&self) -> &str {
                "/"
            }
            fn authority(&self) -> Option<&str> {
                Some("api.example")
            }
            fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
                RequestView::header(&self.0, name, each);
            }
        }
        let from = |origin: &str| {
            let request = BareRequest::default().header("host", "evil.example").header("origin", origin);
            Csrf::new().check_request(&Http2(request)).is_ok()
        };
        assert!(from("https://api.example") && !from("https://evil.example"));
    }

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
