//! Why a request is not let through: kinds, their stable codes and their classes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident, $code:literal, $class:ident, $message:literal;)+) => {
        /// What went wrong. Each kind has a constant message, a stable code and a class.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// Returns the stable, machine-readable name in snake case: for logs, metric labels and response bodies.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)+ }
            }

            /// Returns the class, which decides the answer.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$kind => Class::$class,)+ }
            }

            const fn message(self) -> &'static str {
                match self { $(Self::$kind => $message,)+ }
            }
        }
    };
}

kinds! {
    /// The request carries no token where one is looked for, or one of another scheme.
    NoCredentials, "no_credentials", Missing, "no credentials";
    /// The request carries more than one token. RFC 6750 section 3.1.
    MultipleCredentials, "multiple_credentials", Malformed, "more than one credential";
    /// The place of the token is empty or holds characters that no token has. RFC 6750 section 2.1.
    MalformedCredentials, "malformed_credentials", Malformed, "malformed credentials";

    /// The token is longer than the limit.
    TokenTooLarge, "token_too_large", Refused, "token too large";
    /// The token is no JWS in compact form: segments, base64url, UTF-8 or the header's JSON. RFC 7515 section 5.2.
    MalformedToken, "malformed_token", Refused, "malformed token";
    /// The payload is not a JSON object with unique names, or a registered claim has the wrong type. RFC 7519
    /// section 4.
    MalformedClaims, "malformed_claims", Refused, "malformed claims";
    /// The header names an algorithm that is unknown or not allowed for the issuer. RFC 8725 section 3.1.
    AlgorithmNotAllowed, "algorithm_not_allowed", Refused, "algorithm not allowed";
    /// The header carries `crit` or `b64`. RFC 7515 section 4.1.11, RFC 7797 section 7.
    CriticalHeader, "critical_header", Refused, "critical header parameter not understood";
    /// The payload is declared to be another JWT. RFC 7519 section 5.2.
    NestedToken, "nested_token", Refused, "nested token";
    /// The header's `typ` is not one that is accepted here. RFC 8725 section 3.11.
    WrongType, "wrong_type", Refused, "wrong token type";
    /// `iss` is missing or is no trusted issuer. RFC 8725 section 3.8.
    UnknownIssuer, "unknown_issuer", Refused, "unknown issuer";
    /// No key of the issuer fits the token's `kid` and `alg`.
    UnknownKey, "unknown_key", Refused, "unknown key";
    /// Several keys of the issuer fit, and the token does not say which. RFC 7517 section 4.5.
    AmbiguousKey, "ambiguous_key", Refused, "ambiguous key";
    /// The signature does not verify.
    BadSignature, "bad_signature", Refused, "bad signature";
    /// The token is past its `exp`. RFC 7519 section 4.1.4.
    Expired, "expired", Refused, "token expired";
    /// The token's `nbf` has not come. RFC 7519 section 4.1.5.
    NotYetValid, "not_yet_valid", Refused, "token not yet valid";
    /// The token's `iat` has not come, or lies after its `exp`. RFC 7519 section 4.1.6.
    IssuedInFuture, "issued_in_future", Refused, "token issued in the future";
    /// The token was issued longer ago than the maximum age.
    TooOld, "too_old", Refused, "token too old";
    /// The token is valid for longer than the maximum lifetime.
    LifetimeTooLong, "lifetime_too_long", Refused, "token lifetime too long";
    /// `aud` is missing or does not name this service. RFC 7519 section 4.1.3.
    WrongAudience, "wrong_audience", Refused, "wrong audience";
    /// `sub` is missing or another than the one that is accepted. RFC 7519 section 4.1.2.
    WrongSubject, "wrong_subject", Refused, "wrong subject";
    /// A claim has another value than the one that is accepted.
    WrongClaim, "wrong_claim", Refused, "wrong claim";
    /// A required claim is missing or empty.
    MissingClaim, "missing_claim", Refused, "missing claim";
    /// The token is bound to a key with `cnf`, which cannot be checked here. RFC 7800 section 3.1.
    UnsupportedConfirmation, "unsupported_confirmation", Refused, "token is bound to its sender";
    /// The token was revoked: itself, its session, its subject's or its issuer's tokens.
    Revoked, "revoked", Refused, "token revoked";
    /// The session that the token belongs to is over: ended, expired, or never was.
    SessionEnded, "session_ended", Refused, "session ended";
    /// The refresh token was used before, so that somebody else may have it: its session is over. RFC 9700 section
    /// 4.14.2.
    RefreshReused, "refresh_token_reused", Refused, "refresh token used again";
    /// A rule of the application refused the token.
    RuleRefused, "rule_refused", Refused, "refused by a rule";
    /// The application knows nobody by this token.
    UnknownPrincipal, "unknown_principal", Refused, "unknown principal";
    /// The claims do not fit the type that the handler asks for.
    ClaimsMismatch, "claims_mismatch", Refused, "claims do not fit the requested type";

    /// The token lacks a scope that the operation needs. RFC 6750 section 3.1.
    InsufficientScope, "insufficient_scope", Forbidden, "insufficient scope";
    /// The token lacks a role that the operation needs.
    InsufficientRole, "insufficient_role", Forbidden, "insufficient role";
    /// The token does not meet another requirement of the operation: on a claim, of the application's own, or a choice
    /// of several.
    RequirementNotMet, "requirement_not_met", Forbidden, "requirement not met";
    /// A table of routes is in use, and it does not name this one.
    UndecidedRoute, "undecided_route", Forbidden, "no decision about this route";
    /// The token came in a cookie, and the request may have been made by another site. RFC 6750 section 5.3.
    CsrfFailed, "csrf_failed", Forbidden, "request may have been made by another site";

    /// The bearer has not logged in strongly or recently enough for the operation. RFC 9470 section 3.
    InsufficientAuthentication, "insufficient_user_authentication", StepUp, "stronger login needed";

    /// The issuer's keys could not be had. An outage, not a bad token.
    KeysUnavailable, "keys_unavailable", Unavailable, "keys unavailable";
    /// Whether the token was revoked could not be found out. An outage, not a bad token.
    RevocationUnavailable, "revocation_unavailable", Unavailable, "revocation unavailable";
    /// A rule or a requirement of the application could not decide. An outage, not a bad token.
    RuleUnavailable, "rule_unavailable", Unavailable, "rule unavailable";
    /// The application's store of principals could not be asked. An outage, not a bad token.
    PrincipalUnavailable, "principal_unavailable", Unavailable, "principal unavailable";
    /// The store of sessions could not answer. An outage, not a bad token.
    SessionsUnavailable, "sessions_unavailable", Unavailable, "sessions unavailable";

    /// A typed extractor or a requirement runs where no layer has verified a token.
    LayerMissing, "layer_missing", Misuse, "no layer has verified this request";
    /// The path of a request was changed after a table of routes had allowed it.
    PathChanged, "path_changed", Misuse, "path was changed after its route was allowed";
    /// A requirement cannot be checked as it is written, so that nobody meets it.
    Misconfigured, "misconfigured", Misuse, "requirement cannot be checked";
    /// A token that should be issued cannot be, as it is written or because its key does not sign.
    IssuingFailed, "issuing_failed", Misuse, "token cannot be issued";
}

/// What an error means for the answer. The table that turns it into a response is [`crate::http::challenge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// No credentials were sent.
    Missing,
    /// The credentials cannot be read.
    Malformed,
    /// The token is not valid, for whatever reason.
    Refused,
    /// The token is valid and not enough.
    Forbidden,
    /// The token is valid, and would be enough after a stronger or more recent login.
    StepUp,
    /// Something that is needed to decide is out of reach.
    Unavailable,
    /// The programme is put together wrongly.
    Misuse,
}

/// The reason for which a request is not let through.
///
/// It never holds anything that was read from the request: its texts are constants, and its detail comes from the
/// configuration. Opaque, so that it can grow; compare [`kind`](Self::kind), [`code`](Self::code) or
/// [`class`](Self::class).
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
    detail: Option<Arc<str>>,
    retry_after: Option<Duration>,
    // Apart, because errors travel in results and few of them ask for anything.
    asks: Option<Arc<Asks>>,
}

/// What a token must have for another answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asks {
    scope: Option<String>,
    acr_values: Option<String>,
    max_age: Option<Duration>,
}

impl Error {
    /// Returns what went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the stable, machine-readable name, for example `bad_signature`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the class, which decides the answer.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.kind.class()
    }

    /// Returns which part of the configuration the token failed: the name or path of a claim, the name
    /// of a rule or requirement, the missing scopes.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Returns after how long a retry may succeed, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the scopes to ask for, separated by spaces: the challenge's `scope`. RFC 6750 section 3.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.asks.as_ref()?.scope.as_deref()
    }

    /// Returns the kinds of login to ask for, separated by spaces: the challenge's `acr_values`. RFC 9470 section 3.
    #[must_use]
    pub fn acr_values(&self) -> Option<&str> {
        self.asks.as_ref()?.acr_values.as_deref()
    }

    /// Returns how long ago the login may be: the challenge's `max_age`. RFC 9470 section 3.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.asks.as_ref()?.max_age
    }

    /// Adds the detail; it must come from the configuration, never from a request.
    pub(crate) fn with_detail(mut self, detail: impl Into<Arc<str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn without_detail(mut self) -> Self {
        self.detail = None;
        self
    }

    /// Asks for scopes. They must be from the configuration, and such as can stand in a challenge.
    pub(crate) fn asking_for_scope(mut self, scope: impl Into<String>) -> Self {
        self.asks = Some(Arc::new(Asks { scope: Some(scope.into()), ..Asks::default() }));
        self
    }

    /// Asks for a login. The values must be from the configuration, and such as can stand in a challenge.
    pub(crate) fn asking_for_login(mut self, acr_values: Option<String>, max_age: Option<Duration>) -> Self {
        self.asks = Some(Arc::new(Asks { scope: None, acr_values, max_age }));
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, detail: None, retry_after: None, asks: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.message())?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Any error, from code of your own that this crate calls: requirements, loaders, resolvers and hooks.
///
/// It means that your code couldn't decide, for example because a database is down. The error is logged, and the request
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
