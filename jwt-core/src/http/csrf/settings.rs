use std::borrow::Cow;
use std::fmt;

use super::field::has_form;
use super::proof::Proof;
use super::sender::{Line, Sender, is_handshake, is_origin};
use crate::error::ErrorKind;
use crate::http::request::RequestView;

const HEADER: &str = "x-csrf-token";

/// The methods that change nothing. RFC 9110 section 9.2.1.
const SAFE: &[Cow<'static, str>] =
    &[Cow::Borrowed("GET"), Cow::Borrowed("HEAD"), Cow::Borrowed("OPTIONS"), Cow::Borrowed("TRACE")];

/// What a request must show beside a token that was found in a cookie, because browsers attach cookies to requests that
/// other sites trigger too. RFC 6750 section 5.3.
///
/// Every [`TokenSources`](crate::http::token::TokenSources) with a cookie checks it, whether it is configured or not. Tokens from
/// other places are not concerned: no other site can make a browser send them.
///
/// Checked are requests that may change something: every method but `GET`, `HEAD`, `OPTIONS` and `TRACE`, and the
/// handshakes of WebSockets. Such a request must come from the application's own pages:
///
/// 1. `Sec-Fetch-Site`, where it is there, is `same-origin` or `none`;
/// 2. where it is not, `Origin` names the host that the request was sent to;
/// 3. either may be otherwise if `Origin` is [allowed](Self::allow_origin).
///
/// If the token has a claim `csrf`, the header `X-CSRF-Token` must besides hold its value. That is a proof of its own, so
/// that a request without either of the headers above is accepted with it, and refused without. Where that is
/// [configured](Self::form_field), a field of a form holds it as well. A handshake can have neither, and is judged by its
/// origin alone.
///
/// What fails is answered 403, with the code `csrf_failed` and no challenge.
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
    header: Cow<'static, str>,
    form_field: Option<String>,
    safe_methods: Cow<'static, [Cow<'static, str>]>,
    /// Whether methods that may change something can be among them.
    any_method: bool,
    require_token: bool,
    disabled: bool,
}

impl Csrf {
    /// Checks requests as described above.
    pub const fn new() -> Self {
        Self {
            origins: Vec::new(),
            header: Cow::Borrowed(HEADER),
            form_field: None,
            safe_methods: Cow::Borrowed(SAFE),
            any_method: false,
            require_token: false,
            disabled: false,
        }
    }

    /// Also accepts requests from the pages of `origin`, written as browsers write it: `https://app.example`, with the
    /// port unless it is the scheme's own, and without a slash at the end. Default: none.
    ///
    /// It needs naming where the pages have another host than the API, or where a proxy changes `Host`.
    /// Anything that is no origin is an error when the verifier is built.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Sets the header that repeats the claim `csrf`. Default: `X-CSRF-Token`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into().to_ascii_lowercase().into();
        self
    }

    /// Also takes the value from the field `name` of a form, where the header is absent: for pages that work without
    /// scripts. Default: no field, and no body is read.
    ///
    /// Looked at are the first 64 KiB of bodies of `application/x-www-form-urlencoded`, where the field
    /// must stand once; let it be the form's first. Bodies of `multipart/form-data`, in which files are sent, are not read:
    /// their tokens need the header, or no claim `csrf`. The body is read only where everything else that can be seen before
    /// it speaks for the request, and the handler gets all of it. `jwt-tower` reads bodies of axum's type alone, with the
    /// feature `axum`. An empty name is an error when the verifier is built.
    ///
    /// A page gets the value from its own token, which is `HttpOnly` and none of its scripts' business:
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
    /// // `TokenIssuer` and `Sessions` draw values that need no escaping.
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

    /// Sets the methods that aren't checked, in upper case: some of `GET`, `HEAD`, `OPTIONS` and `TRACE`, because a `GET` that
    /// changes something needs the check too. Default: all four. RFC 9110 section 9.2.1.
    ///
    /// Any other method is an error when the verifier is built: see
    /// [`dangerous_safe_methods`](Self::dangerous_safe_methods).
    pub fn safe_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.safe_methods = methods.into_iter().map(|method| Cow::Owned(method.into())).collect();
        self.any_method = false;
        self
    }

    /// Sets the methods that aren't checked, any of them. Default: those of [`safe_methods`](Self::safe_methods).
    ///
    /// If one of them changes something, as `POST` does, every page that the user visits can have it done in the user's
    /// name. It is meant for methods that only read and that RFC 9110 doesn't know, such as `PROPFIND`. To accept requests
    /// from pages of your own, name their origin with [`allow_origin`](Self::allow_origin).
    pub fn dangerous_safe_methods<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        Self { any_method: true, ..self.safe_methods(methods) }
    }

    /// Refuses tokens without the claim `csrf` where a request is checked, so that every such request needs the value.
    /// Default: only those whose token has the claim.
    pub const fn require_token(mut self) -> Self {
        self.require_token = true;
        self
    }

    pub(in crate::http) fn disabled() -> Self {
        Self { disabled: true, ..Self::new() }
    }

    /// The first setting that can never be met.
    pub(in crate::http) fn problem(&self) -> Option<&'static str> {
        if !self.origins.iter().all(|origin| is_origin(origin)) {
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

    /// Judges what can be judged without the token.
    pub(in crate::http) fn inspect<'r>(&self, request: &'r dyn RequestView) -> Result<Proof<'r>, ErrorKind> {
        let handshake = is_handshake(request);
        if self.disabled || (!handshake && self.is_safe(request.method())) {
            return Ok(Proof::NOT_NEEDED);
        }
        let sender = Sender::of(request, &self.origins);
        match sender {
            Sender::Other => return Err(ErrorKind::CsrfFailed),
            Sender::Unknown if handshake => return Err(ErrorKind::CsrfFailed),
            Sender::Own if handshake => return Ok(Proof::NOT_NEEDED),
            Sender::Own | Sender::Unknown => {}
        }
        let line = self.line(request);
        // A header that is there decides, even if it's empty or repeated.
        let form_field = match (&line, &self.form_field) {
            (Line::None, Some(name)) if !name.is_empty() && has_form(request) => Some(name.clone()),
            _ => None,
        };
        Ok(Proof {
            needed: true,
            own: sender == Sender::Own,
            require_token: self.require_token,
            sent: line.only().map(Cow::Borrowed),
            form_field,
        })
    }

    /// A method that changes something isn't safe because a setting says so that `build` would refuse.
    fn is_safe(&self, method: &str) -> bool {
        let is_in = |methods: &[Cow<'static, str>]| methods.iter().any(|safe| safe == method);
        is_in(&self.safe_methods) && (self.any_method || is_in(SAFE))
    }

    /// The header that repeats the claim.
    fn line<'r>(&self, request: &'r dyn RequestView) -> Line<'r> {
        let mut line = Line::default();
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
    use crate::http::csrf::Outcome;
    use crate::testing::BareRequest;

    const CLAIM: &str = r#"{"csrf":"s3cret"}"#;
    const NONE: &str = r#"{"sub":"a"}"#;

    /// A request with headers that are given as `name: value`.
    fn request(method: &str, headers: &[&str]) -> BareRequest {
        headers.iter().fold(BareRequest::new(method, "/"), |request, line| {
            let (name, value) = line.split_once(": ").expect("a header line");
            request.header(name, value)
        })
    }

    /// Judges a request by its headers and then by the payload.
    fn judge(csrf: &Csrf, method: &str, headers: &[&str], payload: &str) -> bool {
        let request = request(method, headers);
        csrf.inspect(&request).is_ok_and(|proof| matches!(proof.into_owned().check(payload), Outcome::Met))
    }

    #[test]
    fn a_request_that_may_change_something_comes_from_an_own_page() {
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
            // A proxy changed `Host`; the browser knows better.
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
                assert_eq!(judge(&csrf, method, headers, NONE), accepted, "{method} {headers:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
                assert!(judge(&csrf, method, headers, NONE), "{method} {headers:?}");
            }
        }
    }

    #[test]
    fn a_token_with_the_claim_needs_the_header() {
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
            // The header alone is a proof; together with another site's page it is none.
            (&["x-csrf-token: s3cret"], CLAIM, true, true),
            (&["x-csrf-token: s3cret"], NONE, false, false),
            (&["sec-fetch-site: cross-site", "x-csrf-token: s3cret"], CLAIM, false, false),
        ] {
            assert_eq!(judge(&Csrf::new(), "POST", headers, payload), usually, "{headers:?} {payload}");
            assert_eq!(
                judge(&Csrf::new().require_token(), "POST", headers, payload),
                strictly,
                "{headers:?} {payload}"
            );
            assert!(judge(&Csrf::new().require_token(), "GET", headers, payload), "{headers:?} {payload}");
        }
        let named = Csrf::new().header("X-XSRF-Token");
        assert!(judge(&named, "POST", &["x-xsrf-token: s3cret"], CLAIM));
        assert!(!judge(&named, "POST", &["x-csrf-token: s3cret"], CLAIM));
    }

    #[test]
    fn a_field_of_a_form_takes_the_place_of_an_absent_header() {
        const OWN: &str = "sec-fetch-site: same-origin";
        const FORM: &str = "content-type: application/x-www-form-urlencoded";
        let judge = |csrf: &Csrf, headers: &[&str], field: Option<&str>, payload: &str| {
            let form = field.map(|value| format!("csrf_token={value}")).unwrap_or_default();
            let request = request("POST", headers).header("content-type", "application/x-www-form-urlencoded");
            match csrf.inspect(&request).map(|proof| proof.into_owned().check(payload)) {
                Ok(Outcome::Met) => true,
                Ok(Outcome::InForm(field)) => field.is_in(form.as_bytes(), false),
                Ok(Outcome::Unmet) | Err(_) => false,
            }
        };
        let is_read = |csrf: &Csrf, headers: &[&str], payload: &str| {
            let request = request("POST", headers);
            matches!(csrf.inspect(&request).map(|proof| proof.check(payload)), Ok(Outcome::InForm(_)))
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
            assert_eq!(judge(&with, headers, field, payload), accepted, "{headers:?} {field:?} {payload}");
        }
        assert!(!judge(&with.clone().require_token(), &[OWN], Some("s3cret"), NONE));
        assert!(!judge(&Csrf::new(), &[OWN], Some("s3cret"), CLAIM), "nobody asked");
        for (headers, payload, expected) in [
            (&[OWN, FORM][..], CLAIM, true),
            // The value is the only proof of who sent it.
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
        assert!(matches!(with.inspect(&safe).map(|proof| proof.check(CLAIM)), Ok(Outcome::Met)));
    }

    #[test]
    fn a_handshake_comes_from_an_own_page() {
        for upgrade in ["upgrade: websocket", "upgrade: WebSocket", "upgrade: h2c, websocket"] {
            let own = [upgrade, "origin: https://api.example", "host: api.example"];
            for csrf in [Csrf::new(), Csrf::new().require_token()] {
                for payload in [NONE, CLAIM] {
                    assert!(judge(&csrf, "GET", &own, payload), "{upgrade}");
                }
            }
            let other = [upgrade, "origin: https://evil.example", "host: api.example"];
            assert!(!judge(&Csrf::new(), "GET", &other, NONE), "{upgrade}");
            assert!(!judge(&Csrf::new(), "GET", &[upgrade, "x-csrf-token: s3cret"], CLAIM), "{upgrade}");
        }
        assert!(judge(&Csrf::new(), "GET", &["upgrade: h2c"], NONE));
    }

    #[test]
    fn what_is_checked_can_be_chosen() {
        let all = Csrf::new().safe_methods(["OPTIONS"]);
        assert!(!judge(&all, "GET", &[], NONE) && judge(&all, "OPTIONS", &[], NONE));
        let refused = Csrf::new().safe_methods(["GET", "POST"]);
        assert!(!judge(&refused, "POST", &[], NONE) && judge(&refused, "GET", &[], NONE));
        let dav = Csrf::new().dangerous_safe_methods(["GET", "PROPFIND"]);
        assert!(judge(&dav, "PROPFIND", &[], NONE) && !judge(&dav, "HEAD", &[], NONE));
        assert!(judge(&Csrf::disabled(), "POST", &["sec-fetch-site: cross-site"], CLAIM));
    }

    #[test]
    fn the_host_of_the_target_goes_before_the_header() {
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
            Csrf::new().inspect(&Http2(request)).is_ok()
        };
        assert!(from("https://api.example") && !from("https://evil.example"));
    }

    #[test]
    fn a_setting_that_protects_nothing_is_found() {
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
