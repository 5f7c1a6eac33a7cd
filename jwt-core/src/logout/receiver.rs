use std::fmt;
use std::sync::Arc;

use crate::authorize::check;
use crate::error::{Class, Error, ErrorKind};
use crate::gate::{Answer, Endpoint, Extent, Inspection, Reply};
use crate::http::csrf::is_form;
use crate::json::{self, Unique};
use crate::revocation::{
    MemoryRevocations, Revocation, RevocationList as _, RevocationSettings, RevocationStore, Standing, TokenIdentity,
};
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::{BuildError, BuildErrorKind, Verifier, VerifierBuilder};

/// Takes logout tokens from an OpenID provider and revokes what they name. Cheap to clone.
///
/// A token that names a session (`sid`) takes back every token of that session; one that names a subject alone takes back
/// every token of the subject that was issued until the logout. A logout token is good once in each process, and changes
/// nothing where it comes again.
#[derive(Clone)]
pub struct BackChannelLogout {
    receiver: Arc<Receiver>,
    whole_subject: bool,
}

struct Receiver {
    verifier: Verifier,
    store: Box<dyn RevocationStore>,
    /// The logout tokens that were carried out.
    seen: MemoryRevocations,
}

impl BackChannelLogout {
    /// The most bytes that are read of a request.
    const MAX_BODY: usize = 32 * 1024;

    /// Makes a receiver of what verifies the tokens and of the store that takes the revocations.
    ///
    /// The builder is that of a verifier: its issuers are those who may log out, with the identifier of the client as their
    /// audience. What a logout token must be besides is added here.
    ///
    /// # Errors
    ///
    /// The verifier cannot be built, or its settings are not for logout tokens: any issuer or audience, types of token,
    /// tokens without expiry, issuers that are looked up.
    pub fn new(builder: VerifierBuilder, store: impl RevocationStore + 'static) -> Result<Self, BuildError> {
        if builder.has_resolver() {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "issuer_resolver"));
        }
        // Section 2.6: `sub` or `sid` or both; no `nonce`, so that it passes for no ID token.
        let verifier = builder
            .logout_tokens()
            .require_token(check("sub or sid", names_somebody))
            .require_token(check("nonce", has_no_nonce))
            .build()?;
        let seen = RevocationSettings::new().capacity(100_000);
        let receiver = Receiver { verifier, store: Box::new(store), seen: MemoryRevocations::with(seen) };
        Ok(Self { receiver: Arc::new(receiver), whole_subject: false })
    }

    /// Takes back every token of the subject also where a session is named: for providers whose access tokens carry no
    /// `sid`. Default: those of the session.
    #[must_use]
    pub const fn whole_subject(mut self) -> Self {
        self.whole_subject = true;
        self
    }

    async fn answer(self, content_type: Option<Vec<u8>>, body: Vec<u8>) -> Answer {
        let answer = match self.log_out(content_type.as_deref(), &body).await {
            Ok(()) => Answer::new(200),
            Err(error) => {
                // Only the operator needs to know which check failed.
                let body = match error.class() {
                    Class::Unavailable => r#"{"error":"temporarily_unavailable"}"#,
                    _ => r#"{"error":"invalid_request"}"#,
                };
                Answer { error: Some(error), ..Answer::new(400).body("application/json", body) }
            }
        };
        answer.header("cache-control", "no-store")
    }

    async fn log_out(&self, content_type: Option<&[u8]>, body: &[u8]) -> Result<(), Error> {
        let token = logout_token(content_type, body)?;
        let verified = self.receiver.verifier.verify(&token).await?;
        if self.receiver.was_seen(&verified) {
            return Err(ErrorKind::Revoked.into());
        }
        let revocation = self.revocation(&verified);
        self.receiver.store.revoke(&revocation).await.map_err(|error| {
            tracing::warn!(%error, "a logout could not be carried out");
            Error::from(ErrorKind::RevocationUnavailable)
        })?;
        // Where there is no room, a repetition changes nothing either.
        let _ = self.receiver.seen.revoke(&Revocation::token(&verified));
        tracing::debug!("logged out");
        Ok(())
    }

    /// Section 2.7. The cutoff is the token's own time, so that it never reaches a later login.
    fn revocation(&self, verified: &Verified) -> Revocation {
        let claims = verified.registered();
        let issuer = claims.issuer().unwrap_or_default();
        let given = |name: Option<&str>| name.filter(|name| !name.is_empty()).map(str::to_owned);
        match (given(claims.session_id()), given(claims.subject())) {
            (Some(session), subject) if subject.is_none() || !self.whole_subject => {
                Revocation::session(issuer, session)
            }
            // The rules have seen that there is one of the two, and a time.
            (_, subject) => {
                let issued_at = claims.issued_at().unwrap_or_else(|| verified.now());
                Revocation::subject(issuer, subject.unwrap_or_default(), issued_at)
            }
        }
    }
}

/// The address that the provider posts logout tokens to.
///
/// It answers 200 once the tokens are revoked, and otherwise 400, also if the store is down, so that the provider knows
/// that nobody was logged out. Section 2.8.
impl From<BackChannelLogout> for Endpoint {
    fn from(logout: BackChannelLogout) -> Self {
        Self::replying(&["POST"], move |request| {
            let (logout, mut content_type) = (logout.clone(), None);
            request.header("content-type", &mut |value| content_type = content_type.or(Some(value)));
            let content_type = content_type.map(<[u8]>::to_vec);
            let inspection = Inspection::new(BackChannelLogout::MAX_BODY, move |body, extent| {
                // A body that is too long or incomplete has no token.
                let body = if extent == Extent::Whole { body.to_vec() } else { Vec::new() };
                Step::pending(logout.answer(content_type, body))
            });
            Step::Ready(Reply::Inspect(inspection))
        })
    }
}

impl Receiver {
    fn was_seen(&self, token: &Verified) -> bool {
        self.seen.look_up(&TokenIdentity::of(&token.registered(), token.now())).ready() == Some(Standing::Revoked)
    }
}

/// The form's one `logout_token`. Section 2.5.
fn logout_token(content_type: Option<&[u8]>, body: &[u8]) -> Result<String, Error> {
    if !content_type.is_some_and(is_form) || body.len() > BackChannelLogout::MAX_BODY {
        return Err(ErrorKind::MalformedCredentials.into());
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token").map(|(_, token)| token);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) => Ok(token.into_owned()),
        (None, _) => Err(ErrorKind::NoCredentials.into()),
        (Some(_), Some(_)) => Err(ErrorKind::MultipleCredentials.into()),
    }
}

fn names_somebody(token: &Verified) -> bool {
    let claims = token.registered();
    [claims.subject(), claims.session_id()].into_iter().flatten().any(|name| !name.is_empty())
}

fn has_no_nonce(token: &Verified) -> bool {
    let mut nonce = false;
    json::object(token.payload(), Unique::Outermost, |name, _| nonce |= name == "nonce").is_ok() && !nonce
}

impl fmt::Debug for BackChannelLogout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackChannelLogout").field("whole_subject", &self.whole_subject).finish_non_exhaustive()
    }
}
