use std::future::Future;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::claims::NumericDate;
use crate::gate::{Admission, AfterResponse, Answer, Gate, HeaderEdit, RequestState, ResponseView};
use crate::http::cookies::{Cookies, SetCookies, may_be_shared};
use crate::http::request::RequestView;
use crate::http::token::Location;
use crate::step::Step;
use crate::verified::Verified;

use super::access::{ACCESS, Grant};
use super::{AccessToken, IssueError, Issued, TokenIssuer};

/// Renews access tokens in cookies by the way, while they are used: for pages that are made on the server, and have no
/// refresh tokens.
///
/// A token that is about to expire is replaced by one that says the same, but that it is [fresh](crate::authorize::fresh).
/// However often, it ends a fixed time after the login: that is the claim `auth_time`, which tokens that were issued
/// [fresh](super::AccessToken::fresh) have, and without which nothing is renewed. Nor are tokens of
/// [sessions](crate::issue::session), which are refreshed, nor those that came in a header: nobody would look for the new one.
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

    /// The cookies to add to the response to a request with this token.
    ///
    /// There are none if the token need not be replaced, if the response sets the access token itself, as after a login or
    /// a logout, and if it has a `Cache-Control` that lets shared caches [store it](crate::http::cookies::may_be_shared). Nor are
    /// there any if no token can be issued, which is logged: the old one is good for a while.
    fn cookies(
        &self,
        verified: Verified,
        response: &dyn ResponseView,
    ) -> Option<impl Future<Output = Option<SetCookies>> + Send + 'static> {
        let due = self.due(&verified)?;
        let (mut cache_control, mut sets_access) = (Vec::new(), false);
        response.header("cache-control", &mut |value| cache_control.push(value));
        response.header("set-cookie", &mut |value| sets_access |= self.cookies.is_access(value));
        if sets_access || (!cache_control.is_empty() && may_be_shared(cache_control)) {
            return None;
        }
        let cookies = self.cookies.clone();
        Some(async move {
            let issued = due.issue(&verified).await;
            let issued = issued.map_err(|error| tracing::error!(%error, "a token cannot be renewed")).ok()??;
            let access = cookies.set_access(&issued.token, issued.lifetime);
            let set = match &issued.csrf {
                Some(csrf) => access.and_then(|access| Ok(access.and(cookies.set_csrf(csrf, issued.lifetime)?))),
                None => access,
            };
            set.map_err(|error| tracing::error!(%error, "a token cannot be renewed")).ok()
        })
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

/// Requests without a verified token pass unchanged.
impl Gate for ImplicitRefresh {
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let Some(verified) = state.verified().cloned() else { return Step::Ready(Ok(Admission::unchanged())) };
        let this = self.clone();
        let after = AfterResponse::new(move |response| {
            let Some(cookies) = this.cookies(verified, response) else { return Step::Ready(Vec::new()) };
            let mut cache_control = CacheControl(Vec::new());
            response.header("cache-control", &mut |value| cache_control.0.push(value.to_vec()));
            Step::pending(async move {
                cookies.await.map(|cookies| HeaderEdit::set_cookies(cookies, &cache_control)).unwrap_or_default()
            })
        });
        Step::Ready(Ok(Admission::unchanged().after_response(after)))
    }
}

/// The values of `Cache-Control` of a response, kept until its cookies are ready.
struct CacheControl(Vec<Vec<u8>>);

impl ResponseView for CacheControl {
    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        if name == "cache-control" {
            self.0.iter().for_each(|value| each(value));
        }
    }
}
