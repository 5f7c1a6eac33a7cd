use std::fmt;

use crate::claims::{NumericDate, RegisteredClaims};
use crate::step::Step;

/// Knows which tokens were taken back before they expired.
///
/// It is asked about every token whose signature and claims are good, after any cache and before the application's
/// rules. An answer that is at hand costs no future. A list that cannot tell says so, and the token is refused with 503:
/// an outage lets nobody pass. One that asks elsewhere keeps to a time limit of its own.
///
/// The default is [`MemoryRevocations`](super::MemoryRevocations); the null object is [`NoRevocations`]; the double is
/// [`ScriptedRevocations`].
pub trait RevocationList: fmt::Debug + Send + Sync {
    /// Says how a token stands.
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing>;
}

/// What a revocation list knows a token by: claims of a token that is otherwise good.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct TokenIdentity<'t> {
    /// `iss`. Every other member means something within one issuer only: RFC 7519 section 4.1.7.
    pub issuer: Option<&'t str>,
    /// `sub`.
    pub subject: Option<&'t str>,
    /// `jti`.
    pub token_id: Option<&'t str>,
    /// `sid`.
    pub session_id: Option<&'t str>,
    /// `iat`.
    pub issued_at: Option<NumericDate>,
    /// `exp`.
    pub expires_at: Option<NumericDate>,
    /// The time, as the verifier's clock tells it.
    pub now: NumericDate,
}

impl<'t> TokenIdentity<'t> {
    /// Takes the identity from a token's registered claims.
    #[must_use]
    pub fn of(claims: &'t RegisteredClaims<'_>, now: NumericDate) -> Self {
        Self {
            issuer: claims.issuer(),
            subject: claims.subject(),
            token_id: claims.token_id(),
            session_id: claims.session_id(),
            issued_at: claims.issued_at(),
            expires_at: claims.expires_at(),
            now,
        }
    }
}

// Claims go into no log.
impl fmt::Debug for TokenIdentity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIdentity").finish_non_exhaustive()
    }
}

/// How a token stands with a [`RevocationList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a standing that is not known here could only be refused")]
pub enum Standing {
    /// It was not revoked.
    Good,
    /// It was revoked: refused with the code `revoked`.
    Revoked,
    /// It lacks the named claim, without which it could not be revoked: refused with the code `missing_claim`.
    Unidentified(&'static str),
    /// It lives longer than the list remembers: refused with the code `lifetime_too_long`.
    LivesTooLong,
    /// The list cannot tell: answered 503, with the code `revocation_unavailable`.
    Unavailable,
}

/// The list on which no token is.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit: there is nothing to add")]
pub struct NoRevocations;

impl RevocationList for NoRevocations {
    fn look_up(&self, _token: &TokenIdentity<'_>) -> Step<Standing> {
        Step::Ready(Standing::Good)
    }
}
