//! Refreshing and logging out, as routes of an application.

use std::future::Future;

use serde_json::json;

use crate::error::{Class, Error, ErrorKind};
use crate::gate::{Admission, Answer, Endpoint, Gate as _, Reply, RequestState};
use crate::http::challenge::Rejection;
use crate::http::cookies::{Cookies, SetCookies};
use crate::http::request::RequestView;
use crate::http::token::Location;
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::{Authenticator, Verifier};

use super::{RefreshToken, Sessions, TokenPair};

impl TokenPair {
    /// Returns the answer to a login or a refresh: the tokens as JSON, which nobody may store. RFC 6749 section 5.1.
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
    /// Returns what exchanges the refresh token of a `POST` for the next [pair](TokenPair::answer). It is looked for where
    /// [`SessionsBuilder::sources`](super::SessionsBuilder::sources) says, and never in the body.
    ///
    /// Refusals are answered as by every layer. A token in a cookie is answered 500 and not used up, because the answer has
    /// no cookies: that takes [`refresh_endpoint_with`](Self::refresh_endpoint_with). A token endpoint of OAuth, which reads
    /// a form and answers 400 `invalid_grant`, is for the application to write with [`verify`](Self::verify) and
    /// [`refresh`](Self::refresh).
    #[must_use]
    pub fn refresh_endpoint(&self) -> Endpoint {
        let sessions = self.clone();
        authenticated(self.refresh_verifier(), None, move |verified| {
            let sessions = sessions.clone();
            async move {
                if verified.location() == Some(Location::Cookie) {
                    // The next token would be where scripts can read it, and the cookie's next use a second one.
                    tracing::error!("a refresh token came in a cookie: serve `Sessions::refresh_endpoint_with`");
                    return Err(Error::from(ErrorKind::IssuingFailed).with_detail("refresh_endpoint_with"));
                }
                Ok(sessions.refresh(&RefreshToken::of(&verified)?).await?.answer())
            }
        })
    }

    /// Returns the same for browsers: a token that came in a cookie is answered with the next pair in
    /// [cookies](TokenPair::cookies) alone, and 204. One that came elsewhere is answered as without cookies.
    ///
    /// Where the token is refused, the session is over, and all its cookies are taken away, unless
    /// [`CookiesBuilder::keep_refused`](crate::http::cookies::CookiesBuilder::keep_refused) is set.
    ///
    /// ```
    /// # use jwt_core::gate::Endpoint;
    /// # use jwt_core::issue::{IssueError, TokenIssuer};
    /// use jwt_core::http::Cookies;
    /// use jwt_core::issue::{MemorySessions, Sessions};
    ///
    /// # fn endpoints(tokens: TokenIssuer) -> Result<[Endpoint; 2], IssueError> {
    /// let cookies = Cookies::new();
    /// let sessions = Sessions::builder(tokens, MemorySessions::new()).sources(cookies.refresh_sources()).build()?;
    /// // At `/auth/refresh` and `/auth/logout`: the cookie is sent below `/auth` alone.
    /// let refresh = sessions.refresh_endpoint_with(&cookies);
    /// let logout = sessions.logout_endpoint_with(&sessions.refresh_verifier(), &cookies);
    /// # Ok([refresh, logout]) }
    /// ```
    #[must_use]
    pub fn refresh_endpoint_with(&self, cookies: &Cookies) -> Endpoint {
        let (sessions, next) = (self.clone(), cookies.clone());
        authenticated(self.refresh_verifier(), Some(cookies), move |verified| {
            let (sessions, cookies) = (sessions.clone(), next.clone());
            async move {
                let pair = sessions.refresh(&RefreshToken::of(&verified)?).await?;
                if verified.location() != Some(Location::Cookie) {
                    return Ok(pair.answer());
                }
                let set = pair.cookies(&cookies).map_err(|error| {
                    tracing::error!(%error, "tokens cannot be put into cookies");
                    ErrorKind::IssuingFailed
                })?;
                Ok(setting(done(), set))
            }
        })
    }

    /// Returns what ends the session of a `POST`'s token, and answers 204. `verifier` says whose tokens: it is the one of the
    /// application's layer, or [`refresh_verifier`](Self::refresh_verifier).
    ///
    /// Cookies stay: that takes [`logout_endpoint_with`](Self::logout_endpoint_with).
    #[must_use]
    pub fn logout_endpoint(&self, verifier: &Verifier) -> Endpoint {
        let sessions = self.clone();
        authenticated(verifier.clone(), None, move |verified| {
            let sessions = sessions.clone();
            async move {
                sessions.logout(&verified).await?;
                if verified.location() == Some(Location::Cookie) {
                    tracing::warn!("the cookies of a logout stay: serve `Sessions::logout_endpoint_with`");
                }
                Ok(done())
            }
        })
    }

    /// Returns the same for browsers: the answer takes all cookies away, and so does one that refuses a token of a cookie,
    /// unless [`CookiesBuilder::keep_refused`](crate::http::cookies::CookiesBuilder::keep_refused) is set.
    ///
    /// With the [`refresh_verifier`](Self::refresh_verifier) a logout works while the access token has expired; its route
    /// must be where the refresh token's cookie is sent.
    #[must_use]
    pub fn logout_endpoint_with(&self, verifier: &Verifier, cookies: &Cookies) -> Endpoint {
        let (sessions, all) = (self.clone(), cookies.clone());
        authenticated(verifier.clone(), Some(cookies), move |verified| {
            let (sessions, cookies) = (sessions.clone(), all.clone());
            async move { sessions.logout(&verified).await.map(|()| setting(done(), cookies.clear())) }
        })
    }
}

fn done() -> Answer {
    Answer::new(204).header("cache-control", "no-store")
}

fn setting(answer: Answer, cookies: SetCookies) -> Answer {
    cookies.into_iter().fold(answer, |answer, value| answer.header("set-cookie", value))
}

/// Answers those who have a token. Where one of a cookie is refused, `cookies` go.
fn authenticated<A>(
    verifier: Verifier,
    cookies: Option<&Cookies>,
    answer: impl Fn(Verified) -> A + Clone + Send + Sync + 'static,
) -> Endpoint
where
    A: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    let authenticator = Authenticator::from(verifier);
    let cookies = cookies.map(Cookies::clear_refused);
    Endpoint::replying(&["POST"], move |request: &dyn RequestView| {
        let (answer, cookies) = (answer.clone(), cookies.clone());
        let entry = authenticator.enter(request, &RequestState::missing("Sessions"));
        entry.then(move |entry| match entry {
            Ok(mut admission) => match admission.take_inspection() {
                Some(inspection) => Step::Ready(Reply::Inspect(inspection.then(move |entry| match entry {
                    Ok(admission) => respond(admission, answer, cookies),
                    Err(refusal) => Step::Ready(refused(refusal, cookies)),
                }))),
                None => respond(admission, answer, cookies).map(Reply::Answer),
            },
            Err(refusal) => Step::Ready(Reply::Answer(refused(refusal, cookies))),
        })
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
    // Without a token this authenticator admits no request.
    let Some(verified) = admission.state.and_then(|state| state.verified().cloned()) else {
        return Step::Ready(Rejection::layer_missing("Sessions").into());
    };
    Step::pending(async move {
        answer(verified.clone()).await.unwrap_or_else(|error| {
            let is_cookie = verified.location() == Some(Location::Cookie);
            clearing(verified.refuse(error).into(), cookies.filter(|_| is_cookie))
        })
    })
}

/// The answer to a request without a good token.
fn refused(answer: Answer, cookies: Option<SetCookies>) -> Answer {
    // It removes the token's own cookie if there is one: another site, which sends none, can't log a user out.
    let is_cookie = answer.headers.iter().any(|(name, _)| *name == "set-cookie");
    clearing(answer, cookies.filter(|_| is_cookie))
}

/// The same answer, with these cookies instead of others where it refuses the token.
fn clearing(mut answer: Answer, cookies: Option<SetCookies>) -> Answer {
    match cookies {
        Some(cookies) if answer.error.as_ref().is_some_and(|error| error.class() == Class::Refused) => {
            answer.headers.retain(|(name, _)| *name != "set-cookie");
            setting(answer, cookies)
        }
        _ => answer,
    }
}
