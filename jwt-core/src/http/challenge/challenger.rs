use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::renderer::{Challenge, Renderer};
use crate::error::{BuildError, Class, Error, ErrorKind};
use crate::http::request::{RequestView, is_tchar};

/// The realm of challenges unless you set one. A challenge must have at least one parameter: RFC 6750 section 3.
pub(crate) const DEFAULT_REALM: &str = "api";

/// When a client should retry if the cause of the outage does not say.
const DEFAULT_RETRY: Duration = Duration::from_secs(5);

/// An error and the response to it, as a status, headers and a body that don't depend on a framework.
///
/// Each adapter has its own `Rejection`, which wraps this one and is a response of its framework. In a handler, use that one:
/// its `Rejection::from(error)` turns an [`Error`] into a response. Use this one to write a [gate](crate::gate::Gate) or an
/// adapter for another framework.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// Why the request is rejected. Adapters also put it into the response's extensions, where outer layers can read it.
    pub error: Error,
    /// The status and the headers, including those of the body.
    pub challenge: Challenge,
    /// The body: empty unless [`render`](Self::render) has written one.
    pub body: Vec<u8>,
    /// Writes the body once the request is at hand.
    pub(crate) renderer: Option<Renderer>,
}

impl Rejection {
    /// Writes the body, if the verifier has a [renderer](crate::VerifierBuilder::renderer) that has not written it yet.
    ///
    /// Adapters call it with the request, before they return the rejection of an extractor.
    #[must_use]
    pub fn render(mut self, request: &dyn RequestView) -> Self {
        if let Some(renderer) = self.renderer.take() {
            self.body = renderer.write(&self.error, &mut self.challenge, Some(request));
        }
        self
    }

    /// Creates the rejection for an extractor or requirement that finds no trace of `layer`, the type that should have run
    /// before it: 500 without a body. The log names the type; the client does not learn it.
    #[must_use]
    pub fn layer_missing(layer: &'static str) -> Self {
        tracing::error!(
            code = ErrorKind::LayerMissing.code(),
            layer,
            "`{layer}` has not run on this route: add it after the routes and the layers that need it, because layers added later run first"
        );
        Error::from(ErrorKind::LayerMissing).with_unmet(layer).into()
    }

    /// Creates the rejection that replaces a handler's response if the request's path was changed after a table of routes had
    /// allowed it: 500 without a body. The log says that paths must be changed outside `layer`; the client does not learn it.
    #[must_use]
    pub fn path_changed(layer: &'static str) -> Self {
        let code = ErrorKind::PathChanged.code();
        tracing::error!(
            code,
            "a path was changed after its route was allowed: wrap what changes it, such as `NormalizePath`, outside `{layer}`, \
             or declare it with `{layer}::normalized_inside`"
        );
        Error::from(ErrorKind::PathChanged).into()
    }

    /// Logs that a handler succeeded although its extractor of the type `claims` rejected the request. Each type is logged
    /// once, so that requests cannot fill the log.
    pub fn report_ignored(claims: &'static str) {
        static REPORTED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        if REPORTED.lock().unwrap_or_else(PoisonError::into_inner).insert(claims) {
            tracing::error!(
                claims,
                "a handler succeeded although its extractor rejected the token, because `Option<Claims<T>>` hides the \
                 rejection: use `OptionalClaims<T>` or `OptionalAuthorized<T, P>`"
            );
        }
    }
}

impl From<Error> for Rejection {
    /// Adds the response with the default realm and an empty body, for errors that no verifier is involved in.
    fn from(error: Error) -> Self {
        Challenger::default().refuse(error)
    }
}

impl From<BuildError> for Rejection {
    fn from(error: BuildError) -> Self {
        Error::from(error).into()
    }
}

/// Turns errors into rejections, with the realm and the renderer of a verifier.
#[derive(Clone)]
pub(crate) struct Challenger {
    realm: Arc<str>,
    renderer: Option<Renderer>,
    resource_metadata: Option<Arc<str>>,
    /// Challenges for other authentication schemes.
    others: Arc<[String]>,
    /// The algorithms of DPoP proofs, if they are accepted. RFC 9449 section 7.1.
    dpop: Option<Arc<str>>,
    /// Whether bearer tokens are not accepted.
    dpop_only: bool,
}

/// The authentication scheme of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    Dpop,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

impl Default for Challenger {
    fn default() -> Self {
        Self {
            realm: DEFAULT_REALM.into(),
            renderer: None,
            resource_metadata: None,
            others: Arc::default(),
            dpop: None,
            dpop_only: false,
        }
    }
}

impl Challenger {
    /// Creates a challenger that names `realm`, or `None` if the realm would need escapes: it may have visible ASCII and
    /// spaces, except `"` and `\`.
    pub(crate) fn new(realm: &str) -> Option<Self> {
        is_quotable(realm).then(|| Self { realm: realm.into(), ..Self::default() })
    }

    pub(crate) fn with_renderer(self, renderer: Option<Renderer>) -> Self {
        Self { renderer, ..self }
    }

    /// `url` must need no escapes in a quoted parameter.
    pub(crate) fn with_resource_metadata(self, url: &str) -> Self {
        Self { resource_metadata: Some(url.into()), ..self }
    }

    /// [`is_challenge`] must accept each of them.
    pub(crate) fn with_others(self, challenges: Vec<String>) -> Self {
        Self { others: challenges.into(), ..self }
    }

    /// Also challenges for DPoP with these algorithms, separated by spaces, or only for DPoP.
    pub(crate) fn with_dpop(self, algorithms: impl Into<Arc<str>>, only: bool) -> Self {
        Self { dpop: Some(algorithms.into()), dpop_only: only, ..self }
    }

    /// Adds the response to `error`.
    pub(crate) fn refuse(&self, error: Error) -> Rejection {
        self.refuse_in(Scheme::Bearer, error)
    }

    /// Adds the response to `error`, for a request that uses this scheme.
    pub(crate) fn refuse_in(&self, scheme: Scheme, error: Error) -> Rejection {
        let challenge = self.challenge(scheme, &error);
        Rejection { error, challenge, body: Vec::new(), renderer: self.renderer.clone() }
    }

    fn challenge(&self, scheme: Scheme, error: &Error) -> Challenge {
        let (status, code) = match error.class() {
            Class::Missing => (401, None),
            Class::Malformed => (400, Some("invalid_request")),
            Class::Refused => (401, Some(refused_code(error.kind()))),
            // Another token would not help: the request may come from another site or device.
            Class::Forbidden if matches!(error.kind(), ErrorKind::CsrfFailed | ErrorKind::UnprovenDevice) => {
                return Challenge { status: 403, headers: Vec::new() };
            }
            Class::Forbidden => (403, Some("insufficient_scope")),
            Class::StepUp => (401, Some("insufficient_user_authentication")),
            Class::Unavailable => {
                let after = error.retry_after().unwrap_or(DEFAULT_RETRY);
                // Whole seconds, rounded up: RFC 9110 section 10.2.3.
                let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1);
                return Challenge { status: 503, headers: vec![("retry-after", seconds.to_string())] };
            }
            Class::Misuse => return Challenge { status: 500, headers: Vec::new() },
        };
        // The error belongs to the scheme that the client used, unless that one isn't accepted at all.
        let is_about_proof = refused_code(error.kind()) != INVALID_TOKEN;
        let scheme = if self.dpop_only || is_about_proof { Scheme::Dpop } else { scheme };
        let mut headers = vec![("www-authenticate", self.value(scheme, error, code))];
        // RFC 9110 section 11.6.1: one field line for each. Other credentials help only if these are missing or invalid, not
        // if they are malformed or not sufficient.
        if status == 401 {
            let other = match scheme {
                Scheme::Bearer => self.dpop.as_ref().map(|_| Scheme::Dpop),
                Scheme::Dpop => (!self.dpop_only && self.dpop.is_some()).then_some(Scheme::Bearer),
            };
            headers.extend(other.map(|other| ("www-authenticate", self.value(other, error, None))));
            headers.extend(self.others.iter().map(|other| ("www-authenticate", other.clone())));
        }
        Challenge { status, headers }
    }

    /// Returns the challenge of one scheme. RFC 6750 section 3, RFC 9449 section 7.1.
    fn value(&self, scheme: Scheme, error: &Error, code: Option<&str>) -> String {
        // Writing to a `String` cannot fail.
        let mut value = format!("{} realm=\"{}\"", scheme.name(), self.realm);
        if let Some(code) = code {
            let _ = write!(value, ", error=\"{code}\"");
        }
        if let Some(scope) = error.scope() {
            let _ = write!(value, ", scope=\"{scope}\"");
        }
        // RFC 9470 section 3.
        if let Some(acr_values) = error.acr_values() {
            let _ = write!(value, ", acr_values=\"{acr_values}\"");
        }
        if let Some(max_age) = error.max_age() {
            let _ = write!(value, ", max_age=\"{}\"", max_age.as_secs());
        }
        // RFC 9728 section 5.1.
        if let Some(url) = &self.resource_metadata {
            let _ = write!(value, ", resource_metadata=\"{url}\"");
        }
        if let (Scheme::Dpop, Some(algorithms)) = (scheme, &self.dpop) {
            let _ = write!(value, ", algs=\"{algorithms}\"");
        }
        value
    }
}

const INVALID_TOKEN: &str = "invalid_token";

/// Returns the error code of a refused token or proof. RFC 6750 section 3.1, RFC 9449 sections 7.1 and 9.
const fn refused_code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidProof | ErrorKind::ReplayedProof => "invalid_dpop_proof",
        ErrorKind::StaleNonce => "use_dpop_nonce",
        _ => INVALID_TOKEN,
    }
}

impl fmt::Debug for Challenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenger").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// `%x20-21 / %x23-5B / %x5D-7E`: the characters of a quoted parameter that need no escapes. RFC 6750 section 3.
fn is_quotable(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Returns whether this is one challenge of another scheme than Bearer: `auth-scheme [ 1*SP ( token68 / #auth-param ) ]`, in
/// visible ASCII and spaces, with every quote closed. RFC 9110 section 11.3.
pub(crate) fn is_challenge(value: &str) -> bool {
    let scheme = value.split(' ').next().unwrap_or_default();
    let (mut quoted, mut escaped) = (false, false);
    for byte in value.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    !scheme.is_empty()
        && scheme.bytes().all(is_tchar)
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !value.ends_with(' ')
        && !quoted
        && !scheme.eq_ignore_ascii_case("bearer")
}

/// Returns whether this is a `scope-token`: `%x21 / %x23-5B / %x5D-7E`. RFC 6749 section 3.3. `acr_values` has the same syntax.
pub(crate) fn is_scope(value: &str) -> bool {
    is_quotable(value) && !value.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(error: impl Into<Error>) -> (u16, Vec<(&'static str, String)>) {
        let challenge = Challenger::default().refuse(error.into()).challenge;
        (challenge.status, challenge.headers)
    }

    #[test]
    fn each_class_has_its_response() {
        let www = |value: &str| vec![("www-authenticate", value.to_owned())];
        assert_eq!(answer(ErrorKind::NoCredentials), (401, www(r#"Bearer realm="api""#)));
        assert_eq!(
            answer(ErrorKind::MultipleCredentials),
            (400, www(r#"Bearer realm="api", error="invalid_request""#))
        );
        for kind in ErrorKind::ALL.iter().filter(|kind| kind.class() == Class::Refused) {
            let expected = match kind {
                ErrorKind::InvalidProof | ErrorKind::ReplayedProof => r#"DPoP realm="api", error="invalid_dpop_proof""#,
                ErrorKind::StaleNonce => r#"DPoP realm="api", error="use_dpop_nonce""#,
                _ => r#"Bearer realm="api", error="invalid_token""#,
            };
            assert_eq!(answer(*kind), (401, www(expected)));
        }
        assert_eq!(
            answer(Error::from(ErrorKind::InsufficientScope).asking_for_scope("a b")),
            (403, www(r#"Bearer realm="api", error="insufficient_scope", scope="a b""#))
        );
        assert_eq!(
            answer(Error::from(ErrorKind::InsufficientRole).with_unmet("/roles")),
            (403, www(r#"Bearer realm="api", error="insufficient_scope""#))
        );
        let login = Error::from(ErrorKind::InsufficientAuthentication);
        assert_eq!(
            answer(login.asking_for_login(Some("phr phrh".to_owned()), Some(Duration::from_secs(300)))),
            (
                401,
                www(
                    r#"Bearer realm="api", error="insufficient_user_authentication", acr_values="phr phrh", max_age="300""#
                )
            )
        );
        assert_eq!(answer(ErrorKind::KeysUnavailable), (503, vec![("retry-after", "5".to_owned())]));
        assert_eq!(answer(ErrorKind::LayerMissing), (500, Vec::new()));
    }

    #[test]
    fn the_documented_table_of_codes_is_correct() {
        let mut table = "| code | class | status | challenge |\n| --- | --- | --- | --- |\n".to_owned();
        for kind in ErrorKind::ALL {
            let error = match kind {
                ErrorKind::InsufficientScope => Error::from(*kind).asking_for_scope("…"),
                ErrorKind::InsufficientAuthentication => {
                    Error::from(*kind).asking_for_login(Some("…".to_owned()), Some(Duration::from_secs(300)))
                }
                _ => (*kind).into(),
            };
            let (status, headers) = answer(error);
            let challenge = headers.iter().find(|(name, _)| *name == "www-authenticate");
            let challenge = challenge.map_or_else(|| "–".to_owned(), |(_, value)| format!("`{value}`"));
            let _ = writeln!(table, "| `{}` | {:?} | {status} | {challenge} |", kind.code(), kind.class());
        }
        let documented = include_str!("../../../doc/codes.md");
        assert!(documented.contains(&table), "doc/codes.md should hold:\n{table}");
    }

    #[test]
    fn challenges_of_other_schemes_follow_the_bearer_challenge_of_a_401() {
        let others = vec!["Basic realm=\"a\"".to_owned(), "Negotiate".to_owned()];
        let challenger = Challenger::default().with_others(others);
        for kind in ErrorKind::ALL {
            let challenge = challenger.refuse((*kind).into()).challenge;
            let values: Vec<&str> = challenge.headers.iter().map(|(_, value)| value.as_str()).collect();
            let ours = Challenger::default().refuse((*kind).into()).challenge.headers;
            assert_eq!(challenge.headers[..ours.len()], ours);
            let expected: &[&str] = if challenge.status == 401 { &["Basic realm=\"a\"", "Negotiate"] } else { &[] };
            assert_eq!(&values[ours.len()..], expected, "{kind:?}");
        }
    }

    #[test]
    fn the_error_is_in_the_challenge_of_the_scheme_that_the_client_used() {
        use ErrorKind::{Expired, InsufficientScope, InvalidProof, MalformedCredentials, MissingProof, NoCredentials};
        let (both, only) =
            (Challenger::default().with_dpop("ES256", false), Challenger::default().with_dpop("ES256", true));
        let bearer = |rest: &str| format!("Bearer realm=\"api\"{rest}");
        let dpop = |rest: &str| format!("DPoP realm=\"api\"{rest}, algs=\"ES256\"");
        let (invalid, request) = (", error=\"invalid_token\"", ", error=\"invalid_request\"");
        let (proof, scope) = (", error=\"invalid_dpop_proof\"", ", error=\"insufficient_scope\"");
        for (challenger, scheme, kind, expected) in [
            (&both, Scheme::Bearer, NoCredentials, vec![bearer(""), dpop("")]),
            (&both, Scheme::Bearer, Expired, vec![bearer(invalid), dpop("")]),
            (&both, Scheme::Bearer, MissingProof, vec![bearer(invalid), dpop("")]),
            (&both, Scheme::Dpop, Expired, vec![dpop(invalid), bearer("")]),
            (&both, Scheme::Dpop, InvalidProof, vec![dpop(proof), bearer("")]),
            (&both, Scheme::Dpop, InsufficientScope, vec![dpop(scope)]),
            (&both, Scheme::Dpop, MalformedCredentials, vec![dpop(request)]),
            (&both, Scheme::Bearer, InsufficientScope, vec![bearer(scope)]),
            (&only, Scheme::Bearer, NoCredentials, vec![dpop("")]),
            (&only, Scheme::Bearer, MissingProof, vec![dpop(invalid)]),
            (&only, Scheme::Dpop, InvalidProof, vec![dpop(proof)]),
        ] {
            let headers = challenger.refuse_in(scheme, kind.into()).challenge.headers;
            let values: Vec<String> = headers.into_iter().map(|(_, value)| value).collect();
            assert_eq!(values, expected, "{scheme:?} {kind:?}");
        }
    }

    #[test]
    fn a_malformed_or_bearer_challenge_is_refused() {
        for challenge in
            ["Basic realm=\"a\"", "Negotiate", "DPoP algs=\"ES256 EdDSA\"", "X a=\"b\\\"c\"", "Negotiate a=="]
        {
            assert!(is_challenge(challenge), "{challenge:?}");
        }
        for challenge in [
            "",
            " ",
            " Basic",
            "Basic ",
            "Basic realm=\"a",
            "Basic realm=\"a\\\"",
            "Basic\r\nset-cookie: a=b",
            "Basic realm=\"caf\u{e9}\"",
            "Basic\trealm",
            "Ba,sic",
            "Bearer realm=\"a\"",
            "bearer",
        ] {
            assert!(!is_challenge(challenge), "{challenge:?}");
        }
    }

    #[test]
    fn a_realm_that_needs_escapes_is_refused() {
        for realm in ["", "a\"b", "a\\b", "a\r\nb", "é", "a\u{7f}"] {
            assert!(Challenger::new(realm).is_none(), "{realm:?}");
        }
        assert!(Challenger::new("My API, v2").is_some());
    }
}
