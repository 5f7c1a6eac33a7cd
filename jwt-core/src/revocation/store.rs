use std::fmt;

use async_trait::async_trait;

use super::{Revocation, RevocationList};

/// A [`RevocationList`] that can also revoke tokens.
///
/// Once `revoke` has returned `Ok`, this process refuses the tokens; each store documents how soon other processes do.
/// After an `Err` the tokens may or may not be refused. Revoking is idempotent, so try again. A store never drops a
/// revocation to make space for another.
///
/// Use [`MemoryRevocations`](super::MemoryRevocations) unless you have a store of your own.
#[async_trait]
pub trait RevocationStore: RevocationList {
    /// Revokes tokens.
    ///
    /// # Errors
    ///
    /// Says why the tokens may still be accepted.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError>;
}

/// Why tokens could not be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeError {
    kind: RevokeErrorKind,
    claim: Option<&'static str>,
}

/// The kind of a [`RevokeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevokeErrorKind {
    /// The token lacks the claim to revoke it by.
    MissingClaim,
    /// The list is full, and every revocation in it is still needed.
    Full,
    /// The store is unreachable or did not answer in time.
    Unavailable,
}

impl RevokeError {
    pub(crate) const fn missing(claim: &'static str) -> Self {
        Self { kind: RevokeErrorKind::MissingClaim, claim: Some(claim) }
    }

    /// Returns what went wrong.
    #[must_use]
    pub const fn kind(&self) -> RevokeErrorKind {
        self.kind
    }

    /// Returns the name of the claim that the token lacks, if that is the reason.
    #[must_use]
    pub const fn claim(&self) -> Option<&'static str> {
        self.claim
    }
}

impl From<RevokeErrorKind> for RevokeError {
    fn from(kind: RevokeErrorKind) -> Self {
        Self { kind, claim: None }
    }
}

impl fmt::Display for RevokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            RevokeErrorKind::MissingClaim => "the token lacks the claim to revoke it by",
            RevokeErrorKind::Full => "the revocation list is full",
            RevokeErrorKind::Unavailable => "the revocation store is unavailable",
        })?;
        self.claim.map_or(Ok(()), |claim| write!(f, ": {claim}"))
    }
}

impl std::error::Error for RevokeError {}
