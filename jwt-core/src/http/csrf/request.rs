//! Checks the origin of a request.

use std::borrow::Cow;

use super::check::CsrfCheck;
use super::field::has_form;
use super::origin::{RequestOrigin, SingleLine, is_websocket_handshake};
use super::settings::{Csrf, SAFE};
use crate::error::ErrorKind;
use crate::http::request::RequestView;

impl Csrf {
    /// Checks everything that does not need the token, and returns the rest of the check, if there is one.
    pub(in crate::http) fn check_request<'r>(
        &self,
        request: &'r dyn RequestView,
    ) -> Result<Option<CsrfCheck<'r>>, ErrorKind> {
        let handshake = is_websocket_handshake(request);
        if self.disabled || (!handshake && self.is_safe(request.method())) {
            return Ok(None);
        }
        let origin = RequestOrigin::of(request, &self.origins, self.allows_origin.as_deref());
        match origin {
            RequestOrigin::Untrusted => return Err(ErrorKind::CsrfFailed),
            RequestOrigin::Unknown if handshake => return Err(ErrorKind::CsrfFailed),
            RequestOrigin::Trusted if handshake => return Ok(None),
            RequestOrigin::Trusted | RequestOrigin::Unknown => {}
        }
        let line = self.header_line(request);
        // If the header is there, it decides, even if it's empty or repeated.
        let form_field = match (&line, &self.form_field) {
            (SingleLine::Absent, Some(name)) if !name.is_empty() && has_form(request) => Some(name.clone()),
            _ => None,
        };
        Ok(Some(CsrfCheck {
            trusted_origin: origin == RequestOrigin::Trusted,
            require_claim: self.require_claim,
            sent: line.only().map(Cow::Borrowed),
            form_field,
        }))
    }

    /// Returns whether the headers prove that one of the application's pages sent this request.
    #[cfg(feature = "issue")]
    pub(in crate::http) fn is_from_own_page(&self, request: &dyn RequestView) -> bool {
        let origin = RequestOrigin::of(request, &self.origins, self.allows_origin.as_deref());
        !self.disabled && origin == RequestOrigin::Trusted
    }

    /// `safe_methods` cannot exempt a method that changes something, even if the settings were never validated.
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
        matches!(outcome(csrf, &request, payload), Ok(CsrfOutcome::Passed))
    }

    /// The outcome of the whole check.
    fn outcome(csrf: &Csrf, request: &BareRequest, payload: &str) -> Result<CsrfOutcome, ErrorKind> {
        let check = csrf.check_request(request)?;
        Ok(check.map_or(CsrfOutcome::Passed, |check| check.into_owned().finish(payload)))
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
            // A proxy may change `Host`; `Sec-Fetch-Site` does not depend on it.
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
                passes(&Csrf::new().require_claim(), "POST", headers, payload),
                strictly,
                "{headers:?} {payload}"
            );
            assert!(passes(&Csrf::new().require_claim(), "GET", headers, payload), "{headers:?} {payload}");
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
            match outcome(csrf, &request, payload) {
                Ok(CsrfOutcome::Passed) => true,
                Ok(CsrfOutcome::CheckForm(field)) => field.is_in(form.as_bytes(), false),
                Ok(CsrfOutcome::Failed) | Err(_) => false,
            }
        };
        let is_read = |csrf: &Csrf, headers: &[&str], payload: &str| {
            let request = request("POST", headers);
            matches!(outcome(csrf, &request, payload), Ok(CsrfOutcome::CheckForm(_)))
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
        assert!(!passes(&with.clone().require_claim(), &[OWN], Some("s3cret"), NONE));
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
        assert!(matches!(outcome(&with, &safe, CLAIM), Ok(CsrfOutcome::Passed)));
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
            for csrf in [Csrf::new(), Csrf::new().require_claim()] {
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
}
