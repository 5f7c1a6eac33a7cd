use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::answer::Challenge;
use super::renderer::{NoBody, Renderer};
use crate::error::{Class, Error, ErrorKind};
use crate::http::request::is_tchar;

/// The realm that is named when none is configured. A challenge must carry a parameter: RFC 6750 section 3.
pub(crate) const DEFAULT_REALM: &str = "api";

/// After how long a client should retry where the outage's own rhythm is not known.
const DEFAULT_RETRY: Duration = Duration::from_secs(5);

/// An error and the answer to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// Why the request is not let through. Adapters leave it in the response's extensions for outer layers to read.
    pub error: Error,
    /// What the client is told: status and headers, those of the body among them.
    pub challenge: Challenge,
    /// The body, which is empty unless a [`Renderer`] wrote one.
    pub body: Vec<u8>,
}

impl Rejection {
    /// The answer of an extractor or requirement that finds no trace of `layer`, the type that should have run before
    /// it. The log names it; the client learns nothing.
    #[must_use]
    pub fn layer_missing(layer: &'static str) -> Self {
        tracing::error!(code = ErrorKind::LayerMissing.code(), layer, "is `{layer}` enabled on this route?");
        Challenger::default().refuse(Error::from(ErrorKind::LayerMissing).with_detail(layer))
    }

    /// Replaces a handler's response if the request's path was changed after a table of routes had allowed it. The log says
    /// that paths are changed outside of `layer`; the client isn't told.
    #[must_use]
    pub fn path_changed(layer: &'static str) -> Self {
        let code = ErrorKind::PathChanged.code();
        tracing::error!(code, "a path was changed after its route was allowed: change paths outside of `{layer}`");
        Challenger::default().refuse(ErrorKind::PathChanged.into())
    }

    /// Logs that a handler succeeded although an extractor of `claims`, the name of a type, refused its request. It is logged
    /// once for each type.
    pub fn report_ignored(claims: &'static str) {
        // Requests could otherwise fill the log.
        static TOLD: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(claims) {
            tracing::error!(
                claims,
                "a handler succeeded although its extractor refused the token, which `Option<Claims<T>>` hides: take \
                 `OptionalClaims<T>` or `OptionalAuthorized<T, P>`"
            );
        }
    }
}

/// Turns errors into answers.
#[derive(Clone)]
pub struct Challenger {
    realm: Arc<str>,
    renderer: Arc<dyn Renderer>,
    resource_metadata: Option<Arc<str>>,
    /// Of other schemes.
    others: Arc<[String]>,
}

impl Default for Challenger {
    fn default() -> Self {
        Self {
            realm: DEFAULT_REALM.into(),
            renderer: Arc::new(NoBody),
            resource_metadata: None,
            others: Arc::default(),
        }
    }
}

impl Challenger {
    /// Names `realm` in challenges. `None` when it holds characters that would need quoting: allowed are visible ASCII
    /// and spaces but `"` and `\`.
    pub(crate) fn new(realm: &str) -> Option<Self> {
        is_quotable(realm).then(|| Self { realm: realm.into(), ..Self::default() })
    }

    pub(crate) fn with_renderer(self, renderer: Arc<dyn Renderer>) -> Self {
        Self { renderer, ..self }
    }

    /// The address must be such as can stand in a challenge.
    pub(crate) fn with_resource_metadata(self, url: &str) -> Self {
        Self { resource_metadata: Some(url.into()), ..self }
    }

    /// The challenges must be such as [`is_challenge`] accepts.
    pub(crate) fn with_others(self, challenges: Vec<String>) -> Self {
        Self { others: challenges.into(), ..self }
    }

    /// Adds the answer to `error`.
    #[must_use]
    pub fn refuse(&self, error: Error) -> Rejection {
        let mut challenge = self.challenge(&error);
        let rendered = self.renderer.render(&error, &challenge);
        let body = rendered.write(&mut challenge);
        Rejection { error, challenge, body }
    }

    fn challenge(&self, error: &Error) -> Challenge {
        let (status, code) = match error.class() {
            Class::Missing => (401, None),
            Class::Malformed => (400, Some("invalid_request")),
            Class::Refused => (401, Some("invalid_token")),
            // The token would do; it is the request that another site may have made.
            Class::Forbidden if error.kind() == ErrorKind::CsrfFailed => {
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
        // RFC 6750 section 3. Writing to a `String` cannot fail.
        let mut value = format!("Bearer realm=\"{}\"", self.realm);
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
        let mut headers = vec![("www-authenticate", value)];
        // RFC 9110 section 11.6.1: a field line for each. Other credentials help where these are none, not where they are not
        // enough or cannot be read.
        if status == 401 {
            headers.extend(self.others.iter().map(|other| ("www-authenticate", other.clone())));
        }
        Challenge { status, headers }
    }
}

impl fmt::Debug for Challenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenger").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// `%x20-21 / %x23-5B / %x5D-7E`: what a quoted parameter holds without escapes. RFC 6750 section 3.
fn is_quotable(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// One challenge of a scheme other than ours: `auth-scheme [ 1*SP ( token68 / #auth-param ) ]`, in visible ASCII and spaces,
/// with quotes that end. RFC 9110 section 11.3.
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

/// `scope-token`: `%x21 / %x23-5B / %x5D-7E`. RFC 6749 section 3.3. Values of `acr_values` are separated alike.
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
    fn each_class_has_its_answer() {
        let www = |value: &str| vec![("www-authenticate", value.to_owned())];
        assert_eq!(answer(ErrorKind::NoCredentials), (401, www(r#"Bearer realm="api""#)));
        assert_eq!(
            answer(ErrorKind::MultipleCredentials),
            (400, www(r#"Bearer realm="api", error="invalid_request""#))
        );
        for kind in ErrorKind::ALL.iter().filter(|kind| kind.class() == Class::Refused) {
            assert_eq!(answer(*kind), (401, www(r#"Bearer realm="api", error="invalid_token""#)));
        }
        assert_eq!(
            answer(Error::from(ErrorKind::InsufficientScope).asking_for_scope("a b")),
            (403, www(r#"Bearer realm="api", error="insufficient_scope", scope="a b""#))
        );
        assert_eq!(
            answer(Error::from(ErrorKind::InsufficientRole).with_detail("/roles")),
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
    fn the_table_of_codes_in_the_documentation_is_this_one() {
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
            let challenge = challenge.map_or_else(|| "none".to_owned(), |(_, value)| format!("`{value}`"));
            let _ = writeln!(table, "| `{}` | {:?} | {status} | {challenge} |", kind.code(), kind.class());
        }
        let documented = include_str!("../../../doc/codes.md");
        assert!(documented.contains(&table), "doc/codes.md should hold:\n{table}");
    }

    #[test]
    fn challenges_of_other_schemes_follow_ours_where_a_client_should_log_in() {
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
    fn a_challenge_that_could_be_taken_for_another_is_refused() {
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
    fn a_realm_that_needs_quoting_is_refused() {
        for realm in ["", "a\"b", "a\\b", "a\r\nb", "é", "a\u{7f}"] {
            assert!(Challenger::new(realm).is_none(), "{realm:?}");
        }
        assert!(Challenger::new("My API, v2").is_some());
    }
}
