//! Receives logouts from an OpenID provider: OpenID Connect Back-Channel Logout 1.0.
//!
//! The provider posts a logout token to your application. [`BackChannelLogout`] validates it as section 2.6 requires, and
//! revokes the tokens of the session or the subject that it names. Serve it with the function `endpoint` of your adapter.
//!
//! ```
//! use jwt_core::logout::BackChannelLogout;
//! use jwt_core::revocation::MemoryRevocations;
//! use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
//!
//! # #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # fn main() {}
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = || {
//!     Ok::<_, Box<dyn std::error::Error>>(
//!         TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?),
//!     )
//! };
//! let revocations = MemoryRevocations::new();
//! // The audience of access tokens is the service; the audience of logout tokens is the client.
//! let verifier = Verifier::builder()
//!     .issuer(issuer()?.audience("https://api.example"))
//!     .revocations(revocations.clone())
//!     .build()?;
//! let logout = BackChannelLogout::new(Verifier::builder().issuer(issuer()?.audience("client-id")), revocations)?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use crate::authorize::check;
use crate::error::{BuildError, BuildErrorKind, Class, Error, ErrorKind};
use crate::gate::{Answer, Endpoint, Extent, Inspection, Reply};
use crate::http::csrf::is_form;
use crate::json::{self, Unique};
use crate::revocation::{
    MemoryRevocations, Revocation, RevocationList as _, RevocationSettings, RevocationStore, Standing, TokenIdentity,
};
use crate::step::Step;
use crate::verified::Verified;
use crate::verify::{Verifier, VerifierBuilder};

/// Revokes the tokens that an OpenID provider's logout tokens name. Cloning is cheap.
///
/// A logout token with `sid` revokes every token of that session. One with only `sub` revokes every token of the subject that
/// was issued before the logout or in the same second. Each process accepts a logout token once; a repetition is answered with 400 and changes
/// nothing.
///
/// It revokes only the provider's tokens. Sessions that your application began with `Sessions` (feature `issue`) continue.
#[derive(Clone)]
pub struct BackChannelLogout {
    receiver: Arc<Receiver>,
    whole_subject: bool,
}

struct Receiver {
    verifier: Verifier,
    store: Box<dyn RevocationStore>,
    /// The logout tokens that were accepted.
    accepted: MemoryRevocations,
}

impl BackChannelLogout {
    /// The size of the largest request body that is accepted, in bytes.
    const MAX_BODY: usize = 32 * 1024;

    /// Creates a receiver that verifies logout tokens with `builder` and revokes in `store`.
    ///
    /// Add the providers to `builder` as trusted issuers, with your client identifier as their audience. The other rules for
    /// logout tokens are added here.
    ///
    /// # Errors
    ///
    /// The verifier cannot be built, or has a setting that does not suit logout tokens: any issuer or audience, token types,
    /// tokens without expiry, or an issuer resolver.
    pub fn new(builder: VerifierBuilder, store: impl RevocationStore + 'static) -> Result<Self, BuildError> {
        if builder.has_resolver() {
            return Err(BuildError::new(BuildErrorKind::Contradiction, "issuer_resolver"));
        }
        // Section 2.6: `sub`, `sid` or both, and no `nonce`, so that it cannot be an ID token.
        let verifier = builder
            .logout_tokens()
            .require_token(check("sub or sid", has_sub_or_sid))
            .require_token(check("nonce", has_no_nonce))
            .build()?;
        let accepted = RevocationSettings::new().capacity(100_000);
        let receiver =
            Receiver { verifier, store: Box::new(store), accepted: MemoryRevocations::with_settings(accepted) };
        Ok(Self { receiver: Arc::new(receiver), whole_subject: false })
    }

    /// Revokes every token of the subject even if the logout token names a session. Default: only the session's tokens.
    ///
    /// Use it for providers whose access tokens have no `sid`.
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
        if self.receiver.was_accepted(&verified) {
            return Err(ErrorKind::Revoked.into());
        }
        // These tokens are the provider's, and so are their refresh tokens.
        let revocation = self.revocation(&verified).of_access_tokens();
        self.receiver.store.revoke(&revocation).await.map_err(|error| {
            tracing::warn!(%error, "a logout could not be stored: the provider is told to try again");
            Error::from(ErrorKind::RevocationUnavailable)
        })?;
        // If this list is full, a repetition is accepted again, which changes nothing.
        let _ = self.receiver.accepted.revoke(&Revocation::token(&verified));
        tracing::debug!("logged out");
        Ok(())
    }

    /// Section 2.7. The cutoff is the token's `iat`, so that a later login isn't affected.
    fn revocation(&self, verified: &Verified) -> Revocation {
        let claims = verified.registered();
        let issuer = claims.issuer().unwrap_or_default();
        let non_empty = |name: Option<&str>| name.filter(|name| !name.is_empty()).map(str::to_owned);
        match (non_empty(claims.session_id()), non_empty(claims.subject())) {
            (Some(session), subject) if subject.is_none() || !self.whole_subject => {
                Revocation::session(issuer, session)
            }
            // The verifier has checked that one of the two is present.
            (_, subject) => {
                let issued_at = claims.issued_at().unwrap_or_else(|| verified.now());
                Revocation::subject(issuer, subject.unwrap_or_default(), issued_at)
            }
        }
    }
}

/// An endpoint to which the provider posts logout tokens.
///
/// It answers with 200 once the tokens are revoked. Otherwise it answers with 400, even if the store is unavailable, so that
/// the provider knows that the logout failed. Section 2.8.
impl From<BackChannelLogout> for Endpoint {
    fn from(logout: BackChannelLogout) -> Self {
        Self::replying(&["POST"], move |request| {
            let (logout, mut content_type) = (logout.clone(), None);
            request.header("content-type", &mut |value| content_type = content_type.or(Some(value)));
            let content_type = content_type.map(<[u8]>::to_vec);
            let inspection = Inspection::new(BackChannelLogout::MAX_BODY, move |body, extent| {
                // Treat a body that is too long or incomplete as one without a token.
                let body = if extent == Extent::Whole { body.to_vec() } else { Vec::new() };
                Step::pending(logout.answer(content_type, body))
            });
            Step::Ready(Reply::Inspect(inspection))
        })
    }
}

impl Receiver {
    fn was_accepted(&self, token: &Verified) -> bool {
        self.accepted.look_up(&TokenIdentity::of(&token.registered(), token.now())).ready() == Some(Standing::Revoked)
    }
}

/// The form's single `logout_token`. Section 2.5.
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

fn has_sub_or_sid(token: &Verified) -> bool {
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
