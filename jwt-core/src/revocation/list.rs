use std::fmt;
#[cfg(feature = "remote")]
use std::time::Duration;

use crate::claims::{Identity, NumericDate, RegisteredClaims};
use crate::step::Step;

/// Says which tokens were revoked before they expired.
///
/// A verifier asks for each token whose signature and claims are valid, also after a cache hit, and before the rules of
/// your application run. An answer that is ready costs no future. If the list cannot tell, it returns
/// [`Standing::Unavailable`], and the request is answered with 503. A list that asks another service needs a time limit of
/// its own: wrap it in `with_time_limit` (feature `remote`).
///
/// Use [`MemoryRevocations`](super::MemoryRevocations) unless you have a store of your own. For tests there is
/// [`ScriptedRevocations`](crate::testing::ScriptedRevocations).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of revoked tokens",
    note = "use `MemoryRevocations`, `RedisRevocations` or `PostgresRevocations`, or implement `RevocationList` \
            for it"
)]
pub trait RevocationList: fmt::Debug + Send + Sync {
    /// Returns whether a token was revoked.
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing>;
}

/// The claims by which a revocation list identifies a token.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct TokenIdentity<'t> {
    /// `iss`. The other identifiers are unique only within one issuer: RFC 7519 section 4.1.7.
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
    /// The current time of the verifier's clock.
    pub now: NumericDate,
}

impl<'t> TokenIdentity<'t> {
    /// Creates the identity from a token's registered claims.
    #[must_use]
    pub fn of(claims: &'t RegisteredClaims<'_>, now: NumericDate) -> Self {
        Self::new(Identity::of(claims), now)
    }

    pub(crate) const fn new(identity: Identity<'t>, now: NumericDate) -> Self {
        let Identity { issuer, subject, token_id, session_id, issued_at, expires_at } = identity;
        Self { issuer, subject, token_id, session_id, issued_at, expires_at, now }
    }
}

// Claims must not reach a log.
impl fmt::Debug for TokenIdentity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIdentity").finish_non_exhaustive()
    }
}

/// The answer of a [`RevocationList`] about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a verifier could only refuse a token for an unknown variant")]
pub enum Standing {
    /// The token was not revoked.
    Good,
    /// The token was revoked: refused with the code `revoked`.
    Revoked,
    /// The token lacks the named claim and could not be revoked without it: refused with the code `missing_claim`.
    Unidentified(&'static str),
    /// The token lives longer than the list remembers revocations: refused with the code `lifetime_too_long`.
    LivesTooLong,
    /// The list cannot tell: answered with 503 and the code `revocation_unavailable`.
    Unavailable,
}

/// Limits how long a revocation list may take: after that its answer is [`Standing::Unavailable`].
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::with_time_limit;
/// use jwt_core::testing::ScriptedRevocations;
///
/// let list = with_time_limit(ScriptedRevocations::default(), Duration::from_millis(200));
/// ```
#[cfg(feature = "remote")]
pub fn with_time_limit<L: RevocationList + 'static>(list: L, limit: Duration) -> impl RevocationList + 'static {
    TimeLimit { list, limit }
}

#[cfg(feature = "remote")]
#[derive(Debug)]
struct TimeLimit<L> {
    list: L,
    limit: Duration,
}

#[cfg(feature = "remote")]
impl<L: RevocationList> RevocationList for TimeLimit<L> {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        let standing = match self.list.look_up(token) {
            Step::Pending(standing) => standing,
            ready => return ready,
        };
        let limit = self.limit;
        Step::pending(async move { tokio::time::timeout(limit, standing).await.unwrap_or(Standing::Unavailable) })
    }
}
