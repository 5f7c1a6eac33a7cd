use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::claims::{NumericDate, RegisteredClaims};

/// Knows which tokens were taken back before they expired.
///
/// It is asked about every token whose signature and claims are good, after any cache and before the application's
/// rules. An answer that is at hand costs no future. A list that cannot tell says so, and the token is refused with 503:
/// an outage lets nobody pass.
pub trait RevocationList: fmt::Debug + Send + Sync {
    /// Says how a token stands.
    fn look_up(&self, token: &TokenIdentity<'_>) -> Standing;
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
}

impl<'t> TokenIdentity<'t> {
    /// Takes the identity from a token's registered claims.
    #[must_use]
    pub fn of(claims: &'t RegisteredClaims<'_>) -> Self {
        Self {
            issuer: claims.issuer(),
            subject: claims.subject(),
            token_id: claims.token_id(),
            session_id: claims.session_id(),
            issued_at: claims.issued_at(),
            expires_at: claims.expires_at(),
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
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a standing that is not known here could only be refused")]
pub enum Standing {
    /// It was not revoked.
    Good,
    /// It was revoked: refused with the code `revoked`.
    Revoked,
    /// It lacks the named claim, without which it could not be revoked: refused with the code `missing_claim`.
    Unidentified(&'static str),
    /// The list cannot tell: answered 503, with the code `revocation_unavailable`.
    Unavailable,
    /// The list must ask elsewhere.
    Pending(PendingStanding),
}

/// A standing that is waited for.
#[must_use = "futures do nothing unless polled"]
pub struct PendingStanding(Pin<Box<dyn Future<Output = Standing> + Send>>);

impl PendingStanding {
    /// Makes one of a future. Its output must not be [`Standing::Pending`] again.
    pub fn new(standing: impl Future<Output = Standing> + Send + 'static) -> Self {
        Self(Box::pin(standing))
    }
}

impl Future for PendingStanding {
    type Output = Standing;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Standing> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for PendingStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingStanding").finish()
    }
}
