use std::future::Future;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::claims::NumericDate;
use crate::error::BuildError;
use crate::gate::{Admission, Answer, Gate, RequestState};
use crate::http::Headers;
use crate::http::cookies::{Cookies, SetCookies, may_be_shared};
use crate::http::request::RequestView;
use crate::http::token::Location;
use crate::step::Step;
use crate::verified::Verified;

use super::access::Grant;
use super::issuer::ACCESS;
use super::{AccessToken, Issued, TokenIssuer};

/// Renews access tokens in cookies while they are used, for server-rendered pages without refresh tokens.
///
/// It's a [gate](crate::gate::Gate): put it into the adapter's `GateLayer` or `GateMiddleware`. A token that is about to
/// expire is replaced with one that has the same claims, except that it isn't [fresh](crate::authorize::fresh).
///
/// Renewal ends a fixed time after the login, which the claim `auth_time` gives. Issue the login's token as
/// [fresh](super::AccessToken::fresh), or it has no `auth_time` and isn't renewed. Tokens of [`Sessions`](super::Sessions)
/// are not renewed, because their clients refresh them. Tokens from a header are not either, because the client would not look
/// for the new one.
///
/// **A stolen copy of a token can be renewed too.** To log a user out everywhere, revoke by
/// [subject](crate::revocation::Revocation::subject): the revocation list is asked again before a token is replaced.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImplicitRefresh {
    tokens: TokenIssuer,
    cookies: Cookies,
    before_expiry: Option<Duration>,
    absolute: Duration,
}

impl ImplicitRefresh {
    /// Creates a renewal of this issuer's tokens in these cookies, with the default settings.
    pub fn new(tokens: TokenIssuer, cookies: Cookies) -> Self {
        Self { before_expiry: None, absolute: Duration::from_secs(12 * 60 * 60), tokens, cookies }
    }

    /// Sets how long before its expiry a token is renewed. Default: half of the token's lifetime, or half of the issuer's
    /// if that is shorter.
    pub const fn before_expiry(mut self, period: Duration) -> Self {
        self.before_expiry = Some(period);
        self
    }

    /// Sets how long after the login the last renewed token expires. Default: 12 hours.
    pub const fn absolute(mut self, period: Duration) -> Self {
        self.absolute = period;
        self
    }

    /// Returns the token that replaces `verified`, or `None` if it isn't due or cannot be renewed.
    ///
    /// A token that was revoked since the request began is not replaced, nor is any token while the revocation list is
    /// unavailable.
    ///
    /// # Errors
    ///
    /// The errors of [`AccessToken::issue`](super::AccessToken::issue).
    pub async fn renew(&self, verified: &Verified) -> Result<Option<Issued>, BuildError> {
        match self.replacement(verified) {
            Some(replacement) => replacement.issue(verified).await,
            None => Ok(None),
        }
    }

    /// The cookies to add to the response to a request with this token.
    ///
    /// `None` if the token isn't due, if the response sets the access cookie itself, as a login or a logout does, or if its
    /// `Cache-Control` lets shared caches [store it](crate::http::cookies::may_be_shared). If issuing fails, that is logged,
    /// and the client keeps the old token, which is still valid.
    fn cookies(
        &self,
        verified: Verified,
        response: &dyn Headers,
    ) -> Option<impl Future<Output = Option<SetCookies>> + Send + 'static> {
        let replacement = self.replacement(&verified)?;
        let cache_control = response.values("cache-control");
        let sets_access = response.values("set-cookie").iter().any(|value| self.cookies.is_access(value));
        let is_shared = !cache_control.is_empty() && may_be_shared(cache_control.iter().map(Vec::as_slice));
        if sets_access || is_shared {
            return None;
        }
        let cookies = self.cookies.clone();
        Some(async move {
            let issued = replacement.issue(&verified).await;
            let issued = issued
                .map_err(|error| tracing::error!(%error, "an access token in a cookie could not be renewed"))
                .ok()??;
            let access = cookies.set_access(&issued.token, issued.lifetime);
            let set = match &issued.csrf {
                Some(csrf) => access.and_then(|access| Ok(access.and(cookies.set_csrf(csrf, issued.lifetime)?))),
                None => access,
            };
            set.map_err(|error| tracing::error!(%error, "an access token in a cookie could not be renewed")).ok()
        })
    }

    fn replacement(&self, verified: &Verified) -> Option<Replacement> {
        let claims = verified.registered();
        let now = self.tokens.clock().now();
        let (subject, expires_at) = (claims.subject()?, claims.expires_at()?);
        // A token with a shorter lifetime than the issuer's keeps the shorter one.
        let lifetime = claims.issued_at().map_or(Duration::MAX, |issued_at| expires_at.since(issued_at));
        let lifetime = lifetime.min(self.tokens.lifetime());
        if verified.location() != Some(Location::Cookie)
            || claims.issuer() != Some(self.tokens.name())
            || claims.session_id().is_some()
            || expires_at.since(now.into()) > self.before_expiry.unwrap_or(lifetime / 2)
        {
            return None;
        }
        // The payload of a verified token is always an object.
        let payload: Map<String, Value> = serde_json::from_str(verified.payload()).unwrap_or_default();
        let login = payload.get("auth_time").and_then(Value::as_u64)?;
        let end = Duration::from_secs(login).saturating_add(self.absolute);
        // The last token may live shorter than the others, but must outlive the token that it replaces.
        let lifetime = lifetime.min(end.saturating_sub(now));
        let is_longer = NumericDate::from(now.saturating_add(lifetime)) > expires_at;
        if payload.get("token_use").and_then(Value::as_str) != Some(ACCESS) || lifetime.as_secs() == 0 || !is_longer {
            return None;
        }
        Some(Replacement {
            access: self.tokens.access(subject).with_grant(Grant::from_claims(payload)).lifetime(lifetime),
            login,
            now,
        })
    }
}

/// The token that replaces one that is due.
struct Replacement {
    access: AccessToken,
    login: u64,
    now: Duration,
}

impl Replacement {
    async fn issue(self, verified: &Verified) -> Result<Option<Issued>, BuildError> {
        // The user may have logged out while the handler ran. The new token's `iat` is from before this look-up, so a
        // revocation by subject that arrives in between covers the new token too.
        if let Some(recheck) = verified.recheck()
            && recheck(verified).await.is_err()
        {
            return Ok(None);
        }
        self.access.issue_at(self.login, self.now).wait().await.map(Some)
    }
}

/// Requests without a verified token pass unchanged.
impl Gate for ImplicitRefresh {
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let Some(verified) = state.verified().cloned() else { return Step::Ready(Ok(Admission::unchanged())) };
        let this = self.clone();
        Step::Ready(Ok(Admission::unchanged().after_response(move |response| {
            let Some(cookies) = this.cookies(verified, response) else { return Step::Ready(SetCookies::default()) };
            Step::pending(async move { cookies.await.unwrap_or_default() })
        })))
    }
}
