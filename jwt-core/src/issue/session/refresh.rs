use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::pin::Pin;

use serde::Deserialize;

use crate::error::{Error, ErrorKind};
use crate::gate::RequestState;
use crate::http::challenge::Rejection;
use crate::http::cookies::Cookies;
use crate::issue::REFRESH_TYPE;
use crate::observe::Event;
use crate::proof::DeviceRequest;
use crate::verified::Verified;
use crate::verify::Verifier;

use super::{RotationOutcome, Sessions, TokenPair};

/// A verified refresh token, which [`Sessions::refresh`] exchanges.
#[derive(Clone)]
pub struct RefreshToken(Verified);

/// The value of the claim `token_use` in refresh tokens.
pub(super) const REFRESH_USE: &str = "refresh";

impl Sessions {
    /// Returns a verifier that accepts only refresh tokens, for the layer of your own refresh route.
    ///
    /// It looks for the token where [`SessionsBuilder::sources`](super::SessionsBuilder::sources) says; [`Verifier::with_sources`]
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
        let verified = self.0.verifier.verify(token).await;
        verified.and_then(|verified| RefreshToken::of(&verified)).inspect_err(|error| self.refresh_failed(error))
    }

    pub(super) fn refresh_failed(&self, error: &Error) {
        self.observe(Event::RefreshFailed(error));
    }

    /// Exchanges a refresh token for the next pair: `sessions.refresh(&token).await?`.
    ///
    /// | the token | result |
    /// | --- | --- |
    /// | is the session's current one | the next pair |
    /// | was exchanged last, and the next refresh token has not been exchanged yet | another copy of the next pair: the answer may have got lost |
    /// | is another copy of the token that was exchanged last, within the [grace period](super::SessionsBuilder::grace) | the same |
    /// | was exchanged earlier | [`RefreshReused`](ErrorKind::RefreshReused), and the session ends |
    /// | is newer than the store's record, because the store lost its last writes | the next pair |
    /// | belongs to a session that is [bound to a device](super::SessionsBuilder::device_bound) | [`UnprovenDevice`](ErrorKind::UnprovenDevice): only [`refresh_endpoint_with`](Self::refresh_endpoint_with) checks proofs |
    /// | has no session, or it or its session, subject or issuer was [revoked](super::SessionsBuilder::revocations) | [`SessionEnded`](ErrorKind::SessionEnded) |
    ///
    /// The access token has the claims of the login, but isn't [fresh](crate::authorize::fresh).
    ///
    /// # Errors
    ///
    /// Those in the table; [`UnknownIssuer`](ErrorKind::UnknownIssuer) or [`WrongAudience`](ErrorKind::WrongAudience) for a
    /// token of another service; [`InsufficientScope`](ErrorKind::InsufficientScope) and
    /// [`WrongClaim`](ErrorKind::WrongClaim) as described at [`Renewal`]; and
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) or
    /// [`RevocationUnavailable`](ErrorKind::RevocationUnavailable) if a store is unavailable: try again with the same token.
    pub fn refresh(&self, token: &RefreshToken) -> Renewal {
        let (sessions, token) = (self.clone(), token.clone());
        Renewal { sessions, token, scope: None, client_id: None, cookies: None, device: None }
    }
}

impl RefreshToken {
    /// Converts a token that [`Sessions::refresh_verifier`] has verified.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongType`] for any other kind of token.
    pub fn of(verified: &Verified) -> Result<Self, Error> {
        // Only the verifier of sessions accepts this type.
        if verified.token_type() == Some(REFRESH_TYPE) {
            Ok(Self(verified.clone()))
        } else {
            Err(ErrorKind::WrongType.into())
        }
    }

    /// Returns the refresh token of a request, for an extractor.
    ///
    /// # Errors
    ///
    /// The same as [`RequestState::token`], and [`ErrorKind::WrongType`] for any other kind of token.
    pub fn of_request(state: &RequestState) -> Result<Self, Rejection> {
        let verified = state.token()?;
        Self::of(verified).map_err(|error| verified.refuse(error))
    }

    /// Returns the subject of its session.
    #[must_use]
    pub fn subject(&self) -> String {
        self.registered().subject().unwrap_or_default().to_owned()
    }

    /// Returns the identifier of its session.
    #[must_use]
    pub fn session_id(&self) -> String {
        self.registered().session_id().unwrap_or_default().to_owned()
    }

    /// Reads the claims that only sessions use. The issuer has signed them, so clients cannot change them.
    pub(super) fn session_claims(&self) -> Result<SessionClaims, Error> {
        serde_json::from_str(self.payload()).map_err(|_| Error::from(ErrorKind::MissingClaim).with_unmet("rotations"))
    }
}

/// The claims of a refresh token that only sessions use.
#[derive(Deserialize)]
pub(super) struct SessionClaims {
    /// How many exchanges came before this token.
    pub(super) rotations: u64,
    /// The key of the device that the session is bound to. RFC 7800 section 3.2.
    pub(super) cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
pub(super) struct Confirmation {
    pub(super) jwk: serde_json::Value,
}

impl Deref for RefreshToken {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefreshToken").finish()
    }
}

/// A request to exchange a refresh token; made by [`Sessions::refresh`], and sent when you await it.
#[derive(Clone)]
#[must_use = "nothing is refreshed until you await it"]
pub struct Renewal {
    pub(super) sessions: Sessions,
    pub(super) token: RefreshToken,
    pub(super) scope: Option<Vec<String>>,
    pub(super) client_id: Option<String>,
    pub(super) cookies: Option<Cookies>,
    pub(super) device: Option<DeviceRequest>,
}

impl Renewal {
    /// Asks for an access token with fewer scopes; the session keeps those of the login. RFC 6749 section 6. Default: all
    /// scopes of the session.
    ///
    /// If a scope was not granted, the request is refused with
    /// [`InsufficientScope`](crate::ErrorKind::InsufficientScope), and the refresh token stays valid.
    pub fn scope<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.scope = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Names the client that asks, if your clients authenticate. RFC 6749 section 6. Default: any client may use the token.
    ///
    /// The token of another client is refused with [`WrongClaim`](crate::ErrorKind::WrongClaim) and stays valid.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Makes sure that the next pair [fits into these cookies](TokenPair::cookies) before the token is exchanged. Default: the
    /// pair may be too large for cookies.
    ///
    /// If it does not fit, the request fails with [`IssuingFailed`](crate::ErrorKind::IssuingFailed), and the refresh token stays
    /// valid.
    pub fn for_cookies(mut self, cookies: &Cookies) -> Self {
        self.cookies = Some(cookies.clone());
        self
    }

    /// Adds the browser's headers for a session that is bound to its device.
    pub(super) fn device(mut self, device: Option<DeviceRequest>) -> Self {
        self.device = device;
        self
    }
}

impl IntoFuture for Renewal {
    type Output = Result<TokenPair, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let renewed = self.sessions.renew(&self).await;
            self.sessions.observe(match &renewed {
                Ok((_, outcome)) => Event::Refreshed { repeated: *outcome == RotationOutcome::Repeated },
                Err(error) => Event::RefreshFailed(error),
            });
            renewed.map(|(pair, _)| pair)
        })
    }
}

// Scopes and the client are claims, which must not reach a log.
impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}
