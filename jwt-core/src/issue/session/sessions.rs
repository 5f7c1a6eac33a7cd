use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::issue::{AccessToken, Grant, IssueError, Issued, REFRESH_TYPE, TokenIssuer, TokenSession, UnsignedToken};
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::Verifier;

use super::hooks::{EndedSession, Hooks, RenewalHook};
use super::refresh::REFRESH_USE;
use super::{
    Login, RefreshToken, Renewal, Rotation, RotationOutcome, Session, SessionRecord, SessionStore, SessionStoreError,
    SessionsBuilder, TokenPair,
};

/// Begins, refreshes, lists and ends login sessions.
///
/// A refresh token can be exchanged once, for a new pair of tokens. If a token is used again later, it may be stolen, and
/// the session ends for everyone who has its tokens (RFC 9700 section 4.14.2). Cloning is cheap, and clones share the same
/// sessions.
///
/// ```
/// use jwt_core::crypto::SigningKey;
/// use jwt_core::issue::{KeyRing, TokenIssuer};
/// use jwt_core::issue::{MemorySessions, Sessions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
/// let tokens = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
/// let sessions = Sessions::builder(tokens, MemorySessions::new()).build()?;
///
/// // After you have checked the password:
/// let pair = sessions.login("joe").scope(["reports:read"]).device("Firefox on Linux").start().await?;
///
/// // When the access token has expired:
/// let token = sessions.verify(&pair.refresh.token).await?;
/// let next = sessions.refresh(&token).await?;
///
/// assert_eq!(sessions.list("joe").await?.len(), 1);
/// sessions.end_all("joe").await?;
/// let token = sessions.verify(&next.refresh.token).await?;
/// assert_eq!(sessions.refresh(&token).await.unwrap_err().code(), "session_ended");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

pub(super) struct Inner {
    pub(super) tokens: TokenIssuer,
    pub(super) store: Arc<dyn SessionStore>,
    /// Accepts only refresh tokens.
    pub(super) verifier: Verifier,
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    /// In seconds.
    pub(super) grace: u64,
    pub(super) max_per_subject: usize,
    pub(super) hooks: Hooks,
}

impl Sessions {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Starts building sessions. `tokens` issues their tokens, and `store` keeps the sessions; use one store per issuer.
    pub fn builder(tokens: TokenIssuer, store: impl SessionStore + 'static) -> SessionsBuilder {
        SessionsBuilder::new(tokens, Arc::new(store))
    }

    /// Starts a login. Check the password, or your other proof of identity, before you call it.
    pub fn login(&self, subject: impl Into<String>) -> Login {
        Login::new(self.clone(), self.0.tokens.access(subject).fresh())
    }

    /// Returns a verifier that accepts only refresh tokens, for the layer of your own refresh route.
    ///
    /// It looks for the token where [`SessionsBuilder::sources`] says; [`Verifier::with_sources`](crate::Verifier::with_sources)
    /// changes that.
    #[must_use]
    pub fn refresh_verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// Verifies a refresh token, without looking up its session.
    ///
    /// # Errors
    ///
    /// The errors of [`Verifier::verify`]. An access token is refused with [`WrongType`](ErrorKind::WrongType).
    pub async fn verify(&self, token: &str) -> Result<RefreshToken, Error> {
        RefreshToken::of(&self.0.verifier.verify(token).await?)
    }

    /// Exchanges a refresh token for the next pair: `sessions.refresh(&token).await?`.
    ///
    /// | the token | result |
    /// | --- | --- |
    /// | is the session's current one | the next pair; the token can't be exchanged again |
    /// | was exchanged within the [grace period](SessionsBuilder::grace) | the same refresh token as before, with a new access token |
    /// | was exchanged earlier | [`RefreshReused`](ErrorKind::RefreshReused), and the session ends |
    /// | has no session | [`SessionEnded`](ErrorKind::SessionEnded) |
    ///
    /// The access token has the claims of the login, but isn't [fresh](crate::authorize::fresh).
    ///
    /// # Errors
    ///
    /// Those in the table; [`UnknownIssuer`](ErrorKind::UnknownIssuer) or [`WrongAudience`](ErrorKind::WrongAudience) for a
    /// token of another service; [`InsufficientScope`](ErrorKind::InsufficientScope) and
    /// [`WrongClaim`](ErrorKind::WrongClaim) as described at [`Renewal`]; and
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) if the store is unavailable: try again with the same token.
    pub fn refresh(&self, token: &RefreshToken) -> Renewal {
        Renewal { sessions: self.clone(), token: token.clone(), scope: None, client_id: None }
    }

    /// Ends the session of an access token or a refresh token.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](ErrorKind::MissingClaim) if the token has no session, [`UnknownIssuer`](ErrorKind::UnknownIssuer)
    /// if another issuer issued it, and [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): the session may continue,
    /// so try again.
    pub async fn logout(&self, token: &Verified) -> Result<(), Error> {
        let (subject, id) = self.session_of(token)?;
        // Revoke first: if that fails, the session still exists, and the logout can be tried again.
        self.run_end_hooks(&subject, &id).await?;
        self.0.store.end(&subject, &id).await.map_err(unavailable)?;
        Ok(())
    }

    /// Ends one of a subject's sessions, and returns whether it existed.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): the session may continue, so try again.
    pub async fn end(&self, subject: &str, id: &str) -> Result<bool, Error> {
        if self.0.store.find(subject, id, self.now().as_secs()).await.map_err(unavailable)?.is_none() {
            return Ok(false);
        }
        self.run_end_hooks(subject, id).await?;
        self.0.store.end(subject, id).await.map_err(unavailable)
    }

    /// Ends all sessions of a subject, and returns how many there were. Call it after a password reset.
    ///
    /// Access tokens stay valid until they expire, unless [`SessionsBuilder::revocations`] is set.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): some sessions may continue, so try again.
    pub async fn end_all(&self, subject: &str) -> Result<usize, Error> {
        self.end_all_but(subject, None).await
    }

    /// Ends all other sessions of a token's subject, and returns how many there were. Call it after a password change.
    ///
    /// The token's own session continues. Access tokens of the others stay valid until they expire, unless
    /// [`SessionsBuilder::revocations`] is set.
    ///
    /// # Errors
    ///
    /// The errors of [`logout`](Self::logout).
    pub async fn end_others(&self, token: &Verified) -> Result<usize, Error> {
        let (subject, id) = self.session_of(token)?;
        self.end_all_but(&subject, Some(&id)).await
    }

    /// Returns a subject's sessions, the most recently used first.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) if the store is unavailable.
    pub async fn list(&self, subject: &str) -> Result<Vec<Session>, Error> {
        let records = self.0.store.list(subject, self.now().as_secs()).await.map_err(unavailable)?;
        Ok(records.into_iter().map(Session::from_record).collect())
    }

    /// Returns the issuer of the tokens.
    #[must_use]
    pub fn tokens(&self) -> &TokenIssuer {
        &self.0.tokens
    }

    /// The subject and the session of a token, if this issuer issued it.
    fn session_of(&self, token: &Verified) -> Result<(String, String), Error> {
        let claims = token.registered();
        if claims.issuer() != Some(self.0.tokens.name()) {
            return Err(ErrorKind::UnknownIssuer.into());
        }
        let claim = |name: &'static str, value: Option<&str>| {
            value.map(str::to_owned).ok_or_else(|| Error::from(ErrorKind::MissingClaim).with_unmet(name))
        };
        Ok((claim("sub", claims.subject())?, claim("sid", claims.session_id())?))
    }

    async fn end_all_but(&self, subject: &str, but: Option<&str>) -> Result<usize, Error> {
        let records = self.0.store.list(subject, self.now().as_secs()).await.map_err(unavailable)?;
        for record in records.iter().filter(|record| but != Some(record.id.as_str())) {
            self.run_end_hooks(subject, &record.id).await?;
        }
        let ended = self.0.store.end_all(subject, but).await.map_err(unavailable)?;
        // Sessions that began in between.
        for id in ended.iter().filter(|id| records.iter().all(|record| record.id != **id)) {
            self.run_end_hooks(subject, id).await?;
        }
        Ok(ended.len())
    }

    async fn run_end_hooks(&self, subject: &str, id: &str) -> Result<(), Error> {
        let ended =
            EndedSession { issuer: self.0.tokens.name().to_owned(), subject: subject.to_owned(), id: id.to_owned() };
        self.0.hooks.run_end(ended).await
    }

    /// Begins the session of a login.
    pub(super) async fn start(&self, access: AccessToken, device: Option<String>) -> Result<TokenPair, Error> {
        let (service, now) = (&self.0, self.now());
        let access = access.generate_csrf()?;
        let mut session = SessionRecord::new(
            service.tokens.random_id()?,
            access.subject(),
            service.tokens.random_id()?,
            now.as_secs(),
        );
        session.device = device;
        session.expires_at = now.saturating_add(service.absolute).as_secs();
        session.ends_at = now.saturating_add(service.idle).as_secs().min(session.expires_at);
        session.grant = serde_json::to_string(access.grant()).map_err(|_| ErrorKind::IssuingFailed)?;
        // Issue before storing, so that a failure leaves no session behind.
        let pair = self.pair(access, &session, now).await?;
        for id in service.store.create(&session, service.max_per_subject).await.map_err(unavailable)? {
            // The store has deleted this session already. If revoking fails, its access tokens stay valid until they expire.
            let _ = self.run_end_hooks(&session.subject, &id).await;
        }
        Ok(pair)
    }

    pub(super) async fn renew(&self, refresh: &Renewal) -> Result<TokenPair, Error> {
        let (service, claims) = (&self.0, refresh.token.registered());
        let (subject, id) = self.session_of(&refresh.token)?;
        if !claims.audience().is_some_and(|audience| audience.contains(&service.tokens.refresh_audience())) {
            return Err(ErrorKind::WrongAudience.into());
        }
        if refresh.client_id.is_some() && refresh.client_id.as_deref() != claims.client_id() {
            return Err(Error::from(ErrorKind::WrongClaim).with_unmet("client_id"));
        }
        let presented = claims.token_id().ok_or_else(|| Error::from(ErrorKind::MissingClaim).with_unmet("jti"))?;
        // Everything that can refuse the request runs before the token is exchanged.
        let (found, access) = self.prepare(&subject, &id, refresh).await?;
        let now = self.now();
        let next = service.tokens.random_id()?;
        let rotation = Rotation::new(&subject, &id, presented, &next, now.as_secs())
            .grace(service.grace)
            .idle(service.idle.as_secs());
        let mut expected = found;
        let pair = match expected.rotate(&rotation) {
            RotationOutcome::Renewed | RotationOutcome::Repeated => {
                Some(self.pair(access.clone(), &expected, now).await?)
            }
            RotationOutcome::Reused | RotationOutcome::Ended => None,
        };
        let (outcome, session) = service.store.rotate(&rotation).await.map_err(unavailable)?;
        match (outcome, session, pair) {
            (RotationOutcome::Renewed | RotationOutcome::Repeated, Some(session), Some(pair))
                if session == expected =>
            {
                Ok(pair)
            }
            // The session changed since it was read: another request refreshed it.
            (RotationOutcome::Renewed | RotationOutcome::Repeated, Some(session), _) => {
                self.pair(access, &session, now).await
            }
            (RotationOutcome::Reused, ..) => {
                // RFC 9700 section 4.14.2: the thief can't be told from the client, so the session ends for both.
                tracing::warn!("a refresh token was used again: its session has ended");
                // The store has deleted the session already. The hooks log their own errors.
                let _ = self.run_end_hooks(&subject, &id).await;
                Err(ErrorKind::RefreshReused.into())
            }
            _ => Err(ErrorKind::SessionEnded.into()),
        }
    }

    /// Reads the session, and lets the application decide whether it continues and with which access token.
    async fn prepare(&self, subject: &str, id: &str, refresh: &Renewal) -> Result<(SessionRecord, AccessToken), Error> {
        let found = self.0.store.find(subject, id, self.now().as_secs()).await.map_err(unavailable)?;
        let session = found.ok_or(ErrorKind::SessionEnded)?;
        let mut access = self.access(&session)?;
        if let Some(hook) = &self.0.hooks.renewal {
            access = match self.run_renewal_hook(hook, &session, access).await? {
                Some(access) => access,
                None => {
                    self.end(subject, id).await?;
                    return Err(ErrorKind::SessionEnded.into());
                }
            };
        }
        match &refresh.scope {
            // RFC 6749 section 6: only scopes that were granted.
            Some(scope) if access.grant().covers(scope) => Ok((session, access.scope(scope))),
            Some(_) => Err(ErrorKind::InsufficientScope.into()),
            None => Ok((session, access)),
        }
    }

    async fn run_renewal_hook(
        &self,
        hook: &RenewalHook,
        session: &SessionRecord,
        access: AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        hook(Session::from_record(session.clone()), access).await.map_err(|error| {
            tracing::warn!(%error, "the function for renewals failed: the session was not refreshed");
            ErrorKind::SessionsUnavailable.into()
        })
    }

    /// The access token of a session, with the settings of its login.
    fn access(&self, session: &SessionRecord) -> Result<AccessToken, Error> {
        let grant: Grant = serde_json::from_str(&session.grant).map_err(|_| {
            tracing::error!("the session store returned a record that this crate did not write");
            ErrorKind::SessionsUnavailable
        })?;
        Ok(self.0.tokens.access(session.subject.as_str()).with_grant(grant))
    }

    async fn pair(&self, access: AccessToken, session: &SessionRecord, now: Duration) -> Result<TokenPair, Error> {
        let access = access.generate_csrf()?;
        let refresh = self.refresh_token(access.grant(), session).wait().await?;
        let ends = Duration::from_secs(session.ends_at);
        let token_session = TokenSession { id: &session.id, login: session.created_at, ends };
        let access = access.issue_in(Some(token_session), now).wait().await?;
        Ok(TokenPair { access, refresh, session_id: session.id.clone() })
    }

    /// The session's current refresh token. Each call gives the same `jti` and times, so concurrent requests get the same
    /// token, except for its signature.
    fn refresh_token(&self, grant: &Grant, session: &SessionRecord) -> Step<Result<Issued, IssueError>> {
        let mut claims = serde_json::Map::new();
        let mut set = |name: &str, value: &str| drop(claims.insert(name.to_owned(), value.into()));
        set("sub", &session.subject);
        set("aud", &self.0.tokens.refresh_audience());
        set("sid", &session.id);
        set("token_use", REFRESH_USE);
        if let Some(client_id) = grant.client_id() {
            set("client_id", client_id);
        }
        let lifetime = Duration::from_secs(session.ends_at.saturating_sub(session.rotated_at).max(1));
        self.0.tokens.sign(UnsignedToken {
            token_type: REFRESH_TYPE.to_owned(),
            header: serde_json::Map::new(),
            claims,
            jwt_id: session.token_id.clone(),
            issued_at: Duration::from_secs(session.rotated_at),
            lifetime,
            csrf: grant.csrf().map(str::to_owned),
        })
    }

    pub(super) fn now(&self) -> Duration {
        self.0.tokens.clock().now()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("tokens", &self.0.tokens).field("store", &self.0.store).finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
fn unavailable(error: SessionStoreError) -> Error {
    tracing::error!(%error, "sessions are unavailable");
    ErrorKind::SessionsUnavailable.into()
}
