use std::time::Duration;

use serde_json::{Map, Value};

use crate::browser::{Cookies, SetCookies};
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
///
/// The adapters' `ImplicitRefreshLayer` and `ImplicitRefreshMiddleware` do it for every response.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImplicitRefresh {
    tokens: TokenIssuer,
    cookies: Cookies,
    near: Duration,
    absolute: Duration,
}

impl ImplicitRefresh {
    /// Renews tokens of this issuer, in these cookies.
    pub fn new(tokens: TokenIssuer, cookies: Cookies) -> Self {
        Self { near: tokens.lifetime() / 2, absolute: Duration::from_secs(12 * 60 * 60), tokens, cookies }
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

    /// Returns the cookies to add to the response to a request with this token, by what stands in the response already:
    /// its values of `Set-Cookie` and of `Cache-Control`.
    ///
    /// There are none where the token need not be replaced, where the response sets the access token itself, as after a
    /// login or a logout, and where it may be stored by caches that others share. Nor are there any when no token can be
    /// issued, which is logged: the old one is good for a while.
    pub fn cookies<'h>(
        &self,
        verified: &Verified,
        set_cookie: impl IntoIterator<Item = &'h [u8]>,
        cache_control: impl IntoIterator<Item = &'h [u8]>,
    ) -> Option<SetCookies> {
        let issued = match self.renew(verified) {
            Ok(issued) => issued?,
            Err(error) => {
                tracing::error!(%error, "a token cannot be renewed");
                return None;
            }
        };
        let is_shared = |value: &[u8]| {
            let value = value.to_ascii_lowercase();
            ["public", "s-maxage"].iter().any(|word| value.windows(word.len()).any(|part| part == word.as_bytes()))
        };
        if set_cookie.into_iter().any(|value| self.cookies.is_access(value)) || cache_control.into_iter().any(is_shared)
        {
            return None;
        }
        let access = self.cookies.set_access(&issued.token, issued.lifetime);
        let set = match &issued.csrf {
            Some(csrf) => access.and_then(|access| Ok(access.and(self.cookies.set_csrf(csrf, issued.lifetime)?))),
            None => access,
        };
        set.map_err(|error| tracing::error!(%error, "a token cannot be renewed")).ok()
    }
}
