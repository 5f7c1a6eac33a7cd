use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::{Revocation, RevocationList};

/// A [`RevocationList`] that can also revoke tokens.
///
/// Once `revoke` has returned `Ok`, this process refuses the tokens; each store documents how soon other processes do.
/// After an `Err` the tokens may or may not be refused. Revoking is idempotent, so try again. A store never drops a
/// revocation to make space for another.
///
/// Use [`MemoryRevocations`](super::MemoryRevocations) unless you have a store of your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't store revocations",
    note = "use `MemoryRevocations`, `RedisRevocations` or `PostgresRevocations`, or implement `RevocationStore` \
            for it"
)]
#[async_trait]
pub trait RevocationStore: RevocationList {
    /// Revokes tokens.
    ///
    /// # Errors
    ///
    /// Says why the tokens may still be accepted.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError>;

    /// Returns how long the store remembers the revocation of a session, a subject or an issuer. Default: `None`, which says
    /// nothing.
    ///
    /// `SessionsBuilder::build` refuses a store that forgets a revocation before the refresh tokens have expired that it ends.
    fn remembers_for(&self) -> Option<Duration> {
        None
    }
}

/// Why tokens could not be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevokeError {
    /// The token lacks this claim, to revoke it by.
    MissingClaim(&'static str),
    /// The list is full, and every revocation in it is still needed.
    Full,
    /// The store is unreachable or did not answer in time.
    Unavailable,
}

impl fmt::Display for RevokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingClaim(claim) => write!(f, "the token lacks the claim to revoke it by: {claim}"),
            Self::Full => f.write_str("the revocation list is full"),
            Self::Unavailable => f.write_str("the revocation store is unavailable"),
        }
    }
}

impl std::error::Error for RevokeError {}
