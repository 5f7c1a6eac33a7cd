use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::error::BoxError;
use crate::http::token::TokenSources;
use crate::issue::{AccessToken, IssueError, IssueErrorKind, TokenIssuer};
use crate::revocation::{Revocation, RevocationStore};
use crate::verify::Verifier;

use super::hooks::Hooks;
use super::refresh_token::{TYPE, USE};
use super::sessions::Service;
use super::{Ended, Session, SessionStore, Sessions};

/// Builds [`Sessions`]; made by [`Sessions::builder`].
#[must_use]
pub struct SessionsBuilder {
    tokens: TokenIssuer,
    store: Arc<dyn SessionStore>,
    idle: Duration,
    absolute: Duration,
    grace: Duration,
    most: usize,
    leeway: Option<Duration>,
    sources: TokenSources,
    hooks: Hooks,
}

impl SessionsBuilder {
    pub(super) fn new(tokens: TokenIssuer, store: Arc<dyn SessionStore>) -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            tokens,
            store,
            idle: Duration::from_secs(7 * DAY),
            absolute: Duration::from_secs(30 * DAY),
            grace: Duration::from_secs(10),
            most: 100,
            leeway: None,
            sources: TokenSources::new(),
            hooks: Hooks::default(),
        }
    }

    /// Sets after how long without a refresh a session ends: how long each refresh token lives. Default: 7 days.
    pub const fn idle(mut self, period: Duration) -> Self {
        self.idle = period;
        self
    }

    /// Sets after how long a session ends, however often it is refreshed. Default: 30 days.
    pub const fn absolute(mut self, period: Duration) -> Self {
        self.absolute = period;
        self
    }

    /// Sets for how long a refresh token may be used again after it was exchanged, at most a minute, in seconds and rounded
    /// up. Default: 10 seconds.
    ///
    /// For two tabs that refresh at the same time, and for answers that get lost on their way. Each gets the same next
    /// refresh token, so that there is never more than one that is good: a thief who is quick enough gets it, too, and
    /// the session is over when the second of the two comes to use it, unless that is within the grace of the first again.
    /// Zero lets nothing be used again: for clients that refresh in one place alone.
    pub const fn grace(mut self, period: Duration) -> Self {
        self.grace = period;
        self
    }

    /// Sets how many sessions one subject may have; a further login ends the one that was used longest ago. Default: 100.
    pub const fn most_per_subject(mut self, sessions: usize) -> Self {
        self.most = sessions;
        self
    }

    /// Sets the clock difference that is tolerated in refresh tokens, at most 300 seconds. Default: 60 seconds.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Sets where requests are searched for a refresh token. Default: the `Authorization` header alone.
    pub fn sources(mut self, sources: TokenSources) -> Self {
        self.sources = sources;
        self
    }

    /// Asks at each refresh whether the session may go on, and with what: `None` ends it, and the access token that is
    /// returned is the one that is issued. Default: it goes on with what the login said.
    ///
    /// This is where roles are read anew, and blocked users found out. An `Err` is an outage, answered 503, and the refresh
    /// token is not used up.
    ///
    /// ```
    /// # use jwt_core::issue::SessionsBuilder;
    /// # async fn roles_of(_: &str) -> Result<Option<Vec<String>>, std::io::Error> { Ok(None) }
    /// # fn build(builder: SessionsBuilder) -> SessionsBuilder {
    /// builder.renew_with(|_session, access| async move {
    ///     // `None` where the user is blocked.
    ///     let roles = roles_of(access.subject()).await?;
    ///     Ok(roles.map(|roles| access.claim("roles", roles)))
    /// })
    /// # }
    /// ```
    pub fn renew_with<R>(mut self, renew: impl Fn(Session, AccessToken) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<Option<AccessToken>, BoxError>> + Send + 'static,
    {
        self.hooks.set_renewal(renew);
        self
    }

    /// Revokes the access tokens of sessions that end before their time. Default: none, so that access tokens that are out
    /// are good until they expire.
    ///
    /// Each logout is remembered for the list's
    /// [`longest_lifetime`](crate::revocation::RevocationSettings::longest_lifetime), which is 30 days: with room for
    /// 1,000,000, 33,333 logouts a day fill it. Set it to the longest life of the access tokens.
    ///
    /// Give the verifiers of access tokens the same list: [`VerifierBuilder::revocations`](crate::VerifierBuilder::revocations).
    pub fn revocations(self, store: impl RevocationStore + 'static) -> Self {
        let store = Arc::new(store);
        self.on_end(move |ended| {
            let (store, revocation) = (Arc::clone(&store), Revocation::session(ended.issuer, ended.id));
            async move { Ok(store.revoke(&revocation).await?) }
        })
    }

    /// Does something when a session ends before its time: by a logout, or because a refresh token was used again.
    /// Default: nothing.
    ///
    /// It must be such as can be done twice. An `Err` is an outage, answered 503, and the session goes on.
    pub fn on_end<R>(mut self, end: impl Fn(Ended) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.hooks.add_end(end);
        self
    }

    /// Builds them.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](IssueErrorKind::OutOfRange) for a period of less than a second, or one to be idle for that is
    /// longer than the [ring](crate::issue::KeyRingBuilder::longest_lifetime) keeps its keys, a grace of more than a
    /// minute, a leeway of more than 300 seconds, or no sessions at all.
    pub fn build(self) -> Result<Sessions, IssueError> {
        let out_of_range = |setting: &'static str| IssueError::new(IssueErrorKind::OutOfRange, setting);
        self.tokens.check_lifetime(self.idle.min(self.absolute), "idle")?;
        if self.absolute.as_secs() == 0 {
            return Err(out_of_range("absolute"));
        }
        if self.grace > Duration::from_secs(60) {
            return Err(out_of_range("grace"));
        }
        if self.most == 0 {
            return Err(out_of_range("most_per_subject"));
        }
        let issuer = self.tokens.trusted_keys().audience(self.tokens.refresh_audience());
        let issuer = issuer.token_types([TYPE]).claim("token_use", USE);
        let builder = Verifier::builder()
            .issuer(issuer.require_claims(["sub", "sid", "iat", "jti"]))
            .shared_clock(Arc::clone(self.tokens.clock()))
            .crypto(self.tokens.ring().backend())
            .sources(self.sources);
        let builder = match self.leeway {
            Some(leeway) => builder.leeway(leeway),
            None => builder,
        };
        let verifier = builder.build().map_err(|error| out_of_range(error.setting()))?;
        Ok(Sessions::new(Service {
            tokens: self.tokens,
            store: self.store,
            verifier,
            idle: self.idle,
            absolute: self.absolute,
            // Stores count in seconds, and less than one is not none.
            grace: self.grace.as_secs() + u64::from(self.grace.subsec_nanos() > 0),
            most: self.most,
            hooks: self.hooks,
        }))
    }
}

impl fmt::Debug for SessionsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsBuilder")
            .field("tokens", &self.tokens)
            .field("store", &self.store)
            .field("idle", &self.idle)
            .field("absolute", &self.absolute)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
