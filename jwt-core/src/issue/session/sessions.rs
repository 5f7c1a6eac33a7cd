use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::issue::{AccessToken, Draft, Grant, IssueError, Issued, Membership, TokenIssuer};
use crate::verified::Verified;
use crate::verify::Verifier;

use super::hooks::{Ended, Hooks, RenewalHook};
use super::refresh_token::{TYPE, USE};
use super::{
    Login, Outcome, RefreshToken, Renewal, Rotation, Session, SessionRecord, SessionStore, SessionStoreError,
    SessionsBuilder, TokenPair,
};

/// Sessions: log in once, refresh for as long as it goes on, log out here or everywhere.
///
/// Each refresh token is good once, and gives a new pair of tokens. Should one be used again, somebody has a copy, and the
/// session is over for everybody (RFC 9700 section 4.14.2). Cheap to clone; clones are the same service.
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
/// // The password was right.
/// let pair = sessions.login("joe").scope(["reports:read"]).device("Firefox on Linux").start().await?;
///
/// // A quarter of an hour later.
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
pub struct Sessions(Arc<Service>);

pub(super) struct Service {
    pub(super) tokens: TokenIssuer,
    pub(super) store: Arc<dyn SessionStore>,
    /// Accepts refresh tokens and nothing else.
    pub(super) verifier: Verifier,
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    /// In seconds.
    pub(super) grace: u64,
    pub(super) most: usize,
    pub(super) hooks: Hooks,
}

impl Sessions {
    pub(super) fn new(service: Service) -> Self {
        Self(Arc::new(service))
    }

    /// Starts building sessions whose tokens `tokens` issues, and which `store` keeps: one of its own for each issuer.
    pub fn builder(tokens: TokenIssuer, store: impl SessionStore + 'static) -> SessionsBuilder {
        SessionsBuilder::new(tokens, Arc::new(store))
    }

    /// Starts a login: call it when the password, or whatever else there is, was right.
    pub fn login(&self, subject: impl Into<String>) -> Login {
        Login::new(self.clone(), self.0.tokens.access(subject).fresh())
    }

    /// Returns what accepts refresh tokens, and nothing else: for the layer of the route that refreshes.
    ///
    /// It looks for them in `Authorization: Bearer` unless it is given
    /// [other sources](crate::Verifier::with_sources).
    #[must_use]
    pub fn refresh_verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    /// Verifies a refresh token by itself. The session is not looked at yet.
    ///
    /// # Errors
    ///
    /// Those of [`Verifier::verify`]; an access token is of the [wrong type](ErrorKind::WrongType).
    pub async fn verify(&self, token: &str) -> Result<RefreshToken, Error> {
        RefreshToken::of(&self.0.verifier.verify(token).await?)
    }

    /// Exchanges a refresh token for the next pair: `sessions.refresh(&token).await?`.
    ///
    /// | the token | what comes of it |
    /// | --- | --- |
    /// | is the session's | the next pair; the token is used up |
    /// | was used up within the [grace](SessionsBuilder::grace) | the same refresh token once more, as for a second tab that asked at the same time |
    /// | was used up before | [`RefreshReused`](ErrorKind::RefreshReused), and the session is over |
    /// | belongs to no session | [`SessionEnded`](ErrorKind::SessionEnded) |
    ///
    /// The access token says what it said at the login, and is not [fresh](crate::authorize::fresh).
    ///
    /// # Errors
    ///
    /// These; [`UnknownIssuer`](ErrorKind::UnknownIssuer) or [`WrongAudience`](ErrorKind::WrongAudience) for a token of
    /// another service's, [`InsufficientScope`](ErrorKind::InsufficientScope) and [`WrongClaim`](ErrorKind::WrongClaim)
    /// as [`Renewal`] says, and [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) while the store does not answer:
    /// try again with the same token.
    pub fn refresh(&self, token: &RefreshToken) -> Renewal {
        Renewal { sessions: self.clone(), token: token.clone(), scope: None, client_id: None }
    }

    /// Ends the session that a token belongs to, an access token or a refresh token.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](ErrorKind::MissingClaim) for a token of no session, [`UnknownIssuer`](ErrorKind::UnknownIssuer)
    /// for one of another issuer, [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): then the session may go on.
    pub async fn logout(&self, token: &Verified) -> Result<(), Error> {
        let (subject, id) = self.membership(token)?;
        // The access tokens first: should that fail, the session is still there, and the logout can be tried again.
        self.revoke(&subject, &id).await?;
        self.0.store.end(&subject, &id).await.map_err(unavailable)?;
        Ok(())
    }

    /// Ends one of a subject's sessions, and returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): then the session may go on.
    pub async fn end(&self, subject: &str, id: &str) -> Result<bool, Error> {
        if self.0.store.find(subject, id, self.now().as_secs()).await.map_err(unavailable)?.is_none() {
            return Ok(false);
        }
        self.revoke(subject, id).await?;
        self.0.store.end(subject, id).await.map_err(unavailable)
    }

    /// Ends all of a subject's sessions, and returns how many there were.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): then some may go on.
    pub async fn end_all(&self, subject: &str) -> Result<usize, Error> {
        self.end_all_but(subject, None).await
    }

    /// Ends all sessions of a token's subject but the one that the token belongs to, and returns how many there were:
    /// after a change of the password.
    ///
    /// # Errors
    ///
    /// As [`logout`](Self::logout).
    pub async fn end_others(&self, token: &Verified) -> Result<usize, Error> {
        let (subject, id) = self.membership(token)?;
        self.end_all_but(&subject, Some(&id)).await
    }

    /// Returns a subject's sessions, the one that was used last first.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable).
    pub async fn list(&self, subject: &str) -> Result<Vec<Session>, Error> {
        let records = self.0.store.list(subject, self.now().as_secs()).await.map_err(unavailable)?;
        Ok(records.into_iter().map(Session::of).collect())
    }

    /// Returns what issues the tokens.
    #[must_use]
    pub fn tokens(&self) -> &TokenIssuer {
        &self.0.tokens
    }

    /// The session that a token of this issuer belongs to, with its subject.
    fn membership(&self, token: &Verified) -> Result<(String, String), Error> {
        let claims = token.registered();
        if claims.issuer() != Some(self.0.tokens.name()) {
            return Err(ErrorKind::UnknownIssuer.into());
        }
        let claim = |name: &'static str, value: Option<&str>| {
            value.map(str::to_owned).ok_or_else(|| Error::from(ErrorKind::MissingClaim).with_detail(name))
        };
        Ok((claim("sub", claims.subject())?, claim("sid", claims.session_id())?))
    }

    async fn end_all_but(&self, subject: &str, but: Option<&str>) -> Result<usize, Error> {
        let records = self.0.store.list(subject, self.now().as_secs()).await.map_err(unavailable)?;
        for record in records.iter().filter(|record| but != Some(record.id.as_str())) {
            self.revoke(subject, &record.id).await?;
        }
        let ended = self.0.store.end_all(subject, but).await.map_err(unavailable)?;
        // Those that began in between.
        for id in ended.iter().filter(|id| records.iter().all(|record| record.id != **id)) {
            self.revoke(subject, id).await?;
        }
        Ok(ended.len())
    }

    async fn revoke(&self, subject: &str, id: &str) -> Result<(), Error> {
        let ended = Ended { issuer: self.0.tokens.name().to_owned(), subject: subject.to_owned(), id: id.to_owned() };
        self.0.hooks.ended(ended).await
    }

    /// Begins the session of a login.
    pub(super) async fn start(&self, access: AccessToken, device: Option<String>) -> Result<TokenPair, Error> {
        let (service, now) = (&self.0, self.now());
        let access = access.draw_csrf()?;
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
        // Before the store knows the session, so that a token that cannot be issued leaves none behind.
        let pair = self.pair(access, &session, now)?;
        for id in service.store.create(&session, service.most).await.map_err(unavailable)? {
            // One that gave way to a newer one: its access tokens may go on while they cannot be revoked.
            let _ = self.revoke(&session.subject, &id).await;
        }
        Ok(pair)
    }

    pub(super) async fn renew(&self, refresh: &Renewal) -> Result<TokenPair, Error> {
        let (service, claims) = (&self.0, refresh.token.registered());
        let (subject, id) = self.membership(&refresh.token)?;
        if !claims.audience().is_some_and(|audience| audience.contains(&service.tokens.refresh_audience())) {
            return Err(ErrorKind::WrongAudience.into());
        }
        if refresh.client_id.is_some() && refresh.client_id.as_deref() != claims.client_id() {
            return Err(Error::from(ErrorKind::WrongClaim).with_detail("client_id"));
        }
        let presented = claims.token_id().ok_or_else(|| Error::from(ErrorKind::MissingClaim).with_detail("jti"))?;
        // What can refuse does so before the token is used up.
        let (found, access) = self.prepare(&subject, &id, refresh).await?;
        let now = self.now();
        let next = service.tokens.random_id()?;
        let rotation = Rotation::new(&subject, &id, presented, &next, now.as_secs())
            .grace(service.grace)
            .idle(service.idle.as_secs());
        let mut expected = found;
        let pair = match expected.rotate(&rotation) {
            Outcome::Renewed | Outcome::Repeated => Some(self.pair(access.clone(), &expected, now)?),
            Outcome::Reused | Outcome::Over => None,
        };
        let (outcome, session) = service.store.rotate(&rotation).await.map_err(unavailable)?;
        match (outcome, session, pair) {
            (Outcome::Renewed | Outcome::Repeated, Some(session), Some(pair)) if session == expected => Ok(pair),
            // Somebody else was here in between.
            (Outcome::Renewed | Outcome::Repeated, Some(session), _) => self.pair(access, &session, now),
            (Outcome::Reused, ..) => {
                // RFC 9700 section 4.14.2: which of the two is the thief cannot be told, so both are out.
                tracing::warn!("a refresh token was used again; its session is over");
                // The session is gone from the store already, whatever becomes of its access tokens.
                let _ = self.revoke(&subject, &id).await;
                Err(ErrorKind::RefreshReused.into())
            }
            _ => Err(ErrorKind::SessionEnded.into()),
        }
    }

    /// Asks whether the session may go on, and with what.
    async fn prepare(&self, subject: &str, id: &str, refresh: &Renewal) -> Result<(SessionRecord, AccessToken), Error> {
        let found = self.0.store.find(subject, id, self.now().as_secs()).await.map_err(unavailable)?;
        let session = found.ok_or(ErrorKind::SessionEnded)?;
        let mut access = self.access(&session)?;
        if let Some(hook) = &self.0.hooks.renewal {
            access = match self.ask(hook, &session, access).await? {
                Some(access) => access,
                None => {
                    self.end(subject, id).await?;
                    return Err(ErrorKind::SessionEnded.into());
                }
            };
        }
        match &refresh.scope {
            // RFC 6749 section 6: not more than was granted.
            Some(scope) if access.grant().covers(scope) => Ok((session, access.scope(scope))),
            Some(_) => Err(ErrorKind::InsufficientScope.into()),
            None => Ok((session, access)),
        }
    }

    async fn ask(
        &self,
        hook: &RenewalHook,
        session: &SessionRecord,
        access: AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        hook(Session::of(session.clone()), access).await.map_err(|error| {
            tracing::warn!(%error, "whether a session may go on could not be found out");
            ErrorKind::SessionsUnavailable.into()
        })
    }

    /// The access token of a session, as its login wanted it.
    fn access(&self, session: &SessionRecord) -> Result<AccessToken, Error> {
        let grant: Grant = serde_json::from_str(&session.grant).map_err(|_| {
            tracing::error!("the store returned a session that it was not given");
            ErrorKind::SessionsUnavailable
        })?;
        Ok(self.0.tokens.access(session.subject.as_str()).with_grant(grant))
    }

    fn pair(&self, access: AccessToken, session: &SessionRecord, now: Duration) -> Result<TokenPair, Error> {
        let access = access.draw_csrf()?;
        let refresh = self.refresh_token(access.grant(), session)?;
        let ends = Duration::from_secs(session.ends_at);
        let membership = Membership { id: &session.id, login: session.created_at, ends };
        let access = access.issue_in(Some(membership), now)?;
        Ok(TokenPair { access, refresh, session_id: session.id.clone() })
    }

    /// The session's refresh token. Signed again it has the same `jti` and the same times, so that those who ask at the
    /// same time get the same token, but for its signature.
    fn refresh_token(&self, grant: &Grant, session: &SessionRecord) -> Result<Issued, IssueError> {
        let mut claims = serde_json::Map::new();
        let mut set = |name: &str, value: &str| drop(claims.insert(name.to_owned(), value.into()));
        set("sub", &session.subject);
        set("aud", &self.0.tokens.refresh_audience());
        set("sid", &session.id);
        set("token_use", USE);
        if let Some(client_id) = grant.client_id() {
            set("client_id", client_id);
        }
        let lifetime = Duration::from_secs(session.ends_at.saturating_sub(session.rotated_at).max(1));
        self.0.tokens.sign(Draft {
            token_type: TYPE,
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

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unavailable(error: SessionStoreError) -> Error {
    tracing::error!(%error, "sessions unavailable");
    ErrorKind::SessionsUnavailable.into()
}
