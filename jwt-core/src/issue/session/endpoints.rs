//! The refresh and logout endpoints.

use std::future::Future;

use serde_json::json;

use crate::error::{Class, Detail, Error, ErrorKind};
use crate::gate::{Admission, Answer, Endpoint, Gate as _, Reply, RequestState};
use crate::http::challenge::Rejection;
use crate::http::cookies::{Cookies, SetCookies};
use crate::http::request::RequestView;
use crate::http::token::Location;
use crate::proof::DeviceRequest;
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::{Authenticator, Verifier};

use super::cookie_path::{Uncovered, needs_refresh_cookie};
use super::{RefreshToken, Sessions, TokenPair};

impl TokenPair {
    /// Returns the response to a login or a refresh: the tokens as JSON, with `Cache-Control: no-store`. RFC 6749 section
    /// 5.1.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let body = json!({
            "access_token": self.access.token,
            "token_type": "Bearer",
            "expires_in": self.access.lifetime.as_secs(),
            "refresh_token": self.refresh.token,
        });
        Answer::new(200).body("application/json", body.to_string()).header("cache-control", "no-store")
    }
}

impl Sessions {
    /// Returns an endpoint that exchanges the refresh token of a `POST` for the next [pair](TokenPair::answer).
    ///
    /// It looks for the token where [`SessionsBuilder::sources`](super::SessionsBuilder::sources) says, never in the body.
    /// Rejections are the same as a layer's.
    ///
    /// For tokens in cookies, use [`refresh_endpoint_with`](Self::refresh_endpoint_with). This endpoint sets no cookies, so
    /// it answers them with 500 and does not exchange them. If you need an OAuth token endpoint, which reads a form and
    /// answers 400 `invalid_grant`, write it with [`verify`](Self::verify) and [`refresh`](Self::refresh).
    #[must_use]
    pub fn refresh_endpoint(&self) -> Endpoint {
        let sessions = self.clone();
        let refused = move |error: &Error| sessions.refresh_failed(error);
        let sessions = self.clone();
        authenticated(self.refresh_verifier(), refused, move |verified| {
            let sessions = sessions.clone();
            async move {
                if verified.location() == Some(Location::Cookie) {
                    // Scripts could read the next token, and the old cookie would be sent again, which is reuse.
                    tracing::error!("a refresh token came in a cookie: use `Sessions::refresh_endpoint_with`");
                    let error = Error::from(ErrorKind::IssuingFailed).with_detail(Detail::Constant(
                        "a refresh token came in a cookie: use `Sessions::refresh_endpoint_with`",
                    ));
                    sessions.refresh_failed(&error);
                    return Err(error);
                }
                Ok(sessions.refresh(&RefreshToken::of(&verified)?).await?.answer())
            }
        })
    }

    /// Returns a refresh endpoint for browsers, which answers with 204 and sets the next pair as
    /// [cookies](TokenPair::cookies).
    ///
    /// It also registers and checks the keys of [devices](super::SessionsBuilder::device_bound).
    /// A token that did not come in a cookie is answered as by [`refresh_endpoint`](Self::refresh_endpoint). If the token is
    /// refused, all cookies are removed, unless
    /// [`CookiesBuilder::keep_refused`](crate::http::cookies::CookiesBuilder::keep_refused) is set.
    ///
    /// ```
    /// # use jwt_core::gate::Endpoint;
    /// # use jwt_core::BuildError;
    /// # use jwt_core::issue::TokenIssuer;
    /// use jwt_core::http::Cookies;
    /// use jwt_core::issue::{MemorySessions, Sessions};
    ///
    /// # fn endpoints(tokens: TokenIssuer) -> Result<[Endpoint; 2], BuildError> {
    /// let cookies = Cookies::new();
    /// let sessions = Sessions::builder(tokens, MemorySessions::new()).sources(cookies.refresh_sources()).build()?;
    /// // Serve them at `/auth/refresh` and `/auth/logout`, for example.
    /// let refresh = sessions.refresh_endpoint_with(&cookies);
    /// let logout = sessions.logout_endpoint_with(&sessions.refresh_verifier(), &cookies);
    /// # Ok([refresh, logout]) }
    /// ```
    #[must_use]
    pub fn refresh_endpoint_with(&self, cookies: &Cookies) -> Endpoint {
        let verifier = self.refresh_verifier();
        // Pages of other origins cannot make these requests, and a proof of the device is a better one than a header.
        let sources = verifier.sources().clone().dangerous_without_csrf_protection();
        let needs_cookie = needs_refresh_cookie(&sources, cookies);
        let by_browsers = Authenticator::from(verifier.with_sources(sources));
        let by_pages = Authenticator::from(verifier);
        let (sessions, cookies, removed) = (self.clone(), cookies.clone(), cookies.clear_refused());
        Endpoint::replying(&["POST"], move |request: &dyn RequestView| {
            let device = DeviceRequest::of(request);
            let authenticator = if device.is_some() { &by_browsers } else { &by_pages };
            let uncovered = needs_cookie.then(|| Uncovered::of(&sessions, &cookies, request)).flatten();
            let refused = {
                let (sessions, uncovered) = (sessions.clone(), uncovered.clone());
                move |error: &Error| {
                    sessions.refresh_failed(error);
                    uncovered.iter().for_each(|uncovered| uncovered.refused(error));
                }
            };
            let (sessions, cookies) = (sessions.clone(), cookies.clone());
            let answer = async move |verified| {
                uncovered.iter().for_each(|uncovered| uncovered.accepted(&verified));
                sessions.refresh_in_cookies(&verified, &cookies, device).await
            };
            reply(authenticator, request, answer, refused, Some(removed.clone()))
        })
    }

    async fn refresh_in_cookies(
        &self,
        verified: &Verified,
        cookies: &Cookies,
        device: Option<DeviceRequest>,
    ) -> Result<Answer, Error> {
        let token = RefreshToken::of(verified)?;
        if verified.location() != Some(Location::Cookie) {
            return Ok(self.refresh(&token).await?.answer());
        }
        let session = device.as_ref().and_then(|device| device.session.as_deref());
        if session.is_some_and(|session| session != token.session_id()) {
            // The browser has logged in again. With this status, it forgets the earlier session.
            return Ok(Answer::new(404).header("cache-control", "no-store"));
        }
        let registers = device.as_ref().is_some_and(DeviceRequest::registers);
        match self.refresh(&token).device(device).for_cookies(cookies).await {
            Ok(pair) if registers => {
                let answer = Answer::new(200).body("application/json", self.instructions(&pair, cookies));
                Ok(with_cookies(answer.header("cache-control", "no-store"), pair.cookies(cookies)?))
            }
            Ok(pair) => Ok(with_cookies(no_content(), pair.cookies(cookies)?)),
            // The browser signs the challenge at once. No other challenge than a login's is good for a new key.
            Err(error) if error.kind() == ErrorKind::UnprovenDevice && !registers => {
                let rotations = token.session_claims()?.rotations;
                let (name, value) = self.challenge_header(&token.session_id(), rotations).await?;
                Ok(Answer::from(verified.refuse(error)).header(name, value))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns an endpoint that ends the session of a `POST`'s token, and answers with 204.
    ///
    /// `verifier` verifies the token: pass the one of your layer for access tokens, or
    /// [`refresh_verifier`](Self::refresh_verifier) for refresh tokens. To remove cookies as well, use
    /// [`logout_endpoint_with`](Self::logout_endpoint_with).
    #[must_use]
    pub fn logout_endpoint(&self, verifier: &Verifier) -> Endpoint {
        let sessions = self.clone();
        authenticated(
            verifier.clone(),
            |_| {},
            move |verified| {
                let sessions = sessions.clone();
                async move {
                    sessions.logout(&verified).await?;
                    if verified.location() == Some(Location::Cookie) {
                        tracing::warn!("a logout did not remove the cookies: use `Sessions::logout_endpoint_with`");
                    }
                    Ok(no_content())
                }
            },
        )
    }

    /// Returns a logout endpoint for browsers, which also removes all cookies.
    ///
    /// It removes them too when it refuses a token from a cookie, when it answers 503 because a store is down, and when a request
    /// of one of your pages has no token, unless
    /// [`CookiesBuilder::keep_refused`](crate::http::cookies::CookiesBuilder::keep_refused) is set. After a 503 the session
    /// ends [by itself](Self::heal).
    ///
    /// Pass [`refresh_verifier`](Self::refresh_verifier), so that users can log out after the access token has expired.
    /// Serve the endpoint at a path to which the browser sends the refresh cookie.
    #[must_use]
    pub fn logout_endpoint_with(&self, verifier: &Verifier, cookies: &Cookies) -> Endpoint {
        let (sources, needs_cookie) = (verifier.sources().clone(), needs_refresh_cookie(verifier.sources(), cookies));
        let authenticator = Authenticator::from(verifier.clone());
        let (sessions, cookies, removed) = (self.clone(), cookies.clone(), cookies.clear_refused());
        Endpoint::replying(&["POST"], move |request: &dyn RequestView| {
            let uncovered = needs_cookie.then(|| Uncovered::of(&sessions, &cookies, request)).flatten();
            let refused = {
                let uncovered = uncovered.clone();
                move |error: &Error| uncovered.iter().for_each(|uncovered| uncovered.refused(error))
            };
            let (sessions, cookies) = (sessions.clone(), cookies.clone());
            let answer = async move |verified: Verified| {
                uncovered.iter().for_each(|uncovered| uncovered.accepted(&verified));
                let from_cookie = verified.location() == Some(Location::Cookie);
                match sessions.logout(&verified).await {
                    Err(error) if from_cookie => {
                        // The session ends as soon as the store allows it, so the browser needs the tokens no more.
                        let mut answer = Answer::from(verified.refuse(error));
                        answer.headers.retain(|(name, _)| *name != "set-cookie");
                        Ok(with_cookies(answer, cookies.clear_refused()))
                    }
                    ended => ended.map(|()| with_cookies(no_content(), cookies.clear())),
                }
            };
            let reply = reply(&authenticator, request, answer, refused, Some(removed.clone()));
            if !sources.is_from_own_page(request) {
                return reply;
            }
            // The user wants to log out, and other cookies may still have tokens.
            let removed = removed.clone();
            reply.map(|reply| match reply {
                Reply::Answer(answer) if is_without_token(&answer) => Reply::Answer(with_cookies(answer, removed)),
                reply => reply,
            })
        })
    }
}

fn is_without_token(answer: &Answer) -> bool {
    answer.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::NoCredentials)
}

fn no_content() -> Answer {
    Answer::new(204).header("cache-control", "no-store")
}

fn with_cookies(answer: Answer, cookies: SetCookies) -> Answer {
    let answer = match cookies.header() {
        Some((name, value)) => answer.header(name, value),
        None => answer,
    };
    cookies.into_iter().fold(answer, |answer, value| answer.header("set-cookie", value))
}

/// An endpoint for requests with a valid token.
fn authenticated<A>(
    verifier: Verifier,
    refused: impl Fn(&Error) + Clone + Send + Sync + 'static,
    answer: impl Fn(Verified) -> A + Clone + Send + Sync + 'static,
) -> Endpoint
where
    A: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    let authenticator = Authenticator::from(verifier);
    Endpoint::replying(&["POST"], move |request: &dyn RequestView| {
        reply(&authenticator, request, answer.clone(), refused.clone(), None)
    })
}

/// Answers a request with a valid token by `answer`, and calls `refused` for one without. If it refuses a token from a cookie, it
/// removes `cookies`.
fn reply<A>(
    authenticator: &Authenticator,
    request: &dyn RequestView,
    answer: impl FnOnce(Verified) -> A + Send + 'static,
    refused: impl FnOnce(&Error) + Send + 'static,
    cookies: Option<SetCookies>,
) -> Step<Reply>
where
    A: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    authenticator.enter(request, &RequestState::missing("Sessions")).then(move |entry| match entry {
        Ok(mut admission) => match admission.take_inspection() {
            Some(inspection) => Step::Ready(Reply::Inspect(inspection.then(move |entry| match entry {
                Ok(admission) => respond(admission, answer, cookies),
                Err(rejection) => Step::Ready(rejected(rejection, refused, cookies)),
            }))),
            None => respond(admission, answer, cookies).map(Reply::Answer),
        },
        Err(rejection) => Step::Ready(Reply::Answer(rejected(rejection, refused, cookies))),
    })
}

fn respond<A>(
    admission: Admission,
    answer: impl FnOnce(Verified) -> A + Send + 'static,
    cookies: Option<SetCookies>,
) -> Step<Answer>
where
    A: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    // This authenticator admits no request without a token.
    let Some(verified) = admission.state.and_then(|state| state.verified().cloned()) else {
        return Step::Ready(Rejection::layer_missing("Sessions").into());
    };
    Step::pending(async move {
        answer(verified.clone()).await.unwrap_or_else(|error| {
            let from_cookie = verified.location() == Some(Location::Cookie);
            remove_cookies(verified.refuse(error).into(), cookies.filter(|_| from_cookie))
        })
    })
}

/// The response to a request without a valid token.
fn rejected(answer: Answer, refused: impl FnOnce(&Error), cookies: Option<SetCookies>) -> Answer {
    if let Some(error) = &answer.error {
        refused(error);
    }
    // The answer removes the token's cookie only if the request had one, so another site cannot log a user out.
    let from_cookie = answer.headers.iter().any(|(name, _)| *name == "set-cookie");
    remove_cookies(answer, cookies.filter(|_| from_cookie))
}

/// Removes all `cookies` and not only the token's, if the answer refuses the token or can't read it.
fn remove_cookies(answer: Answer, cookies: Option<SetCookies>) -> Answer {
    let is_over = |error: &Error| matches!(error.class(), Class::Refused | Class::Malformed);
    let Some(cookies) = cookies.filter(|_| answer.error.as_ref().is_some_and(is_over)) else { return answer };
    cookies.into_iter().fold(answer, |answer, value| {
        let is_removed = answer.headers.iter().any(|(name, removed)| *name == "set-cookie" && *removed == value);
        if is_removed { answer } else { answer.header("set-cookie", value) }
    })
}
