//! Refreshing and logging out, as routes of an application.

use std::future::Future;

use serde_json::json;

use crate::challenge::Refusal;
use crate::endpoint::{Answer, Answering, Endpoint, PendingAnswer};
use crate::error::Error;
use crate::request::RequestView;
use crate::verified::Verified;
use crate::verify::{Admission, Authentication, Authenticator, Identity, Verifier};

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
    /// [`SessionsBuilder::sources`](super::SessionsBuilder::sources) says, and the body is not read.
    ///
    /// Refusals are answered as by every layer. A token endpoint of OAuth, which reads a form and answers 400
    /// `invalid_grant`, is for the application to write with [`verify`](Self::verify) and [`refresh`](Self::refresh).
    #[must_use]
    pub fn refresh_endpoint(&self) -> Endpoint {
        let sessions = self.clone();
        authenticated(self.refresh_verifier(), move |verified| {
            let sessions = sessions.clone();
            async move { Ok(sessions.refresh(&RefreshToken::of(&verified)?).await?.answer()) }
        })
    }

    /// Returns what ends the session of a `POST`'s token, and answers 204. `verifier` says whose tokens: it is the one of the
    /// application's layer, or [`refresh_verifier`](Self::refresh_verifier).
    #[must_use]
    pub fn logout_endpoint(&self, verifier: &Verifier) -> Endpoint {
        let sessions = self.clone();
        authenticated(verifier.clone(), move |verified| {
            let sessions = sessions.clone();
            async move { sessions.logout(&verified).await.map(|()| Answer::new(204).header("cache-control", "no-store")) }
        })
    }
}

/// Answers those who have a token.
fn authenticated<A>(verifier: Verifier, answer: impl Fn(Verified) -> A + Clone + Send + Sync + 'static) -> Endpoint
where
    A: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    let authenticator = Authenticator::from(verifier);
    Endpoint::new(&["POST"], move |request: &dyn RequestView| {
        let (authentication, answer) = (authenticator.authenticate(request), answer.clone());
        Answering::Pending(PendingAnswer::new(async move {
            let outcome = match authentication {
                Authentication::Ready(outcome) => outcome,
                Authentication::Pending(pending) => pending.await,
                Authentication::Answer(answer) => return answer,
            };
            match outcome {
                Ok(Admission { identity: Identity::Verified(verified), .. }) => {
                    let refused = |error| verified.refuse(error).into();
                    answer(verified.clone()).await.unwrap_or_else(refused)
                }
                // An authenticator that was not told to lets nobody pass without a token.
                Ok(_) => Refusal::layer_missing("Sessions").into(),
                Err(refusal) => refusal.into(),
            }
        }))
    })
}
