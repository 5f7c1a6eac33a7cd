use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::browser::{Cookies, SetCookies, may_be_shared};
use crate::claims::NumericDate;
use crate::token::Location;
use crate::verified::Verified;

use super::access::{ACCESS, Grant};
use super::{AccessToken, IssueError, Issued, TokenIssuer};

/// Renews access tokens in cookies by the way, while they are used: for pages that are made on the server, and have no
/// refresh tokens.
///
/// A token that is about to expire is replaced by one that says the same, but that it is [fresh](crate::authorize::fresh).
/// However often, it ends a fixed time after the login: that is the claim `auth_time`, which tokens that were issued
/// [fresh](super::AccessToken::fresh) have, and without which nothing is renewed. Nor are tokens of
/// [sessions](crate::session), which are refreshed, nor those that came in a header: nobody would look for the new one.
///
/// Each token lives on by itself, and so does a copy that somebody took: to log a user out everywhere, revoke
/// [by subject](crate::revocation). Whether the old token is revoked is asked again before it is replaced.
///
/// The adapters' `ImplicitRefreshLayer` and `ImplicitRefreshMiddleware` do it for every response.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImplicitRefresh {
    tokens: TokenIssuer,
    cookies: Cookies,
    near: Option<Duration>,
    absolute: Duration,
}

impl ImplicitRefresh {
    /// Renews tokens of this issuer, in these cookies.
    pub fn new(tokens: TokenIssuer, cookies: Cookies) -> Self {
        Self { near: None, absolute: Duration::from_secs(12 * 60 * 60), tokens, cookies }
    }

    /// Sets how long before it expires a token is renewed. Default: half of its lifetime, or of the issuer's where that is
    /// shorter.
    pub const fn near(mut self, period: Duration) -> Self {
        self.near = Some(period);
        self
    }

    /// Sets how long after the login the last token ends. Default: 12 hours.
    pub const fn absolute(mut self, period: Duration) -> Self {
        self.absolute = period;
        self
    }

    /// Returns the token that takes the place of `verified`; `None` where that need not, or must not, be replaced.
    ///
    /// One that was revoked since the request began is not, nor is one of which that cannot be found out.
    ///
    /// # Errors
    ///
    /// What keeps a token from being [issued](super::AccessToken::issue).
    pub async fn renew(&self, verified: &Verified) -> Result<Option<Issued>, IssueError> {
        match self.due(verified) {
            Some(due) => due.issue(verified).await,
            None => Ok(None),
        }
    }

    /// Returns the cookies to add to the response to a request with this token, by what stands in the response already:
    /// its values of `Set-Cookie` and of `Cache-Control`.
    ///
    /// There are none where the token need not be replaced, where the response sets the access token itself, as after a
    /// login or a logout, and where it has a `Cache-Control` that lets shared caches
    /// [store it](crate::browser::may_be_shared). Nor are there any when no token can be issued, which is logged: the old
    /// one is good for a while.
    #[must_use]
    pub fn cookies<'h>(
        &self,
        verified: &Verified,
        set_cookie: impl IntoIterator<Item = &'h [u8]>,
        cache_control: impl IntoIterator<Item = &'h [u8]>,
    ) -> Option<PendingCookies> {
        let due = self.due(verified)?;
        let mut cache_control = cache_control.into_iter().peekable();
        let is_shared = cache_control.peek().is_some() && may_be_shared(cache_control);
        if is_shared || set_cookie.into_iter().any(|value| self.cookies.is_access(value)) {
            return None;
        }
        let (verified, cookies) = (verified.clone(), self.cookies.clone());
        Some(PendingCookies(Box::pin(async move {
            let issued = due.issue(&verified).await;
            let issued = issued.map_err(|error| tracing::error!(%error, "a token cannot be renewed")).ok()??;
            let access = cookies.set_access(&issued.token, issued.lifetime);
            let set = match &issued.csrf {
                Some(csrf) => access.and_then(|access| Ok(access.and(cookies.set_csrf(csrf, issued.lifetime)?))),
                None => access,
            };
            set.map_err(|error| tracing::error!(%error, "a token cannot be renewed")).ok()
        })))
    }

    fn due(&self, verified: &Verified) -> Option<Due> {
        let claims = verified.registered();
        let now = self.tokens.clock().now();
        let (subject, expires_at) = (claims.subject()?, claims.expires_at()?);
        // One that was given a shorter life than others gets no longer one.
        let life = claims.issued_at().map_or(Duration::MAX, |issued_at| expires_at.since(issued_at));
        let life = life.min(self.tokens.lifetime());
        if verified.location() != Some(Location::Cookie)
            || claims.issuer() != Some(self.tokens.name())
            || claims.session_id().is_some()
            || expires_at.since(now.into()) > self.near.unwrap_or(life / 2)
        {
            return None;
        }
        // A payload that was verified is an object.
        let payload: Map<String, Value> = serde_json::from_str(verified.payload()).unwrap_or_default();
        let login = payload.get("auth_time").and_then(Value::as_u64)?;
        let end = Duration::from_secs(login).saturating_add(self.absolute);
        // The last one may live for less than the others; one that would not live longer than the old one is none.
        let lifetime = life.min(end.saturating_sub(now));
        let is_longer = NumericDate::from(now.saturating_add(lifetime)) > expires_at;
        if payload.get("token_use").and_then(Value::as_str) != Some(ACCESS) || lifetime.as_secs() == 0 || !is_longer {
            return None;
        }
        Some(Due { access: self.tokens.access(subject).with_grant(Grant::of(payload)).lifetime(lifetime), login, now })
    }
}

/// A token that is to be replaced.
struct Due {
    access: AccessToken,
    login: u64,
    now: Duration,
}

impl Due {
    async fn issue(self, verified: &Verified) -> Result<Option<Issued>, IssueError> {
        // While the handler ran, somebody may have logged out. The new token says that it was issued before the list is
        // asked, so that a subject's revocation which comes in between is one of the new token, too.
        if let Some(recheck) = verified.recheck()
            && recheck(verified).await.is_err()
        {
            return Ok(None);
        }
        self.access.issue_at(self.login, self.now).map(Some)
    }
}

/// Cookies that wait until it is known whether the old token is still good: see [`ImplicitRefresh::cookies`].
#[must_use = "futures do nothing unless polled"]
pub struct PendingCookies(Pin<Box<dyn Future<Output = Option<SetCookies>> + Send>>);

impl Future for PendingCookies {
    type Output = Option<SetCookies>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SetCookies>> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for PendingCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingCookies").finish()
    }
}
