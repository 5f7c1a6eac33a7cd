use std::time::Duration;

use serde_json::{Map, Value};

use crate::claims::NumericDate;
use crate::token::Location;
use crate::verified::Verified;

use super::access::{ACCESS, Grant};
use super::{IssueError, Issued, TokenIssuer};

/// Renews access tokens in cookies by the way, while they are used: for pages that are made on the server, and have no
/// refresh tokens.
///
/// A token that is about to expire is replaced by one that says the same, but that it is [fresh](crate::authorize::fresh).
/// However often, it ends a fixed time after the login: that is the claim `auth_time`, which tokens that were issued
/// [fresh](super::AccessToken::fresh) have, and without which nothing is renewed. Nor are tokens of
/// [sessions](crate::session), which are refreshed, nor those that came in a header: nobody would look for the new one.
///
/// Each token lives on by itself, and so does a copy that somebody took: to log a user out everywhere, revoke
/// [by subject](crate::revocation).
#[derive(Clone, Debug)]
#[must_use]
pub struct ImplicitRefresh {
    tokens: TokenIssuer,
    near: Duration,
    absolute: Duration,
}

impl ImplicitRefresh {
    /// Renews tokens of this issuer.
    pub fn new(tokens: TokenIssuer) -> Self {
        Self { near: tokens.lifetime() / 2, absolute: Duration::from_secs(12 * 60 * 60), tokens }
    }

    /// Sets how long before it expires a token is renewed. Default: half of the issuer's lifetime.
    pub const fn near(mut self, period: Duration) -> Self {
        self.near = period;
        self
    }

    /// Sets how long after the login the last token ends. Default: 12 hours.
    pub const fn absolute(mut self, period: Duration) -> Self {
        self.absolute = period;
        self
    }

    /// Returns the token that takes the place of `verified`; `None` where that need not, or must not, be replaced.
    ///
    /// # Errors
    ///
    /// What keeps a token from being [issued](super::AccessToken::issue).
    pub fn renew(&self, verified: &Verified) -> Result<Option<Issued>, IssueError> {
        let claims = verified.registered();
        let now = self.tokens.clock().now();
        let (Some(subject), Some(expires_at)) = (claims.subject(), claims.expires_at()) else { return Ok(None) };
        if verified.location() != Some(Location::Cookie)
            || claims.issuer() != Some(self.tokens.name())
            || claims.session_id().is_some()
            || expires_at.since(now.into()) > self.near
        {
            return Ok(None);
        }
        // A payload that was verified is an object.
        let payload: Map<String, Value> = serde_json::from_str(verified.payload()).unwrap_or_default();
        let Some(login) = payload.get("auth_time").and_then(Value::as_u64) else { return Ok(None) };
        let end = Duration::from_secs(login).saturating_add(self.absolute);
        // The last one may live for less than the others; one that would not live longer than the old one is none.
        let lifetime = self.tokens.lifetime().min(end.saturating_sub(now));
        let is_longer = NumericDate::from(now.saturating_add(lifetime)) > expires_at;
        if payload.get("token_use").and_then(Value::as_str) != Some(ACCESS) || lifetime.as_secs() == 0 || !is_longer {
            return Ok(None);
        }
        let access = self.tokens.access(subject).with_grant(Grant::of(payload)).lifetime(lifetime);
        access.issue_at(login, now).map(Some)
    }
}
