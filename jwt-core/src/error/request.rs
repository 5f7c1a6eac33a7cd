use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::check::Check;
use super::detail::Detail;
use super::kind::{Class, ErrorKind};

/// The reason why a request is refused.
///
/// Match on its [`kind`](Self::kind), [`code`](Self::code) or [`class`](Self::class). You can log and display it: it contains
/// no token, key or claim value. Its message is constant, and its [`detail`](Self::detail) says what to change. Clients never
/// get either, unless you write them into a response.
///
/// It's no response of a framework. A handler that passes it on returns the adapter's `Rejection`, into which `?` converts it.
///
/// ```
/// use jwt_core::{Error, ErrorKind};
///
/// let error = Error::from(ErrorKind::Expired);
/// assert_eq!(error.code(), "expired");
/// assert_eq!(error.to_string(), "token expired");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    check: Option<Check>,
    detail: Detail,
    // Allocated separately, because errors travel in results and few of them need it.
    parts: Option<Arc<ResponseParts>>,
}

/// The parts of the response besides the error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ResponseParts {
    scope: Option<String>,
    acr_values: Option<String>,
    max_age: Option<Duration>,
    retry_after: Option<Duration>,
}

impl Error {
    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the stable, machine-readable code, for example `bad_signature`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the class, which decides the response.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.kind.class()
    }

    /// Returns a sentence for the operator: the expected value, how the token differs if it's safe to say, and a fix. The field
    /// `detail` of the log has it too.
    ///
    /// It's meant for people, so its words may change in any release, and it has numbers, so don't make it a metric label. It
    /// contains names from your configuration, and never a token, a key or the value of a claim. `None` if the code says it all.
    #[must_use]
    pub fn detail(&self) -> Option<Cow<'_, str>> {
        self.detail.sentence(self.kind)
    }

    /// Returns the part of your configuration that the token did not meet, if it has a name: the name or path of a claim, the
    /// name of a requirement, or the missing scopes.
    #[must_use]
    pub fn unmet(&self) -> Option<&str> {
        self.detail.unmet()
    }

    /// Returns the name of the check that failed, one of [`Verifier::CHECKS`](crate::Verifier::CHECKS): the ones before it passed, and
    /// the ones after it did not run. `None` if the error isn't a verifier's, for example if the request has no token.
    ///
    /// It's finer than [`code`](Self::code), because a code such as `malformed_claims` can come from several checks. For tools that
    /// show how far a token came. New checks may be added in any release.
    #[must_use]
    pub fn check(&self) -> Option<&'static str> {
        self.check.map(Check::name)
    }

    /// Returns after how long a retry may succeed, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.parts.as_ref()?.retry_after
    }

    /// Returns the scopes that the client should request, separated by spaces: the challenge's `scope`. RFC 6750 section 3.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.parts.as_ref()?.scope.as_deref()
    }

    /// Returns the accepted kinds of login, separated by spaces: the challenge's `acr_values`. RFC 9470 section 3.
    #[must_use]
    pub fn acr_values(&self) -> Option<&str> {
        self.parts.as_ref()?.acr_values.as_deref()
    }

    /// Returns how long ago the login may have been: the challenge's `max_age`. RFC 9470 section 3.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.parts.as_ref()?.max_age
    }

    /// Sets the detail. It must contain nothing of a token but lengths, distances and names of algorithms.
    pub(crate) fn with_detail(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    /// Sets the check that failed.
    pub(crate) const fn at(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Whether the cause has been looked at.
    pub(crate) const fn has_detail(&self) -> bool {
        !matches!(self.detail, Detail::None)
    }

    /// Names the part of the configuration that was not met. It must come from the configuration, never from a request.
    pub(crate) fn with_unmet(self, name: impl Into<Arc<str>>) -> Self {
        self.with_detail(Detail::Unmet(name.into()))
    }

    /// Removes the detail, and returns it.
    pub(crate) fn take_detail(&mut self) -> Detail {
        std::mem::take(&mut self.detail)
    }

    /// Whether the cause is probably a mistake in the settings, and not the client's.
    pub(crate) const fn is_setup_fault(&self) -> bool {
        // The issuer's tokens and the list's settings differ, for example because only some processes have new ones.
        let outlives_revocations = matches!((self.kind, &self.detail), (ErrorKind::LifetimeTooLong, Detail::Unmet(_)));
        outlives_revocations || self.detail.is_setup_fault()
    }

    /// Sets the challenge's `scope`. It must come from the configuration and contain only characters that a challenge allows.
    pub(crate) fn asking_for_scope(self, scope: impl Into<String>) -> Self {
        self.with_parts(ResponseParts { scope: Some(scope.into()), ..ResponseParts::default() })
    }

    /// Sets the challenge's `acr_values` and `max_age`. They must come from the configuration and contain only characters that a
    /// challenge allows.
    pub(crate) fn asking_for_login(self, acr_values: Option<String>, max_age: Option<Duration>) -> Self {
        self.with_parts(ResponseParts { acr_values, max_age, ..ResponseParts::default() })
    }

    pub(crate) fn with_retry_after(self, after: Duration) -> Self {
        self.with_parts(ResponseParts { retry_after: Some(after), ..ResponseParts::default() })
    }

    fn with_parts(self, parts: ResponseParts) -> Self {
        Self { parts: Some(Arc::new(parts)), ..self }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, check: None, detail: Detail::None, parts: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.message())?;
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Any error, from code of your own that this crate calls: requirements, loaders, resolvers and hooks.
///
/// It means that your code could not decide, for example because a database is down. The error is logged, and the request
/// fails with 503.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let mut codes: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())));
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
    }

    #[test]
    fn messages_are_lower_case_without_a_full_stop() {
        for kind in ErrorKind::ALL {
            let message = Error::from(*kind).to_string();
            assert!(
                message.starts_with(|first: char| first.is_ascii_lowercase()) && !message.ends_with('.'),
                "{message}"
            );
        }
    }
}
