//! Exchanging refresh tokens.

use std::time::Duration;

use crate::error::{BuildError, Error, ErrorKind};
use crate::http::cookies::Cookies;
use crate::issue::{AccessToken, Grant, Issued, REFRESH_TYPE, TokenSession, UnsignedToken};
use crate::observe::Event;
use crate::revocation::{Standing, TokenIdentity};
use crate::step::Step;
use crate::verified::Verified;

use super::hooks::RenewalHook;
use super::refresh::REFRESH_USE;
use super::{Renewal, Rotation, RotationOutcome, Session, SessionRecord, SessionStoreError, Sessions, TokenPair};

impl Sessions {
    /// Begins the session of a login.
    pub(super) async fn start(
        &self,
        access: AccessToken,
        device: Option<String>,
        cookies: Option<&Cookies>,
    ) -> Result<TokenPair, Error> {
        let (service, now) = (&self.0, self.now());
        let access = access.generate_csrf()?;
        self.heal_some().await;
        let mut session = SessionRecord::new(service.tokens.random_id()?, access.subject(), now.as_secs());
        session.device = device;
        session.expires_at = now.saturating_add(service.absolute).as_secs();
        session.ends_at = now.saturating_add(service.idle).as_secs().min(session.expires_at);
        session.grant = serde_json::to_string(access.grant()).map_err(|_| ErrorKind::IssuingFailed)?;
        // Issue before storing, so that a failure leaves no session behind.
        let mut pair = self.pair(access, &session, now).await?;
        pair.device = self.registration_header(&session).await?;
        check_size(&pair, cookies)?;
        let displaced = service.store.create(&session, service.max_per_subject).await;
        for id in displaced.map_err(|error| self.unavailable(&error))? {
            self.observe(Event::SessionEnded);
            // The store has deleted this session already. If a hook fails, it's tried again later.
            let _ = self.follow_end(&session.subject, &id).await;
        }
        Ok(pair)
    }

    pub(super) async fn renew(&self, refresh: &Renewal) -> Result<(TokenPair, RotationOutcome), Error> {
        let (service, claims) = (&self.0, refresh.token.registered());
        let (subject, id) = self.session_of(&refresh.token)?;
        if !claims.audience().is_some_and(|audience| audience.contains(&service.tokens.refresh_audience())) {
            return Err(ErrorKind::WrongAudience.into());
        }
        if refresh.client_id.is_some() && refresh.client_id.as_deref() != claims.client_id() {
            return Err(Error::from(ErrorKind::WrongClaim).with_unmet("client_id"));
        }
        let presented = claims.token_id().ok_or_else(|| Error::from(ErrorKind::MissingClaim).with_unmet("jti"))?;
        let session_claims = refresh.token.session_claims()?;
        let rotations = session_claims.rotations;
        self.heal_some().await;
        // A revocation that arrives from now on covers the new tokens, whose `iat` is this moment.
        let now = self.now();
        let rotation = Rotation::new(&subject, &id, presented, rotations, now.as_secs())
            .grace(service.grace)
            .idle(service.idle.as_secs());
        // Everything that can refuse the request runs before the token is exchanged.
        let mut expected = self.find(&rotation).await?;
        let device_key = self.prove_device(refresh, &session_claims, &expected).await?;
        let rotation = rotation.device_key(device_key.as_deref());
        self.check_revocation(&refresh.token, &expected, now).await?;
        let access = self.prepare(&expected, refresh).await?;
        let pair = match expected.rotate(&rotation) {
            RotationOutcome::Reused | RotationOutcome::Ended | RotationOutcome::Unproven => None,
            _ => Some(self.pair(access.clone(), &expected, now).await?),
        };
        if let Some(pair) = &pair {
            check_size(pair, refresh.cookies.as_ref())?;
        }
        let (outcome, session) = service.store.rotate(&rotation).await.map_err(|error| self.unavailable(&error))?;
        if outcome == RotationOutcome::Adopted {
            service.journal.suspect();
            self.report_lost_writes();
        }
        match (outcome, session, pair) {
            (RotationOutcome::Reused, ..) => {
                // RFC 9700 section 4.14.2: the thief cannot be told from the client, so the session ends for both.
                tracing::warn!("a refresh token was used again: its session has ended");
                // If the store or a hook fails, that is logged and tried again.
                let _ = self.end_session(&subject, &id).await;
                Err(ErrorKind::RefreshReused.into())
            }
            (RotationOutcome::Unproven, ..) if session_claims.cnf.is_some() => {
                // The device has proved the token's key, but the store does not know it. So the store lost the registration,
                // and a thief without the key has used an earlier token.
                tracing::warn!("a session was refreshed without the key of its device: it has ended");
                let _ = self.end_session(&subject, &id).await;
                Err(ErrorKind::RefreshReused.into())
            }
            (RotationOutcome::Unproven, ..) => Err(ErrorKind::UnprovenDevice.into()),
            (RotationOutcome::Ended, ..) | (_, None, _) => Err(ErrorKind::SessionEnded.into()),
            (_, Some(session), Some(pair)) if session == expected => Ok((pair, outcome)),
            // The session changed since it was read: another request refreshed it.
            (_, Some(session), _) => Ok((self.pair(access, &session, now).await?, outcome)),
        }
    }

    /// Reads the session of a refresh token.
    async fn find(&self, rotation: &Rotation<'_>) -> Result<SessionRecord, Error> {
        let (subject, id) = (rotation.subject, rotation.id);
        let is_live = |session: &SessionRecord| !session.has_ended_for(rotation.rotations, rotation.now);
        let found = self.find_live(subject, id, is_live).await.map_err(|error| self.unavailable(&error))?;
        let Some(session) = found else { return Err(ErrorKind::SessionEnded.into()) };
        if self.0.journal.contains(subject, id, session.created_at) {
            // The store missed the end of this session, or lost it.
            let _ = self.end_session(subject, id).await;
            return Err(ErrorKind::SessionEnded.into());
        }
        Ok(session)
    }

    /// Reads a session, unless its time is over.
    pub(super) async fn find_live(
        &self,
        subject: &str,
        id: &str,
        is_live: impl Fn(&SessionRecord) -> bool + Send,
    ) -> Result<Option<SessionRecord>, SessionStoreError> {
        match self.0.store.find(subject, id).await? {
            Some(session) if !is_live(&session) => {
                // The record may be older than the last refresh. A list has the current one. At second 0 no session has ended.
                let all = self.0.store.list(subject, 0).await?;
                Ok(all.into_iter().find(|session| session.id == id).filter(is_live))
            }
            found => Ok(found),
        }
    }

    /// Ends the session if the refresh token, its session or its subject was revoked, so that no session continues whose
    /// access tokens are all refused.
    async fn check_revocation(&self, token: &Verified, session: &SessionRecord, now: Duration) -> Result<(), Error> {
        let claims = token.registered();
        let mut identity = TokenIdentity::of(&claims, now.into());
        // A cutoff means every session that began before it, also one that was refreshed before this process knew.
        identity.issued_at = Some(Duration::from_secs(session.created_at).into());
        // A list refuses tokens that live longer than it remembers revocations. That is meant for access tokens.
        identity.expires_at = identity.issued_at;
        for list in &self.0.lists {
            match list.look_up(&identity).wait().await {
                Standing::Good => {}
                Standing::Unavailable => return Err(ErrorKind::RevocationUnavailable.into()),
                _ => {
                    let _ = self.end_session(&session.subject, &session.id).await;
                    return Err(ErrorKind::SessionEnded.into());
                }
            }
        }
        Ok(())
    }

    /// Lets the application decide whether the session continues and with which access token.
    async fn prepare(&self, session: &SessionRecord, refresh: &Renewal) -> Result<AccessToken, Error> {
        let mut access = self.access(session)?;
        if let Some(hook) = &self.0.hooks.renewal {
            access = match self.run_renewal_hook(hook, session, access).await? {
                Some(access) => access,
                None => {
                    self.end_session(&session.subject, &session.id).await?;
                    return Err(ErrorKind::SessionEnded.into());
                }
            };
        }
        match &refresh.scope {
            // RFC 6749 section 6: only scopes that were granted.
            Some(scope) if access.grant().covers(scope) => Ok(access.scope(scope)),
            Some(_) => Err(ErrorKind::InsufficientScope.into()),
            None => Ok(access),
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
        let grant: Grant = serde_json::from_str(&session.grant).map_err(|_| unreadable_record())?;
        Ok(self.0.tokens.access(session.subject.as_str()).with_grant(grant))
    }

    async fn pair(&self, access: AccessToken, session: &SessionRecord, now: Duration) -> Result<TokenPair, Error> {
        let access = access.generate_csrf()?;
        let refresh = self.refresh_token(access.grant(), session)?.wait().await?;
        let ends = Duration::from_secs(session.ends_at);
        let token_session = TokenSession { id: &session.id, login: session.created_at, ends };
        let access = access.issue_in(Some(token_session), now).wait().await?;
        let device = match session.device_key {
            Some(_) => Some(self.challenge_header(&session.id, session.rotations).await?),
            None => None,
        };
        Ok(TokenPair { access, refresh, session_id: session.id.clone(), device })
    }

    /// A copy of the session's current refresh token. All copies have the same number of rotations and the same times.
    fn refresh_token(&self, grant: &Grant, session: &SessionRecord) -> Result<Step<Result<Issued, BuildError>>, Error> {
        let jwt_id = self.0.tokens.random_id()?;
        let mut claims = serde_json::Map::new();
        let mut set = |name: &str, value: &str| drop(claims.insert(name.to_owned(), value.into()));
        set("sub", &session.subject);
        set("aud", &self.0.tokens.refresh_audience());
        set("sid", &session.id);
        set("token_use", REFRESH_USE);
        if let Some(client_id) = grant.client_id() {
            set("client_id", client_id);
        }
        claims.insert("rotations".to_owned(), session.rotations.into());
        if let Some(key) = &session.device_key {
            let jwk: serde_json::Value = serde_json::from_str(key).map_err(|_| unreadable_record())?;
            // RFC 7800 section 3.2.
            claims.insert("cnf".to_owned(), serde_json::json!({ "jwk": jwk }));
        }
        let lifetime = Duration::from_secs(session.ends_at.saturating_sub(session.rotated_at).max(1));
        Ok(self.0.tokens.sign(UnsignedToken {
            token_type: REFRESH_TYPE.to_owned(),
            header: serde_json::Map::new(),
            claims,
            // Each copy has its own, so that the use of two copies shows.
            jwt_id,
            issued_at: Duration::from_secs(session.rotated_at),
            lifetime,
            csrf: grant.csrf().map(str::to_owned),
        }))
    }

    /// The subject and the session of a token, if this issuer issued it.
    pub(super) fn session_of(&self, token: &Verified) -> Result<(String, String), Error> {
        let claims = token.registered();
        if claims.issuer() != Some(self.0.tokens.name()) {
            return Err(ErrorKind::UnknownIssuer.into());
        }
        let claim = |name: &'static str, value: Option<&str>| {
            value.map(str::to_owned).ok_or_else(|| Error::from(ErrorKind::MissingClaim).with_unmet(name))
        };
        Ok((claim("sub", claims.subject())?, claim("sid", claims.session_id())?))
    }
}

/// Returns an error if the tokens do not fit into the cookies, before anything is stored.
fn check_size(pair: &TokenPair, cookies: Option<&Cookies>) -> Result<(), Error> {
    let Some(Err(error)) = cookies.map(|cookies| pair.cookies(cookies)) else { return Ok(()) };
    tracing::error!(%error, "the tokens don't fit into cookies: no session has changed");
    Err(error.into())
}

pub(super) fn unreadable_record() -> Error {
    tracing::error!("the session store returned a record that this crate did not write");
    ErrorKind::SessionsUnavailable.into()
}
