use std::fmt;

use async_trait::async_trait;

use super::{Revocation, RevocationList};

/// A [`RevocationList`] that tokens can be put on.
///
/// When `revoke` has returned `Ok`, this process refuses the token; for others the store states its bound. After an
/// `Err` the token may or may not be refused: revoking is idempotent, so the caller tries again. A store never forgets a
/// revocation to make room for another.
///
/// The default is [`MemoryRevocations`](super::MemoryRevocations).
#[async_trait]
pub trait RevocationStore: RevocationList {
    /// Takes tokens back.
    ///
    /// # Errors
    ///
    /// Why they may still be good.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError>;
}

/// The reason for which tokens were not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeError {
    kind: RevokeErrorKind,
    claim: Option<&'static str>,
}

/// What kept tokens from being revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevokeErrorKind {
    /// The token lacks the claim that it would be known by.
    MissingClaim,
    /// The list is full: it forgets nothing that is still needed.
    Full,
    /// The store could not be reached, or did not answer in time.
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

    /// Returns the name of the claim that the token lacks.
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
            RevokeErrorKind::MissingClaim => "token lacks the claim to revoke it by",
            RevokeErrorKind::Full => "list of revocations is full",
            RevokeErrorKind::Unavailable => "store of revocations unavailable",
        })?;
        self.claim.map_or(Ok(()), |claim| write!(f, ": {claim}"))
    }
}

impl std::error::Error for RevokeError {}
