use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::renderer::{NoBody, Renderer};
use crate::error::{Class, Error, ErrorKind};

/// The realm that is named when none is configured. A challenge must carry a parameter: RFC 6750 section 3.
pub(crate) const DEFAULT_REALM: &str = "api";

/// After how long a client should retry where the outage's own rhythm is not known.
const DEFAULT_RETRY: Duration = Duration::from_secs(5);

/// A status and the headers that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The HTTP status code.
    pub status: u16,
    /// Header names, lower case, and values, of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
}

/// An error and the answer to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// Why the request is not let through. Adapters leave it in the response's extensions for outer layers to read.
    pub error: Error,
    /// What the client is told: status and headers, those of the body among them.
    pub challenge: Challenge,
    /// The body, which is empty unless a [`Renderer`] wrote one.
    pub body: Vec<u8>,
}

impl Refusal {
    /// The answer of an extractor or requirement that finds no trace of `layer`, the type that should have run before
    /// it. The log names it; the client learns nothing.
    #[must_use]
    pub fn layer_missing(layer: &'static str) -> Self {
        tracing::error!(code = ErrorKind::LayerMissing.code(), layer, "is `{layer}` enabled on this route?");
        Challenger::default().refuse(Error::from(ErrorKind::LayerMissing).with_detail(layer))
    }
}

/// Turns errors into answers.
#[derive(Clone)]
pub struct Challenger {
    realm: Arc<str>,
    renderer: Arc<dyn Renderer>,
}

impl Default for Challenger {
    fn default() -> Self {
        Self { realm: DEFAULT_REALM.into(), renderer: Arc::new(NoBody) }
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

    /// Adds the answer to `error`.
    #[must_use]
    pub fn refuse(&self, error: Error) -> Refusal {
        let mut challenge = self.challenge(&error);
        let rendered = self.renderer.render(&error, &challenge);
        let body = rendered.write(&mut challenge);
        Refusal { error, challenge, body }
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
                let seconds = (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1);
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
        Challenge { status, headers: vec![("www-authenticate", value)] }
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
        let documented = include_str!("../../doc/codes.md");
        assert!(documented.contains(&table), "doc/codes.md should hold:\n{table}");
    }

    #[test]
    fn a_realm_that_needs_quoting_is_refused() {
        for realm in ["", "a\"b", "a\\b", "a\r\nb", "é", "a\u{7f}"] {
            assert!(Challenger::new(realm).is_none(), "{realm:?}");
        }
        assert!(Challenger::new("My API, v2").is_some());
    }
}
